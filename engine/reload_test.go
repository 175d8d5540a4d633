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

func TestALinkIsAnOrphanWhileItsRouteOrTemplateIsGone(t *testing.T) {
	for name, hcl := range map[string]string{
		"route":    ``,
		"template": replacedAll(t, oneRoute, `template "ticket"`, `template "renamed"`, `template.ticket`, `template.renamed`),
		"target":   strings.ReplaceAll(oneRoute, "fake.itsm.ticket", "fake.eng.ticket"),
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, ticket := opened(r, oneRoute)
				r.apply(hcl)
				r.world.edit(ref, "title", "Edited meanwhile")
				r.hint(ref)
				if l := r.links(); len(l) != 1 || l[0].State != links.Orphan {
					t.Errorf("links: %+v", l)
				}
				if title := r.world.field(ticket, "title"); title != "Database down" {
					t.Errorf("the title is %v", title)
				}
				r.apply(oneRoute)
				if l := r.links(); len(l) != 1 || l[0].State != links.Active {
					t.Errorf("links: %+v", l)
				}
				r.pass(time.Second) // nobody tells of it again
				if title := r.world.field(ticket, "title"); title != "Edited meanwhile" {
					t.Errorf("the title is %v", title)
				}
			})
		})
	}
}

// TestWhatWasUnderWayGoesOnWhenItsRouteIsBack: its hint was parked and went
// off while nobody listened.
func TestWhatWasUnderWayGoesOnWhenItsRouteIsBack(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.world.mu.Lock()
		r.world.changed, r.world.changes = nil, nil // no poll tells of it
		r.world.mu.Unlock()
		r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear})
		r.hint(ref)
		r.apply(``)
		r.pass(time.Hour)
		r.apply(oneRoute)
		r.pass(time.Hour)
		r.oneTicket()
	})
}

// TestHintsOfASourceThatARouteNoLongerReadsAreDeadLetters a day later, as those
// of a route that is gone are.
func TestHintsOfASourceThatARouteNoLongerReadsAreDeadLetters(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, _ := opened(r, oneRoute)
		r.world.fail("acme", "read", fault{ok: true, then: func() { time.Sleep(time.Minute) }})
		if err := r.engine.Hint(r.t.Context(), []connectors.Ref{ref}, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // in work
		r.apply(`
route "incidents" {
  source    = fake.acme.follow_up
  templates = [template.ticket]
}
template "ticket" {
  target = fake.itsm.ticket
  outbound { title = "{{ follow_up.title }}" }
}
`)
		r.pass(23 * time.Hour)
		if letters := r.dead(); len(letters) != 0 {
			t.Errorf("dead letters while the route may come back: %+v", letters)
		}
		r.pass(2 * time.Hour)
		letters := r.dead()
		if len(letters) != 1 || letters[0].Reason != deadletter.ReasonRouteGone || letters[0].Route != "incidents" || letters[0].Record != ref {
			t.Errorf("dead letters: %+v", letters)
		}
		other := followUps.Ref("02F")
		r.world.put(other, false, map[string]any{"title": "Write it up"})
		r.hint(other)
		if n := len(r.world.list(tickets)); n != 2 {
			t.Errorf("%d tickets, want 2", n)
		}
	})
}

func TestATicketThatReadsAgainIsKeptUp(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.mu.Lock()
		hidden := r.world.records[ticket]
		delete(r.world.records, ticket) // as a lost permission looks
		r.world.mu.Unlock()
		r.hint(ref)
		r.pass(time.Hour)
		if l := r.links(); l[0].State != links.Gone {
			t.Fatalf("links: %+v", l)
		}
		r.world.mu.Lock()
		r.world.records[ticket] = hidden
		r.world.mu.Unlock()
		r.hint(ref)
		if l := r.links(); l[0].State != links.Active {
			t.Errorf("links: %+v", l)
		}
		r.world.edit(ref, "title", "In step again")
		r.hint(ref)
		if title := r.world.field(ticket, "title"); title != "In step again" {
			t.Errorf("the title is %v", title)
		}
	})
}

func TestATicketDeletedWhileItsRecordWasPrivateIsGone(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.put(ref, true, nil)
		r.hint(ref)
		r.world.remove(ticket)
		r.world.put(ref, false, nil)
		r.hint(ref)
		r.pass(time.Hour)
		if l := r.links(); l[0].State != links.Gone {
			t.Errorf("links: %+v", l)
		}
		if letters := r.dead(); len(letters) != 0 {
			t.Errorf("dead letters: %+v", letters)
		}
	})
}

func TestATicketThatWasGivenUpCanBeAdoptedByAnotherRecord(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, first := opened(r, oneRoute)
		second := tickets.Ref("by-hand")
		r.world.put(second, false, map[string]any{"title": "opened by hand"})
		if err := r.engine.Unlink(r.t.Context(), r.links()[0].ID); err != nil {
			t.Fatal(err)
		}
		if _, err := r.engine.Adopt(r.t.Context(), engine.Adoption{Route: "incidents", Source: ref.String(), Target: second.String()}); err != nil {
			t.Fatal(err)
		}
		other := incidents.Ref("01B")
		if _, err := r.engine.Adopt(r.t.Context(), engine.Adoption{Route: "incidents", Source: other.String(), Target: first.String()}); err == nil {
			t.Error("adopted for a record that is not there")
		}
		r.world.put(other, true, critical())
		if _, err := r.engine.Adopt(r.t.Context(), engine.Adoption{Route: "incidents", Source: other.String(), Target: first.String()}); err == nil {
			t.Error("adopted for a private record")
		}
		r.world.put(other, false, nil)
		if _, err := r.engine.Adopt(r.t.Context(), engine.Adoption{Route: "incidents", Source: other.String(), Target: first.String()}); err != nil {
			t.Errorf("nobody has %s any more: %v", first, err)
		}
	})
}

func TestNothingIsTakenOverByAnEngineThatStops(t *testing.T) {
	simulate(t, func(r *rig) {
		opened(r, oneRoute)
		if err := r.engine.Drain(r.t.Context()); err != nil {
			t.Fatal(err)
		}
		set := r.load(twoRoutes)
		if err := r.engine.Apply(r.t.Context(), r.config(set)); err == nil {
			t.Error("it began to read hints that nobody will carry out")
		}
	})
}

// comesBack are the ways in which a route may be gone while something happens.
var comesBack = map[string]func(r *rig, meanwhile func()){
	"by a reload": func(r *rig, meanwhile func()) { r.apply(``); meanwhile(); r.apply(oneRoute) },
	"by a start": func(r *rig, meanwhile func()) {
		r.kill()
		r.start(``)
		meanwhile()
		r.kill()
		r.start(oneRoute)
	},
	"by a start of nothing else": func(r *rig, meanwhile func()) {
		r.apply(``)
		r.kill()
		meanwhile()
		r.start(oneRoute)
	},
}

// TestARouteThatComesBackLaterStartsAgain: what changed while nobody read its
// source is not a reason to open a ticket, an edit from then on is.
func TestARouteThatComesBackLaterStartsAgain(t *testing.T) {
	for name, gone := range comesBack {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				opened(r, oneRoute)
				other := incidents.Ref("01B")
				gone(r, func() {
					r.pass(30 * time.Minute)
					r.world.put(other, false, critical())
					r.pass(25 * time.Hour)
				})
				r.pass(10 * time.Minute)
				r.oneTicket()
				r.world.edit(other, "title", "Edited")
				r.pass(10 * time.Minute)
				if n := len(r.world.list(tickets)); n != 2 {
					t.Errorf("%d tickets, want 2", n)
				}
			})
		})
	}
}

// TestARouteThatComesBackWithinADayGoesOn from where it was: with what waited,
// with what a webhook told meanwhile, and with what no webhook told.
func TestARouteThatComesBackWithinADayGoesOn(t *testing.T) {
	for name, gone := range comesBack {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				opened(r, oneRoute)
				waits, told, untold := incidents.Ref("01B"), incidents.Ref("01C"), incidents.Ref("01D")
				r.world.fail("acme", "read", fault{class: connectors.ClassRetry})
				r.world.put(waits, false, critical())
				if err := r.engine.Hint(r.t.Context(), []connectors.Ref{waits}, ""); err != nil {
					t.Fatal(err)
				}
				gone(r, func() {
					r.pass(30 * time.Minute)
					r.world.put(told, false, critical())
					r.world.put(untold, false, critical())
					if r.engine != nil {
						check(t, r.engine.Hint(r.t.Context(), []connectors.Ref{told}, ""))
					}
					r.pass(22 * time.Hour)
				})
				r.pass(10 * time.Minute)
				if n := len(r.world.list(tickets)); n != 4 {
					t.Errorf("%d tickets, want 4", n)
				}
				if letters := r.dead(); len(letters) != 0 {
					t.Errorf("dead letters: %+v", letters)
				}
				if found := r.engine.Warnings(); len(found) != 0 {
					t.Errorf("warnings: %+v", found)
				}
			})
		})
	}
}

// TestWhatChangesWhileTheDaemonIsDownIsFound, as long as its route stays.
func TestWhatChangesWhileTheDaemonIsDownIsFound(t *testing.T) {
	simulate(t, func(r *rig) {
		opened(r, oneRoute)
		r.pass(5 * time.Minute)
		r.kill()
		r.world.put(incidents.Ref("01B"), false, critical())
		r.start(oneRoute)
		r.pass(time.Minute)
		if n := len(r.world.list(tickets)); n != 2 {
			t.Errorf("%d tickets, want 2", n)
		}
	})
}
