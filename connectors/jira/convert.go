package jira

import (
	"errors"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

var (
	errStatus = errors.New("it takes the name of a status")
	errEmpty  = errors.New("it cannot be empty")
)

// convertField turns a rendered value, in which no look-up stands, into what a field
// of an issue will show, without asking Jira. What a custom field takes, the site
// alone knows: it is passed as it is.
func convertField(schema *connectors.Schema, name string, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	if name == schema.State.Field {
		text, ok := v.(string)
		if text = strings.TrimSpace(text); !ok || text == "" {
			return nil, errStatus
		}
		return text, nil
	}
	t, known := systemFieldTypes()[name]
	if !known {
		return v, nil
	}
	field := schema.Fields[name]
	converted, err := convert(t, field.MaxLength, v)
	if err == nil && converted == "" && field.Required {
		return nil, errEmpty
	}
	return converted, err
}
