package store

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// A Finding is something about the store that an operator has to know: what it
// lost, cannot read, or had to start again, and what to do about it.
type Finding struct {
	At      time.Time `json:"at"`
	Message string    `json:"message"`
}

// Findings are kept by what they are about, one each.
type Findings struct {
	clock Clock
	log   *slog.Logger

	mu  sync.Mutex
	all map[string]Finding
}

// NewFindings keeps findings with the clock's time, and logs them.
func NewFindings(clock Clock, log *slog.Logger) *Findings {
	return &Findings{clock: clock, log: log, all: map[string]Finding{}}
}

// Report keeps a finding in the place of an older one about the same, and logs
// it if it says something new. An empty message ends it.
func (f *Findings) Report(about, message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all[about].Message == message {
		return
	}
	if message == "" {
		delete(f.all, about)
		return
	}
	f.all[about] = Finding{At: f.clock.Now().UTC(), Message: message}
	f.log.Warn(message, "about", about)
}

// All returns the findings, oldest first.
func (f *Findings) All() []Finding {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := []Finding{}
	for _, one := range f.all {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Finding) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Message, b.Message)) })
	return all
}
