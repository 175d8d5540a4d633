package jira

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// Resolve turns rendered values into what an issue will show: accounts looked
// up, text in the form in which it comes back from Jira. A custom field is
// named by its id, by a path, "custom_fields/Team", or stands in the map
// custom_fields, which fails as a whole. "" clears a field.
func (c *Connector) Resolve(ctx context.Context, record string, fields map[string]any) (map[string]any, map[string]*connectors.Error, error) {
	collection := connectors.Collection{Type: Type, Connector: c.name, Record: record}.String()
	if record != issueRecord {
		return nil, nil, connectors.Rejected("resolve", collection, "", "unknown", "Jira has no record type "+record)
	}
	project := values.TextAt(fields, "project")
	if project == "" {
		project = values.TextAt(connectors.ResolvedFor(ctx).Fields, "project")
	}
	return resolve.Fields(collection, fields, func(name string, v any) (any, error) { return c.resolve(ctx, project, name, v) })
}

// resolve turns one value of an issue of a project, "" if that is not known.
func (c *Connector) resolve(ctx context.Context, project, name string, v any) (any, error) {
	if name == customFieldsField {
		entries, ok := v.(map[string]any)
		if !ok {
			return nil, resolve.Refuse(resolve.CodeType, "it takes a map of custom fields by name")
		}
		all := map[string]any{}
		for _, entry := range slices.Sorted(maps.Keys(entries)) {
			v, err := c.resolve(ctx, project, name+"/"+entry, entries[entry])
			if err != nil {
				return nil, err
			}
			if v != nil {
				all[entry] = v
			}
		}
		return all, nil
	}
	if v == nil {
		return nil, nil
	}
	if name == c.schema.State.Field {
		status, err := convertField(c.schema, name, v)
		return status, resolve.Mistyped(err)
	}
	t, err := c.typed(ctx, name)
	if err != nil {
		return nil, err
	}
	v, err = resolve.Lookups(v, t.Type == "array", func(l connectors.Lookup) (any, error) {
		if t.Type != "user" && t.Items != "user" {
			return nil, resolve.Refuse(resolve.CodeType, "it is not an account, so ref() does not fit it")
		}
		if name != "assignee" {
			project = "" // whoever has an account may be named there
		}
		return c.lookup(ctx, project, l)
	})
	if err != nil || v == nil {
		return nil, err
	}
	if _, known := systemFieldTypes()[name]; known {
		v, err = convertField(c.schema, name, v)
	} else {
		v, err = convert(t, 0, v)
	}
	return v, resolve.Mistyped(err)
}

// typed is the type of a field that can be written.
func (c *Connector) typed(ctx context.Context, name string) (fieldType, error) {
	if t, ok := systemFieldTypes()[name]; ok {
		return t, nil
	}
	entry := strings.TrimPrefix(name, customFieldsField+"/")
	if entry == name && !strings.HasPrefix(name, customPrefix) {
		if _, listed := c.schema.Fields[name]; listed {
			return fieldType{}, resolve.Refuse("read_only", "it cannot be written")
		}
		return fieldType{}, resolve.Refuse("unknown", "an issue has no such field")
	}
	field, reason, err := c.customField(ctx, entry)
	if reason != "" {
		err = resolve.Refuse("unknown", reason)
	}
	return field.Schema, err
}

// Same compares a resolved value with a record's.
func (c *Connector) Same(_, field string, want, have any) bool {
	if entries, ok := want.(map[string]any); ok && field == customFieldsField {
		of, _ := have.(map[string]any)
		for name, v := range entries {
			if !c.Same("", field+"/"+name, v, of[name]) {
				return false
			}
		}
		return true
	}
	if field == c.schema.State.Field {
		return same(fieldType{Type: "status"}, 0, want, have)
	}
	return same(c.typeOf(field), c.schema.Fields[field].MaxLength, want, have)
}
