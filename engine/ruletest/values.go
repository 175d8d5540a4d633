package ruletest

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Why a value does not fit. Values do not stand in errors.
var (
	errNotText   = errors.New("it takes text, and the value is an object")
	errNotNumber = errors.New("expected a number")
	errNotWhole  = errors.New("expected a whole number")
	errNotBool   = errors.New("it takes true or false, and the value is neither")
	errNotTime   = errors.New("expected a time (RFC 3339)")
)

// resolve turns a rendered value into what a field will hold. A nil means:
// leave the field alone.
func (w *world) resolve(f connectors.Field, t connectors.Type, value any) (any, error) {
	switch v := value.(type) {
	case connectors.Lookup:
		return w.lookUp(v)
	case []any:
		if t.Kind != connectors.List && t.Kind != connectors.Any {
			break // joined, as text
		}
		list := []any{}
		for _, element := range v {
			resolved, err := w.resolve(f, elem(t), element)
			if err != nil {
				return nil, err
			}
			if resolved != nil && resolved != "" {
				list = append(list, resolved)
			}
		}
		if len(list) == 0 {
			return "", nil
		}
		return list, nil
	case map[string]any:
		entries := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			resolved, err := w.resolve(f, elem(t), v[name])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if resolved != nil {
				entries[name] = resolved
			}
		}
		return entries, nil
	}
	return convert(f, t, value)
}

// lookUp finds whatever a look-up names, as long as it names something: what
// the system holds is not known here.
func (w *world) lookUp(l connectors.Lookup) (any, error) {
	if text, err := textOf(l.Value); err == nil && strings.TrimSpace(text) != "" {
		written := lookupText(l)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.lookups[written] = l
		return written, nil
	}
	switch {
	case !l.HasFallback:
		return nil, &connectors.Error{Code: "ref_not_found", Message: "the " + l.Key + " to look for is empty"}
	case l.Fallback == nil:
		return nil, nil
	}
	return w.lookUp(*l.Fallback)
}

// lookupText is a look-up as explain writes it: what a record in memory holds in
// place of an id.
func lookupText(l connectors.Lookup) string { return "ref(" + l.Key + ", " + jsonOf(l.Value) + ")" }

// convert turns a scalar into one of the type; "" clears.
func convert(f connectors.Field, t connectors.Type, value any) (any, error) {
	if t.Kind == connectors.Any {
		return value, nil
	}
	text, err := textOf(value)
	if err != nil {
		return nil, err
	}
	trimmed := strings.TrimSpace(text)
	if trimmed == "" {
		return "", nil
	}
	switch t.Kind {
	case connectors.Int:
		if n, err := strconv.ParseInt(trimmed, 10, 64); err == nil {
			return n, nil
		}
		if x, err := strconv.ParseFloat(trimmed, 64); err == nil && x == math.Trunc(x) && math.Abs(x) < 1<<53 {
			return int64(x), nil
		}
		return nil, errNotWhole
	case connectors.Double:
		if x, err := strconv.ParseFloat(trimmed, 64); err == nil {
			return x, nil
		}
		return nil, errNotNumber
	case connectors.Bool:
		if b, err := strconv.ParseBool(strings.ToLower(trimmed)); err == nil {
			return b, nil
		}
		return nil, errNotBool
	case connectors.Time:
		if at, err := time.Parse(time.RFC3339Nano, trimmed); err == nil {
			return at.UTC(), nil
		}
		return nil, errNotTime
	case connectors.List:
		return []any{trimmed}, nil
	default:
		return cut(trimmed, f.MaxLength), nil
	}
}

// textOf writes a scalar as text, a list joined with ", ".
func textOf(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), nil
	case []any:
		parts := make([]string, len(v))
		for i, element := range v {
			text, err := textOf(element)
			if err != nil {
				return "", err
			}
			parts[i] = text
		}
		return strings.Join(parts, ", "), nil
	case map[string]any:
		return "", errNotText
	}
	return fmt.Sprint(value), nil
}

// cut shortens text to a number of characters, the last of which then is "…".
func cut(text string, limit int) string {
	if limit <= 0 || utf8.RuneCountInString(text) <= limit {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:limit-1]), " \n\t") + "…"
}

// shown is a resolved value as the record shows it: some things are written by
// their name or id and read as an object.
func (w *world) shown(t connectors.Type, value any) any {
	text, isText := value.(string)
	if !isText || text == "" || t.Kind != connectors.Object {
		return value
	}
	object := map[string]any{}
	if l, ok := w.lookups[text]; ok {
		object["id"] = text
		if _, has := t.Fields[l.Key]; has {
			object[l.Key] = l.Value
		}
		return object
	}
	if _, has := t.Fields["name"]; has {
		object["name"] = text
	} else {
		object["id"] = text
	}
	return object
}

// same compares a resolved value with what a record holds, where no connector
// is there to tell.
func same(want, have any) bool {
	if empty(want) || empty(have) {
		return empty(want) && empty(have)
	}
	if object, ok := have.(map[string]any); ok {
		if entries, ok := want.(map[string]any); ok {
			for name, value := range entries {
				if !same(value, object[name]) {
					return false
				}
			}
			return true
		}
		return want == object["id"] || want == object["name"]
	}
	a, errA := textOf(want)
	b, errB := textOf(have)
	return errA == nil && errB == nil && strings.TrimSpace(a) == strings.TrimSpace(b)
}

func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}
