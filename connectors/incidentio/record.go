package incidentio

import (
	"errors"
	"maps"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// recordOf makes a record of an API object. Of a follow-up it cannot tell
// whether its incident is private; who reads it asks for that.
func recordOf(c connectors.Collection, schema *connectors.Schema, object map[string]any) (connectors.Record, error) {
	id, _ := object["id"].(string)
	if id == "" {
		return connectors.Record{}, errors.New("it has no id")
	}
	fields, err := fieldsOf(schema, object)
	if err != nil {
		return connectors.Record{}, err
	}
	record := connectors.Record{Ref: c.Ref(id), Fields: fields}
	// The version is compared for equality: as the vendor wrote it, to the
	// microsecond.
	record.Version, _ = object["updated_at"].(string)
	record.UpdatedAt, _ = fields["updated_at"].(time.Time)
	if c.Record == incidentRecord {
		flatten(fields)
	}
	record.Key = keyOf(c.Record, fields)
	switch c.Record {
	case incidentRecord:
		record.Number = values.TextAt(fields, "reference")
		record.URL = values.TextAt(fields, "permalink")
		record.Private = isPrivate(values.TextAt(fields, "visibility"))
	case followUpRecord:
		if parent := values.TextAt(fields, "incident_id"); parent != "" {
			record.Parent = sibling(c, incidentRecord).Ref(parent)
		}
	}
	return record, nil
}

// isPrivate takes a visibility that is not known for private. A record that
// says nothing was written by hand, in a rule test.
func isPrivate(visibility string) bool { return visibility != "" && visibility != "public" }

// sibling is another record type of the same connector.
func sibling(c connectors.Collection, record string) connectors.Collection {
	c.Record = record
	return c
}

// flatten adds the maps by name of the lists that the API nests. What a record
// written by hand already has in such a map stays, unless the list has it too.
func flatten(fields map[string]any) {
	add := func(name string, from map[string]any) {
		if len(from) == 0 {
			return
		}
		into := values.ObjectAt(fields, name)
		if into == nil {
			into = make(map[string]any, len(from))
			fields[name] = into
		}
		maps.Copy(into, from)
	}
	add("custom_fields", customFields(values.ListAt(fields, "custom_field_entries")))
	add("roles", roles(values.ListAt(fields, "incident_role_assignments")))
	add("timestamps", timestamps(values.ListAt(fields, "incident_timestamp_values")))
}

// customFields are the fields that have a value, by name.
func customFields(entries []any) map[string]any {
	byName := map[string]any{}
	for _, entry := range entries {
		entry, _ := entry.(map[string]any)
		field := values.ObjectAt(entry, "custom_field")
		name := values.TextAt(field, "name")
		if name == "" {
			continue
		}
		if value := customValue(values.TextAt(field, "field_type"), values.ListAt(entry, "values")); value != nil {
			byName[name] = value
		}
	}
	return byName
}

// customValue is what people see in a custom field; nil: it is not set. A type
// of field that is not known yet is read as what it holds.
func customValue(fieldType string, values []any) any {
	var all []any
	for _, value := range values {
		value, _ := value.(map[string]any)
		if v := oneCustomValue(fieldType, value); v != nil {
			all = append(all, v)
		}
	}
	switch {
	case len(all) == 0:
		return nil
	case fieldType == "multi_select":
		return all
	case fieldType == "single_select", fieldType == "text", fieldType == "link", fieldType == "numeric", len(all) == 1:
		return all[0]
	}
	return all
}

func oneCustomValue(fieldType string, value map[string]any) any {
	option := values.TextAt(value, "value_option", "value")
	if option == "" {
		option = values.TextAt(value, "value_catalog_entry", "name")
	}
	text, link, numeric := values.TextAt(value, "value_text"), values.TextAt(value, "value_link"), number(values.TextAt(value, "value_numeric"))
	switch fieldType {
	case "single_select", "multi_select":
		return values.OrNil(option)
	case "text":
		return values.OrNil(text)
	case "link":
		return values.OrNil(link)
	case "numeric":
		return numeric
	}
	for _, candidate := range []any{values.OrNil(option), values.OrNil(text), values.OrNil(link), numeric} {
		if candidate != nil {
			return candidate
		}
	}
	return nil
}

// number reads a numeric value, which the API writes as text.
func number(text string) any {
	if f, ok := values.ParseNumber(text); ok {
		return f
	}
	return nil
}

// roles are the roles that somebody has, by name.
func roles(assignments []any) map[string]any {
	byName := map[string]any{}
	for _, assignment := range assignments {
		assignment, _ := assignment.(map[string]any)
		name, assignee := values.TextAt(assignment, "role", "name"), values.ObjectAt(assignment, "assignee")
		if name == "" || values.TextAt(assignee, "id") == "" {
			continue
		}
		person := map[string]any{}
		for _, member := range []string{"id", "name", "email"} {
			if text := values.TextAt(assignee, member); text != "" {
				person[member] = text
			}
		}
		byName[name] = person
	}
	return byName
}

// timestamps are the timestamps that are set, by name.
func timestamps(list []any) map[string]any {
	byName := map[string]any{}
	for _, value := range list {
		value, _ := value.(map[string]any)
		name := values.TextAt(value, "incident_timestamp", "name")
		if at, ok := values.ObjectAt(value, "value")["value"].(time.Time); ok && name != "" {
			byName[name] = at
		}
	}
	return byName
}
