package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// TestAKeyThatSomebodyElsePlanted: whatever way leads to a look-up of a key, a
// ticket that lockstep did not create is neither taken nor written, and is told
// of, with its creator; of lockstep's own there is one at the most.
func TestAKeyThatSomebodyElsePlanted(t *testing.T) {
	lose := func(r *rig) {
		r.kill()
		r.store = newStore()
		r.world.planting(true)
		r.start(oneRoute)
	}
	for _, test := range []struct {
		name string
		play func(r *rig, ref connectors.Ref)
		own  int // tickets of lockstep's
	}{
		{"before the ticket is opened", func(r *rig, ref connectors.Ref) {
			r.world.planting(true)
			r.hint(ref)
		}, 0},
		{"on a route that takes private records", func(r *rig, ref connectors.Ref) {
			r.apply(replaced(t, oneRoute, "templates", "private = true\n  templates"))
			r.world.put(ref, true, nil)
			r.world.planting(true)
			r.hint(ref)
		}, 0},
		{"beside lockstep's own, after the store was lost", func(r *rig, ref connectors.Ref) {
			r.hint(ref)
			lose(r)
			r.hint(ref)
		}, 1},
		{"of which the store lost the claim", func(r *rig, ref connectors.Ref) {
			lose(r)
			r.hint(ref)
		}, 0},
		{"while nobody knows what became of the creation", func(r *rig, ref connectors.Ref) {
			r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear, then: func() { r.world.planting(true) }})
			r.hint(ref)
		}, 0},
		{"while the answer to the creation is lost", func(r *rig, ref connectors.Ref) {
			r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear, after: true, then: func() { r.world.planting(true) }})
			r.hint(ref)
		}, 1},
		{"while a late request opens the ticket", func(r *rig, ref connectors.Ref) {
			r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear, late: time.Minute, then: func() { r.world.planting(true) }})
			r.hint(ref)
		}, 1},
		{"while the record is private for a time", func(r *rig, ref connectors.Ref) {
			r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear, then: func() { r.world.planting(true); r.world.put(ref, true, nil) }})
			r.hint(ref)
			r.pass(time.Hour)
			r.world.put(ref, false, map[string]any{"title": "Public again"})
		}, 0},
		{"later, when the ticket is verified", func(r *rig, ref connectors.Ref) {
			r.hint(ref)
			r.world.planting(true)
		}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(oneRoute)
				ref := incidents.Ref("01A")
				r.world.put(ref, false, critical())
				test.play(r, ref)
				r.pass(time.Hour)
				r.world.edit(ref, "detail", "Edited")
				r.pass(time.Hour)

				own, foreign := r.world.made(tickets)
				if len(own) != test.own || len(foreign) != 1 {
					t.Fatalf("%d tickets are lockstep's and %d planted, want %d and 1", len(own), len(foreign), test.own)
				}
				if title, detail := r.world.field(foreign[0], "title"), r.world.field(foreign[0], "detail"); title != "mine" || detail != nil {
					t.Errorf("the planted ticket was written: %v, %v", title, detail)
				}
				for _, ticket := range own {
					if detail := r.world.field(ticket, "detail"); detail != "Edited" {
						t.Errorf("the record's own ticket says %v", detail)
					}
				}
				letters := r.dead()
				if len(letters) != 1 || letters[0].Reason != deadletter.ReasonKeyTaken {
					t.Fatalf("dead letters: %+v", letters)
				}
				for _, said := range []string{foreign[0].String(), "created by " + planted, "key"} {
					if !strings.Contains(letters[0].Message, said) {
						t.Errorf("the dead letter does not name %q: %s", said, letters[0].Message)
					}
				}
				for _, l := range r.links() {
					if l.Target != nil && *l.Target == foreign[0] || l.State == links.Active != (test.own == 1) {
						t.Errorf("link %+v", l)
					}
				}
			})
		})
	}
}

// TestATakenKeyIsGivenBack: its creator takes the key off, and a retry opens the
// ticket; or a person says that it is the one.
func TestATakenKeyIsGivenBack(t *testing.T) {
	for name, adopted := range map[string]bool{"the key is taken off": false, "the ticket is adopted": true} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(oneRoute)
				ref := incidents.Ref("01A")
				r.world.put(ref, false, critical())
				r.world.planting(true)
				r.hint(ref)
				letters := r.dead()
				if len(letters) != 1 {
					t.Fatalf("dead letters: %+v", letters)
				}
				_, foreign := r.world.made(tickets)
				r.world.planting(false)
				want := foreign[0]
				if adopted {
					if _, err := r.engine.Adopt(r.t.Context(), engine.Adoption{Route: "incidents", Source: ref.String(), Target: want.String()}); err != nil {
						t.Fatal(err)
					}
				} else {
					r.world.mu.Lock()
					r.world.records[foreign[0]].key = ""
					r.world.mu.Unlock()
					if err := r.engine.RetryDead(t.Context(), letters[0].ID); err != nil {
						t.Fatal(err)
					}
				}
				r.pass(time.Minute)
				if own, _ := r.world.made(tickets); !adopted {
					if len(own) != 1 {
						t.Fatalf("%d tickets were opened", len(own))
					}
					want = own[0]
				}
				r.world.edit(ref, "title", "In step")
				r.pass(8 * time.Hour) // the key is verified
				if title := r.world.field(want, "title"); title != "In step" {
					t.Errorf("the ticket says %v", title)
				}
				if letters := r.dead(); len(letters) != 0 {
					t.Errorf("dead letters: %+v", letters)
				}
			})
		})
	}
}

// TestTheKeyOfAReopenedRecordIsTaken: so is that of its second ticket.
func TestTheKeyOfAReopenedRecordIsTaken(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, first := opened(r, lifecycle(t, `on_reopen = "new"`))
		r.world.edit(ref, "status", "closed")
		r.hint(ref)
		r.pass(time.Minute)
		r.world.planting(true)
		r.world.edit(ref, "status", "live")
		r.hint(ref)
		r.pass(10 * time.Minute)
		own, foreign := r.world.made(tickets)
		if len(own) != 1 || own[0] != first || len(foreign) == 0 {
			t.Fatalf("lockstep's: %v, planted: %v", own, foreign)
		}
		for _, ticket := range foreign {
			if title := r.world.field(ticket, "title"); title != "mine" {
				t.Errorf("%s was written: %v", ticket, title)
			}
		}
		letters := r.dead()
		if len(letters) != 1 || letters[0].Reason != deadletter.ReasonKeyTaken {
			t.Errorf("dead letters: %+v", letters)
		}
	})
}
