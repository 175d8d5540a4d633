package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
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

// smallJournal takes short entries only, as a NATS server with a small
// max_payload does.
type smallJournal struct {
	store.Journal
	largest int
}

func (j smallJournal) Append(ctx context.Context, ref connectors.Ref, entry []byte) error {
	if len(entry) > j.largest {
		return fmt.Errorf("append: %w", store.ErrTooLarge)
	}
	return j.Journal.Append(ctx, ref, entry)
}

// An entry that the store will never take is kept without values: the record
// does not come again for ever.
func TestJournalEntryTooLarge(t *testing.T) {
	simulate(t, func(r *rig) {
		r.store.Journal = smallJournal{r.store.Journal, 700}
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.world.edit(ref, "title", string(bytes.Repeat([]byte("long "), 200)))
		r.hint(ref)
		r.pass(time.Minute)
		ticket := r.oneTicket()
		entries := r.decisions(ref)
		if len(entries) != 1 || entries[0].Action != "create" || entries[0].Target != ticket {
			t.Errorf("the journal says %+v", entries)
		}
		r.world.resetCalls()
		r.pass(time.Hour)
		if n := len(r.decisions(ref)); n != 1 {
			t.Errorf("it was decided %d times", n)
		}
	})
}
