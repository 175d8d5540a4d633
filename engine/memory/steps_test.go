package memory_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/memory"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/engine/storetest"
)

// A stepped store is a store like any other when somebody steps.
func TestSteppedStore(t *testing.T) {
	storetest.Test(t, func(t *testing.T) store.Store {
		kept, steps := memory.NewStepped(store.SystemClock{})
		stop := make(chan struct{})
		t.Cleanup(func() { close(stop) })
		go func() {
			for {
				for steps.Deliver() {
				}
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
				}
			}
		}()
		return kept
	})
}

// frozen is a clock that somebody sets.
type frozen struct{ now time.Time }

func (f *frozen) Now() time.Time { return f.now }

func (*frozen) After(time.Duration) <-chan time.Time { panic("a stepped store waited") }

func TestStepsGoOneByOne(t *testing.T) {
	clock := &frozen{now: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)}
	kept, steps := memory.NewStepped(clock)
	ctx := context.Background()
	source := connectors.Collection{Type: "fake", Connector: "acme", Record: "incident"}
	var got []string
	var unacknowledged func()
	for _, place := range []string{"second", "first"} { // in the order in which they are made
		_, err := kept.Hints.Consume(ctx, place, source, kept.Hints.End, func(h store.Hint) {
			got = append(got, place+" "+h.Ref.ID)
			if h.Ref.ID == "late" {
				unacknowledged = h.Ack
				return
			}
			h.Ack()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	step := func(want ...string) {
		t.Helper()
		got = nil
		for steps.Deliver() {
		}
		if !slices.Equal(got, want) {
			t.Errorf("delivered %q, want %q", got, want)
		}
	}
	add := func(id string) {
		t.Helper()
		if err := kept.Hints.Add(ctx, source.Ref(id), ""); err != nil {
			t.Fatal(err)
		}
	}

	step()
	add("b")
	add("a")
	step("second b", "first b", "second a", "first a")
	if at, ok := steps.Due(); ok {
		t.Errorf("due at %v, and nothing is", at)
	}

	at := clock.now.Add(time.Hour)
	if err := kept.Hints.AddAt(ctx, "slot", source.Ref("c"), at, 0); err != nil {
		t.Fatal(err)
	}
	step()
	if due, ok := steps.Due(); !ok || !due.Equal(at) {
		t.Errorf("due at %v, want %v", due, at)
	}
	clock.now = at
	step("second c", "first c")

	add("late")
	step("second late", "first late")
	due, ok := steps.Due()
	if !ok || !due.Equal(at.Add(store.HintWait)) {
		t.Errorf("due at %v", due)
	}
	clock.now = due
	unacknowledged() // of "first" alone
	step("second late")
}
