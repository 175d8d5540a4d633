package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

const living = `
state_table "incident" {
  state "open" {
    acme = ["live"]
    itsm = [2, 1]
  }
  state "done" {
    acme = ["closed"]
    itsm = [6, 7]
  }
}
route "incidents" {
  source    = fake.acme.incident
  templates = [template.ticket]
}
template "ticket" {
  target = fake.itsm.ticket
  outbound {
    title  = "{{ incident.title }}"
    detail = "About {{ incident.detail }}"
    note   = "{{ state == 'done' ? (incident.title == null ? 'Deleted' : 'Resolved') : null }}"
  }
  inbound { owner = "{{ ticket.number }}" }
  state {
    table = state_table.incident
  }
  lifecycle {
    statuses = ["live"]
LIFE
  }
}
`

func lifecycle(t testing.TB, how string) string {
	t.Helper()
	return replaced(t, living, "LIFE", how)
}

// TestADeletedSourceClosesItsTicket: the table's last state is written, with
// what the template says only then, whatever happens to the request.
func TestADeletedSourceClosesItsTicket(t *testing.T) {
	hcl := lifecycle(t, `on_delete = "close"`)
	for name, update := range map[string][]fault{
		"no fault":       nil,
		"not sent":       {{class: connectors.ClassRetry}},
		"lost, not done": {{class: connectors.ClassUnclear}},
		"lost, done":     {{class: connectors.ClassUnclear, after: true}},
	} {
		for _, crash := range []reconcile.Step{"", reconcile.StepIntentSaved, reconcile.StepSent, reconcile.StepJournaled} {
			t.Run(name+"/"+strings.Trim(string(crash)+" crash", " "), func(t *testing.T) {
				simulate(t, func(r *rig) {
					ref, ticket := opened(r, hcl)
					r.world.fail("itsm", "update", update...)
					r.world.remove(ref)
					r.hint(ref)
					if state := r.world.field(ticket, "state"); state != int64(2) {
						t.Fatalf("after one read it is in %v", state)
					}
					r.crash.Store(crash)
					r.pass(11 * time.Minute)
					if crash != "" {
						r.kill()
						r.crash.Store(reconcile.Step(""))
						r.start(hcl)
						r.hint(ref)
					}
					r.pass(7 * time.Hour)
					got := []any{r.world.field(ticket, "state"), r.world.field(ticket, "note"), r.world.field(ticket, "title"), r.world.field(ticket, "detail")}
					if diff := cmp.Diff([]any{int64(6), "Deleted", "Database down", "About  Error rate hit 12%."}, got); diff != "" {
						t.Errorf("the ticket (-want +got):\n%s", diff)
					}
					if all := r.links(); len(all) != 1 || all[0].State != links.Detached {
						t.Errorf("links: %+v", all)
					}
					if n := r.world.count("update"); n > 1+len(update) {
						t.Errorf("%d updates", n)
					}
				})
			})
		}
	}
}

func TestADeletedSourceLeavesItsTicketAlone(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, lifecycle(t, ""))
		r.world.remove(ref)
		r.hint(ref)
		r.pass(time.Hour)
		if state := r.world.field(ticket, "state"); state != int64(2) || len(r.writes()) != 0 {
			t.Errorf("state %v, writes %v", state, r.writes())
		}
		if all := r.links(); all[0].State != links.Detached {
			t.Errorf("links: %+v", all)
		}
	})
}

// TestASourceThatIsThereAgainClosesNothing: it could not be found for a while.
func TestASourceThatIsThereAgainClosesNothing(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, lifecycle(t, `on_delete = "close"`))
		r.world.fail("acme", "read", fault{class: connectors.ClassGone}, fault{class: connectors.ClassGone})
		r.hint(ref)
		r.pass(time.Hour)
		if state := r.world.field(ticket, "state"); state != int64(2) || len(r.writes()) != 0 {
			t.Errorf("state %v, writes %v", state, r.writes())
		}
		if all := r.links(); all[0].State != links.Active {
			t.Errorf("links: %+v", all)
		}
	})
}

// TestASourceThatComesBack: the same ticket is reopened where that can be, a
// new one is opened where it cannot or the template says so.
func TestASourceThatComesBack(t *testing.T) {
	for _, test := range []struct {
		name    string
		life    string
		closed  int64 // what people made of the resolved ticket
		off     bool  // no new tickets are opened
		tickets int
		state   int64 // of the first
	}{
		{name: "same", closed: 6, tickets: 1, state: 2},
		{name: "same, closed for good", closed: 7, tickets: 2, state: 7},
		{name: "same, closed for good, and create is off", closed: 7, off: true, tickets: 1, state: 7},
		{name: "new", life: `on_reopen = "new"`, closed: 6, tickets: 2, state: 6},
		{name: "new, closed for good", life: `on_reopen = "new"`, closed: 7, tickets: 2, state: 7},
		{name: "new, somebody reopened it before", life: `on_reopen = "new"`, closed: 1, tickets: 1, state: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				hcl := lifecycle(t, test.life)
				ref, first := opened(r, hcl)
				r.world.edit(ref, "status", "closed")
				r.hint(ref)
				if state := r.world.field(first, "state"); state != int64(6) {
					t.Fatalf("the ticket is in %v", state)
				}
				if test.closed != 1 {
					r.world.edit(first, "state", test.closed)
				}
				r.pass(time.Minute)
				if test.off {
					hcl = replaced(t, hcl, "templates =", "create = false\n  templates =")
					r.apply(hcl)
				}
				if test.closed == 1 {
					r.kill() // both sides move while nobody looks
					r.world.edit(first, "state", int64(1))
				}
				r.world.edit(ref, "status", "live")
				if test.closed == 1 {
					r.start(hcl)
				}
				r.hint(ref)
				r.pass(10 * time.Minute)
				all := r.world.list(tickets)
				if len(all) != test.tickets {
					t.Fatalf("%d tickets, want %d", len(all), test.tickets)
				}
				if state := r.world.field(first, "state"); state != test.state {
					t.Errorf("the first ticket is in %v, want %d", state, test.state)
				}
				if test.tickets == 1 {
					return
				}
				if state := r.world.field(all[1], "state"); state != int64(2) {
					t.Errorf("the new ticket is in %v", state)
				}
				if owner := r.world.field(ref, "owner"); owner != "N"+all[1].ID {
					t.Errorf("the incident names %v", owner)
				}
				// From now on the new one counts, also after a restart.
				r.kill()
				r.start(hcl)
				r.world.resetCalls()
				r.world.edit(ref, "title", "Down again")
				r.world.edit(first, "note", "somebody's")
				r.hint(ref)
				r.pass(13 * time.Hour)
				if was, is := r.world.field(first, "title"), r.world.field(all[1], "title"); was != "Database down" || is != "Down again" {
					t.Errorf("titles %v and %v", was, is)
				}
				if diff := cmp.Diff([]string{"update itsm"}, r.writes()); diff != "" {
					t.Errorf("writes (-want +got):\n%s", diff)
				}
				states := map[links.Phase]int{}
				for _, link := range r.links() {
					states[link.State]++
				}
				if diff := cmp.Diff(map[links.Phase]int{links.Active: 1, links.Detached: 1}, states); diff != "" {
					t.Errorf("links (-want +got):\n%s", diff)
				}
				// Once more, and again.
				r.world.edit(ref, "status", "closed")
				r.hint(ref)
				r.world.edit(all[1], "state", int64(7))
				r.pass(time.Minute)
				r.world.edit(ref, "status", "live")
				r.hint(ref)
				r.pass(time.Minute)
				if n := len(r.world.list(tickets)); n != 3 {
					t.Errorf("%d tickets, want 3", n)
				}
			})
		})
	}
}

// TestNewTicketForAReopenedRecordIsOpenedOnce kills the daemon at every step
// of it.
func TestNewTicketForAReopenedRecordIsOpenedOnce(t *testing.T) {
	hcl := lifecycle(t, "")
	for _, crash := range []reconcile.Step{reconcile.StepDecided, reconcile.StepJournaled, reconcile.StepClaimed, reconcile.StepCreated, reconcile.StepConfirmed} {
		t.Run(string(crash), func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, first := opened(r, hcl)
				r.world.edit(ref, "status", "closed")
				r.hint(ref)
				r.world.edit(first, "state", int64(7))
				r.pass(time.Minute)
				r.crash.Store(crash)
				r.world.edit(ref, "status", "live")
				r.hint(ref)
				r.pass(3 * time.Second)
				r.kill()
				r.crash.Store(reconcile.Step(""))
				r.start(hcl)
				r.pass(time.Hour)
				if n := len(r.world.list(tickets)); n != 2 {
					t.Errorf("%d tickets, want 2", n)
				}
			})
		})
	}
}
