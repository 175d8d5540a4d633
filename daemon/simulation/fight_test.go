package simulation

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
)

// alone has one daemon run, with n incidents that have their tickets.
func (w *world) alone(n int) {
	w.conflict, w.poll, w.daemons = "source", restPoll, make([]*daemon, 1)
	w.must(w.restart(0))
	for range n {
		w.must(w.declare())
	}
	w.webhooksFor(time.Minute)
	for _, r := range w.records {
		if w.ticket(r) == "" {
			w.fail("%s has no ticket", r)
		}
	}
}

// webhooksFor lets time pass in which every webhook arrives at once.
func (w *world) webhooksFor(d time.Duration) {
	for until := time.Now().Add(d); time.Now().Before(until); w.pass(time.Second) {
		w.incidents.Deliver(w.ctx, incidentiotest.Order{})
		w.mu.Lock()
		waiting := w.webhooks
		w.webhooks = nil
		w.mu.Unlock()
		for _, hook := range waiting {
			w.must(w.daemons[0].receive(hook.connector, hook.header, hook.body))
		}
	}
}

func (w *world) titles(r *record) (incident, ticket string) {
	i, _ := w.incidents.Incident(r.id)
	return i.Name, w.tickets.Ticket("incident", w.ticket(r))["short_description"]
}

// TestAFight has workflows of both vendors put back what lockstep writes: it is
// stopped, named, and the link's other fields go on.
func TestAFight(t *testing.T) {
	runScenario(t, outside(t), "TestAFight", 1, func(w *world) {
		w.alone(1)
		r := w.records[0]
		w.tickets.PutBack("incident", "dispatch.workflow", servicenowtest.Row{"short_description": "the ticket's"})
		w.incidents.PutBack(incidentiotest.SetName("the incident's"))
		_, err := w.incidents.EditIncident(r.id, incidentiotest.SetName("Database is slow"))
		w.must(err)
		w.webhooksFor(10 * time.Minute)
		letters, err := w.daemons[0].engine.Dead(w.ctx)
		w.must(err)
		if len(letters) != 1 || letters[0].Reason != deadletter.ReasonContested || letters[0].Field != "short_description" && letters[0].Field != "inbound.name" {
			w.fail("dead letters: %+v", letters)
			return
		}
		if letters[0].Field == "short_description" && !strings.Contains(letters[0].Message, "dispatch.workflow") {
			w.fail("it does not say who else writes: %s", letters[0].Message)
		}
		w.mu.Lock()
		w.requests = nil
		w.mu.Unlock()
		_, err = w.incidents.EditIncident(r.id, incidentiotest.SetSummary("The other field"))
		w.must(err)
		w.webhooksFor(time.Minute)
		if said := w.tickets.Ticket("incident", w.ticket(r))["description"]; said != "The other field" {
			w.fail("the other field is %q", said)
		}
		w.mu.Lock()
		sent := len(w.requests)
		w.mu.Unlock()
		if sent != 1 {
			w.fail("%d writes to a link of which one field rests", sent)
		}
		w.tickets.PutNothingBack()
		w.incidents.PutNothingBack()
		w.webhooksFor(65 * time.Minute)
		if incident, ticket := w.titles(r); incident != ticket {
			w.fail("after an hour's rest the incident says %q, the ticket %q", incident, ticket)
		}
		if letters, err = w.daemons[0].engine.Dead(w.ctx); err != nil || len(letters) != 0 {
			w.fail("dead letters: %+v, %v", letters, err)
		}
	})
}
