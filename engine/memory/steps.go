package memory

import (
	"cmp"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// Steps delivers the hints of a stepped store, one at a time, in an order that
// is always the same.
type Steps struct{ hints *hints }

// step consumes from a place until stop is called; h.mu is held.
func (h *hints) step(p *place, deliver func(store.Hint)) (stop func()) {
	p.deliver = deliver
	return func() {
		h.delivering.Lock() // after the last deliver
		defer h.delivering.Unlock()
		h.mu.Lock()
		defer h.mu.Unlock()
		p.deliver = nil
	}
}

// NewStepped makes an empty store that does nothing by itself: hints are
// delivered when Steps is told to, in the caller's goroutine, and nothing waits
// for the clock. A test that runs on it goes the same way every time.
func NewStepped(clock store.Clock) (store.Store, *Steps) {
	h := newHints(clock, true)
	return newStore(clock, h), &Steps{h}
}

// Deliver delivers the oldest hint that waits by the clock; false: none does.
// One that several places wait for is delivered to them in the order in which
// the places were made.
func (s *Steps) Deliver() bool {
	h := s.hints
	h.delivering.Lock()
	defer h.delivering.Unlock()
	p, m, deliver := s.next()
	if m == nil {
		return false
	}
	deliver(h.hint(p, m))
	return true
}

// next takes the hint that is to be delivered now.
func (s *Steps) next() (*place, *message, func(store.Hint)) {
	h := s.hints
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fire()
	now := h.clock.Now()
	var at *place
	for _, p := range h.places {
		p.putBack(now)
		if p.deliver == nil || p.first() == nil {
			continue
		}
		if at == nil || cmp.Or(cmp.Compare(p.first().sequence, at.first().sequence), cmp.Compare(p.order, at.order)) < 0 {
			at = p
		}
	}
	if at == nil {
		return nil, nil, nil
	}
	m := at.first()
	at.waiting = at.waiting[1:]
	m.deadline = now.Add(ackWait)
	return at, m, at.deliver
}

// first returns the next hint to be delivered at a place, nil if none is.
func (p *place) first() *message {
	for len(p.waiting) > 0 && p.live[p.waiting[0].ref] != p.waiting[0] {
		p.waiting = p.waiting[1:]
	}
	if len(p.waiting) == 0 {
		return nil
	}
	return p.waiting[0]
}

// putBack lets the hints wait again that were neither acknowledged nor kept in
// time.
func (p *place) putBack(now time.Time) {
	var late []*message
	for _, m := range p.live {
		if !m.deadline.IsZero() && !m.deadline.After(now) {
			late = append(late, m)
		}
	}
	slices.SortFunc(late, func(a, b *message) int { return cmp.Compare(a.sequence, b.sequence) })
	for _, m := range late {
		m.deadline = time.Time{}
		p.wait(m)
	}
}

// Due returns when the next hint will wait that does not wait yet; false: nothing
// is scheduled.
func (s *Steps) Due() (time.Time, bool) {
	h := s.hints
	h.mu.Lock()
	defer h.mu.Unlock()
	var due time.Time
	sooner := func(at time.Time) {
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	for _, scheduled := range h.scheduled {
		sooner(scheduled.at)
	}
	for _, p := range h.places {
		for _, m := range p.live {
			if !m.deadline.IsZero() {
				sooner(m.deadline)
			}
		}
	}
	return due, !due.IsZero()
}
