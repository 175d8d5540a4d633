package engine

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// A Finding is something about the store that an operator has to know: what it
// lost, cannot read, or had to begin anew, and what to do about it.
type Finding struct {
	At      time.Time `json:"at"`
	Message string    `json:"message"`
}

// findings are kept by what they are about, one each.
type findings struct {
	mu  sync.Mutex
	all map[string]Finding
}

// find keeps a finding in the place of an older one about the same, and logs
// it if it says something new. An empty message ends it.
func (e *Engine) find(about, message string) {
	f := &e.findings
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all[about].Message == message {
		return
	}
	if message == "" {
		delete(f.all, about)
		return
	}
	f.all[about] = Finding{At: e.clock.Now().UTC(), Message: message}
	e.log.Warn(message, "about", about)
}

// Findings are what is to be said of the store, oldest first.
func (e *Engine) Findings() []Finding {
	f := &e.findings
	f.mu.Lock()
	defer f.mu.Unlock()
	all := []Finding{}
	for _, one := range f.all {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Finding) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Message, b.Message)) })
	return all
}
