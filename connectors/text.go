package connectors

import (
	"strconv"
	"strings"
	"time"
)

// TextOf writes a scalar, as a Record holds them, as text: a time is RFC 3339, a
// list is joined with ", ", nil is empty. False: it is not a scalar.
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
		var b strings.Builder
		if !appendList(&b, x) {
			return "", false
		}
		return b.String(), true
	}
	return "", false
}

// appendList writes a list once, however deep its lists lie in one another.
func appendList(b *strings.Builder, list []any) bool {
	for i, element := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		if inner, isList := element.([]any); isList {
			if !appendList(b, inner) {
				return false
			}
			continue
		}
		s, ok := TextOf(element)
		if !ok {
			return false
		}
		b.WriteString(s)
	}
	return true
}
