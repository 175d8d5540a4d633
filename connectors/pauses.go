package connectors

import (
	"sync"
	"time"
)

// Bounds of a pause that a system asks for. Below: a pause of nothing would be
// asked for again at once, so each that follows on another, without an answer in
// between, is at least twice as long. Above: what asks for more is a mistake, and
// is asked again after that.
const (
	shortestPause = time.Second
	longestFloor  = 30 * time.Second
	LongestPause  = time.Hour
	// A system that names no time; doubled like the shortest one.
	unnamedPause        = 30 * time.Second
	longestUnnamedPause = 10 * time.Minute
)

// forgetPause is how long after its end a pause counts for the next one.
const forgetPause = 10 * time.Minute

// Pauses are until when systems, or parts of them, have asked not to be called.
// They outlive the connectors that met them, so that a reload which changes a
// connector's block calls nobody sooner. They are safe for concurrent use; nil
// means that the connector keeps its own.
type Pauses struct {
	mu  sync.Mutex
	all map[string]pause
}

type pause struct {
	end  time.Time
	more int // pauses before this one, with no answer in between
}

// NewPauses makes a Pauses without any.
func NewPauses() *Pauses { return &Pauses{all: map[string]pause{}} }

// Until is when the pause of a scope ends; the zero time: there is none.
func (p *Pauses) Until(scope string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if end := p.all[scope].end; time.Now().Before(end) {
		return end
	}
	return time.Time{}
}

// Ask begins a pause of what was asked for, within bounds; named is false where
// no time was. A request that was under way when another met the limit makes the
// pause no longer than it is asked to be.
func (p *Pauses) Ask(scope string, asked time.Duration, named bool) (until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for old, ended := range p.all {
		if now.Sub(ended.end) > forgetPause {
			delete(p.all, old)
		}
	}
	last, known := p.all[scope]
	underWay := now.Before(last.end)
	next := pause{more: last.more}
	if known && !underWay {
		next.more++
	}
	floor, most := shortestPause, longestFloor
	if !named {
		floor, most = unnamedPause, longestUnnamedPause
	}
	next.end = now.Add(min(max(asked, min(floor<<min(next.more, 10), most)), LongestPause))
	if underWay && last.end.After(next.end) {
		next.end = last.end
	}
	p.all[scope] = next
	return next.end
}

// Answered says that a scope took a request: the pauses that it asked for are
// over and forgotten.
func (p *Pauses) Answered(scope string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last, ok := p.all[scope]; ok && !time.Now().Before(last.end) {
		delete(p.all, scope)
	}
}
