package engine_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// opened starts a daemon and lets it open one ticket.
func opened(r *rig, hcl string) (ref, ticket connectors.Ref) {
	r.t.Helper()
	r.start(hcl)
	ref = incidents.Ref("01A")
	r.world.put(ref, false, critical())
	r.hint(ref)
	ticket = r.oneTicket()
	r.world.resetCalls()
	return ref, ticket
}

func TestAnEditReachesTheTicketAndNothingElse(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.edit(ticket, "note", "someone's own field")
		r.world.edit(ticket, "state", int64(2)) // once means once
		r.world.edit(ref, "title", "Database is slow")
		r.hint(ref)
		if diff := cmp.Diff([]string{"update itsm"}, r.writes()); diff != "" {
			t.Errorf("writes (-want +got):\n%s", diff)
		}
		if title, state := r.world.field(ticket, "title"), r.world.field(ticket, "state"); title != "Database is slow" || state != int64(2) {
			t.Errorf("title %v, state %v", title, state)
		}
		newest := r.decisions(ref)[0]
		if diff := cmp.Diff([]string{"title"}, newest.Writes); diff != "" || newest.Action != "update" {
			t.Errorf("journal: %+v", newest)
		}
		r.world.resetCalls()
		r.hint(ref)
		if diff := cmp.Diff([]string{"read itsm", "read acme"}, r.world.calls); diff != "" {
			t.Errorf("an echo costs (-want +got):\n%s", diff)
		}
	})
}

func TestWhatAPersonTypedStaysUntilTheSourceChanges(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.edit(ticket, "title", "DB outage, see vendor case")
		r.world.edit(ref, "detail", "Another detail")
		r.hint(ref)
		if title := r.world.field(ticket, "title"); title != "DB outage, see vendor case" {
			t.Errorf("the title became %v", title)
		}
		r.world.edit(ref, "title", "Database is back")
		r.hint(ref)
		if title := r.world.field(ticket, "title"); title != "Database is back" {
			t.Errorf("the title is %v", title)
		}
		r.lostInJournal(ref, "DB outage, see vendor case")
	})
}

// TestAnUpdateArrivesWhateverHappensToIt lets the call fail in every way and
// the daemon be killed at every step; an edit made by a person at the ticket
// to another field survives all of it.
func TestAnUpdateArrivesWhateverHappensToIt(t *testing.T) {
	faults := map[string][]fault{
		"no fault":         nil,
		"not sent":         {{class: connectors.ClassRetry}},
		"throttled":        {{class: connectors.ClassThrottled, pause: time.Minute}},
		"unauthorised":     {{class: connectors.ClassUnauthorised}},
		"lost, not done":   {{class: connectors.ClassUnclear}},
		"lost, done":       {{class: connectors.ClassUnclear, after: true}},
		"lost, done later": {{class: connectors.ClassUnclear, late: 110 * time.Second}},
	}
	for name, update := range faults {
		for _, crash := range []reconcile.Step{"", reconcile.StepDecided, reconcile.StepIntentSaved, reconcile.StepSent, reconcile.StepAgreed, reconcile.StepJournaled} {
			t.Run(name+"/"+strings.Trim(string(crash)+" crash", " "), func(t *testing.T) {
				simulate(t, func(r *rig) {
					ref, ticket := opened(r, oneRoute)
					r.world.fail("itsm", "update", update...)
					r.world.edit(ref, "title", "Database is slow")
					r.crash.Store(crash)
					r.hint(ref)
					r.pass(3 * time.Second)
					r.world.edit(ticket, "note", "typed meanwhile")
					if crash != "" {
						r.kill()
						r.crash.Store(reconcile.Step(""))
						r.start(oneRoute)
					}
					r.pass(time.Hour)
					if title, note := r.world.field(ticket, "title"), r.world.field(ticket, "note"); title != "Database is slow" || note != "typed meanwhile" {
						t.Errorf("title %v, note %v", title, note)
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

// TestASettledUpdateDoesNotUndoALaterEdit: the answer to an update is lost, a
// person corrects the very field, and the correction stays.
func TestASettledUpdateDoesNotUndoALaterEdit(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.fail("itsm", "update", fault{class: connectors.ClassUnclear, after: true})
		r.world.edit(ref, "title", "Database is slow")
		r.hint(ref)
		r.world.edit(ticket, "title", "Corrected by hand")
		r.pass(time.Hour)
		if title := r.world.field(ticket, "title"); title != "Corrected by hand" {
			t.Errorf("the title is %v", title)
		}
	})
}

func TestARefusedFieldIsLeftOutAndTheOthersGo(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.fail("itsm", "update", fault{class: connectors.ClassRejected, field: "title"})
		r.world.put(ref, false, map[string]any{"title": "Refused", "detail": "Taken"})
		r.hint(ref)
		if title, detail := r.world.field(ticket, "title"), r.world.field(ticket, "detail"); title != "Database down" || detail != "Taken" {
			t.Errorf("title %v, detail %v", title, detail)
		}
		letters := r.dead()
		if len(letters) != 1 || letters[0].Field != "title" {
			t.Fatalf("dead letters: %+v", letters)
		}
		r.world.resetCalls()
		r.pass(time.Hour)
		r.hint(ref)
		if w := r.writes(); len(w) != 0 {
			t.Errorf("it was tried again: %v", w)
		}
		r.world.edit(ref, "title", "Taken as well")
		r.hint(ref)
		if title := r.world.field(ticket, "title"); title != "Taken as well" {
			t.Errorf("the title is %v", title)
		}
		if letters := r.dead(); len(letters) != 0 {
			t.Errorf("a dead letter that came true: %+v", letters)
		}
	})
}

func TestAnEditedTemplateWritesOnlyWhatNobodyTyped(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.edit(ticket, "detail", "typed by hand")
		r.apply(replacedAll(t, oneRoute, `"{{ incident.title }}"`, `"[inc] {{ incident.title }}"`, `"{{ incident.detail }}"`, `"[inc] {{ incident.detail }}"`))
		r.hint(ref)
		if title, detail := r.world.field(ticket, "title"), r.world.field(ticket, "detail"); title != "[inc] Database down" || detail != "typed by hand" {
			t.Errorf("title %v, detail %v", title, detail)
		}
	})
}

func TestCreateOffKeepsExistingTicketsUp(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.apply(replaced(t, oneRoute, "templates =", "create = false\n  templates ="))
		other := incidents.Ref("01B")
		r.world.put(other, false, critical())
		r.world.edit(ref, "title", "Still kept up")
		r.hint(other)
		r.hint(ref)
		r.oneTicket()
		if title := r.world.field(ticket, "title"); title != "Still kept up" {
			t.Errorf("the title is %v", title)
		}
		if d := r.decisions(other); len(d) != 1 || d[0].Reason != "create is off" || d[0].Template != "ticket" {
			t.Errorf("decisions: %+v", d)
		}
	})
}

func TestALinkKeepsItsTemplate(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.put(ref, false, map[string]any{"severity": "Minor", "title": "Less bad"})
		r.hint(ref)
		if title := r.world.field(ticket, "title"); title != "Less bad" {
			t.Errorf("the title is %v", title)
		}
	})
}

func TestARecordThatTurnsPrivateStops(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.put(ref, true, map[string]any{"title": "secret"})
		r.hint(ref)
		if title := r.world.field(ticket, "title"); title != "Database down" {
			t.Errorf("the title is %v", title)
		}
		if l := r.links(); l[0].State != links.Stopped {
			t.Errorf("links: %+v", l)
		}
		if d := r.decisions(ref); len(d) != 1 || d[0].Reason != "private" {
			t.Errorf("the journal was not purged: %+v", d)
		}
		r.world.put(ref, false, map[string]any{"title": "public again"})
		r.hint(ref)
		if title := r.world.field(ticket, "title"); title != "Database down" {
			t.Errorf("adopted as it is, yet the title became %v", title)
		}
		r.world.edit(ref, "title", "and edited")
		r.hint(ref)
		if title := r.world.field(ticket, "title"); title != "and edited" {
			t.Errorf("the title is %v", title)
		}
	})
}

func TestADeletedTicketIsNeverOpenedAgain(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.remove(ticket)
		r.world.edit(ref, "title", "Edited")
		r.hint(ref)
		if l := r.links(); l[0].State != links.Active {
			t.Errorf("one failed read was enough: %+v", l)
		}
		r.pass(time.Hour)
		if l := r.links(); l[0].State != links.Gone {
			t.Errorf("links: %+v", l)
		}
		r.world.edit(ref, "title", "Edited again")
		r.pass(10 * time.Minute)
		if n := len(r.world.list(tickets)); n != 0 {
			t.Errorf("%d tickets", n)
		}
	})
}

func TestARemovedRouteKeepsItsLinksAndTurnsItsHintsIntoDeadLetters(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.apply(``)
		r.world.edit(ref, "title", "Edited while the route was gone")
		r.hint(ref)
		if l := r.links(); len(l) != 1 || l[0].State != links.Orphan {
			t.Errorf("links: %+v", l)
		}
		r.apply(oneRoute)
		r.world.edit(ref, "detail", "Edited when it was back")
		r.hint(ref)
		if title := r.world.field(ticket, "title"); title != "Edited while the route was gone" {
			t.Errorf("the title is %v", title)
		}
	})
}

func TestASystemThatIsDownHoldsUpNobodyElse(t *testing.T) {
	const two = `
route "incidents" {
  source    = fake.acme.incident
  templates = [template.down, template.up]
}
template "down" {
  target = fake.itsm.ticket
  when   = "incident.severity == 'Critical'"
  outbound { title = "{{ incident.title }}" }
}
template "up" {
  target = fake.eng.ticket
  outbound { title = "{{ incident.title }}" }
}
`
	simulate(t, func(r *rig) {
		r.start(two)
		for range 2000 {
			r.world.fail("itsm", "look up", fault{class: connectors.ClassRetry})
		}
		for i := range 200 {
			ref := incidents.Ref("A" + string(rune('0'+i/100)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10)))
			r.world.put(ref, false, critical())
			r.hint(ref)
		}
		other := incidents.Ref("B")
		r.world.put(other, false, map[string]any{"title": "For the other system", "severity": "Minor", "status": "live", "mode": "standard"})
		r.hint(other)
		if n := len(r.world.list(connectors.Collection{Type: "fake", Connector: "eng", Record: "ticket"})); n != 1 {
			t.Errorf("%d tickets in the system that is up, want 1", n)
		}
		if n := r.world.count("look up"); n > 100 {
			t.Errorf("a system that is down was called %d times for 200 records", n)
		}
		for _, c := range r.engine.Connectors() {
			if ok := c.Name != "itsm"; c.OK != ok {
				t.Errorf("connector status: %+v", c)
			}
		}
		r.world.mu.Lock()
		clear(r.world.faults)
		r.world.mu.Unlock()
		r.pass(time.Hour)
		if n := len(r.world.list(tickets)); n != 200 {
			t.Errorf("%d tickets when it was back, want 200", n)
		}
	})
}

func TestAFollowUpWaitsForItsParentsTicket(t *testing.T) {
	const withParent = oneRoute + `
route "follow_ups" {
  source    = fake.acme.follow_up
  templates = [template.follow_up]
}
template "follow_up" {
  target = fake.itsm.ticket
  once { parent = "{{ parent.ticket.id }}" }
  outbound { title = "{{ follow_up.title }} of {{ parent.incident.title }}" }
}
`
	simulate(t, func(r *rig) {
		r.start(withParent)
		incident, followUp := incidents.Ref("01A"), followUps.Ref("02F")
		r.world.put(incident, false, critical())
		r.world.put(followUp, false, map[string]any{"title": "Write it up"})
		r.world.mu.Lock()
		r.world.records[followUp].parent = incident
		r.world.mu.Unlock()
		r.hint(followUp)
		if n := len(r.world.list(tickets)); n != 0 {
			t.Fatalf("it did not wait: %d tickets", n)
		}
		r.hint(incident)
		r.pass(2 * time.Minute)
		all := r.world.list(tickets)
		if len(all) != 2 {
			t.Fatalf("%d tickets, want 2", len(all))
		}
		if parent, title := r.world.field(all[1], "parent"), r.world.field(all[1], "title"); parent != all[0].ID || title != "Write it up of Database down" {
			t.Errorf("parent %v, title %v", parent, title)
		}
	})
}

func TestAFollowUpGoesOnWithoutAParentThatGetsNoTicket(t *testing.T) {
	const withParent = oneRoute + `
route "follow_ups" {
  source    = fake.acme.follow_up
  templates = [template.follow_up]
}
template "follow_up" {
  target = fake.itsm.ticket
  outbound {
    title  = "{{ follow_up.title }}"
    parent = "{{ parent.ticket.id }}"
  }
}
`
	simulate(t, func(r *rig) {
		r.start(withParent)
		incident, followUp := incidents.Ref("01A"), followUps.Ref("02F")
		minor := critical()
		minor["severity"] = "Minor"
		r.world.put(incident, false, minor)
		r.hint(incident)
		r.world.put(followUp, false, map[string]any{"title": "Write it up"})
		r.world.mu.Lock()
		r.world.records[followUp].parent = incident
		r.world.mu.Unlock()
		r.hint(followUp)
		child := r.oneTicket()

		r.world.edit(incident, "severity", "Critical") // the parent gets a ticket after all
		r.hint(incident)
		r.hint(followUp)
		if parent := r.world.field(child, "parent"); parent != r.world.list(tickets)[1].ID {
			t.Errorf("the parent was not filled in later: %v", parent)
		}
	})
}

func TestAdoptAndUnlink(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		id := r.links()[0].ID
		if err := r.engine.Unlink(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		r.world.edit(ref, "title", "While it was unlinked")
		r.hint(ref)
		if title := r.world.field(ticket, "title"); title != "Database down" {
			t.Errorf("the title is %v", title)
		}
		if _, err := r.engine.Adopt(r.t.Context(), engine.Adoption{Route: "incidents", Source: ref.String(), Target: ticket.String()}); err != nil {
			t.Fatal(err)
		}
		r.pass(time.Minute)
		if title := r.world.field(ticket, "title"); title != "Database down" {
			t.Errorf("adopting wrote %v", title)
		}
		r.world.edit(ref, "title", "In step again")
		r.pass(2 * time.Minute)
		if title := r.world.field(ticket, "title"); title != "In step again" {
			t.Errorf("the title is %v", title)
		}
		again, err := r.engine.Adopt(r.t.Context(), engine.Adoption{Route: "incidents", Source: ref.String(), Target: ticket.String()})
		if err != nil || !again.Already || again.ID != id {
			t.Errorf("adopted again: %+v, %v", again, err)
		}
		byHand := tickets.Ref("by-hand")
		r.world.put(byHand, false, map[string]any{"title": "opened by hand"})
		r.world.put(incidents.Ref("01B"), false, critical())
		for what, adopt := range map[string][3]string{
			"a route that is not there":  {"nowhere", ref.String(), ticket.String()},
			"a ticket of the wrong type": {"incidents", ref.String(), followUps.Ref("1").String()},
			"a record of the wrong type": {"incidents", followUps.Ref("1").String(), ticket.String()},
			"a ticket that is taken":     {"incidents", incidents.Ref("01B").String(), ticket.String()},
			"a ticket that is not there": {"incidents", incidents.Ref("01B").String(), tickets.Ref("9999").String()},
			"a record that has a ticket": {"incidents", ref.String(), byHand.String()},
		} {
			if _, err := r.engine.Adopt(r.t.Context(), engine.Adoption{Route: adopt[0], Source: adopt[1], Target: adopt[2]}); err == nil {
				t.Errorf("adopted %s", what)
			}
		}
	})
}

// TestAParentsTicketThatIsOpenedJustNowIsNotMissed: the parent's ticket is
// confirmed after the follow-up's decision looked for it.
func TestAParentsTicketThatIsOpenedJustNowIsNotMissed(t *testing.T) {
	simulate(t, func(r *rig) {
		incident, followUp := incidents.Ref("01A"), followUps.Ref("02F")
		var told atomic.Bool
		r.during = func(s reconcile.Step) {
			if s != reconcile.StepDecided || !told.CompareAndSwap(false, true) {
				return
			}
			if err := r.engine.Hint(r.t.Context(), []connectors.Ref{incident}, ""); err != nil {
				t.Error(err)
			}
			<-time.After(time.Second) // the incident gets its ticket
		}
		r.start(oneRoute + `
route "follow_ups" {
  source    = fake.acme.follow_up
  templates = [template.follow_up]
}
template "follow_up" {
  target = fake.itsm.ticket
  once { parent = "{{ parent.ticket.id }}" }
  outbound { title = "{{ follow_up.title }}" }
}
`)
		r.world.put(incident, false, critical())
		r.world.put(followUp, false, map[string]any{"title": "Write it up"})
		r.world.mu.Lock()
		r.world.records[followUp].parent = incident
		r.world.mu.Unlock()
		r.hint(followUp)
		r.pass(2 * time.Minute)
		all := r.world.list(tickets)
		if len(all) != 2 || r.world.field(all[1], "parent") != all[0].ID {
			t.Errorf("%d tickets; the follow-up's is below %v", len(all), r.world.field(all[len(all)-1], "parent"))
		}
	})
}
