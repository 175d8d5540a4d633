package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

const oneRoute = `
route "incidents" {
  source    = fake.acme.incident
  templates = [template.ticket]
}
template "ticket" {
  target = fake.itsm.ticket
  when   = "incident.severity == 'Critical'"
  once { state = 1 }
  outbound {
    title  = "{{ incident.title }}"
    detail = "{{ incident.detail }}"
  }
}
`

func critical() map[string]any {
	return map[string]any{"title": "Database down", "detail": " Error rate hit 12%.\n", "severity": "Critical", "status": "live", "mode": "standard"}
}

func TestATicketIsOpenedOnce(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		for range 5 {
			r.hint(ref)
		}
		ticket := r.oneTicket()
		for field, want := range map[string]any{"title": "Database down", "detail": "Error rate hit 12%.", "state": int64(1)} {
			if got := r.world.field(ticket, field); got != want {
				t.Errorf("%s is %v, want %v", field, got, want)
			}
		}
		if n := r.world.count("create"); n != 1 {
			t.Errorf("%d creates, want 1", n)
		}
		if n := r.world.count("update"); n != 0 {
			t.Errorf("the echo was taken for an edit: %d updates", n)
		}
		all := r.links()
		if len(all) != 1 || all[0].State != links.Active || all[0].Target == nil || *all[0].Target != ticket || all[0].Commit != "c0ffee" {
			t.Errorf("links: %+v", all)
		}
	})
}

// TestACreationCostsThreeCalls holds the contract's budget of requests.
func TestACreationCostsThreeCalls(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.world.resetCalls()
		r.hint(ref)
		if diff := cmp.Diff([]string{"read acme", "look up itsm", "create itsm"}, r.world.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

// TestOneTicketWhateverHappensToTheCreate lets the call fail in every way and
// the daemon be killed at every step; an hour later there is one ticket.
func TestOneTicketWhateverHappensToTheCreate(t *testing.T) {
	faults := map[string][]fault{
		"no fault":             nil,
		"not sent":             {{class: connectors.ClassRetry}},
		"throttled":            {{class: connectors.ClassThrottled, pause: time.Minute}},
		"unauthorised":         {{class: connectors.ClassUnauthorised}},
		"conflict":             {{class: connectors.ClassConflict}},
		"lost, not done":       {{class: connectors.ClassUnclear}},
		"lost, done":           {{class: connectors.ClassUnclear, after: true}},
		"lost, done later":     {{class: connectors.ClassUnclear, late: 110 * time.Second}},
		"lost twice":           {{class: connectors.ClassUnclear}, {class: connectors.ClassUnclear, after: true}},
		"not sent, then lost":  {{class: connectors.ClassRetry}, {class: connectors.ClassUnclear, late: 90 * time.Second}},
		"lost, then throttled": {{class: connectors.ClassUnclear}, {class: connectors.ClassThrottled, pause: 5 * time.Minute}},
	}
	crashes := []reconcile.Step{"", reconcile.StepDecided, reconcile.StepClaimed, reconcile.StepLookedUp, reconcile.StepCreated, reconcile.StepConfirmed, reconcile.StepJournaled}
	for name, create := range faults {
		for _, crash := range crashes {
			t.Run(name+"/"+strings.Trim(string(crash)+" crash", " "), func(t *testing.T) {
				simulate(t, func(r *rig) {
					r.start(oneRoute)
					r.world.fail("itsm", "create", create...)
					ref := incidents.Ref("01A")
					r.world.put(ref, false, critical())
					r.crash.Store(crash)
					r.hint(ref)
					r.pass(3 * time.Second)
					if crash != "" {
						r.kill()
						r.crash.Store(reconcile.Step(""))
						r.start(oneRoute)
					}
					r.pass(time.Hour)
					ticket := r.oneTicket()
					if title := r.world.field(ticket, "title"); title != "Database down" {
						t.Errorf("the ticket says %v", title)
					}
					if all := r.links(); len(all) != 1 || all[0].State != links.Active {
						t.Errorf("links: %+v", all)
					}
					if letters := r.dead(); len(letters) != 0 {
						t.Errorf("dead letters: %+v", letters)
					}
					// In step, and at rest.
					r.world.edit(ref, "title", "Database is back")
					r.pass(10 * time.Minute)
					if title := r.world.field(r.oneTicket(), "title"); title != "Database is back" {
						t.Errorf("after an edit the ticket says %v", title)
					}
					r.world.resetCalls()
					r.hint(ref)
					if w := r.writes(); len(w) != 0 {
						t.Errorf("at rest it writes %v", w)
					}
				})
			})
		}
	}
}

func TestALostStoreFindsTheOldTicket(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		ticket := r.oneTicket()
		r.kill()

		lost := &rig{t: t, world: r.world, log: r.log}
		lost.store = newStore()
		lost.start(oneRoute)
		defer lost.kill()
		lost.hint(ref)
		lost.pass(time.Minute)
		if again := lost.oneTicket(); again != ticket {
			t.Errorf("ticket %s, want %s", again, ticket)
		}
		lost.world.edit(ref, "title", "Later")
		lost.pass(2 * time.Minute)
		if title := lost.world.field(ticket, "title"); title != "Later" {
			t.Errorf("the ticket says %v", title)
		}
	})
}

func TestARefusedCreationIsADeadLetterUntilSomethingChanges(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		r.world.fail("itsm", "create", fault{class: connectors.ClassRejected})
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		r.pass(time.Hour) // polls and hints come and go
		r.hint(ref)
		if n := r.world.count("create"); n != 1 {
			t.Errorf("%d creates, want 1", n)
		}
		letters := r.dead()
		if len(letters) != 1 || letters[0].Field != "" || letters[0].Reason != deadletter.ReasonRejected || !strings.Contains(letters[0].Message, "as the test wants") {
			t.Fatalf("dead letters: %+v", letters)
		}
		if len(r.links()) != 0 {
			t.Errorf("links: %+v", r.links())
		}
		if err := r.engine.RetryDead(t.Context(), letters[0].ID); err != nil {
			t.Fatal(err)
		}
		r.pass(time.Second)
		r.oneTicket()
		if letters := r.dead(); len(letters) != 0 {
			t.Errorf("dead letters: %+v", letters)
		}
	})
}

func TestAFailingValueOpensNoTicket(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(replaced(t, oneRoute, `"{{ incident.detail }}"`, `"{{ incident.detail + incident.owner }}"`))
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		if n := len(r.world.list(tickets)); n != 0 {
			t.Fatalf("%d tickets, want none", n)
		}
		letters := r.dead()
		if len(letters) != 1 || letters[0].Field != "detail" || letters[0].Reason != deadletter.ReasonValue {
			t.Fatalf("dead letters: %+v", letters)
		}
		r.world.edit(ref, "owner", "x")
		r.pass(2 * time.Minute)
		r.oneTicket()
		if letters := r.dead(); len(letters) != 0 {
			t.Errorf("dead letters that came true: %+v", letters)
		}
	})
}

func TestAFieldThatDidNotStickIsNamed(t *testing.T) {
	simulate(t, func(r *rig) {
		r.world.drops["detail"], r.world.drops["state"] = true, true
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		ticket := r.oneTicket()
		var fields []string
		for _, d := range r.dead() {
			if d.Reason != deadletter.ReasonDidNotStick {
				t.Errorf("dead letter: %+v", d)
			}
			fields = append(fields, d.Field)
		}
		if len(fields) != 2 {
			t.Fatalf("dead letters for %v, want detail and state", fields)
		}
		r.world.resetCalls()
		r.hint(ref)
		if w := r.writes(); len(w) != 0 {
			t.Errorf("it was tried again: %v", w)
		}
		r.world.mu.Lock()
		clear(r.world.drops)
		r.world.mu.Unlock()
		for _, d := range r.dead() {
			if err := r.engine.RetryDead(t.Context(), d.ID); err != nil {
				t.Fatal(err)
			}
		}
		r.pass(time.Second)
		if got := r.world.field(ticket, "detail"); got != "Error rate hit 12%." {
			t.Errorf("after a retry the ticket says %v", got)
		}
	})
}

func TestOnlyWhatMatchesGetsATicket(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		fields := critical()
		fields["severity"] = "Minor"
		r.world.put(ref, false, fields)
		r.hint(ref)
		r.hint(ref) // the same version decides nothing
		entries := r.decisions(ref)
		if len(entries) != 1 || entries[0].Action != "none" || entries[0].Reason != "no template matched" {
			t.Fatalf("decisions: %+v", entries)
		}
		// A reload alone opens no ticket; an edit does.
		r.apply(replaced(t, oneRoute, "'Critical'", "'Minor'"))
		r.pass(5 * time.Minute)
		if n := len(r.world.list(tickets)); n != 0 {
			t.Fatalf("a reload opened %d tickets", n)
		}
		r.world.edit(ref, "title", "Edited")
		r.pass(2 * time.Minute)
		r.oneTicket()
	})
}

func TestAPrivateRecordIsDroppedBeforeAnythingIsKept(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		fields := critical()
		fields["title"] = canary
		r.world.put(ref, true, fields)
		for range 3 {
			r.hint(ref)
		}
		r.pass(5 * time.Minute)
		if n := len(r.world.list(tickets)); n != 0 {
			t.Fatalf("%d tickets", n)
		}
		if entries := r.decisions(ref); len(entries) != 1 || entries[0].Reason != "private" {
			t.Errorf("decisions: %+v", entries)
		}
		if strings.Contains(r.log.String(), canary) {
			t.Error("the log holds a private record's text")
		}
		r.world.put(ref, false, nil) // it turns public
		r.pass(2 * time.Minute)
		r.oneTicket()
	})
}

func TestARouteMayTakePrivateRecords(t *testing.T) {
	simulate(t, func(r *rig) {
		r.world.drops["detail"] = true
		r.start(replaced(t, oneRoute, "templates =", "private = true\n  templates ="))
		ref := incidents.Ref("01A")
		fields := critical()
		fields["title"] = canary
		r.world.put(ref, true, fields)
		r.hint(ref)
		if title := r.world.field(r.oneTicket(), "title"); title != canary {
			t.Errorf("the ticket says %v", title)
		}
		r.world.fail("itsm", "update", fault{class: connectors.ClassRejected})
		r.world.edit(ref, "title", canary+" again")
		r.pass(2 * time.Minute)
		for _, d := range r.dead() {
			if strings.Contains(d.Message, "canary") || strings.Contains(d.Message, "as the test wants") {
				t.Errorf("dead letter: %+v", d)
			}
		}
		if strings.Contains(r.log.String(), canary) {
			t.Error("the log holds a private record's text")
		}
	})
}
