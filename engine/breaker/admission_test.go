package breaker

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// TestWaitingForTheFirstCallIsNotComputing: until a slow system has said whose the
// credentials are, other records wait.
func TestWaitingForTheFirstCallIsNotComputing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New("itsm", "servicenow", &silent{}, store.SystemClock{}, NewWaiters(store.SystemClock{}, nil))
		g.Admit(func(context.Context) error {
			time.Sleep(time.Minute)
			return nil
		})
		ask := func(ctx context.Context) {
			_, err := Ask(ctx, g, "read incident", func() (int, error) { return 0, nil })
			if err != nil {
				t.Error(err)
			}
		}
		go ask(t.Context())
		synctest.Wait()
		var waiting atomic.Int32
		go ask(connectors.WithWaiting(t.Context(), func() func() {
			waiting.Add(1)
			return func() { waiting.Add(-1) }
		}))
		synctest.Wait()
		if n := waiting.Load(); n != 1 {
			t.Errorf("%d wait, want 1", n)
		}
		time.Sleep(2 * time.Minute)
		if n := waiting.Load(); n != 0 {
			t.Errorf("%d wait after all, want none", n)
		}
	})
}
