package servicenow

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/markdown"
)

// Texts of values must not stand in errors: the record may be private.
var (
	errNotText   = errors.New("an object cannot be written to it")
	errNotNumber = errors.New("it takes a whole number, and the value is none")
	errNotBool   = errors.New("it takes true or false, and the value is neither")
	errNotTime   = errors.New("it takes a time, and the value is none (RFC 3339, or 2006-01-02 15:04:05 in UTC)")
)

// convert turns a rendered value that is no reference into what the column
// will hold; "" clears it.
func convert(f connectors.Field, v any) (any, error) {
	if f.Type.Kind == connectors.List {
		return convertList(v)
	}
	s, err := textOf(v)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(s) == "" {
		return "", nil
	}
	switch f.Type.Kind {
	case connectors.Int:
		if x, ok := v.(float64); ok && (x != math.Trunc(x) || math.Abs(x) > 1<<53) {
			return nil, errNotNumber
		}
		if n, ok := parseInt(f, s); ok {
			return n, nil
		}
		return nil, errNotNumber
	case connectors.Double:
		if x, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil {
			return x, nil
		}
		return nil, errors.New("it takes a number, and the value is none")
	case connectors.Bool:
		switch strings.ToLower(strings.TrimSpace(s)) {
		case "true", "1":
			return true, nil
		case "false", "0":
			return false, nil
		}
		return nil, errNotBool
	case connectors.Time:
		return convertTime(v, s)
	case connectors.Text:
		return convertText(s, f.MaxLength), nil
	case connectors.String:
		return cut(oneLine(s), f.MaxLength), nil
	case connectors.Reference:
		return strings.TrimSpace(s), nil
	default: // a column that is not known, whose records hold text: as it is
		if at, ok := v.(time.Time); ok {
			return at.UTC().Format(timeLayout), nil
		}
		return lines(s), nil
	}
}

// convertText makes plain text of Markdown, of which no more is read than can
// fit.
func convertText(s string, limit int) string {
	head := s
	if most := maxHead * limit; limit > 0 && len(s) > most {
		head = strings.ToValidUTF8(s[:most], "")
	}
	plain := strings.TrimSpace(lines(markdown.Plain(head)))
	if len(head) < len(s) {
		plain += "…"
	}
	return cut(plain, limit)
}

func convertList(v any) (any, error) {
	var list []any
	switch x := v.(type) {
	case []any:
		list = x
	case string:
		for _, element := range strings.Split(x, ",") {
			list = append(list, element)
		}
	default:
		return nil, errors.New("it takes a list, and the value is none")
	}
	resolved := []any{}
	for _, element := range list {
		s, err := textOf(element)
		if err != nil {
			return nil, err
		}
		if s = strings.TrimSpace(s); s != "" {
			resolved = append(resolved, s)
		}
	}
	if len(resolved) == 0 {
		return "", nil
	}
	return resolved, nil
}

func convertTime(v any, s string) (any, error) {
	if at, ok := v.(time.Time); ok {
		return at.UTC().Truncate(time.Second), nil
	}
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.RFC3339, timeLayout, time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC().Truncate(time.Second), nil
		}
	}
	return nil, errNotTime
}

// textOf writes a scalar as text, a list joined with ", ".
func textOf(v any) (string, error) {
	if s, ok := connectors.TextOf(v); ok {
		return s, nil
	}
	return "", errNotText
}

// wire writes a resolved value as it stands on the wire: always text.
func wire(v any) (string, error) {
	switch x := v.(type) {
	case time.Time:
		return x.UTC().Format(timeLayout), nil
	case []any:
		parts := make([]string, len(x))
		for i, element := range x {
			s, err := textOf(element)
			if err != nil {
				return "", err
			}
			parts[i] = s
		}
		return strings.Join(parts, ","), nil
	default:
		return textOf(v)
	}
}

func lines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// oneLine makes one line of text, as a one-line field shows it.
func oneLine(s string) string {
	s = strings.TrimSpace(lines(s))
	if !strings.Contains(s, "\n") {
		return s
	}
	var parts []string
	for _, line := range strings.Split(s, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, " ")
}

// cut shortens text to a number of characters, the last of which then is "…".
func cut(s string, limit int) string {
	if limit <= 0 || utf8.RuneCountInString(s) <= limit {
		return s
	}
	runes := []rune(s)
	return strings.TrimRight(string(runes[:limit-1]), " \n\t") + "…"
}

// same compares two values of a column as ServiceNow sees them.
func same(f connectors.Field, want, have any) bool {
	if f.Type.Kind == connectors.List {
		return slices.Equal(elements(want), elements(have))
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
	return cut(strings.TrimSpace(lines(s)), f.MaxLength)
}

func elements(v any) []string {
	converted, err := convertList(v)
	if v == nil || err != nil {
		return nil
	}
	list, _ := converted.([]any)
	texts := make([]string, 0, len(list))
	for _, element := range list {
		texts = append(texts, fmt.Sprint(element))
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}
