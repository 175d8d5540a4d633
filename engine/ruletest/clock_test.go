package ruletest

import (
	"context"
	"strings"
	"testing"
	"time"
)

// A looper waits for d again and again, as the engine's loops do.
func looper(c *clock, d time.Duration, loops *int, stop chan struct{}) {
	for {
		select {
		case <-c.After(d):
			*loops++ // read while it waits
		case <-stop:
			return
		}
	}
}

// run moves a clock to an end, step by step, and returns the steps.
func (c *clock) run(end time.Time, waits int, step func()) (steps int) {
	for {
		_ = c.rest(waits)
		next, ok := c.due()
		if !ok || next.After(end) {
			c.move(end)
			_ = c.rest(waits)
			return steps
		}
		c.move(next)
		steps++
		_ = c.rest(waits)
		step()
	}
}

func TestClockPassesOverIdleWaits(t *testing.T) {
	happened := uint64(0)
	c := newClock(func() uint64 { return happened })
	stop := make(chan struct{})
	defer close(stop)
	var polls, sweeps int
	go looper(c, time.Minute, &polls, stop)
	go looper(c, 6*time.Hour, &sweeps, stop)

	// The first poll ends, and then only the sweep is waited for.
	if steps := c.run(begin.Add(24*time.Hour), 2, func() {}); steps != 5 || sweeps != 4 {
		t.Errorf("%d steps, %d sweeps", steps, sweeps)
	}
	if polls > 10 {
		t.Errorf("%d polls of which one was needed", polls)
	}

	// What happened is looked at, in time.
	at := c.Now()
	happened++
	before := polls
	_ = c.rest(2)
	if next, ok := c.due(); !ok || next.Sub(at) > time.Minute {
		t.Errorf("something happened at %v, and the next wait ends at %v", at, next)
	}
	c.run(at.Add(time.Hour), 2, func() {})
	if polls == before {
		t.Error("nobody looked at what happened")
	}

	// Where every look finds something, none is passed over.
	happened++
	before = polls
	c.run(c.Now().Add(time.Hour), 2, func() { happened++ })
	if n := polls - before; n < 59 || n > 61 {
		t.Errorf("%d polls in an hour", n)
	}
}

// A wait that was passed over ends when it would have.
func TestClockKeepsPhase(t *testing.T) {
	happened := uint64(0)
	c := newClock(func() uint64 { return happened })
	stop := make(chan struct{})
	defer close(stop)
	var polls int
	go looper(c, 10*time.Second, &polls, stop)
	c.run(begin.Add(time.Minute+5*time.Second), 1, func() {})
	happened++
	if next, ok := c.due(); !ok || !next.Equal(begin.Add(70*time.Second)) {
		t.Errorf("the next wait ends at %v", next)
	}
}

func TestClockForgets(t *testing.T) {
	c := newClock(func() uint64 { return 0 })
	ended := c.After(time.Second)
	c.forget()
	if err := c.rest(0); err != nil {
		t.Error(err)
	}
	c.move(begin.Add(time.Hour))
	select {
	case <-ended:
		t.Error("a wait ended whose owner is gone")
	default:
	}
	if _, ok := c.due(); ok {
		t.Error("something is due")
	}
}

// A panic of a script's command is a failure of that script.
func TestPanic(t *testing.T) {
	s := &script{}
	s.do(t.Context(), func(context.Context, *script) { panic("out of cheese") })
	var r Result
	r.finish(s)
	if r.Status != Failed || !strings.Contains(r.Message, "failed") {
		t.Errorf("%s: %s", r.Status, r.Message)
	}
}
