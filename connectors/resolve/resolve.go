// Package resolve turns the fields that a rule rendered into what a system will
// hold, one by one. What a field takes its connector says; which failure is the
// field's and which the system's, how a look-up falls back on another, and where
// look-ups stand in a value, is the same for all.
//
// It knows no system.
package resolve

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Codes of look-ups that find nothing.
const (
	CodeNotFound  = connectors.CodeRefNotFound
	CodeAmbiguous = connectors.CodeRefAmbiguous
)

// CodeType is the Code of a value of a kind that the field does not take.
const CodeType = "type"

// A FieldError says why a value cannot be written to its field. Every other error
// says nothing about the field: the system could not be asked. Its message
// quotes names of the configuration and of the system, never the value: its
// record may be private.
type FieldError struct{ Code, Message string }

func (r *FieldError) Error() string { return r.Message }

// Refuse makes a refusal.
func Refuse(code, format string, args ...any) error {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	return &FieldError{code, format}
}

// Mistyped returns a refusal of what a conversion says of a value; nil where it says
// nothing.
func Mistyped(err error) error {
	if err == nil {
		return nil
	}
	return &FieldError{CodeType, err.Error()}
}

// RefusalIn returns the refusal in err's chain; nil: there is none.
func RefusalIn(err error) *FieldError {
	if refused, ok := errors.AsType[*FieldError](err); ok {
		return refused
	}
	return nil
}

// Fields returns a connector's Resolve: one resolves a field. record is what the
// failures are about.
func Fields(record string, fields map[string]any, one func(name string, v any) (any, error)) (map[string]any, map[string]*connectors.Error, error) {
	resolved := make(map[string]any, len(fields))
	failed := map[string]*connectors.Error{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		v, err := one(name, fields[name])
		switch refused := RefusalIn(err); {
		case refused != nil:
			failed[name] = connectors.Rejected("resolve", record, name, refused.Code, refused.Message)
		case err != nil:
			return nil, nil, err
		default:
			resolved[name] = v
		}
	}
	return resolved, failed, nil
}

// A Found is the id of the record that was looked for. Without one, Code and
// Message say why. It can be kept in a cache.
type Found struct{ ID, Code, Message string }

// Missing reports whether nothing was found.
func (f Found) Missing() bool { return f.ID == "" }

// NotFound says why nothing was found.
func NotFound(format string, args ...any) Found {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	return Found{Code: CodeNotFound, Message: format}
}

// OneOf returns the only one of the ids that answer to a look-up.
func OneOf(ids []string, none, several string) Found {
	switch len(ids) {
	case 0:
		return NotFound(none)
	case 1:
		return Found{ID: ids[0]}
	}
	return Found{Code: CodeAmbiguous, Message: several}
}

// Lookup follows ref(KEY, VALUE, FALLBACK) to an id; nil leaves the field alone.
// find looks for a text, trimmed and not empty.
func Lookup(l connectors.Lookup, find func(key, text string) (Found, error)) (any, error) {
	for {
		found, err := look(l, find)
		switch {
		case err != nil:
			return nil, err
		case !found.Missing():
			return found.ID, nil
		case l.Fallback != nil:
			l = *l.Fallback
		case l.HasFallback:
			return nil, nil
		default:
			return nil, &FieldError{found.Code, found.Message}
		}
	}
}

func look(l connectors.Lookup, find func(key, text string) (Found, error)) (Found, error) {
	text, ok := connectors.TextOf(l.Value)
	switch text = strings.TrimSpace(text); {
	case !ok:
		return NotFound("the %s is not text", l.Key), nil
	case text == "":
		return NotFound("the %s to look for is empty", l.Key), nil
	}
	return find(l.Key, text)
}

// Lookups follows the look-ups in a value, which is one or a list; those in a list
// that come to nothing are left out. list is true for a field that holds a list.
func Lookups(v any, list bool, follow func(connectors.Lookup) (any, error)) (any, error) {
	if elements, ok := v.([]any); ok {
		all := make([]any, 0, len(elements))
		for _, element := range elements {
			one, err := Lookups(element, false, follow)
			if err != nil {
				return nil, err
			}
			if one != nil {
				all = append(all, one)
			}
		}
		return all, nil
	}
	var l connectors.Lookup
	switch x := v.(type) {
	case connectors.Lookup:
		l = x
	case *connectors.Lookup:
		if x == nil {
			return nil, nil
		}
		l = *x
	default:
		return v, nil
	}
	id, err := follow(l)
	if id != nil && list {
		id = []any{id}
	}
	return id, err
}
