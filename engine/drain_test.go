package engine_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// stuckBucket is part of a store that answers nothing while it is stuck, and
// ignores its context.
type stuckBucket struct {
	store.Bucket
	stuck chan struct{}
}

func (b *stuckBucket) Get(ctx context.Context, key string) (store.Entry, error) {
	if b.stuck != nil {
		<-b.stuck
	}
	return b.Bucket.Get(ctx, key)
}

type stuckHints struct {
	store.Hints
	stuck chan struct{}
}

func (h *stuckHints) End(ctx context.Context) (store.Position, error) {
	if h.stuck != nil {
		<-h.stuck
	}
	return h.Hints.End(ctx)
}

// TestDrainEndsWhateverRuns: a system, a store and a computation that ignore their
// context, and a change of the configuration that hangs in the store.
func TestDrainEndsWhateverRuns(t *testing.T) {
	for name, hang := range map[string]func(r *rig, links *stuckBucket, hints *stuckHints, over chan struct{}){
		"nothing": func(*rig, *stuckBucket, *stuckHints, chan struct{}) {},
		"a call of a system": func(r *rig, _ *stuckBucket, _ *stuckHints, over chan struct{}) {
			r.world.fail("itsm", "update", fault{ok: true, first: func() { <-over }})
		},
		"the store": func(_ *rig, links *stuckBucket, _ *stuckHints, over chan struct{}) { links.stuck = over },
		"a computation": func(r *rig, _ *stuckBucket, _ *stuckHints, over chan struct{}) {
			r.world.compute = func(op string, _ any) {
				if op == "same" {
					<-over
				}
			}
		},
		"a change of the configuration": func(r *rig, _ *stuckBucket, hints *stuckHints, over chan struct{}) {
			hints.stuck = over
			e, config := r.engine, r.config(r.load(oneRoute))
			go func() { _ = e.Apply(context.Background(), config) }() // it never ends
		},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				links, hints := &stuckBucket{Bucket: r.store.Links}, &stuckHints{Hints: r.store.Hints}
				r.store.Links, r.store.Hints = links, hints
				ref, ticket := opened(r, oneRoute)
				over := make(chan struct{})
				hang(r, links, hints, over)
				r.world.edit(ticket, "title", "typed by hand")
				r.world.edit(ref, "title", "Database is slow")
				if err := r.store.Hints.Add(r.t.Context(), ref, ""); err != nil {
					r.t.Fatal(err)
				}
				synctest.Wait()
				began := time.Now()
				ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
				defer cancel()
				err := r.engine.Drain(ctx)
				if took := time.Since(began); took > 12*time.Second || (name == "nothing") != (err == nil) {
					t.Errorf("it took %v: %v", took, err)
				}
				r.engine = nil
				close(over)
				links.stuck, hints.stuck = nil, nil
				synctest.Wait()
				if w := r.writes(); name != "nothing" && name != "a call of a system" && name != "a change of the configuration" && len(w) > 0 {
					t.Errorf("what was cut off went on: %v", w)
				}
			})
		})
	}
}
