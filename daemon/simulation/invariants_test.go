package simulation

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
)

type ref = connectors.Ref

// check asserts what must hold whatever happened, by the numbers of the
// protocol's invariants.
func (w *world) check() {
	if len(w.failures) > 0 {
		return
	}
	w.lookForTickets()
	w.everyRecordHasOneTicket()
	w.noEditIsLost()
	w.noStateWithinItsClass()
	w.pausesWroteNothing()
	w.nothingPrivateWasSent()
	w.nothingPrivateIsStored()
	w.nothingIsLogged()
	w.sidesAgree()
	w.atRest("at rest")
	if w.seed%sweepsIn == 0 {
		w.sweepFindsNothing()
	}
	if w.seed%reloadsIn == 0 {
		w.reloadsChangeNothing()
	}
	w.editsArrive()
	w.nothingIsLogged()
}

// What takes long is done by one of so many seeds: to wait for a real sweep,
// which comes every six hours, and to try all reloads at rest.
const (
	sweepsIn  = 10
	reloadsIn = 4
)

// writes are the requests that the systems carried out and that change
// something.
func writes(of *simulator.Endpoint) []simulator.Request {
	var all []simulator.Request
	for _, r := range of.Requests() {
		if r.Method != http.MethodGet && r.Status/100 == 2 && !strings.HasPrefix(r.Path, "/oauth") {
			all = append(all, r)
		}
	}
	return all
}

func (w *world) endpointOf(s side) *simulator.Endpoint {
	if s == source {
		return w.incidents.Endpoint
	}
	return w.tickets.Endpoint
}

func (w *world) countWrites() int {
	return len(writes(w.incidents.Endpoint)) + len(writes(w.tickets.Endpoint))
}

// lookForTickets does what a dead letter asks a person for where two answers to
// a creation were lost: there must be no ticket, and another is opened.
func (w *world) lookForTickets() {
	letters, err := w.daemons[0].engine.Dead(w.ctx)
	w.must(err)
	for _, d := range letters {
		if d.Reason != deadletter.ReasonUnknownTicket {
			continue
		}
		for _, row := range w.tickets.Tickets() {
			if key := row["correlation_id"]; key != "" && strings.Contains(d.Message, key) {
				w.fail("%s is there, and is not found: %+v", row["number"], d)
			}
		}
		w.must(w.daemons[0].engine.RetryDead(w.ctx, d.ID))
		w.pass(time.Hour)
	}
}

// Invariant 1.
func (w *world) everyRecordHasOneTicket() {
	letters, err := w.daemons[0].engine.Dead(w.ctx)
	w.must(err)
	byKey := map[string][]string{}
	for _, row := range w.tickets.Tickets() {
		byKey[row["correlation_id"]] = append(byKey[row["correlation_id"]], row["number"])
	}
	for _, r := range w.records {
		for _, l := range w.linksOf(r) {
			if len(byKey[l.Key]) > 1 {
				w.fail("invariant 1: %s has the tickets %v", r, byKey[l.Key])
			}
			delete(byKey, l.Key)
		}
		l, ok := w.link(r)
		if !r.private && !r.deleted && (ok || w.opens(r)) && (l.Phase != links.Active || l.Intent != nil) {
			w.fail("%s is not in step: its link is %+v", r, l.Link)
			for _, d := range letters {
				w.fail("  dead letter: %+v", d)
			}
		}
	}
	for key, numbers := range byKey {
		w.fail("invariant 1: the tickets %v carry the key %q of no record's link", numbers, key)
	}
	for _, d := range letters {
		if d.Reason == deadletter.ReasonDuplicate || d.Reason == deadletter.ReasonGaveUp {
			w.fail("invariant 1: dead letter %+v", d)
		}
	}
}

// opens reports whether a record that has no ticket gets one now.
func (w *world) opens(r *record) bool {
	from, _ := w.states(r)
	return w.classes[from] == "open"
}

// journal is all that is in the journal.
func (w *world) journal() string {
	entries, err := w.daemons[0].engine.Decisions(w.ctx, connectors.Ref{}, 0)
	w.must(err)
	var b strings.Builder
	for _, entry := range entries {
		b.Write(entry)
		b.WriteByte('\n')
	}
	return b.String()
}

// bodies are the bodies of the writes to a record's side.
func (w *world) bodies(r *record, s side) string {
	var b strings.Builder
	for _, sent := range writes(w.endpointOf(s)) {
		if w.concerns(r, s, idIn(sent.Path), sent.Body) {
			b.WriteString(sent.Body)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// concerns reports whether a write to the record with the id, or of a new one
// with the body, is one to the record's side.
func (w *world) concerns(r *record, s side, id, body string) bool {
	if s == source {
		return id == r.id
	}
	return slices.ContainsFunc(w.linksOf(r), func(l document) bool {
		return l.Target != nil && id == l.Target.ID || id == "" && strings.Contains(body, l.Key)
	})
}

// commits are the writes to where an edit was made, each with the version that
// its daemon had read before.
func (w *world) commits(r *record, e *edit) []request {
	s, id := e.side, r.id
	if s == target {
		id = e.ticket
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []request
	for _, began := range w.requests {
		if began.record != id || id == "" {
			continue
		}
		for _, done := range writes(w.endpointOf(s)) {
			if done.Method == began.method && done.Path == began.path && done.Body == began.body && !done.At.Before(began.began.Truncate(time.Second)) {
				made := began
				made.committed = done.At
				all = append(all, made)
				break
			}
		}
	}
	return all
}

// Invariants 4 and 5: an edit stands where it was typed, or reached the other
// side, or a person typed over it, or it is in the journal. Left out are edits
// that were made while a request to that side was under way, of which nothing
// may be known, and those of before a record turned private and back.
func (w *world) noEditIsLost() {
	w.journaled = w.journal()
	for _, r := range w.records {
		for i, e := range r.edits {
			if e.token == "" || r.private || len(r.turns) > 0 && !e.at.After(r.turns[len(r.turns)-1]) {
				continue
			}
			if strings.Contains(w.value(r, e.side, e.field), e.token) || w.keeps(e) || strings.Contains(w.journaled, e.token) || strings.Contains(w.bodies(r, other(e.side)), e.token) {
				continue
			}
			typedOver := false
			for _, later := range r.edits[i+1:] {
				typedOver = typedOver || later.side == e.side && later.field == e.field
			}
			if !typedOver && !w.underWay(r, e) {
				w.fail("invariant 5: %s: %s of the %s, %q typed at %s, is lost; it holds %q", r, e.field, e.side, e.token, e.at.UTC().Format("15:04:05.000"), w.value(r, e.side, e.field))
			}
		}
	}
}

func other(s side) side {
	if s == source {
		return target
	}
	return source
}

// keeps reports whether the ticket that an edit was typed into still has it; it
// may not be the record's newest.
func (w *world) keeps(e *edit) bool {
	return e.ticket != "" && strings.Contains(w.tickets.Ticket("incident", e.ticket)[columns()[e.field]], e.token)
}

// underWay reports whether an edit came between a daemon's read and its write.
func (w *world) underWay(r *record, e *edit) bool {
	for _, c := range w.commits(r, e) {
		if (c.read == "" || newer(e.version, c.read)) && !c.committed.Before(e.at.Truncate(time.Second)) {
			return true
		}
	}
	return false
}

// Invariant 6.
func (w *world) noStateWithinItsClass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, sent := range w.requests {
		var fields struct {
			State    any    `json:"state"`
			Status   string `json:"status"`
			Incident struct {
				Status string `json:"incident_status_id"`
			} `json:"incident"`
		}
		if sent.record == "" || json.Unmarshal([]byte(sent.body), &fields) != nil || sent.current != sent.read {
			continue
		}
		written := fields.Incident.Status
		switch {
		case fields.State != nil:
			written = fmt.Sprint(fields.State)
		case fields.Status != sent.state: // else it is carried along
			written += fields.Status
		}
		if written != "" && w.classes[written] == w.classes[sent.state] {
			w.failures = append(w.failures, fmt.Sprintf("invariant 6: %s %s: state %s was written over %s", sent.method, sent.path, written, sent.state))
		}
	}
}
