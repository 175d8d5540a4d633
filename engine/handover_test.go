package engine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// counting counts what a store delivers.
type counting struct {
	store.Hints
	delivered *atomic.Int64
}

func (c counting) Consume(ctx context.Context, name string, source connectors.Collection, begin func(context.Context) (store.Position, error), deliver func(store.Hint)) (func(), error) {
	return c.Hints.Consume(ctx, name, source, begin, func(h store.Hint) {
		c.delivered.Add(1)
		deliver(h)
	})
}

// TestAHintInWorkIsNotHandedOver, however long a system takes to answer.
func TestAHintInWorkIsNotHandedOver(t *testing.T) {
	simulate(t, func(r *rig) {
		var delivered atomic.Int64
		r.store.Hints = counting{r.store.Hints, &delivered}
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.fail("acme", "read", fault{ok: true, first: func() { time.Sleep(10 * time.Minute) }})
		r.world.put(ref, true, critical()) // private: one look and no more
		r.world.mu.Lock()
		r.world.changed, r.world.changes = nil, nil // no poll tells of it
		r.world.mu.Unlock()
		r.hint(ref)
		r.pass(5 * time.Minute)
		if n := delivered.Load(); n != 1 {
			t.Errorf("one hint was delivered %d times in five minutes", n)
		}
		r.pass(time.Hour)
		if n := delivered.Load(); n != 1 {
			t.Errorf("one hint was delivered %d times", n)
		}
	})
}
