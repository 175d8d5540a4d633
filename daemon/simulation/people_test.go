package simulation

import (
	"errors"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

// A record is what a route begins with.
type record struct {
	followUp bool
	id       string
	incident string // of a follow-up
	deleted  bool
	private  bool
	hidden   bool        // it, or its ticket, read as not found for a while
	turns    []time.Time // when it turned private, public, private …
	edits    []*edit
}

func (r *record) route() string {
	if r.followUp {
		return "follow_ups"
	}
	return "incidents"
}

func (r *record) ref() connectors.Ref {
	kind := "incident"
	if r.followUp {
		kind = "follow_up"
	}
	return connectors.Collection{Type: "incidentio", Connector: "acme", Record: kind}.Ref(r.id)
}

func (r *record) String() string { return r.route() + " " + r.id }

// Sides of a link.
type side string

const (
	source side = "source"
	target side = "target"
)

// An edit is one value that a person typed. Its token stands in it, and in no
// other.
type edit struct {
	at      time.Time
	side    side
	field   string // as both sides call it: title, details, cause, impact
	token   string // empty: the field was cleared
	value   string
	version string // of the record, after it
	ticket  string // where it was typed into the ticket
}

// linksOf are a record's links, one for each ticket that was opened for it when
// it came back, as they were stored last.
func (w *world) linksOf(r *record) []document {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []document
	for _, l := range w.links {
		if l.Route == r.route() && l.Source == r.ref() {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b document) int { return a.N - b.N })
	return all
}

// link is a record's newest link.
func (w *world) link(r *record) (document, bool) {
	all := w.linksOf(r)
	if len(all) == 0 {
		return document{}, false
	}
	return all[len(all)-1], true
}

// ticket is a record's ticket; empty if there is none.
func (w *world) ticket(r *record) string {
	l, ok := w.link(r)
	if !ok || l.Target == nil {
		return ""
	}
	return l.Target.ID
}

// columns are the fields of tickets.
func columns() map[string]string {
	return map[string]string{"title": "short_description", "details": "description", "cause": "u_cause", "impact": "business_impact"}
}

// value is what a field of a side holds now.
func (w *world) value(r *record, s side, field string) string {
	if s == target {
		return w.tickets.Ticket("incident", w.ticket(r))[columns()[field]]
	}
	if r.followUp {
		f, _ := w.followUp(r.id)
		return map[string]string{"title": f.Title, "details": f.Description}[field]
	}
	i, _ := w.incidents.Incident(r.id)
	switch field {
	case "title":
		return i.Name
	case "details":
		return i.Summary
	}
	return customField(i, map[string]string{"cause": causeField, "impact": impactField, "number": numberField}[field])
}

func customField(i incidentiotest.Incident, name string) string {
	for _, entry := range i.CustomFieldEntries {
		if entry.CustomField.Name == name && len(entry.Values) > 0 {
			return entry.Values[0].Text
		}
	}
	return ""
}

func (w *world) followUp(id string) (incidentiotest.FollowUp, bool) {
	for _, f := range w.incidents.FollowUps("") {
		if f.ID == id {
			return f, true
		}
	}
	return incidentiotest.FollowUp{}, false
}

// typeInto has a person type a value into a field of a side.
func (w *world) typeInto(r *record, s side, field, token, value string) error {
	var err error
	switch {
	case s == target:
		ticket := w.ticket(r)
		if ticket == "" {
			return errors.New("there is no ticket")
		}
		err = w.tickets.Edit("incident", ticket, "agent.smith", servicenowtest.Row{columns()[field]: value})
	case r.followUp:
		err = w.incidents.EditFollowUp(r.id, func(f *incidentiotest.FollowUp) {
			if field == "title" {
				f.Title = value
			} else {
				f.Description = value
			}
		})
	default:
		_, err = w.incidents.EditIncident(r.id, change(field, value))
	}
	if err != nil {
		return err
	}
	e := &edit{at: time.Now(), side: s, field: field, token: token, value: value}
	if s == target {
		e.ticket = w.ticket(r)
		e.version, _ = w.version("itsm", e.ticket)
	} else {
		e.version, _ = w.version("acme", r.id)
	}
	r.edits = append(r.edits, e)
	w.say("%s: %s of the %s := %q", r, field, s, value)
	return nil
}

func change(field, value string) incidentiotest.Change {
	switch field {
	case "title":
		return incidentiotest.SetName(value)
	case "details":
		return incidentiotest.SetSummary(value)
	}
	values := []string{value}
	if value == "" {
		values = nil
	}
	return incidentiotest.SetCustomField(map[string]string{"cause": causeField, "impact": impactField}[field], values...)
}
