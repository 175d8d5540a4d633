package breaker

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// Waiters holds what failed only because a connector was away. After each pause
// one of it is looked at; when the connector is back, all of it. It is lost with
// the process: all of it is also scheduled in the store, or polled again.
type Waiters struct {
	clock store.Clock
	log   *slog.Logger

	mu      sync.Mutex
	loops   context.Context // nil: not started, or over
	running *sync.WaitGroup
	added   int
	waiters map[string]waiter
	back    map[*Breaker]chan struct{} // closed when the outage is over
	woken   map[*Breaker][]waiter      // to be woken then
}

// A waiter waits for the end of an outage.
type waiter struct {
	breaker *Breaker
	outage  int
	order   int
	wake    func(context.Context) error
}

// NewWaiters makes Waiters; they watch nothing before Start.
func NewWaiters(clock store.Clock, log *slog.Logger) *Waiters {
	return &Waiters{clock: clock, log: log, waiters: map[string]waiter{}, back: map[*Breaker]chan struct{}{}, woken: map[*Breaker][]waiter{}}
}

// Start lets outages be watched until the context ends, in goroutines that
// running counts.
func (w *Waiters) Start(loops context.Context, running *sync.WaitGroup) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loops, w.running = loops, running
}

// Stop starts no more goroutines.
func (w *Waiters) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loops = nil
}

// Add has wake called when an outage ends, or when it is the waiter's turn to
// try; false: it has ended.
func (w *Waiters) Add(key string, of *AwayError, wake func(context.Context) error) bool {
	w.mu.Lock()
	w.added++
	mine := waiter{breaker: of.Breaker, outage: of.outage, order: w.added, wake: wake}
	w.waiters[key] = mine
	w.mu.Unlock()
	if of.Breaker.under(of.outage) {
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

// Forget is for what is being looked at for whatever reason.
func (w *Waiters) Forget(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiters, key)
}

// begin watches an outage.
func (w *Waiters) begin(g *Breaker, outage int) {
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
func (w *Waiters) end(g *Breaker, outage int, away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []waiter
	for key, waiter := range w.waiters {
		if waiter.breaker == g && waiter.outage == outage {
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
func (w *Waiters) watch(loops context.Context, g *Breaker, outage int, back chan struct{}) {
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
			w.log.Info("a system answers again", "connector", g.Name, "waiting", len(all))
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
func (w *Waiters) first(g *Breaker, outage int) []waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	key, found := "", waiter{}
	for k, one := range maps.All(w.waiters) {
		if one.breaker == g && one.outage == outage && (key == "" || one.order < found.order) {
			key, found = k, one
		}
	}
	if key == "" {
		return nil
	}
	delete(w.waiters, key)
	return []waiter{found}
}

func (w *Waiters) wake(ctx context.Context, all ...waiter) {
	for _, one := range all {
		if err := one.wake(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("what waits for a system is looked at only after its own pause", "connector", one.breaker.Name, "error", err)
			return
		}
	}
}
