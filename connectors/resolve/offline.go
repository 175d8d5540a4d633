package resolve

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Offline returns what a system will hold for a rendered value, as far as that is known
// without asking it. follow says what a look-up comes to.
func Offline(system connectors.System, record, name string, v any, follow func(connectors.Lookup) (any, error)) (any, error) {
	if entries, ok := v.(map[string]any); ok && holdsEntries(system, record, name) {
		all := map[string]any{}
		for _, entry := range slices.Sorted(maps.Keys(entries)) {
			one, err := Offline(system, record, name+"/"+entry, entries[entry], follow)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", entry, err)
			}
			if one != nil {
				all[entry] = one
			}
		}
		return all, nil
	}
	found, given, err := followed(v, follow)
	switch {
	case err != nil:
		return nil, err
	case given != nil && system.Convert != nil:
		if given, err = system.Convert(record, name, given); err != nil {
			return nil, err
		}
	}
	list, isList := given.([]any)
	switch {
	case len(found) == 0:
		return given, nil
	case isList:
		return append(found, list...), nil
	case given == nil && typeOf(system, record, name).Kind != connectors.List:
		return found[0], nil
	}
	return found, nil
}

// followed takes the look-ups out of a value, which is one or a list: what they come
// to, and what else there is.
func followed(v any, follow func(connectors.Lookup) (any, error)) (found []any, given any, err error) {
	elements, isList := v.([]any)
	if !isList {
		elements = []any{v}
	}
	var others []any
	for _, element := range elements {
		var l connectors.Lookup
		switch x := element.(type) {
		case connectors.Lookup:
			l = x
		case *connectors.Lookup:
			if x == nil {
				continue
			}
			l = *x
		default:
			others = append(others, element)
			continue
		}
		one, err := follow(l)
		if err != nil {
			return nil, nil, err
		}
		if one != nil {
			found = append(found, one)
		}
	}
	switch {
	case !isList && len(others) == 1:
		return nil, others[0], nil
	case isList && len(others) == len(elements):
		return nil, v, nil
	case len(others) > 0:
		return found, others, nil
	}
	return found, nil, nil
}

func holdsEntries(system connectors.System, record, name string) bool {
	return !strings.Contains(name, "/") && typeOf(system, record, name).Kind == connectors.Map
}

// typeOf returns the type of what is written to a field.
func typeOf(system connectors.System, record, name string) connectors.Type {
	schema, ok := system.Schema(record)
	if !ok {
		return connectors.Type{}
	}
	field, _, isEntry := strings.Cut(name, "/")
	t := schema.Fields[field]
	switch {
	case !isEntry:
		return t.Writes()
	case t.Writes().Elem != nil:
		return *t.Writes().Elem
	}
	return connectors.Type{}
}
