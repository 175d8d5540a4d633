package incidentio

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/cache"
	"github.com/lockstep-sync/lockstep/connectors/nearest"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
)

// Codes of values that are refused before they are sent.
const (
	codeUnknown  = "unknown_field"
	codeReadOnly = "read_only"
	codeType     = "type"
	codeEmpty    = "empty"
	codeNotFound = "not_found"
	codeScope    = "scope"
)

// Resolve turns rendered values into what a record will hold: names as the
// account spells them, people's ids, times, numbers. A field is named as the
// schema names it; the state by the path "incident_status.name" (a status, or
// category:NAME) or as a follow-up's "status"; one entry of custom_fields,
// roles or timestamps by a path, "custom_fields/ServiceNow ticket". A map holds
// several entries; those that it does not hold are left alone, and it fails as
// a whole. "" and an empty list clear what can be cleared.
func (c *Connector) Resolve(ctx context.Context, record string, fields map[string]any) (map[string]any, map[string]*connectors.Error, error) {
	return resolve.Fields(c.collection(record).String(), fields, func(name string, v any) (any, error) { return c.resolve(ctx, record, name, v) })
}

func (c *Connector) resolve(ctx context.Context, record, name string, value any) (any, error) {
	when := anyTime // a record is about to be created, or it is not known whether one is
	if !connectors.ResolvedFor(ctx).Ref.IsZero() {
		when = later
	}
	if refused := writable(c.schemas, record, name, when); refused != nil {
		return nil, refused
	}
	if value == nil {
		return nil, nil
	}
	base, entry, isEntry := strings.Cut(name, "/")
	switch {
	case isEntry:
		return c.resolveEntry(ctx, record, base, entry, value)
	case record == incidentRecord && slices.Contains([]string{customFieldsField, rolesField, timestampsField}, name):
		return c.resolveEntries(ctx, record, name, value)
	}
	value, err := c.converted(ctx, record, name, value)
	if err != nil || value == nil {
		return nil, err
	}
	if name == statePath {
		return c.resolveStatus(ctx, value)
	}
	if d, named := directoryOf(record, name); named && value != "" {
		return c.resolveName(ctx, d, value)
	}
	return value, nil
}

// converted is a value with its look-ups followed, converted.
func (c *Connector) converted(ctx context.Context, record, name string, value any) (any, error) {
	if name == "assignee" || strings.HasPrefix(name, rolesField+"/") {
		var err error
		if value, err = c.person(ctx, value); err != nil {
			return nil, err
		}
	}
	return convertField(c.schemas, record, name, value)
}

// directoryOf is where the names that a field takes are listed; false: it takes none.
func directoryOf(record, name string) (directory, bool) {
	switch name {
	case "severity", "incident_type", "assignee_team":
		return directories()[record+"/"+name], true
	case "priority":
		return priorities(), true
	}
	return directory{}, false
}

// An occasion is when a field is written.
type occasion int

const (
	anyTime    occasion = iota // one of the two
	atCreation                 // a record is created
	later                      // it exists
)

// writable refuses a field that cannot be written on an occasion.
func writable(schemas connectors.Schemas, record, name string, when occasion) error {
	schema, ok := schemas[record]
	if !ok {
		return resolve.Refuse(codeUnknown, "incident.io has no record type %q", record)
	}
	if schema.State.Field == name {
		return nil
	}
	base, entry, isEntry := strings.Cut(name, "/")
	field, ok := schema.Fields[base]
	isMap := ok && field.Type.Kind == connectors.Map
	switch {
	case !ok:
		return resolve.Refuse(codeUnknown, "%s has no field %q%s", indefinite(record), name, nearest.Instead(name, written(schema)))
	case isEntry && (!isMap || entry == ""):
		return resolve.Refuse(codeUnknown, "%q names no entry of a map; those are custom_fields, roles and timestamps", name)
	case name == customFieldsField+"/"+keyField:
		return resolve.Refuse(codeReadOnly, "lockstep keeps its own key of an incident there")
	case field.Write == connectors.ReadOnly:
		return resolve.Refuse(codeReadOnly, "it cannot be written")
	case field.Write == connectors.AtCreation && when == later:
		return resolve.Refuse(codeReadOnly, "it can be set at creation only")
	case field.Write == connectors.AfterCreation && when == atCreation:
		return resolve.Refuse(codeReadOnly, "it cannot be set at creation")
	}
	return nil
}

// written are the fields of a schema that can be written.
func written(schema *connectors.Schema) []string {
	names := []string{schema.State.Field}
	for name, field := range schema.Fields {
		if field.Write != connectors.ReadOnly {
			names = append(names, name)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// resolveName takes a name in the directory, or an id.
func (c *Connector) resolveName(ctx context.Context, d directory, value any) (any, error) {
	text, _ := value.(string)
	found, err := c.find(ctx, d, text, cache.ListLife)
	if err != nil {
		return nil, err
	}
	return found.Name, nil
}

// resolveStatus takes a status, or category:NAME, which is the status of that
// category with the lowest rank. Both come from a state table, so that they may
// be quoted.
func (c *Connector) resolveStatus(ctx context.Context, value any) (any, error) {
	d := directories()["incident/incident_status"]
	text, _ := value.(string)
	category, isCategory := strings.CutPrefix(text, categoryPrefix)
	if !isCategory {
		return c.resolveName(ctx, d, text)
	}
	for _, age := range []time.Duration{cache.ListLife, cache.MissLife} {
		statuses, err := c.listOf(ctx, "resolve", d, age)
		if err != nil {
			return nil, d.unlisted(err)
		}
		if statuses.Refused != nil {
			return nil, d.forbidden()
		}
		if lowest, ok := lowestOf(statuses.All, category); ok {
			return lowest.Name, nil
		}
	}
	return nil, resolve.Refuse(codeNotFound, "this account has no status in the category %q", category)
}

func lowestOf(statuses []named, category string) (named, bool) {
	var lowest named
	for _, s := range statuses {
		if s.Category == category && (lowest.ID == "" || s.Rank < lowest.Rank) {
			lowest = s
		}
	}
	return lowest, lowest.ID != ""
}

// resolveEntries takes a map; an entry that is null is left alone.
func (c *Connector) resolveEntries(ctx context.Context, record, field string, value any) (any, error) {
	value, err := convertField(c.schemas, record, field, value)
	if err != nil {
		return nil, err
	}
	entries, _ := value.(map[string]any)
	resolved := map[string]any{}
	var said []string
	code := ""
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if entries[name] == nil {
			continue
		}
		entry, err := c.resolveEntry(ctx, record, field, name, entries[name])
		switch refused := resolve.RefusalIn(err); {
		case refused != nil:
			code = refused.Code
			said = append(said, fmt.Sprintf("%q: %s", name, refused.Message))
		case err != nil:
			return nil, err
		case entry != nil:
			resolved[name] = entry
		}
	}
	switch {
	case len(said) > 0:
		return nil, resolve.Refuse(code, strings.Join(said, "; "))
	case len(resolved) == 0:
		return nil, nil
	}
	return resolved, nil
}

// resolveEntry takes one entry of a map. Its name comes from the configuration,
// so that it may be quoted.
func (c *Connector) resolveEntry(ctx context.Context, record, field, name string, value any) (any, error) {
	d := directories()["incident/"+field]
	entry, err := c.find(ctx, d, name, cache.ListLife)
	switch {
	case err != nil:
		return nil, err
	case entry.Name != name:
		// Found by its id: the record would hold it under another name.
		return nil, resolve.Refuse(codeNotFound, "write its name, %q", entry.Name)
	}
	if field == rolesField && entry.RoleType == "reporter" && !connectors.ResolvedFor(ctx).Ref.IsZero() {
		return nil, resolve.Refuse(codeReadOnly, "the reporter can be set at creation only")
	}
	value, err = c.converted(ctx, record, field+"/"+name, value)
	if err != nil || value == nil || field != customFieldsField {
		return value, err
	}
	return c.resolveCustom(ctx, entry, value)
}

// resolveCustom takes a custom field's value as it is read; "" clears it.
func (c *Connector) resolveCustom(ctx context.Context, field named, value any) (any, error) {
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	resolved := []any{}
	for _, element := range list {
		text, _ := element.(string)
		if text == "" {
			continue
		}
		one, err := c.resolveCustomValue(ctx, field, text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(resolved, one) {
			resolved = append(resolved, one)
		}
	}
	switch {
	case len(resolved) == 0:
		return "", nil
	case field.FieldType == multiSelect:
		return resolved, nil
	case len(resolved) > 1:
		return nil, resolve.Refuse(codeType, "it takes one value")
	}
	return resolved[0], nil
}

// The types of custom fields.
const (
	singleSelect = "single_select"
	multiSelect  = "multi_select"
)

func (c *Connector) resolveCustomValue(ctx context.Context, field named, text string) (any, error) {
	switch field.FieldType {
	case "text", "link":
		return text, nil
	case "numeric":
		if n := number(text); n != nil {
			return n, nil
		}
		return nil, resolve.Refuse(codeType, "it takes a number")
	case singleSelect, multiSelect:
		option, err := c.find(ctx, optionsOf(field), text, cache.ListLife)
		if err != nil {
			return nil, err
		}
		return option.Name, nil
	}
	return nil, resolve.Refuse(codeType, "custom fields of the type %q cannot be written", field.FieldType)
}
