package incidentio

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Conversions of values that are written, and their comparison with those that
// were read.

// deleted is the status of a follow-up that is gone.
const deleted = "deleted"

func lines(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

// cut shortens text to a number of characters, the last of which then is "…".
// The API's description names no limit for any text of an incident or
// follow-up, so that today no schema has one.
func cut(text string, limit int) string {
	if limit <= 0 || utf8.RuneCountInString(text) <= limit {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:limit-1]), " \n\t") + "…"
}

// resolveTime takes a time, to the microsecond, as the API keeps it. "" is none.
func resolveTime(value any) (any, *refusedValue, error) {
	if at, ok := value.(time.Time); ok {
		return at.UTC().Truncate(time.Microsecond), nil, nil
	}
	text, ok := value.(string)
	if text = strings.TrimSpace(text); ok && text == "" {
		return "", nil, nil
	}
	if at, ok := timeIn(text); ok {
		return at, nil, nil
	}
	return nil, refuse(codeType, "it takes a time (RFC 3339)"), nil
}

func timeIn(text string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339Nano, text)
	return at.UTC().Truncate(time.Microsecond), err == nil
}

// resolveList takes a list of texts, or one text; an empty one clears.
func resolveList(value any) (any, *refusedValue, error) {
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	resolved, known := []any{}, map[string]bool{}
	for _, element := range list {
		text, ok := connectors.TextOf(element)
		if _, nested := element.([]any); !ok || nested {
			return nil, refuse(codeType, "it takes a list of texts"), nil
		}
		if text = strings.TrimSpace(text); text != "" && !known[text] {
			known[text] = true
			resolved = append(resolved, text)
		}
	}
	if len(resolved) == 0 {
		return "", nil, nil
	}
	return resolved, nil, nil
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
	if isEmpty(want) || isEmpty(have) {
		return isEmpty(want) && isEmpty(have)
	}
	if object, ok := have.(map[string]any); ok {
		return isNamed(want, object)
	}
	_, wantsList := want.([]any)
	_, hasList := have.([]any)
	if wantsList || hasList {
		return slices.Equal(elements(want), elements(have))
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
	return okA && okB && strings.TrimSpace(lines(a)) == strings.TrimSpace(lines(b))
}

// isNamed reports whether want names the object, as a record holds severities,
// statuses, people, teams and priorities.
func isNamed(want any, object map[string]any) bool {
	name := ""
	switch want := want.(type) {
	case string:
		name = strings.TrimSpace(want)
	case map[string]any:
		if name = textAt(want, "id"); name == "" {
			name = textAt(want, "name")
		}
	}
	if category, ok := strings.CutPrefix(name, categoryPrefix); ok && textAt(object, "category") == category {
		return true
	}
	return name != "" && (textAt(object, "id") == name || textAt(object, "name") == name)
}

func isEmpty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(value) == ""
	case []any:
		return len(value) == 0
	case map[string]any:
		return len(value) == 0
	}
	return false
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

// momentOf is the time in a value, which may be text.
func momentOf(value any) (time.Time, bool) {
	switch value := value.(type) {
	case time.Time:
		return value.UTC().Truncate(time.Microsecond), true
	case string:
		return timeIn(strings.TrimSpace(value))
	}
	return time.Time{}, false
}

// elements are a list's texts, sorted; a scalar is a list of one.
func elements(value any) []string {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	texts := make([]string, 0, len(list))
	for _, element := range list {
		if text, ok := connectors.TextOf(element); ok && strings.TrimSpace(text) != "" {
			texts = append(texts, strings.TrimSpace(text))
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}
