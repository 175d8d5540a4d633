package simulation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/store"
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

// sweep lets the slow sweep pass, with few polls.
func (w *world) sweep() {
	w.poll = restPoll
	w.must(w.apply(w.daemons[0]))
	w.pass(7 * time.Hour)
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

// switchTable takes the permission to read a table from lockstep, or gives it back.
func (w *world) switchTable() error {
	table := pick(w, []string{"sys_journal_field", "sys_attachment", "sys_user", "incident"})
	w.closed[table] = !w.closed[table]
	w.say("%s may be read: %t", table, !w.closed[table])
	w.tickets.DenyReads(table, w.closed[table])
	return nil
}

// switchJournal hides the rows of the journal from lockstep, or shows them again.
func (w *world) switchJournal() error {
	w.unseen = !w.unseen
	w.say("entries of journals are shown: %t", !w.unseen)
	w.tickets.Hide("sys_journal_field", nil)
	if w.unseen {
		w.tickets.Hide("sys_journal_field", func(servicenowtest.Row) bool { return true })
	}
	return nil
}

// openTables gives every permission back.
func (w *world) openTables() {
	for table := range w.closed {
		w.closed[table] = false
		w.tickets.DenyReads(table, false)
	}
	w.unseen = false
	w.tickets.Hide("sys_journal_field", nil)
}

// TestATableThatMayNotBeRead: what needs the table is refused and named, and all
// else goes on: tickets are opened, edits reach them.
func TestATableThatMayNotBeRead(t *testing.T) {
	lib := outside(t)
	for i, table := range []string{"sys_journal_field", "sys_attachment", "sys_user"} {
		if testing.Short() && i > 0 {
			break
		}
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
			w.sweep()
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

// TestARevokedScope: what is read with a scope waits while the key does not have it, and
// is named; nothing is lost, and all else goes on.
func TestARevokedScope(t *testing.T) {
	lib := outside(t)
	for i, scope := range []string{
		"incidents.view", "attachments.view", "custom_fields.view", "attachments.create", "actions.view", "incident_statuses.view", "severities.view", "incident_types.view",
		"users.view", "follow_ups.update", "incidents.create",
	} {
		if testing.Short() && i > 0 {
			break
		}
		runScenario(t, lib, "TestARevokedScope", uint64(i+1), func(w *world) {
			r := w.talkAlone()
			w.incidents.Revoke(scope, true)
			w.must(w.workNote())
			w.must(w.postUpdate())
			w.must(w.attach())
			_, err := w.incidents.EditIncident(r.id, incidentiotest.SetName("Database is slow"))
			w.must(err)
			w.must(w.tickets.Edit("incident", w.ticket(r), "anna", servicenowtest.Row{"business_impact": "all of it"}))
			w.webhooksFor(6 * time.Minute)
			if status := w.connector("acme"); status.ThrottledUntil != nil {
				w.fail("without %s the connector is paused: %+v", scope, status)
			}
			w.incidents.Revoke(scope, false)
			w.webhooksFor(time.Minute)
			w.sweep()
			if letters, err := w.daemons[0].engine.Dead(w.ctx); err != nil || len(letters) > 0 {
				w.fail("once there is %s again: %+v, %v", scope, letters, err)
			}
			if status := w.connector("acme"); !status.OK {
				w.fail("once there is %s again: %+v", scope, status)
			}
			w.checkSaid()
		})
	}
}

// TestAHiddenJournal: while lockstep may see no journal entry, what it wrote is
// not written again, and what others write there is known not to be carried.
func TestAHiddenJournal(t *testing.T) {
	runScenario(t, outside(t), "TestAHiddenJournal", 1, func(w *world) {
		r := w.talkAlone()
		w.tickets.Hide("sys_journal_field", func(servicenowtest.Row) bool { return true })
		w.must(w.tickets.AddWorkNote("incident", w.ticket(r), "anna", "said on the ticket"))
		w.must(w.postUpdate())
		w.tickets.Inject(simulator.Fault{Kind: simulator.ResetAfter, Method: "PATCH", Times: 1})
		w.must(w.postUpdate())
		w.webhooksFor(10 * time.Minute)
		for _, state := range []string{"3", "2", "1", "2"} {
			w.must(w.tickets.Edit("incident", w.ticket(r), "anna", servicenowtest.Row{"state": state, "hold_reason": "3"}))
			w.webhooksFor(5 * time.Minute)
		}
		for _, s := range w.said {
			if n := w.copies(s); n != 1 {
				w.fail("the %s %q has %d copies", s.what, s.token, n)
			}
		}
		letters, err := w.daemons[0].engine.Dead(w.ctx)
		w.must(err)
		if len(letters) != 1 || letters[0].Field != "comments.inbound" || !strings.Contains(letters[0].Message, "sys_journal_field") {
			w.fail("dead letters: %+v", letters)
		}
		w.tickets.Hide("sys_journal_field", nil)
		w.sweep()
		if n := len(w.incidents.TimelineItems(r.id)); n != 1 {
			w.fail("%d items on the timeline", n)
		}
		w.checkSaid()
	})
}

// TestAPageForAFile: a picture of which a log-in page was shown for a while is
// carried when it can be had.
func TestAPageForAFile(t *testing.T) {
	runScenario(t, outside(t), "TestAPageForAFile", 1, func(w *world) {
		w.talkAlone()
		w.tickets.Inject(simulator.Fault{Kind: simulator.LoginPage, Path: "/file", Until: time.Now().Add(3 * time.Minute)})
		w.must(w.attach())
		w.webhooksFor(2 * time.Minute)
		for range 20 {
			w.webhooksFor(time.Minute)
		}
		if n := w.copies(w.said[0]); n != 1 {
			w.fail("the picture has %d copies", n)
		}
		w.checkSaid()
	})
}

// TestATicketThatIsNotSeen: an insert that is answered as done, and whose row its
// creator may not read, is not done again.
func TestATicketThatIsNotSeen(t *testing.T) {
	runScenario(t, outside(t), "TestATicketThatIsNotSeen", 1, func(w *world) {
		w.talkAlone()
		w.tickets.Hide("incident", func(r servicenowtest.Row) bool { return r["short_description"] == "not to be seen" })
		made, err := w.incidents.CreateIncident(incidentiotest.SetName("not to be seen"))
		w.must(err)
		w.webhooksFor(5 * time.Minute)
		_, err = w.incidents.EditIncident(made.ID, incidentiotest.SetSummary("edited"))
		w.must(err)
		w.webhooksFor(5 * time.Minute)
		w.sweep()
		if n := len(w.tickets.Tickets()); n != 2 {
			w.fail("%d tickets", n)
		}
		letters, err := w.daemons[0].engine.Dead(w.ctx)
		w.must(err)
		id := w.tickets.Tickets()[1]["sys_id"]
		if len(letters) != 1 || !strings.Contains(letters[0].Message, id) {
			w.fail("the dead letters do not name %s: %+v", id, letters)
		}
	})
}

// TestADroppedKey: where the instance does not keep lockstep's key, that is said at
// the first ticket, and no answer that is lost leads to a second one.
func TestADroppedKey(t *testing.T) {
	runScenario(t, outside(t), "TestADroppedKey", 1, func(w *world) {
		w.tickets.Protect("incident", "correlation_id")
		w.talkAlone()
		said := slices.ContainsFunc(w.daemons[0].engine.Warnings(), func(f store.Warning) bool { return strings.Contains(f.Message, "key") })
		letters, err := w.daemons[0].engine.Dead(w.ctx)
		w.must(err)
		if !said && len(letters) == 0 {
			w.fail("nothing is said at the first ticket")
		}
		w.tickets.Inject(simulator.Fault{Kind: simulator.ResetAfter, Method: "POST", Path: "/table/incident", Times: 1})
		w.must(w.declare())
		w.webhooksFor(10 * time.Minute)
		w.sweep()
		if n := len(w.tickets.Tickets()); n != 2 {
			w.fail("%d tickets", n)
		}
	})
}

// TestCreationsThatFail: a gateway that answers every creation with an error of its own
// for a while, and lets all else through, shows in status; no ticket is opened twice, and
// those that were not opened are once a person asks for it.
func TestCreationsThatFail(t *testing.T) {
	runScenario(t, outside(t), "TestCreationsThatFail", 1, func(w *world) {
		r := w.talkAlone()
		w.tickets.Inject(simulator.Fault{Kind: simulator.FailBefore, Status: 502, Method: "POST", Path: "/table/incident", Until: time.Now().Add(20 * time.Minute)})
		w.must(w.declare())
		w.webhooksFor(10 * time.Minute)
		_, err := w.incidents.EditIncident(r.id, incidentiotest.SetName("Database is slow"))
		w.must(err)
		w.webhooksFor(time.Minute)
		if incident, ticket := w.titles(r); incident != ticket {
			w.fail("all else does not go on: %q and %q", incident, ticket)
		}
		if status := w.connector("itsm"); status.OK || !strings.Contains(status.LastError, "create") {
			w.fail("status says %+v", status)
		}
		w.webhooksFor(15 * time.Minute)
		letters, err := w.daemons[0].engine.Dead(w.ctx)
		w.must(err)
		if len(letters) != 1 || letters[0].Reason != deadletter.ReasonUnknownTicket || !strings.Contains(letters[0].Message, "lockstep dead retry "+letters[0].ID) {
			w.fail("dead letters: %+v", letters)
		}
		w.must(w.daemons[0].engine.RetryDead(w.ctx, letters[0].ID))
		w.webhooksFor(5 * time.Minute)
		if n := len(w.tickets.Tickets()); n != 2 {
			w.fail("%d tickets", n)
		}
		if status := w.connector("itsm"); !status.OK {
			w.fail("once one was opened, status says %+v", status)
		}
	})
}
