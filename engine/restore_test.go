package engine_test

import (
	"bytes"
	"testing"
	"time"
)

// Parts of the store that were lost while the engine runs: the key of all
// digests is the old one, tickets lead to their links again, and what waited
// to be looked at is looked at.
func TestRestore(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		r.pass(time.Minute)
		ticket := r.oneTicket()
		ctx := t.Context()
		const key = "_key"
		before, err := r.store.Links.Get(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{r.store.Links.Delete(ctx, key, 0), r.store.Targets.Delete(ctx, ticket.String(), 0)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		r.world.edit(ref, "title", "while its hint was lost")
		if err := r.engine.Restore(ctx); err != nil {
			t.Fatal(err)
		}
		r.pass(time.Minute)
		if after, err := r.store.Links.Get(ctx, key); err != nil || !bytes.Equal(before.Value, after.Value) {
			t.Errorf("the key is another one: %v", err)
		}
		if _, err := r.store.Targets.Get(ctx, ticket.String()); err != nil {
			t.Errorf("the ticket's link is not found: %v", err)
		}
		if title := r.world.field(ticket, "title"); title != "while its hint was lost" {
			t.Errorf("the title is %v", title)
		}
		// Nothing to do where nothing was lost.
		r.world.resetCalls()
		if err := r.engine.Restore(ctx); err != nil {
			t.Fatal(err)
		}
		r.pass(time.Minute)
		if w := r.writes(); len(w) != 0 {
			t.Errorf("at rest it writes %v", w)
		}
	})
}
