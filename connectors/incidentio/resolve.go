package incidentio

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/connectors/values"
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
	if refused := c.writable(record, name); refused != nil {
		return nil, refused
	}
	if value == nil {
		return nil, nil
	}
	if base, entry, isEntry := strings.Cut(name, "/"); isEntry {
		return c.resolveEntry(ctx, base, entry, value)
	}
	if record == followUpRecord {
		return c.resolveOfFollowUp(ctx, name, value)
	}
	switch name {
	case "severity":
		return c.resolveName(ctx, directories()["incident/severity"], value, false)
	case statePath:
		return c.resolveStatus(ctx, value)
	case customFieldsField, rolesField, timestampsField:
		return c.resolveEntries(ctx, name, value)
	case "name":
		return c.resolveLine(record, name, value, true)
	case "call_url":
		return c.resolveLine(record, name, value, false)
	}
	return c.resolveText(record, name, value)
}

func (c *Connector) resolveOfFollowUp(ctx context.Context, name string, value any) (any, error) {
	switch name {
	case "status":
		status, _ := value.(string)
		if status = strings.TrimSpace(status); !slices.Contains(c.schemas[followUpRecord].State.Known, status) {
			return nil, resolve.Refuse(codeNotFound, "a follow-up's status is one of %s", strings.Join(c.schemas[followUpRecord].State.Known, ", "))
		}
		return status, nil
	case "title":
		return c.resolveLine(followUpRecord, name, value, true)
	case "assignee":
		return c.person(ctx, value)
	case "assignee_team":
		return c.resolveName(ctx, directories()["follow_up/assignee_team"], value, true)
	case "priority":
		return c.resolveName(ctx, priorities(), value, false)
	case "labels":
		return resolveList(value)
	}
	return c.resolveText(followUpRecord, name, value)
}

// writable refuses a field that cannot be written to a record that exists.
func (c *Connector) writable(record, name string) error {
	schema, ok := c.schemas[record]
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
		return resolve.Refuse(codeUnknown, "%s has no field %q%s", indefinite(record), name, suggestion(name, written(schema)))
	case isEntry && (!isMap || entry == ""):
		return resolve.Refuse(codeUnknown, "%q names no entry of a map; those are custom_fields, roles and timestamps", name)
	case field.Write == connectors.AtCreation:
		return resolve.Refuse(codeReadOnly, "it can be set at creation only")
	case field.Write != connectors.Always:
		return resolve.Refuse(codeReadOnly, "it cannot be written")
	}
	return nil
}

// written are the fields of a schema that can be written.
func written(schema *connectors.Schema) []string {
	names := []string{schema.State.Field}
	for name, field := range schema.Fields {
		if field.Write == connectors.Always {
			names = append(names, name)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// resolveText takes Markdown as it is: incident.io shows it.
func (c *Connector) resolveText(record, name string, value any) (any, error) {
	text, ok := connectors.TextOf(value)
	if !ok {
		return nil, resolve.Refuse(codeType, "it takes text")
	}
	return values.Cut(strings.TrimSpace(values.Lines(text)), c.schemas[record].Fields[name].MaxLength), nil
}

// resolveLine takes one line of text.
func (c *Connector) resolveLine(record, name string, value any, needed bool) (any, error) {
	text, ok := connectors.TextOf(value)
	if !ok {
		return nil, resolve.Refuse(codeType, "it takes one line of text")
	}
	if text = values.OneLine(text); text == "" && needed {
		return nil, resolve.Refuse(codeEmpty, "it cannot be empty")
	}
	return values.Cut(text, c.schemas[record].Fields[name].MaxLength), nil
}

// resolveName takes a name in the directory, or an id.
func (c *Connector) resolveName(ctx context.Context, d directory, value any, clears bool) (any, error) {
	text, ok := connectors.TextOf(value)
	text = strings.TrimSpace(text)
	switch {
	case !ok:
		return nil, resolve.Refuse(codeType, "it takes the name of a %s", d.noun)
	case text == "" && clears:
		return "", nil
	case text == "":
		return nil, resolve.Refuse(codeEmpty, "the API cannot take it away")
	}
	found, err := c.find(ctx, d, text, listLife)
	if err != nil {
		return nil, err
	}
	return found.Name, nil
}

// resolveStatus takes a status, or category:NAME, which is the status of that
// category with the lowest rank. Both come from a state table, so that they may
// be quoted.
func (c *Connector) resolveStatus(ctx context.Context, value any) (any, error) {
	text, ok := value.(string)
	if text = strings.TrimSpace(text); !ok || text == "" {
		return nil, resolve.Refuse(codeType, "it takes a status, or category:NAME")
	}
	d := directories()["incident/incident_status"]
	category, isCategory := strings.CutPrefix(text, categoryPrefix)
	if !isCategory {
		return c.resolveName(ctx, d, text, false)
	}
	for _, age := range []time.Duration{listLife, missLife} {
		statuses, err := c.reading(ctx, "resolve", d, age)
		if err != nil {
			return nil, d.unlisted(err)
		}
		if statuses.forbidden {
			return nil, d.forbidden()
		}
		if lowest, ok := lowestOf(statuses, category); ok {
			return lowest.Name, nil
		}
	}
	known := categories()
	if slices.Contains(known, category) {
		return nil, resolve.Refuse(codeNotFound, "this account has no status in the category %q", category)
	}
	return nil, resolve.Refuse(codeNotFound, "incident.io has no status category %q%s", category, suggestion(category, known))
}

func lowestOf(statuses *reading, category string) (named, bool) {
	var lowest named
	for _, s := range statuses.all {
		if s.Category == category && (lowest.ID == "" || s.Rank < lowest.Rank) {
			lowest = s
		}
	}
	return lowest, lowest.ID != ""
}

// resolveEntries takes a map; an entry that is null is left alone.
func (c *Connector) resolveEntries(ctx context.Context, field string, value any) (any, error) {
	entries, ok := value.(map[string]any)
	if !ok {
		return nil, resolve.Refuse(codeType, "it takes a map by name, as { \"NAME\" = … }")
	}
	resolved := map[string]any{}
	var said []string
	code := ""
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if entries[name] == nil {
			continue
		}
		entry, err := c.resolveEntry(ctx, field, name, entries[name])
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
func (c *Connector) resolveEntry(ctx context.Context, field, name string, value any) (any, error) {
	d := directories()["incident/"+field]
	entry, err := c.find(ctx, d, name, listLife)
	switch {
	case err != nil:
		return nil, err
	case entry.Name != name:
		// Found by its id: the record would hold it under another name.
		return nil, resolve.Refuse(codeNotFound, "write its name, %q", entry.Name)
	}
	switch field {
	case rolesField:
		if entry.RoleType == "reporter" {
			return nil, resolve.Refuse(codeReadOnly, "the reporter can be set at creation only")
		}
		return c.person(ctx, value)
	case timestampsField:
		return resolveTime(value)
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
		text, ok := connectors.TextOf(element)
		if _, nested := element.([]any); !ok || nested {
			return nil, resolve.Refuse(codeType, "a custom field takes text, a number or a list of options")
		}
		if text = strings.TrimSpace(values.Lines(text)); text == "" {
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
		option, err := c.find(ctx, optionsOf(field), text, listLife)
		if err != nil {
			return nil, err
		}
		return option.Name, nil
	}
	return nil, resolve.Refuse(codeType, "custom fields of the type %q cannot be written", field.FieldType)
}
