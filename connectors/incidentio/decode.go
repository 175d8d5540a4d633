package incidentio

import (
	"errors"
	"fmt"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// decode reads a record as the API gives it, bare or in its envelope, or a
// webhook's body.
func decode(c connectors.Collection, schema *connectors.Schema, body []byte) (connectors.Record, error) {
	object, err := values.ParseObject(body)
	if err != nil {
		return connectors.Record{}, err
	}
	e, isEvent, err := eventOf(object)
	if err != nil {
		return connectors.Record{}, err
	}
	if isEvent {
		return decodeEvent(c, schema, e)
	}
	object, found, err := unwrap(object)
	if err != nil {
		return connectors.Record{}, err
	}
	return decodeObject(c, schema, object, found)
}

func decodeEvent(c connectors.Collection, schema *connectors.Schema, e event) (connectors.Record, error) {
	s, err := e.subject()
	if err != nil {
		return connectors.Record{}, err
	}
	switch {
	case s.record == "" || s.object == nil && !e.private:
		return connectors.Record{}, fmt.Errorf("a webhook %s holds no %s", e.kind, noun(c.Record))
	case s.record != c.Record:
		return connectors.Record{}, mismatch(c.Record, s.record)
	case e.private:
		return connectors.Record{Ref: c.Ref(s.id), Private: true}, nil
	}
	return decodeObject(c, schema, s.object, s.record)
}

func decodeObject(c connectors.Collection, schema *connectors.Schema, object map[string]any, found string) (connectors.Record, error) {
	if found != "" && found != c.Record {
		return connectors.Record{}, mismatch(c.Record, found)
	}
	record, err := recordOf(c, schema, object)
	if err != nil {
		return connectors.Record{}, fmt.Errorf("not %s: %w", indefinite(c.Record), err)
	}
	return record, nil
}

// unwrap takes a record out of its envelope and says of what type it is; empty:
// nothing tells.
func unwrap(object map[string]any) (map[string]any, string, error) {
	for _, list := range []string{"incidents", "follow_ups"} {
		if _, ok := object[list].([]any); ok {
			return nil, "", fmt.Errorf("this is a list, %q; give one of its records", list)
		}
	}
	if _, bare := object["id"]; bare {
		return object, typeOf(object), nil
	}
	for _, record := range []string{incidentRecord, followUpRecord} {
		if inner, ok := object[record].(map[string]any); ok {
			return inner, record, nil
		}
	}
	if len(object) == 0 {
		return nil, "", errors.New("the object is empty")
	}
	return object, typeOf(object), nil
}

// objectOf returns the object of the record that decode reads.
func objectOf(body []byte) map[string]any {
	object, err := values.ParseObject(body)
	if err != nil {
		return nil
	}
	if e, isEvent, err := eventOf(object); isEvent {
		if err != nil {
			return nil
		}
		s, _ := e.subject()
		return s.object
	}
	inner, _, _ := unwrap(object)
	return inner
}

// typeOf tells a bare record's type by what only one of them has. Records
// written by hand may have none of it.
func typeOf(object map[string]any) string {
	has := func(names ...string) bool {
		for _, name := range names {
			if _, ok := object[name]; ok {
				return true
			}
		}
		return false
	}
	switch {
	case has("incident_id", "title", "assignee", "assignee_team", "completed_at"):
		return followUpRecord
	case has("reference", "incident_status", "visibility", "incident_type", "severity", "custom_field_entries", "mode"):
		return incidentRecord
	}
	return ""
}

func mismatch(want, found string) error {
	return fmt.Errorf("this is %s, not %s", indefinite(found), indefinite(want))
}

func noun(record string) string {
	if record == followUpRecord {
		return "follow-up"
	}
	return record
}

func indefinite(record string) string { return article(noun(record)) }
