package reconcile

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// How long one reconcile may compute, all in all. What it usually does takes
// less than a millisecond. The time is counted in slices, so that a machine
// that slept or was short of processors spends no more than one of them.
const (
	computeTime  = 15 * time.Second
	computeSlice = time.Second / 2
)

// errTooCostly is why a reconcile is given up that computes for too long.
var errTooCostly = fmt.Errorf("it computed for more than %v: %w", computeTime, connectors.ErrTooCostly)

// A budget bounds the time that one reconcile computes: all of the time in
// which it does not wait for the store or for a system. Nothing that is done
// for a record has to be measured by itself, and no step can be forgotten. When
// the budget is spent, the reconcile's context ends, and from then on it can
// reach neither store nor system, whenever it comes to an end.
type budget struct {
	slow   func()        // called at the end of each slice that was computed through
	spent  func(*budget) // called once, in a goroutine of its own
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	timer *time.Timer
	since time.Time // when the slice began, while nothing is waited for
	left  time.Duration
	waits int // for how many things
	ended bool
	over  bool
	seen  links.Versions
}

// startBudget begins to count. The returned context is the reconcile's.
func startBudget(ctx context.Context, slow func(), spent func(*budget)) (context.Context, *budget) {
	b := &budget{slow: slow, spent: spent, left: computeTime}
	ctx, b.cancel = context.WithCancelCause(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.timer = time.AfterFunc(computeSlice, b.tick)
	b.since = time.Now()
	return connectors.WithWaiting(ctx, b.wait), b
}

// wait stops the count until end is called.
func (b *budget) wait() (end func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waits++; b.waits == 1 && !b.ended {
		b.timer.Stop()
		b.count()
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.waits--; b.waits == 0 && !b.ended {
			b.next()
		}
	}
}

// count takes off what went by of a slice. b.mu is held.
func (b *budget) count() { b.left -= min(time.Since(b.since), computeSlice) }

// next begins a slice. b.mu is held.
func (b *budget) next() {
	b.since = time.Now()
	b.timer.Reset(max(0, min(computeSlice, b.left)))
}

// tick is the end of a slice.
func (b *budget) tick() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended || b.waits > 0 {
		return
	}
	b.count()
	if b.left > 0 {
		b.next()
		b.slow()
		return
	}
	b.ended, b.over = true, true
	b.cancel(errTooCostly)
	go b.spent(b)
}

// end is false if the budget was spent before. Else it never will be.
func (b *budget) end() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	b.timer.Stop()
	b.cancel(context.Canceled)
	return !b.over
}

// saw takes note of the versions that were read.
func (b *budget) saw(note func(*links.Versions)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	note(&b.seen)
}

func (b *budget) versions() links.Versions {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen
}
