package engine

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// waiting holds what failed only because a connector was away. After each pause
// one of it is looked at; when the connector is back, all of it. It is lost with
// the process: all of it is also scheduled in the store, or polled again.
type waiting struct {
	clock store.Clock
	log   *slog.Logger

	mu      sync.Mutex
	loops   context.Context // nil: not started, or over
	running *sync.WaitGroup
	added   int
	waiters map[string]waiter
	back    map[*guard]chan struct{} // closed when the outage is over
	woken   map[*guard][]waiter      // to be woken then
}

// A waiter waits for the end of an outage.
type waiter struct {
	guard  *guard
	outage int
	order  int
	wake   func(context.Context) error
}

func newWaiting(clock store.Clock, log *slog.Logger) *waiting {
	return &waiting{clock: clock, log: log, waiters: map[string]waiter{}, back: map[*guard]chan struct{}{}, woken: map[*guard][]waiter{}}
}

// start lets outages be watched until the context ends, in goroutines that
// running counts.
func (w *waiting) start(loops context.Context, running *sync.WaitGroup) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loops, w.running = loops, running
}

// stop starts no more goroutines.
func (w *waiting) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loops = nil
}

// add has wake called when an outage ends, or when it is the waiter's turn to
// try; false: it has ended.
func (w *waiting) add(key string, of *awayError, wake func(context.Context) error) bool {
	w.mu.Lock()
	w.added++
	mine := waiter{guard: of.guard, outage: of.outage, order: w.added, wake: wake}
	w.waiters[key] = mine
	w.mu.Unlock()
	if of.guard.under(of.outage) {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiters[key].order == mine.order {
		delete(w.waiters, key)
		return false
	}
	return true // it was woken, or replaced
}

// forget is for what is being looked at for whatever reason.
func (w *waiting) forget(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiters, key)
}

// begin watches an outage.
func (w *waiting) begin(g *guard, outage int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.loops == nil {
		return
	}
	loops, back := w.loops, make(chan struct{})
	w.back[g] = back
	w.running.Go(func() { w.watch(loops, g, outage, back) })
}

// end takes the waiters of an outage: they are woken if the connector was away,
// and left to their own pauses if it only failed now and then.
func (w *waiting) end(g *guard, outage int, away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []waiter
	for key, waiter := range w.waiters {
		if waiter.guard == g && waiter.outage == outage {
			all = append(all, waiter)
			delete(w.waiters, key)
		}
	}
	if back := w.back[g]; away && back != nil {
		slices.SortFunc(all, func(a, b waiter) int { return cmp.Compare(a.order, b.order) })
		w.woken[g] = all
		delete(w.back, g)
		close(back)
	}
}

// watch has one of those who wait try after each pause, and all of them when
// the outage is over.
func (w *waiting) watch(loops context.Context, g *guard, outage int, back chan struct{}) {
	for {
		until, _ := g.lasts(outage)
		select {
		case <-loops.Done():
			return
		case <-back:
			w.mu.Lock()
			all := w.woken[g]
			delete(w.woken, g)
			w.mu.Unlock()
			w.log.Info("a system answers again", "connector", g.name, "waiting", len(all))
			w.wake(loops, all...)
			return
		case <-w.clock.After(max(until.Sub(w.clock.Now()), shortestPause)):
		}
		if until, lasts := g.lasts(outage); lasts && !w.clock.Now().Before(until) {
			w.wake(loops, w.first(g, outage)...)
		}
	}
}

// first takes the one that waits longest; empty: none does.
func (w *waiting) first(g *guard, outage int) []waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	key, found := "", waiter{}
	for k, one := range maps.All(w.waiters) {
		if one.guard == g && one.outage == outage && (key == "" || one.order < found.order) {
			key, found = k, one
		}
	}
	if key == "" {
		return nil
	}
	delete(w.waiters, key)
	return []waiter{found}
}

func (w *waiting) wake(ctx context.Context, all ...waiter) {
	for _, one := range all {
		if err := one.wake(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("what waits for a system is looked at only after its own pause", "connector", one.guard.name, "error", err)
			return
		}
	}
}

// awaits has a record that was parked under its link's id looked at as soon as
// the connector that is away answers again.
func (e *Engine) awaits(ctx context.Context, id string, ref connectors.Ref, v verdict) error {
	if v.awaits == nil {
		return nil
	}
	wake := func(ctx context.Context) error {
		return e.store.Hints.AddAt(ctx, id, ref, e.clock.Now().Add(-time.Second), v.tries) // a store may know seconds only
	}
	if e.waiting.add(id, v.awaits, wake) {
		return nil
	}
	return wake(ctx) // it ended meanwhile
}
