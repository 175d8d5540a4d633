package reconcile

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

func TestBudgetCountsComputingAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spent atomic.Bool
		ctx, b := startBudget(t.Context(), func() {}, func(*budget) { spent.Store(true) })
		compute := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		compute(computeTime / 2)
		outer, inner := connectors.Waiting(ctx), connectors.Waiting(ctx)
		compute(time.Hour)
		inner()
		inner()
		compute(time.Hour)
		outer()
		compute(computeTime/2 - time.Millisecond)
		connectors.Waiting(ctx)()
		if spent.Load() || ctx.Err() != nil {
			t.Fatalf("spent %t, %v", spent.Load(), ctx.Err())
		}
		compute(2 * time.Millisecond)
		if !spent.Load() || !errors.Is(context.Cause(ctx), connectors.ErrTooCostly) || b.end() {
			t.Errorf("spent %t, %v", spent.Load(), context.Cause(ctx))
		}
		if _, err := store.Await(ctx, func() (int, error) { t.Error("the store is asked"); return 0, nil }); !errors.Is(err, connectors.ErrTooCostly) {
			t.Errorf("the store says %v", err)
		}
	})
}

// TestBudgetOfAMachineThatSlept: the time that nobody ran is nobody's.
func TestBudgetOfAMachineThatSlept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := startBudget(t.Context(), func() {}, func(*budget) { t.Error("spent") })
		b.since = b.since.Add(-time.Hour)
		b.tick()
		time.Sleep(computeTime - 2*computeSlice)
		if !b.end() {
			t.Error("spent")
		}
	})
}
