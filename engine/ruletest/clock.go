package ruletest

import (
	"fmt"
	"sync"
	"time"
)

// begin is when every script begins: a Monday morning, so that scripts print
// the same times whenever they run.
var begin = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// longestIdle bounds the waits that are counted as idle. The sweep waits
// longer, and what it finds depends on the time.
const longestIdle = time.Hour

// A clock stands still until it is moved.
//
// Most of what happens in a month is loops that look and find nothing. A loop
// that did so will find nothing again as long as nothing happens: its wait is
// idle, and the clock passes over it.
type clock struct {
	// happened counts what was done in the systems; it may be called at any time.
	happened func() uint64

	mu      sync.Mutex
	changed sync.Cond // waits
	now     time.Time
	waits   []*wait
	fired   map[time.Duration]bool // the waits that the last move ended, by length
	since   uint64                 // what had happened before that move
}

// A wait is one call of After.
type wait struct {
	at    time.Time
	d     time.Duration
	ended chan time.Time
	idle  bool   // one of the same length had just ended
	since uint64 // … and this is what had happened before it did
}

func newClock(happened func() uint64) *clock {
	c := &clock{happened: happened, now: begin}
	c.changed.L = &c.mu
	return c
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := &wait{at: c.now.Add(d), d: d, ended: make(chan time.Time, 1), idle: c.fired[d] && d < longestIdle, since: c.since}
	c.waits = append(c.waits, w)
	c.changed.Broadcast()
	return w.ended
}

// loopTimeout is how long a loop may take to do what it does at one moment. All of
// that is in memory; only a mistake takes longer.
const loopTimeout = 30 * time.Second

// rest waits until n calls of After are waited for.
func (c *clock) rest(n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waits) == n {
		return nil
	}
	gone := false
	timer := time.AfterFunc(loopTimeout, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		gone = true
		c.changed.Broadcast()
	})
	defer timer.Stop()
	for len(c.waits) != n && !gone {
		c.changed.Wait()
	}
	if len(c.waits) != n {
		return fmt.Errorf("the engine does not become idle: %d of its loops wait for the clock, and it has %d", len(c.waits), n)
	}
	return nil
}

// forget drops all waits, whose owners are gone.
func (c *clock) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waits, c.fired = nil, nil
}

// due returns when the next wait ends that may find something; false: none does.
func (c *clock) due() (time.Time, bool) {
	now := c.happened()
	c.mu.Lock()
	defer c.mu.Unlock()
	var due time.Time
	for _, w := range c.waits {
		if !w.passedOver(now) && (due.IsZero() || w.at.Before(due)) {
			due = w.at
		}
	}
	return due, !due.IsZero()
}

func (w *wait) passedOver(happened uint64) bool { return w.idle && w.since == happened }

// move moves the clock to a time and ends the waits that are due by then. Of
// idle ones only the last end counts: those before would have found nothing.
func (c *clock) move(to time.Time) {
	now := c.happened()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.fired, c.since = to, map[time.Duration]bool{}, now
	left := c.waits[:0]
	for _, w := range c.waits {
		if behind := to.Sub(w.at); behind > 0 && w.passedOver(now) {
			w.at = to.Add((w.d - behind%w.d) % w.d)
		}
		if w.at.After(to) {
			left = append(left, w)
			continue
		}
		c.fired[w.d] = true
		w.ended <- to
	}
	clear(c.waits[len(left):])
	c.waits = left
}
