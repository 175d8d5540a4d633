package store

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// A Warning is something about the store that an operator has to know: what it
// lost, cannot read, or had to start again, and what to do about it.
type Warning struct {
	At      time.Time `json:"at"`
	Message string    `json:"message"`
}

// Warnings are kept by what they are about, one each.
type Warnings struct {
	clock Clock
	log   *slog.Logger

	mu  sync.Mutex
	all map[string]Warning
}

// NewWarnings keeps warnings with the clock's time, and logs them.
func NewWarnings(clock Clock, log *slog.Logger) *Warnings {
	return &Warnings{clock: clock, log: log, all: map[string]Warning{}}
}

// Report keeps a warning in the place of an older one about the same, and logs
// it if it says something new. An empty message ends it.
func (w *Warnings) Report(about, message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all[about].Message == message {
		return
	}
	if message == "" {
		delete(w.all, about)
		return
	}
	w.all[about] = Warning{At: w.clock.Now().UTC(), Message: message}
	w.log.Warn(message, "about", about)
}

// All returns the warnings, oldest first.
func (w *Warnings) All() []Warning {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := []Warning{}
	for _, one := range w.all {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Warning) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Message, b.Message)) })
	return all
}
