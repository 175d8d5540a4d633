package source

import (
	"fmt"
)

// JSON reports whether JSON is nested no deeper than MaxDepth, before a decoder
// recurses into it. Whether it is JSON at all, the decoder finds out. values is
// about how many values it holds.
func JSON(data []byte) (values int, err error) {
	depth, inText := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '[' || c == '{':
			values++
			if depth++; depth > MaxDepth {
				return values, errTooDeep
			}
		case c == ']' || c == '}':
			depth--
		case c == ',' || c == ':':
			values++
		}
	}
	return values + 1, nil
}

var errTooDeep = fmt.Errorf("the JSON is nested more than %d levels deep", MaxDepth)
