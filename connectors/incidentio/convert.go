package incidentio

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/nearest"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// convertField turns a rendered value, in which no look-up stands, into what a field will
// hold, as far as that is known without asking the account: names and options are as
// they are written, trimmed. nil leaves the field alone.
func convertField(schemas connectors.Schemas, record, name string, value any) (any, error) {
	if refused := writable(schemas, record, name, anyTime); refused != nil {
		return nil, refused
	}
	if value == nil {
		return nil, nil
	}
	schema := schemas[record]
	base, _, isEntry := strings.Cut(name, "/")
	limit := schema.Fields[name].MaxLength
	switch {
	case isEntry && base == rolesField:
		return convertPerson(value)
	case isEntry && base == timestampsField:
		return resolveTime(value)
	case isEntry:
		return convertCustom(value)
	case name == schema.State.Field:
		return convertState(schema, value)
	case slices.Contains([]string{customFieldsField, rolesField, timestampsField}, name):
		if _, ok := value.(map[string]any); !ok {
			return nil, resolve.Refuse(codeType, "it takes a map by name, as { \"NAME\" = … }")
		}
		return value, nil
	case record == followUpRecord && name == "assignee":
		return convertPerson(value)
	case record == followUpRecord && name == "labels":
		return resolveList(value)
	case name == "mode", name == "visibility":
		return convertChoice(schema.Fields[name].Choices, value)
	case name == "severity", name == "incident_type", name == "priority", name == "assignee_team":
		return convertName(strings.ReplaceAll(strings.TrimPrefix(name, "assignee_"), "_", " "), value, name == "assignee_team")
	case name == "name", name == "title", name == "incident_id":
		return convertLine(limit, value, true)
	case name == "call_url":
		return convertLine(limit, value, false)
	}
	return convertText(limit, value)
}

// convertText takes Markdown as it is: incident.io shows it.
func convertText(limit int, value any) (any, error) {
	text, ok := connectors.TextOf(value)
	if !ok {
		return nil, resolve.Refuse(codeType, "it takes text")
	}
	return values.Cut(strings.TrimSpace(values.Lines(text)), limit), nil
}

// convertLine takes one line of text.
func convertLine(limit int, value any, needed bool) (any, error) {
	text, ok := connectors.TextOf(value)
	if !ok {
		return nil, resolve.Refuse(codeType, "it takes one line of text")
	}
	if text = values.OneLine(text); text == "" && needed {
		return nil, resolve.Refuse(codeEmpty, "it cannot be empty")
	}
	return values.Cut(text, limit), nil
}

// convertName takes the name, or the id, of something in a directory.
func convertName(noun string, value any, clears bool) (any, error) {
	text, ok := connectors.TextOf(value)
	text = strings.TrimSpace(text)
	switch {
	case !ok:
		return nil, resolve.Refuse(codeType, "it takes the name of a %s", noun)
	case text == "" && !clears:
		return nil, resolve.Refuse(codeEmpty, "the API cannot take it away")
	}
	return text, nil
}

// convertChoice takes one of a closed list of values.
func convertChoice(choices []connectors.Choice, value any) (any, error) {
	var names []string
	for _, c := range choices {
		if c.Value == value {
			return value, nil
		}
		names = append(names, fmt.Sprint(c.Value))
	}
	return nil, resolve.Refuse(codeType, "it takes one of %s", strings.Join(names, ", "))
}

// convertState takes a status, or category:NAME, of an incident, or one of the
// statuses of a follow-up. Both come from a state table, so that they may be quoted.
func convertState(schema *connectors.Schema, value any) (any, error) {
	text, ok := value.(string)
	text = strings.TrimSpace(text)
	if schema.State.Category == "" {
		if !slices.Contains(schema.State.Known, text) {
			return nil, resolve.Refuse(codeNotFound, "a follow-up's status is one of %s", strings.Join(schema.State.Known, ", "))
		}
		return text, nil
	}
	if !ok || text == "" {
		return nil, resolve.Refuse(codeType, "it takes a status, or category:NAME")
	}
	if category, isCategory := strings.CutPrefix(text, categoryPrefix); isCategory && !slices.Contains(categories(), category) {
		return nil, resolve.Refuse(codeNotFound, "incident.io has no status category %q%s", category, nearest.Instead(category, categories()))
	}
	return text, nil
}

// convertPerson takes a person's id.
func convertPerson(value any) (any, error) {
	id, ok := value.(string)
	if id = strings.TrimSpace(id); !ok || strings.ContainsAny(id, "@ \t\n") {
		return nil, resolve.Refuse(codeType, `it takes a person: ref("email", …), ref("slack_user_id", …) or an id`)
	}
	return id, nil
}

// convertCustom takes the value of a custom field, whose type the account alone
// knows: a text, or a list of them; "" clears it.
func convertCustom(value any) (any, error) {
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	converted := []any{}
	for _, element := range list {
		text, ok := connectors.TextOf(element)
		if _, nested := element.([]any); !ok || nested {
			return nil, resolve.Refuse(codeType, "a custom field takes text, a number or a list of options")
		}
		if text = strings.TrimSpace(values.Lines(text)); text != "" {
			converted = append(converted, text)
		}
	}
	switch {
	case len(converted) == 0:
		return "", nil
	case !isList:
		return converted[0], nil
	}
	return converted, nil
}
