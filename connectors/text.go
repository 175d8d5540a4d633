package connectors

import (
	"strconv"
	"strings"
	"time"
)

// TextOf writes a scalar, as a Record holds them, as text: a time is RFC 3339, a
// list is joined with ", ", nil is empty. False: it is none.
func TextOf(v any) (string, bool) {
	switch x := v.(type) {
	case nil:
		return "", true
	case string:
		return x, true
	case bool:
		return strconv.FormatBool(x), true
	case int64:
		return strconv.FormatInt(x, 10), true
	case int:
		return strconv.Itoa(x), true
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), true
	case time.Time:
		return x.UTC().Format(time.RFC3339), true
	case []any:
		parts := make([]string, len(x))
		for i, element := range x {
			s, ok := TextOf(element)
			if !ok {
				return "", false
			}
			parts[i] = s
		}
		return strings.Join(parts, ", "), true
	}
	return "", false
}
