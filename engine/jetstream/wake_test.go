package jetstream_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/engine/jetstream"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/engine/storetest"
)

// TestScheduledHintsKeepTimeWhenTheClockIsSet: the server goes by the wall
// clock. Where that was ahead when a hint was scheduled, and is set back, the
// hint comes after the pause that was meant all the same, once, and on time.
func TestScheduledHintsKeepTimeWhenTheClockIsSet(t *testing.T) {
	bubble(t, func(t *testing.T) {
		clock := storetest.NewClock()
		kept := open(t, serve(t, t.TempDir()), jetstream.Options{Clock: clock}).Engine()
		var got []store.Hint
		came := make(chan store.Hint, 10)
		stop, err := kept.Hints.Consume(t.Context(), "route", incidents, kept.Hints.End, func(h store.Hint) {
			h.Ack()
			came <- h
		})
		check(t, err)
		defer stop()
		pass := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
			for len(came) > 0 {
				got = append(got, <-came)
			}
		}
		for _, ahead := range []time.Duration{time.Hour, 3 * time.Hour, 0} {
			clock.Jump(ahead)
			check(t, kept.Hints.AddAt(t.Context(), "slot", incidents.Ref("1"), clock.Now().Add(time.Minute), 7))
			clock.Jump(-ahead)
			got = nil
			if pass(time.Minute - time.Second); len(got) > 0 {
				t.Errorf("with a clock %v ahead it came early", ahead)
			}
			if pass(5 * time.Second); len(got) != 1 || got[0].Slot != "slot" || got[0].Tries != 7 {
				t.Fatalf("with a clock %v ahead there came in time: %+v", ahead, got)
			}
			if pass(4 * time.Hour); len(got) != 1 {
				t.Errorf("with a clock %v ahead it came again", ahead)
			}
		}
		// A newer one of the slot counts, also for those that wait.
		clock.Jump(time.Hour)
		check(t, kept.Hints.AddAt(t.Context(), "slot", incidents.Ref("1"), clock.Now().Add(time.Minute), 1))
		check(t, kept.Hints.AddAt(t.Context(), "slot", incidents.Ref("1"), clock.Now().Add(10*time.Minute), 2))
		clock.Jump(-time.Hour)
		got = nil
		if pass(9 * time.Minute); len(got) > 0 {
			t.Errorf("one that was replaced came: %+v", got)
		}
		if pass(2 * time.Minute); len(got) != 1 || got[0].Tries != 2 {
			t.Errorf("got %+v", got)
		}
	})
}
