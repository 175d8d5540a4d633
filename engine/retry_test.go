package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/store"
)

func (r *rig) retryAll() {
	r.t.Helper()
	for _, d := range r.dead() {
		if err := r.engine.RetryDead(r.t.Context(), d.ID); err != nil {
			r.t.Fatal(err)
		}
	}
	r.pass(time.Second)
}

func TestARetriedFieldIsWritten(t *testing.T) {
	for name, refuse := range map[string]func(*world){
		"refused":       func(w *world) { w.fail("itsm", "update", fault{class: connectors.ClassRejected, field: "title"}) },
		"did not stick": func(w *world) { w.drops["title"] = true },
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, ticket := opened(r, oneRoute)
				refuse(r.world)
				r.world.edit(ref, "title", "Database is slow")
				r.hint(ref)
				if letters := r.dead(); len(letters) != 1 || letters[0].Field != "title" {
					t.Fatalf("dead letters: %+v", letters)
				}
				r.world.mu.Lock()
				clear(r.world.drops)
				r.world.mu.Unlock()
				r.retryAll()
				if title := r.world.field(ticket, "title"); title != "Database is slow" {
					t.Errorf("the title is %v", title)
				}
				if letters := r.dead(); len(letters) != 0 {
					t.Errorf("dead letters: %+v", letters)
				}
			})
		})
	}
}

// hastyHints reconciles a hint before Add returns.
type hastyHints struct{ store.Hints }

func (h hastyHints) Add(ctx context.Context, ref connectors.Ref, delivery string) error {
	err := h.Hints.Add(ctx, ref, delivery)
	time.Sleep(time.Second) // of simulated time
	return err
}

func TestARetryThatFailsAgainIsADeadLetterAgain(t *testing.T) {
	simulate(t, func(r *rig) {
		r.store.Hints = hastyHints{r.store.Hints}
		ref, _ := opened(r, oneRoute)
		refused := fault{class: connectors.ClassRejected, field: "title"}
		r.world.fail("itsm", "update", refused, refused)
		r.world.edit(ref, "title", "Database is slow")
		r.hint(ref)
		r.pass(2 * time.Second)
		r.retryAll()
		if letters := r.dead(); len(letters) != 1 {
			t.Errorf("dead letters: %+v", letters)
		}
	})
}

// TestAWriteThatIsNeverAnsweredIsGivenUp: a system that answers every write
// with 500 gets fewer and fewer of them, and after a day a person is told.
func TestAWriteThatIsNeverAnsweredIsGivenUp(t *testing.T) {
	for _, verb := range []string{"create", "update"} {
		t.Run(verb, func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref := incidents.Ref("01A")
				if verb == "update" {
					ref, _ = opened(r, oneRoute)
				} else {
					r.start(oneRoute)
					r.world.put(ref, false, critical())
				}
				for range 10000 {
					r.world.fail("itsm", verb, fault{class: connectors.ClassUnclear})
				}
				r.world.edit(ref, "title", "Database is slow")
				r.hint(ref)
				r.pass(72 * time.Hour)
				letters := r.dead()
				reason, most := deadletter.ReasonGaveUp, 60
				if verb == "create" {
					reason, most = deadletter.ReasonUnknownTicket, 2
				}
				if len(letters) != 1 || letters[0].Reason != reason {
					t.Fatalf("dead letters: %+v", letters)
				}
				if n := r.world.count(verb); n > most {
					t.Errorf("%d requests", n)
				}
				r.world.resetCalls()
				r.pass(24 * time.Hour)
				if w := r.writes(); len(w) != 0 {
					t.Errorf("it goes on: %v", w)
				}
				r.world.mu.Lock()
				clear(r.world.faults)
				r.world.mu.Unlock()
				r.retryAll()
				r.pass(time.Hour)
				if title := r.world.field(r.oneTicket(), "title"); title != "Database is slow" {
					t.Errorf("the title is %v", title)
				}
			})
		})
	}
}

const twoRoutes = `
route "one" {
  source    = fake.acme.incident
  templates = [template.one]
}
route "other" {
  source    = fake.acme.incident
  templates = [template.other]
}
template "one" {
  target = fake.itsm.ticket
  outbound { title = "{{ incident.title }}" }
}
template "other" {
  target = fake.eng.ticket
  outbound { title = "{{ incident.title }}" }
}
`

// TestTriesOfOneRouteAreNotThoseOfAnother: a record that failed on one route
// for most of a day gets its whole day on the other.
func TestTriesOfOneRouteAreNotThoseOfAnother(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(twoRoutes)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		for range 10000 {
			r.world.fail("itsm", "update", fault{class: connectors.ClassConflict})
		}
		r.world.edit(ref, "title", "Database is slow")
		r.hint(ref)
		r.pass(26 * time.Hour)
		for range 3 {
			r.world.fail("eng", "read", fault{class: connectors.ClassRetry})
		}
		r.pass(24 * time.Hour)
		for _, d := range r.dead() {
			if d.Route == "other" {
				t.Errorf("given up on after one failure: %+v", d)
			}
		}
	})
}

// TestAFollowUpMayWaitLong: waiting for a parent is not a failure.
func TestAFollowUpMayWaitLong(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute + `
route "follow_ups" {
  source    = fake.acme.follow_up
  templates = [template.follow_up]
}
template "follow_up" {
  target = fake.itsm.ticket
  once { parent = "{{ parent.ticket.id }}" }
  outbound { title = "{{ follow_up.title }}" }
  lifecycle { parent_wait = "5h" }
}
`)
		incident, followUp := incidents.Ref("01A"), followUps.Ref("02F")
		r.world.put(incident, false, critical())
		r.world.put(followUp, false, map[string]any{"title": "Write it up"})
		r.world.mu.Lock()
		r.world.records[followUp].parent = incident
		r.world.changed, r.world.changes = nil, nil // no poll tells of the incident
		r.world.mu.Unlock()
		r.hint(followUp)
		r.pass(4 * time.Hour)
		r.world.fail("acme", "read", fault{class: connectors.ClassRetry})
		r.hint(followUp)
		r.pass(2 * time.Hour)
		if letters := r.dead(); len(letters) != 0 {
			t.Errorf("dead letters: %+v", letters)
		}
		r.oneTicket()
	})
}
