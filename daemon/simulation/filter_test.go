package simulation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
)

// What is seen through a filter (of permissions, of a proxy) is not a fact about
// what is behind it.

// talkAlone has one daemon run with one incident that has its ticket, comments
// and files carried.
func (w *world) talkAlone() *record {
	w.conflict, w.poll, w.daemons = talk, busyPoll, make([]*daemon, 1)
	w.must(w.restart(0))
	w.must(w.declare())
	w.webhooksFor(time.Minute)
	r := w.records[0]
	if w.ticket(r) == "" {
		w.fail("%s has no ticket", r)
	}
	return r
}

// connector is how the daemon says that a connector does.
func (w *world) connector(name string) breaker.ConnectorStatus {
	for _, s := range w.daemons[0].engine.Connectors() {
		if s.Name == name {
			return s
		}
	}
	return breaker.ConnectorStatus{}
}

// TestATableThatMayNotBeRead: what needs the table is refused and named, and all
// else goes on: tickets are opened, edits reach them.
func TestATableThatMayNotBeRead(t *testing.T) {
	lib := outside(t)
	for i, table := range []string{"sys_journal_field", "sys_attachment", "sys_user"} {
		runScenario(t, lib, "TestATableThatMayNotBeRead", uint64(i+1), func(w *world) {
			r := w.talkAlone()
			w.tickets.DenyReads(table, true)
			w.must(w.tickets.AddWorkNote("incident", w.ticket(r), "anna", "said on the ticket"))
			w.webhooksFor(2 * time.Minute)
			for range 3 {
				w.must(w.declare())
			}
			_, err := w.incidents.EditIncident(r.id, incidentiotest.SetName("Database is slow"))
			w.must(err)
			w.webhooksFor(3 * time.Minute)
			for _, of := range w.records {
				if incident, ticket := w.titles(of); word(incident) != word(ticket) {
					w.fail("while %s may not be read, %s says %q and its ticket %q", table, of, incident, ticket)
				}
			}
			status := w.connector("itsm")
			if status.ThrottledUntil != nil {
				w.fail("the connector is paused: %+v", status)
			}
			letters, err := w.daemons[0].engine.Dead(w.ctx)
			w.must(err)
			if refused := table == "sys_journal_field" || table == "sys_attachment"; refused {
				if status.OK || !status.Refused || !strings.Contains(status.LastError, table) {
					w.fail("status does not name %s: %+v", table, status)
				}
				if !slices.ContainsFunc(letters, func(d deadletter.Letter) bool { return strings.Contains(d.Message, table) }) {
					w.fail("no dead letter names %s: %+v", table, letters)
				}
			} else if len(letters) > 0 {
				w.fail("dead letters: %+v", letters)
			}
			w.tickets.DenyReads(table, false)
			w.webhooksFor(2 * time.Minute)
			_, err = w.incidents.EditIncident(r.id, incidentiotest.SetName("Database is fast"))
			w.must(err)
			w.webhooksFor(time.Minute)
			w.pass(7 * time.Hour)
			if letters, err = w.daemons[0].engine.Dead(w.ctx); err != nil || len(letters) > 0 {
				w.fail("once it may be read: %+v, %v", letters, err)
			}
			if status = w.connector("itsm"); !status.OK {
				w.fail("once it may be read: %+v", status)
			}
			w.checkSaid()
		})
	}
}
