package incidentio

import (
	"context"
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

const opHistory = "history"

// A logEntry is an entry of the activity log. Content has one member, named
// after the type, with members that the vendor's clients list.
type logEntry struct {
	IncidentID string                     `json:"incident_id"`
	Type       string                     `json:"type"`
	OccurredAt time.Time                  `json:"occurred_at"`
	Content    map[string]json.RawMessage `json:"content"`
}

// History lists who changed which field of an incident: name, summary, status,
// severity, type, visibility, custom fields, roles and timestamps. The log tells
// that the call's address was changed, and neither by whom nor to what: that is
// left out, as is what the log may tell of in future.
//
// Of a custom field with more than a hundred values the log shows a hundred, so
// that it does not tell the value. Follow-ups have no history.
func (c *Connector) History(ctx context.Context, record connectors.Record, since time.Time) ([]connectors.FieldChange, error) {
	ref := record.Ref
	switch {
	case ref.Record == followUpRecord:
		return nil, nil
	case ref.Record != incidentRecord:
		return nil, noRecordType(opHistory, ref.String())
	}
	if err := addressable(ref, opHistory); err != nil {
		return nil, err
	}
	list := listing{
		op: opHistory, record: ref.String(), paged: true, query: url.Values{"incident_id": {ref.ID}},
		path: "/v2/incident_activity_log_entries", member: "incident_activity_log_entries",
	}
	var all []connectors.FieldChange
	for element, err := range c.list(ctx, list) {
		if err != nil {
			return nil, err
		}
		var entry logEntry
		if json.Unmarshal(element, &entry) != nil || entry.OccurredAt.IsZero() {
			return nil, c.unlisted(list, "an entry cannot be read")
		}
		// The log of an incident holds those of its streams.
		if entry.IncidentID != ref.ID {
			continue
		}
		content, err := values.ParseObject(entry.Content[entry.Type])
		if err != nil {
			continue // it tells of nothing
		}
		changes := c.changesIn(entry.Type, content)
		if len(changes) == 0 {
			continue
		}
		var by struct {
			Updater actor `json:"updater"`
		}
		if json.Unmarshal(entry.Content[entry.Type], &by) != nil {
			return nil, c.unlisted(list, "an entry's updater cannot be read")
		}
		ours, err := c.isOurs(ctx, by.Updater)
		if err != nil {
			return nil, err
		}
		for _, change := range changes {
			change.At, change.By, change.Ours = entry.OccurredAt.UTC(), by.Updater.name(), ours
			all = append(all, change)
		}
	}
	slices.SortStableFunc(all, func(a, b connectors.FieldChange) int { return a.At.Compare(b.At) })
	all = toldOnce(all)
	return slices.DeleteFunc(all, func(change connectors.FieldChange) bool { return change.At.Before(since) }), nil
}

// toldOnce drops what is told again: a status that changes with an update may
// be told of as a change and as an update. A field that became what it was does
// not become that once more.
func toldOnce(all []connectors.FieldChange) []connectors.FieldChange {
	last := map[string]connectors.FieldChange{}
	return slices.DeleteFunc(all, func(change connectors.FieldChange) bool {
		before, ok := last[change.Field]
		again := ok && reflect.DeepEqual(before.New, change.New) && (change.Old == nil || reflect.DeepEqual(before.Old, change.Old))
		last[change.Field] = change
		return again && change.New != nil
	})
}

// changesIn are the changes that one entry tells of, with values as a record
// has them. What is not as described tells of none.
func (c *Connector) changesIn(what string, content map[string]any) []connectors.FieldChange {
	switch what {
	case "incident_rename":
		return c.fieldChange("name", content["previous_name"], content["new_name"])
	case "summary_update":
		return c.fieldChange("summary", content["previous_summary"], content["new_summary"])
	case "incident_type_changed":
		return c.fieldChange("incident_type", content["previous_incident_type"], content["new_incident_type"])
	case "incident_visibility_changed":
		return c.fieldChange("visibility", content["previous_visibility"], content["new_visibility"])
	case "status_change":
		return statusChange(content)
	case "incident_update":
		return append(statusChange(content), c.fieldChange("severity", content["previous_severity"], content["new_severity"])...)
	case "custom_field_value_update":
		return customFieldChange(content)
	case "role_update":
		return roleChange(content)
	case "incident_timestamp_set":
		return timestampChange(content)
	}
	return nil
}

// changeOfField is a change, if it is one.
func changeOfField(field string, before, after any) []connectors.FieldChange {
	if reflect.DeepEqual(before, after) {
		return nil
	}
	return []connectors.FieldChange{{Field: field, Old: before, New: after}}
}

// fieldChange is the change of a field that stands in the log as it does in an
// incident.
func (c *Connector) fieldChange(field string, before, after any) []connectors.FieldChange {
	t := c.schemas[incidentRecord].Fields[field].Type
	return changeOfField(field, converted(t, before), converted(t, after))
}

// converted is a value as a record holds it; nil where it cannot be read.
func converted(t connectors.Type, raw any) any {
	value, err := convert(t, raw, "", 0)
	if err != nil {
		return nil
	}
	return value
}

func statusChange(content map[string]any) []connectors.FieldChange {
	name := func(which string) any { return values.OrNil(values.TextAt(content, which+"_status", "name")) }
	if name("new") == nil {
		return nil
	}
	return changeOfField(statePath, name("previous"), name("new"))
}

// customFieldChange is the change of a custom field. A list that was cut short
// is not its value.
func customFieldChange(content map[string]any) []connectors.FieldChange {
	field := values.ObjectAt(content, "custom_field")
	name := values.TextAt(field, "name")
	if name == "" {
		return nil
	}
	change := connectors.FieldChange{Field: customFieldsField + "/" + name}
	for which, into := range map[string]*any{"previous": &change.Old, "new": &change.New} {
		list := values.ListAt(content, which+"_values")
		if count, ok := content[which+"_values_count"].(json.Number); ok {
			if n, ok := values.Integer(count); ok && n > int64(len(list)) {
				continue
			}
		}
		*into = customValue(values.TextAt(field, "field_type"), list)
	}
	return []connectors.FieldChange{change}
}

func roleChange(content map[string]any) []connectors.FieldChange {
	role := values.ObjectAt(content, "role")
	name := values.TextAt(role, "name")
	if name == "" {
		return nil
	}
	assignee := func(which string) any {
		return roles([]any{map[string]any{"role": role, "assignee": values.ObjectAt(content, which+"_assignee")}})[name]
	}
	return changeOfField(rolesField+"/"+name, assignee("previous"), assignee("new"))
}

func timestampChange(content map[string]any) []connectors.FieldChange {
	name := values.TextAt(content, "incident_timestamp", "name")
	if name == "" {
		return nil
	}
	value := func(which string) any { return converted(kind(connectors.Time), content[which+"_value"]) }
	return changeOfField(timestampsField+"/"+name, value("previous"), value("new"))
}
