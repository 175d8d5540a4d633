package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
)

// TestASweepFindsWhatNothingAnnounced: an edit of which no webhook and no poll
// ever told arrives all the same, and is counted as drift.
func TestASweepFindsWhatNothingAnnounced(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.pass(time.Hour) // also past the look for a second ticket
		r.world.mu.Lock()
		r.world.records[ref].fields["title"] = "Edited in silence"
		r.world.records[ref].version++
		r.world.mu.Unlock()
		r.pass(time.Hour)
		if title := r.world.field(ticket, "title"); title != "Database down" {
			t.Fatalf("something announced it: %v", title)
		}
		r.pass(6 * time.Hour)
		if title := r.world.field(ticket, "title"); title != "Edited in silence" {
			t.Errorf("the title is %v", title)
		}
		if n := strings.Count(r.log.String(), "drift"); n != 1 {
			t.Errorf("drift was told %d times, want once", n)
		}
		r.world.resetCalls()
		r.pass(3 * 24 * time.Hour)
		if w := r.writes(); len(w) != 0 {
			t.Errorf("from rest a sweep writes %v", w)
		}
	})
}

// TestASecondTicketIsReported: a create takes effect later than anything
// allows for; the second ticket is found and reported, and not written.
func TestASecondTicketIsReported(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear, late: 10 * time.Minute})
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		r.pass(time.Hour)
		all := r.world.list(tickets)
		if len(all) != 2 {
			t.Fatalf("%d tickets, want the two that the late request makes", len(all))
		}
		letters := r.dead()
		if len(letters) != 1 || letters[0].Reason != deadletter.ReasonDuplicate || !strings.Contains(letters[0].Message, all[1].String()) {
			t.Fatalf("dead letters: %+v", letters)
		}
		r.world.edit(ref, "title", "Edited")
		r.pass(10 * time.Minute)
		if a, b := r.world.field(all[0], "title"), r.world.field(all[1], "title"); a != "Edited" || b != "Database down" {
			t.Errorf("the tickets say %v and %v", a, b)
		}
	})
}
