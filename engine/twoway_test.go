package engine_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

const bothWays = `
state_table "incident" {
  state "open" {
    acme = ["live", "triage"]
    itsm = [2, 1, 3]
  }
  state "done" {
    acme = ["closed", "learning"]
    itsm = [6, 7]
  }
}
route "incidents" {
  source    = fake.acme.incident
  templates = [template.ticket]
}
template "ticket" {
  target = fake.itsm.ticket
  once { state = 1 }
  outbound {
    title = "{{ incident.title }}"
    note  = "{{ state == 'done' ? 'Resolved' : null }}"
  }
  inbound {
    title = "{{ ticket.title }}"
    owner = "{{ ticket.number }}"
  }
  state {
    table = state_table.incident
  }
}
`

// quietAfter lets what has to happen happen, and fails unless the next look
// writes nothing.
func (r *rig) quietAfter(ref connectors.Ref) {
	r.t.Helper()
	r.pass(10 * time.Minute)
	r.world.resetCalls()
	r.hint(ref)
	if w := r.writes(); len(w) != 0 {
		r.t.Errorf("at rest it writes %v", w)
	}
}

func TestNewTicketGivesItsNumberBack(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, bothWays)
		r.pass(time.Second)
		if owner := r.world.field(ref, "owner"); owner != "N"+ticket.ID {
			t.Errorf("the incident holds %v", owner)
		}
		r.quietAfter(ref)
	})
}

func TestAPairCarriesEditsBothWays(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, bothWays)
		r.pass(time.Second)
		titles := func(want string) {
			t.Helper()
			r.pass(2 * time.Minute)
			if a, b := r.world.field(ref, "title"), r.world.field(ticket, "title"); a != want || b != want {
				t.Errorf("incident %q, ticket %q, want %q", a, b, want)
			}
		}
		r.world.edit(ticket, "title", "Edited at the ticket")
		titles("Edited at the ticket")
		r.world.edit(ref, "title", "Edited at the incident")
		titles("Edited at the incident")
		// Both at once: the source wins, and the ticket's value is in the journal.
		r.world.edit(ticket, "title", "The loser")
		r.world.edit(ref, "title", "The winner")
		titles("The winner")
		lost := false
		for _, e := range r.decisions(ref) {
			for _, n := range e.Notes {
				lost = lost || n.What == "conflict" && n.Lost == "The loser"
			}
		}
		if !lost {
			t.Errorf("the losing value is not in the journal: %+v", r.decisions(ref))
		}
		r.quietAfter(ref)
		if w := r.world.count("update"); w > 0 {
			t.Errorf("%d updates at rest", w)
		}
	})
}

func TestTheTargetMayWinConflicts(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, replaced(t, bothWays, "once {", "conflict = \"target\"\n  once {"))
		r.pass(time.Second)
		r.world.edit(ticket, "title", "The winner")
		r.world.edit(ref, "title", "The loser")
		r.pass(2 * time.Minute)
		if a, b := r.world.field(ref, "title"), r.world.field(ticket, "title"); a != "The winner" || b != "The winner" {
			t.Errorf("incident %q, ticket %q", a, b)
		}
		r.quietAfter(ref)
	})
}

func TestStatesGoBothWaysThroughTheTable(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, bothWays)
		r.pass(time.Second)
		states := func(what, incident string, ticketState int64) {
			t.Helper()
			r.pass(2 * time.Minute)
			if a, b := r.world.field(ref, "status"), r.world.field(ticket, "state"); a != incident || b != ticketState {
				t.Errorf("%s: incident %v, ticket %v, want %s and %d", what, a, b, incident, ticketState)
			}
		}
		states("as opened: New is open already", "live", 1)
		r.world.edit(ticket, "state", int64(3))
		states("a move within the class", "live", 3)
		r.world.resetCalls()
		r.world.edit(ref, "status", "learning")
		states("the incident is done", "learning", 6)
		if note := r.world.field(ticket, "note"); note != "Resolved" {
			t.Errorf("the note is %v", note)
		}
		if diff := cmp.Diff([]string{"update itsm"}, r.writes()); diff != "" {
			t.Errorf("state and note in one request (-want +got):\n%s", diff)
		}
		r.world.edit(ticket, "state", int64(2))
		states("the ticket is reopened", "live", 2)
		r.world.edit(ticket, "state", int64(42))
		states("an unmapped value is left alone", "live", 42)
		r.world.edit(ref, "status", "closed")
		states("also when the other side moves", "closed", 42)
		r.world.edit(ticket, "state", int64(7))
		states("both are done", "closed", 7)
		r.apply(replaced(t, bothWays, "templates =", "create = false\n  templates =")) // or a new ticket would be opened
		r.world.edit(ref, "status", "live")
		states("a closed ticket takes no move", "live", 7)
		unmapped, notTaken := 0, 0
		for _, e := range r.decisions(ref) {
			for _, n := range e.Notes {
				switch n.What {
				case "unmapped":
					unmapped++
				case "move_not_taken":
					notTaken++
				}
			}
		}
		if unmapped != 2 || notTaken != 1 {
			t.Errorf("%d unmapped and %d moves not taken in the journal, want 2 and 1", unmapped, notTaken)
		}
		if letters := r.dead(); len(letters) != 0 {
			t.Errorf("dead letters: %+v", letters)
		}
		r.quietAfter(ref)
	})
}

func TestUnmappedStatesMayBeDeadLetters(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, replaced(t, bothWays, `state_table "incident" {`, "state_table \"incident\" {\n  unmapped = \"error\""))
		r.pass(time.Second)
		r.world.edit(ticket, "state", int64(42))
		r.pass(5 * time.Minute)
		letters := r.dead()
		if len(letters) != 1 || letters[0].Reason != "unmapped" || letters[0].Field != "state" {
			t.Fatalf("dead letters: %+v", letters)
		}
		r.world.edit(ticket, "state", int64(2))
		r.pass(5 * time.Minute)
		if letters := r.dead(); len(letters) != 0 {
			t.Errorf("dead letters that came true: %+v", letters)
		}
		r.quietAfter(ref)
	})
}

func TestATicketOfAClosedIncidentIsOpenedClosed(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(replaced(t, bothWays, "once { state = 1 }", ""))
		ref := incidents.Ref("01A")
		fields := critical()
		fields["status"] = "closed"
		r.world.put(ref, false, fields)
		r.hint(ref)
		if state := r.world.field(r.oneTicket(), "state"); state != int64(6) {
			t.Errorf("the ticket is in %v", state)
		}
		r.quietAfter(ref)
	})
}

func TestARefusedStateIsADeadLetterUntilSomethingChanges(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, bothWays)
		r.pass(time.Second)
		r.world.fail("itsm", "update", fault{class: connectors.ClassRejected, field: "state"})
		r.world.edit(ref, "status", "closed")
		r.pass(10 * time.Minute)
		letters := r.dead()
		if len(letters) != 1 || letters[0].Field != "state" {
			t.Fatalf("dead letters: %+v", letters)
		}
		if state, note := r.world.field(ticket, "state"), r.world.field(ticket, "note"); state != int64(1) || note != "Resolved" {
			t.Errorf("state %v, note %v", state, note)
		}
		if err := r.engine.RetryDead(t.Context(), letters[0].ID); err != nil {
			t.Fatal(err)
		}
		r.pass(time.Minute)
		if state := r.world.field(ticket, "state"); state != int64(6) {
			t.Errorf("after a retry the ticket is in %v", state)
		}
		r.quietAfter(ref)
	})
}

// TestBothSidesConverge lets people edit both sides while calls fail in every
// way and the daemon is killed; an hour later both sides agree, one ticket is
// there, and nothing is written any more.
func TestBothSidesConverge(t *testing.T) {
	rules := replaced(t, bothWays, "once { state = 1 }", "")
	for seed := range seeds(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			simulate(t, func(r *rig) {
				random := rand.New(rand.NewPCG(seed, 1))
				r.start(rules)
				ref := incidents.Ref("01A")
				r.world.put(ref, false, critical())
				steps := []reconcile.Step{reconcile.StepDecided, reconcile.StepClaimed, reconcile.StepCreated, reconcile.StepConfirmed, reconcile.StepIntentSaved, reconcile.StepSent, reconcile.StepAgreed}
				for i := range 14 {
					switch random.IntN(7) {
					case 0:
						r.world.edit(ref, "title", fmt.Sprintf(" incident %d\n", i))
					case 1:
						for _, ticket := range r.world.list(tickets) {
							r.world.edit(ticket, "title", fmt.Sprintf("ticket %d ", i))
						}
					case 2:
						r.world.edit(ref, "status", []string{"live", "learning", "closed"}[random.IntN(3)])
					case 3:
						for _, ticket := range r.world.list(tickets) {
							r.world.edit(ticket, "state", []int64{1, 2, 3, 6}[random.IntN(4)])
						}
					case 4:
						where := []string{"acme", "itsm"}[random.IntN(2)]
						op := []string{"update", "create", "read"}[random.IntN(3)]
						r.world.fail(where, op, []fault{
							{class: connectors.ClassRetry},
							{class: connectors.ClassUnclear},
							{class: connectors.ClassUnclear, after: true},
							{class: connectors.ClassThrottled, pause: 20 * time.Second},
							{class: connectors.ClassUnclear, late: time.Duration(random.IntN(100)) * time.Second},
						}[random.IntN(5)])
					case 5:
						r.crash.Store(steps[random.IntN(len(steps))])
					case 6:
						r.kill()
						r.crash.Store(reconcile.Step(""))
						r.start(rules)
					}
					if r.life.over.Load() {
						r.kill()
						r.crash.Store(reconcile.Step(""))
						r.start(rules)
					}
					if random.IntN(2) == 0 {
						r.hint(ref)
					}
					r.pass(time.Duration(random.IntN(90)) * time.Second)
				}
				r.kill()
				r.crash.Store(reconcile.Step(""))
				r.world.mu.Lock()
				clear(r.world.faults)
				r.world.mu.Unlock()
				r.start(rules)
				r.pass(time.Hour)
				ticket := r.oneTicket()
				if a, b := r.world.field(ref, "title"), r.world.field(ticket, "title"); strings.TrimSpace(fmt.Sprint(a)) != strings.TrimSpace(fmt.Sprint(b)) {
					r.t.Errorf("seed %d: the incident says %q, the ticket %q", seed, a, b)
				}
				class := func(v any) string {
					if v == "live" || v == int64(1) || v == int64(2) || v == int64(3) {
						return "open"
					}
					return "done"
				}
				if a, b := r.world.field(ref, "status"), r.world.field(ticket, "state"); class(a) != class(b) {
					r.t.Errorf("seed %d: the incident is %v, the ticket %v", seed, a, b)
				}
				if owner := r.world.field(ref, "owner"); owner != "N"+ticket.ID {
					r.t.Errorf("seed %d: the incident holds %v", seed, owner)
				}
				r.quietAfter(ref)
			})
		})
	}
}

// TestAResolutionKeepsItsOwnWords: somebody resolves the ticket with notes of
// their own; the incident follows, and the template's notes do not take their
// place. When the incident leads, they are written.
func TestAResolutionKeepsItsOwnWords(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, bothWays)
		r.pass(time.Second)
		r.world.mu.Lock()
		r.world.records[ticket].fields["note"] = "Fixed by hand"
		r.world.mu.Unlock()
		r.world.edit(ticket, "state", int64(6))
		r.pass(10 * time.Minute)
		if status, note := r.world.field(ref, "status"), r.world.field(ticket, "note"); status != "closed" || note != "Fixed by hand" {
			t.Errorf("status %v, note %v", status, note)
		}
		r.world.edit(ticket, "state", int64(2))
		r.pass(10 * time.Minute)
		r.world.edit(ref, "status", "closed")
		r.pass(10 * time.Minute)
		if state, note := r.world.field(ticket, "state"), r.world.field(ticket, "note"); state != int64(6) || note != "Resolved" {
			t.Errorf("state %v, note %v", state, note)
		}
		r.quietAfter(ref)
	})
}
