package jira

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Resolve turns rendered values into what an issue will show: accounts looked
// up, text in the form in which it comes back from Jira. A custom field is
// named by its id, by a path, "custom_fields/Team", or stands in the map
// custom_fields, which fails as a whole. "" clears a field.
func (c *Connector) Resolve(ctx context.Context, record string, fields map[string]any) (map[string]any, map[string]*connectors.Error, error) {
	collection := connectors.Collection{Type: Type, Connector: c.name, Record: record}.String()
	if record != issueRecord {
		return nil, nil, rejected("resolve", collection, "", "unknown", "Jira has no record type "+record)
	}
	resolved := make(map[string]any, len(fields))
	failed := map[string]*connectors.Error{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value, failure, err := c.resolve(ctx, collection, name, fields[name])
		switch {
		case err != nil:
			return nil, nil, err
		case failure != nil:
			failed[name] = failure
		default:
			resolved[name] = value
		}
	}
	return resolved, failed, nil
}

func (c *Connector) resolve(ctx context.Context, record, name string, value any) (any, *connectors.Error, error) {
	if name == customFieldsField {
		entries, ok := value.(map[string]any)
		if !ok {
			return nil, rejected("resolve", record, name, "type", "it takes a map of custom fields by name"), nil
		}
		all := map[string]any{}
		for _, entry := range slices.Sorted(maps.Keys(entries)) {
			v, failure, err := c.resolve(ctx, record, name+"/"+entry, entries[entry])
			if failure != nil || err != nil {
				return nil, failure, err
			}
			if v != nil {
				all[entry] = v
			}
		}
		return all, nil, nil
	}
	if value == nil {
		return nil, nil, nil
	}
	if name == c.schema.State.Field {
		text, ok := value.(string)
		if text = strings.TrimSpace(text); !ok || text == "" {
			return nil, rejected("resolve", record, name, "type", "it takes the name of a status"), nil
		}
		return text, nil, nil
	}
	t, failure, err := c.typed(ctx, record, name)
	if failure != nil || err != nil {
		return nil, failure, err
	}
	value, failure, err = c.resolveLookups(ctx, record, name, t, value)
	if failure != nil || err != nil || value == nil {
		return nil, failure, err
	}
	converted, err := convert(t, c.schema.Fields[name].MaxLength, value)
	if err != nil {
		return nil, rejected("resolve", record, name, "type", err.Error()), nil
	}
	return converted, nil, nil
}

// typed is the type of a field that can be written.
func (c *Connector) typed(ctx context.Context, record, name string) (fieldType, *connectors.Error, error) {
	if t, ok := types()[name]; ok {
		return t, nil, nil
	}
	entry := strings.TrimPrefix(name, customFieldsField+"/")
	if entry == name && !strings.HasPrefix(name, customPrefix) {
		if _, listed := c.schema.Fields[name]; listed {
			return fieldType{}, rejected("resolve", record, name, "read_only", "it cannot be written"), nil
		}
		return fieldType{}, rejected("resolve", record, name, "unknown", "an issue has no such field"), nil
	}
	field, reason, err := c.customField(ctx, entry)
	if err != nil {
		return fieldType{}, nil, err
	}
	if reason != "" {
		return fieldType{}, rejected("resolve", record, name, "unknown", reason), nil
	}
	return field.Schema, nil, nil
}

// resolveLookups follows the look-ups in a value; those in a list that come to
// nothing are left out.
func (c *Connector) resolveLookups(ctx context.Context, record, name string, t fieldType, value any) (any, *connectors.Error, error) {
	one := func(l connectors.Lookup) (any, *connectors.Error, error) {
		if t.Type != "user" && t.Items != "user" {
			return nil, rejected("resolve", record, name, "type", "it is no account, so ref() does not fit it"), nil
		}
		return c.lookup(ctx, record, name, l)
	}
	switch x := value.(type) {
	case connectors.Lookup:
		id, failure, err := one(x)
		if id != nil && t.Type == "array" {
			id = []any{id}
		}
		return id, failure, err
	case *connectors.Lookup:
		if x == nil {
			return nil, nil, nil
		}
		return c.resolveLookups(ctx, record, name, t, *x)
	case []any:
		all := make([]any, 0, len(x))
		for _, element := range x {
			l, isLookup := element.(connectors.Lookup)
			if p, ok := element.(*connectors.Lookup); ok && p != nil {
				l, isLookup = *p, true
			}
			if isLookup {
				id, failure, err := one(l)
				if failure != nil || err != nil {
					return nil, failure, err
				}
				element = id
			}
			if element != nil {
				all = append(all, element)
			}
		}
		return all, nil, nil
	}
	return value, nil, nil
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
