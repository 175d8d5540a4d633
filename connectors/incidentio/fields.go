package incidentio

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// maxDepth bounds the nesting of an answer; the API's own is below ten.
const maxDepth = 64

// fieldsOf turns the members of an API object into fields of their schema's
// types. A member that the schema does not know keeps what JSON says of it: the
// vendor adds members at any time.
func fieldsOf(schema *connectors.Schema, object map[string]any) (map[string]any, error) {
	fields := make(map[string]any, len(object))
	for name, raw := range object {
		t := connectors.Type{Kind: connectors.Any}
		if field, ok := schema.Fields[name]; ok {
			t = field.Type
		}
		value, err := convert(t, raw, name, 0)
		if err != nil {
			return nil, err
		}
		if value != nil {
			fields[name] = value
		}
	}
	return fields, nil
}

// convert turns a JSON value into one of the type; path says where it stands.
// incident.io does not tell an empty text from none, so both are nil.
func convert(t connectors.Type, raw any, path string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%s: nested too deeply", path)
	}
	if raw == nil || raw == "" {
		return nil, nil
	}
	mismatch := func() error {
		return fmt.Errorf("%s: expected %s, found %s", path, article(t.Kind.String()), describe(raw))
	}
	switch t.Kind {
	case connectors.String, connectors.Text, connectors.Reference:
		if s, ok := raw.(string); ok {
			return s, nil
		}
	case connectors.Bool:
		if b, ok := raw.(bool); ok {
			return b, nil
		}
	case connectors.Int:
		if n, ok := raw.(json.Number); ok {
			if i, ok := values.Integer(n); ok {
				return i, nil
			}
		}
	case connectors.Double:
		if n, ok := raw.(json.Number); ok {
			if f, err := n.Float64(); err == nil {
				return f, nil
			}
		}
	case connectors.Time:
		if s, ok := raw.(string); ok {
			if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
				return at.UTC(), nil
			}
		}
	case connectors.List:
		if list, ok := raw.([]any); ok {
			return convertList(t, list, path, depth)
		}
	case connectors.Map:
		if object, ok := raw.(map[string]any); ok {
			return convertMembers(object, path, depth, func(string) connectors.Type { return *t.Elem })
		}
	case connectors.Object:
		if object, ok := raw.(map[string]any); ok {
			return convertMembers(object, path, depth, func(name string) connectors.Type { return t.Fields[name] })
		}
	case connectors.Any:
		return convertAny(raw, path, depth)
	}
	return nil, mismatch()
}

func convertList(t connectors.Type, list []any, path string, depth int) (any, error) {
	converted := make([]any, 0, len(list))
	for i, raw := range list {
		value, err := convert(*t.Elem, raw, fmt.Sprintf("%s[%d]", path, i), depth+1)
		if err != nil {
			return nil, err
		}
		converted = append(converted, value)
	}
	return converted, nil
}

// convertMembers converts an object's members. A member that is not declared
// has the zero Type, which is any value.
func convertMembers(object map[string]any, path string, depth int, of func(string) connectors.Type) (any, error) {
	converted := make(map[string]any, len(object))
	for name, raw := range object {
		value, err := convert(of(name), raw, path+"."+name, depth+1)
		if err != nil {
			return nil, err
		}
		if value != nil {
			converted[name] = value
		}
	}
	return converted, nil
}

// convertAny takes JSON as it is.
func convertAny(raw any, path string, depth int) (any, error) {
	anything := connectors.Type{Kind: connectors.Any}
	switch raw := raw.(type) {
	case json.Number:
		if n := values.Number(raw); n != nil {
			return n, nil
		}
		return nil, fmt.Errorf("%s: the number is too large", path)
	case []any:
		return convertList(connectors.ListOf(anything), raw, path, depth)
	case map[string]any:
		return convertMembers(raw, path, depth, func(string) connectors.Type { return anything })
	}
	return raw, nil // string or bool
}

func describe(raw any) string {
	switch raw.(type) {
	case string:
		return "a text"
	case bool:
		return "a bool"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	}
	return "an object"
}

func article(noun string) string {
	switch noun[0] {
	case 'a', 'e', 'i', 'o', 'u':
		return "an " + noun
	}
	return "a " + noun
}
