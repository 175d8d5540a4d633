package servicenow

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/markdown"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

var errNotTime = errors.New("expected a time (RFC 3339, or 2006-01-02 15:04:05 in UTC)")

// errReference is for records that are named otherwise than by their sys_id.
var errReference = errors.New("it takes a sys_id; what people know a record by is written ref(\"KEY\", …)")

// convert turns a rendered value that is no reference into what the column
// will hold; "" clears it.
func convert(f connectors.Field, v any) (any, error) {
	if f.Type.Kind == connectors.List {
		return convertList(v)
	}
	s, err := values.Text(v)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(s) == "" {
		return "", nil
	}
	switch f.Type.Kind {
	case connectors.Int:
		if x, ok := v.(float64); ok && (x != math.Trunc(x) || math.Abs(x) > 1<<53) {
			return nil, values.ErrWhole
		}
		n, ok := parseInt(f, s)
		if !ok {
			return nil, values.ErrWhole
		}
		return n, values.Chosen(f, n)
	case connectors.Double:
		if x, ok := values.ParseNumber(s); ok {
			return x, nil
		}
		return nil, values.ErrNumber
	case connectors.Bool:
		switch strings.ToLower(strings.TrimSpace(s)) {
		case "true", "1":
			return true, nil
		case "false", "0":
			return false, nil
		}
		return nil, values.ErrBool
	case connectors.Time:
		if at, ok := values.ParseTime(v, time.RFC3339, timeLayout, time.DateOnly); ok {
			return at.Truncate(time.Second), nil
		}
		return nil, errNotTime
	case connectors.Text:
		return convertText(s, f.MaxLength), nil
	case connectors.String:
		if err := values.Chosen(f, s); err != nil {
			return nil, err
		}
		return values.Cut(values.OneLine(s), f.MaxLength), nil
	case connectors.Reference:
		if s = strings.TrimSpace(s); !isSysID(s) {
			return nil, errReference
		}
		return s, nil
	default: // a column that is not known, whose records hold text: as it is
		if at, ok := v.(time.Time); ok {
			return at.UTC().Format(timeLayout), nil
		}
		return values.Lines(s), nil
	}
}

// convertText makes plain text of Markdown, of which no more is read than can
// fit.
func convertText(s string, limit int) string {
	head := s
	if most := maxHead * limit; limit > 0 && len(s) > most {
		head = strings.ToValidUTF8(s[:most], "")
	}
	plain := strings.TrimSpace(values.Lines(markdown.Plain(head)))
	if len(head) < len(s) {
		plain += "…"
	}
	return values.Cut(plain, limit)
}

func convertList(v any) (any, error) {
	list, err := values.List(v)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return "", nil
	}
	return list, nil
}

// isSysID reports whether a text may be a sys_id. They have 32 hexadecimal digits, but
// for a few that the vendor or a customer has made by hand; no address and no name
// is one.
func isSysID(s string) bool { return !strings.ContainsAny(s, "@ \t\n") }

// wire writes a resolved value as the wire has it: always text.
func wire(v any) (string, error) {
	switch x := v.(type) {
	case time.Time:
		return x.UTC().Format(timeLayout), nil
	case []any:
		parts := make([]string, len(x))
		for i, element := range x {
			s, err := values.Text(element)
			if err != nil {
				return "", err
			}
			parts[i] = s
		}
		return strings.Join(parts, ","), nil
	default:
		return values.Text(v)
	}
}

// same compares two values of a column as ServiceNow sees them.
func same(f connectors.Field, want, have any) bool {
	if f.Type.Kind == connectors.List {
		return slices.Equal(set(want), set(have))
	}
	return canonical(f, want) == canonical(f, have)
}

// canonical is a value's form on the wire, without what ServiceNow does not
// keep.
func canonical(f connectors.Field, v any) string {
	if f.Type.Kind == connectors.Bool && (v == nil || v == "") {
		return "false" // which an empty one is
	}
	if v == nil {
		return ""
	}
	if f.Type.Kind != connectors.Text { // Markdown must not be read twice
		if converted, err := convert(f, v); err == nil {
			v = converted
		}
	}
	s, err := wire(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return values.Cut(strings.TrimSpace(values.Lines(s)), f.MaxLength)
}

// set are the elements of a list, which may be text with commas.
func set(v any) []string {
	list, _ := values.List(v)
	return values.Set(list, false)
}
