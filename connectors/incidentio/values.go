package incidentio

import (
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// Conversions of values that are written, and their comparison with those that
// were read.

// deleted is the status of a follow-up that is gone.
const deleted = "deleted"

// resolveTime takes a time, to the microsecond, as the API keeps it; "" clears it.
func resolveTime(v any) (any, error) {
	if text, ok := v.(string); ok && strings.TrimSpace(text) == "" {
		return "", nil
	}
	if at, ok := momentOf(v); ok {
		return at, nil
	}
	return nil, resolve.Refuse(codeType, "it takes a time (RFC 3339)")
}

// resolveList takes a list of texts, or one text; an empty one clears.
func resolveList(value any) (any, error) {
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	resolved, known := []any{}, map[string]bool{}
	for _, element := range list {
		text, ok := connectors.TextOf(element)
		if _, nested := element.([]any); !ok || nested {
			return nil, resolve.Refuse(codeType, "it takes a list of texts")
		}
		if text = strings.TrimSpace(text); text != "" && !known[text] {
			known[text] = true
			resolved = append(resolved, text)
		}
	}
	if len(resolved) == 0 {
		return "", nil
	}
	return resolved, nil
}

// Same compares a resolved value with what a record holds: a name with the
// object that is read in its place, by its name or id; lists as sets; of a map
// the entries that are written. field may be a path, as in Resolve; have is
// then the entry.
func (c *Connector) Same(_, field string, want, have any) bool {
	switch field {
	case customFieldsField, rolesField, timestampsField:
		entries, ok := want.(map[string]any)
		if !ok {
			break
		}
		held, _ := have.(map[string]any)
		for name, entry := range entries {
			if !sameValue(entry, held[name]) {
				return false
			}
		}
		return true
	}
	return sameValue(want, have)
}

func sameValue(want, have any) bool {
	if values.Empty(want) || values.Empty(have) {
		return values.Empty(want) && values.Empty(have)
	}
	if object, ok := have.(map[string]any); ok {
		return isNamed(want, object)
	}
	_, wantsList := want.([]any)
	_, hasList := have.([]any)
	if wantsList || hasList {
		return slices.Equal(values.Set(want, false), values.Set(have, false))
	}
	if isTime(want) || isTime(have) {
		a, okA := momentOf(want)
		b, okB := momentOf(have)
		return okA && okB && a.Equal(b)
	}
	if isNumeric(want) || isNumeric(have) {
		a, _ := connectors.TextOf(want)
		b, _ := connectors.TextOf(have)
		n := number(strings.TrimSpace(a))
		return n != nil && n == number(strings.TrimSpace(b))
	}
	a, okA := connectors.TextOf(want)
	b, okB := connectors.TextOf(have)
	return okA && okB && strings.TrimSpace(values.Lines(a)) == strings.TrimSpace(values.Lines(b))
}

// isNamed reports whether want names the object, as a record holds severities,
// statuses, people, teams and priorities.
func isNamed(want any, object map[string]any) bool {
	name := ""
	switch want := want.(type) {
	case string:
		name = strings.TrimSpace(want)
	case map[string]any:
		if name = values.TextAt(want, "id"); name == "" {
			name = values.TextAt(want, "name")
		}
	}
	if category, ok := strings.CutPrefix(name, categoryPrefix); ok && values.TextAt(object, "category") == category {
		return true
	}
	return name != "" && (values.TextAt(object, "id") == name || values.TextAt(object, "name") == name)
}

func isNumeric(value any) bool {
	switch value.(type) {
	case int, int64, float64:
		return true
	}
	return false
}

func isTime(value any) bool {
	_, ok := value.(time.Time)
	return ok
}

// momentOf is the time in a value, which may be text, to the microsecond.
func momentOf(v any) (time.Time, bool) {
	at, ok := values.ParseTime(v, time.RFC3339Nano)
	return at.Truncate(time.Microsecond), ok
}
