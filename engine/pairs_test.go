package engine_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// titles fails unless the title is the same on both sides.
func (r *rig) titles(ref, ticket connectors.Ref, want string) {
	r.t.Helper()
	if a, b := r.world.field(ref, "title"), r.world.field(ticket, "title"); a != want || b != want {
		r.t.Errorf("incident %q, ticket %q, want %q", a, b, want)
	}
}

// TestATicketEditedAtOnceReachesTheSource: the ticket was just opened, and the
// daemon did not get to look at it again.
func TestATicketEditedAtOnceReachesTheSource(t *testing.T) {
	for name, answer := range map[string][]fault{
		"the answer came":         nil,
		"the answer is lost":      {{class: connectors.ClassUnclear, after: true}},
		"the late answer is lost": {{class: connectors.ClassUnclear, late: time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(bothWays)
				ref := incidents.Ref("01A")
				r.world.put(ref, false, critical())
				r.world.fail("itsm", "create", answer...)
				r.crash.Store(reconcile.StepConfirmed)
				r.hint(ref)
				r.pass(10 * time.Minute)
				r.kill()
				r.crash.Store(reconcile.Step(""))
				ticket := r.oneTicket()
				r.world.edit(ticket, "title", "Typed at once")
				r.start(bothWays)
				r.pass(10 * time.Minute)
				r.titles(ref, ticket, "Typed at once")
				r.quietAfter(ref)
			})
		})
	}
}

// TestALostAnswersEchoIsNoEdit: the ticket was written, the answer was lost, and the
// source was edited again meanwhile. The ticket wins conflicts, but this is not one.
func TestALostAnswersEchoIsNoEdit(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, replaced(t, bothWays, "once {", "conflict = \"target\"\n  once {"))
		r.pass(time.Second)
		r.world.fail("itsm", "update", fault{class: connectors.ClassUnclear, after: true})
		r.world.edit(ref, "title", "first")
		r.hint(ref)
		r.world.edit(ref, "title", "second")
		r.world.resetCalls()
		r.pass(10 * time.Minute)
		r.titles(ref, ticket, "second")
		if diff := cmp.Diff([]string{"update itsm"}, r.writes()); diff != "" {
			t.Errorf("writes (-want +got):\n%s", diff)
		}
		r.quietAfter(ref)
	})
}

// TestThePairsValuesAreNotSwapped: a write failed, and by the time it is tried
// again both sides want to write.
func TestThePairsValuesAreNotSwapped(t *testing.T) {
	for conflict, want := range map[string]string{"source": "source 1", "target": "target 1"} {
		t.Run(conflict, func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, ticket := opened(r, replaced(t, bothWays, "once {", "conflict = \""+conflict+"\"\n  once {"))
				r.pass(time.Second)
				where := map[string]string{"source": "itsm", "target": "acme"}[conflict]
				r.world.fail(where, "update", fault{class: connectors.ClassRetry})
				r.world.edit(ref, "title", "source 1")
				r.world.edit(ticket, "title", "target 1")
				r.hint(ref)
				if conflict == "source" {
					r.world.edit(ticket, "title", "target 2")
				} else {
					r.world.edit(ref, "title", "source 2")
				}
				r.world.resetCalls()
				r.pass(10 * time.Minute)
				r.titles(ref, ticket, want)
				if n := len(r.writes()); n != 1 {
					t.Errorf("%d writes, want 1: %v", n, r.writes())
				}
				r.quietAfter(ref)
			})
		})
	}
}

// TestOneFieldOfSeveralPairsComesToRest: what is written to the ticket is no
// edit for either of the fields that are read back from it.
func TestOneFieldOfSeveralPairsComesToRest(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, replacedAll(t, bothWays,
			`title = "{{ incident.title }}"`, `title = "{{ incident.title }}: {{ incident.detail }}"`,
			`title = "{{ ticket.title }}"`, "title = \"{{ ticket.title }}\"\n    detail = \"{{ ticket.title }}\"",
		))
		r.pass(time.Second)
		r.world.edit(ref, "title", "A")
		r.pass(30 * time.Minute)
		r.world.edit(ref, "detail", "B")
		r.pass(30 * time.Minute)
		if a, b, c := r.world.field(ref, "title"), r.world.field(ref, "detail"), r.world.field(ticket, "title"); a != "A" || b != "B" || c != "A: B" {
			t.Errorf("title %.80q, detail %.80q, ticket %.80q", a, b, c)
		}
		r.quietAfter(ref)
	})
}

// TestAStateConflictThatNobodyWritesIsNotedOnce: the source wins, but nothing
// is written to the ticket.
func TestAStateConflictThatNobodyWritesIsNotedOnce(t *testing.T) {
	simulate(t, func(r *rig) {
		three := replacedAll(t, bothWays,
			"table = state_table.incident", "table = state_table.incident\n    direction = \"inbound\"",
			`acme = ["closed", "learning"]`, `acme = ["closed"]`,
			`itsm = [6, 7]
  }`, `itsm = [6, 7]
  }
  state "after" {
    acme = ["learning"]
    itsm = [8]
  }`)
		ref, ticket := opened(r, three)
		r.pass(time.Second)
		r.world.edit(ref, "status", "learning")
		r.world.edit(ticket, "state", int64(6))
		for range 5 {
			r.hint(ref)
			r.pass(10 * time.Minute)
		}
		said := 0
		for _, e := range r.decisions(ref) {
			for _, n := range e.Notes {
				if n.What == "conflict" {
					said++
				}
			}
		}
		if said != 1 {
			t.Errorf("said %d times, want once", said)
		}
		r.world.edit(ticket, "state", int64(2))
		r.pass(10 * time.Minute)
		if status := r.world.field(ref, "status"); status != "live" {
			t.Errorf("the ticket moved again, the incident is %v", status)
		}
		r.quietAfter(ref)
	})
}

// TestAWriteToTheSourceIsWaitedForAsItsSystemNeeds: not as the ticket's does.
func TestAWriteToTheSourceIsWaitedForAsItsSystemNeeds(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, bothWays)
		r.pass(time.Second)
		r.world.fail("acme", "update", fault{class: connectors.ClassUnclear, late: 8 * time.Minute})
		r.world.edit(ticket, "title", "first")
		r.hint(ref)
		r.world.edit(ticket, "title", "second")
		r.world.resetCalls()
		r.pass(7 * time.Minute)
		if w := r.writes(); len(w) != 0 {
			t.Errorf("within acme's settle it writes %v", w)
		}
		r.pass(20 * time.Minute)
		r.titles(ref, ticket, "second")
	})
}
