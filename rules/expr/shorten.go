package expr

import (
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/connectors"
)

// An operand is shown to people, and kept for every template that was tried: of
// a value that is longer than any field should be, it is the beginning.
const (
	maxOperand = 64 << 10 // bytes of a value that is shown whole
	maxShown   = 1 << 10  // bytes of each text of one that is not
	cut        = "…"
)

// shortened returns a value, or the beginning of it.
func shortened(v any) any {
	if within(v, maxOperand) >= 0 {
		return v
	}
	left := maxOperand
	return shorten(v, &left)
}

// within returns what a value leaves of so many bytes; negative: it is longer.
func within(v any, left int) int {
	switch v := v.(type) {
	case string:
		return left - len(v)
	case []any:
		for i := 0; i < len(v) && left >= 0; i++ {
			left = within(v[i], left-8)
		}
	case map[string]any:
		for name, member := range v {
			if left < 0 {
				break
			}
			left = within(member, left-8-len(name))
		}
	default:
		return left - 8
	}
	return left
}

// shorten cuts texts, and what comes after so many bytes of the whole.
func shorten(v any, left *int) any {
	if *left <= 0 {
		return cut
	}
	switch v := v.(type) {
	case string:
		end := min(len(v), maxShown)
		*left -= end
		if end == len(v) {
			return v
		}
		for end > 0 && !utf8.RuneStart(v[end]) {
			end--
		}
		return v[:end] + cut
	case []any:
		short := []any{}
		for i := 0; i < len(v) && *left > 0; i++ {
			short = append(short, shorten(v[i], left))
		}
		if len(short) < len(v) {
			short = append(short, cut)
		}
		return short
	case map[string]any:
		short := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if *left <= 0 {
				short[cut] = cut
				break
			}
			*left -= len(name)
			short[name] = shorten(v[name], left)
		}
		return short
	}
	*left -= 8
	return v
}

// fieldsOf returns the fields of a record, or the value itself.
func fieldsOf(v any) any {
	switch r := v.(type) {
	case connectors.Record:
		return r.Fields
	case *connectors.Record:
		if r == nil {
			return nil
		}
		return r.Fields
	}
	return v
}
