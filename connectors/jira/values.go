package jira

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/markdown/adf"
)

// convert turns a rendered value into what the field will show; "" clears it.
// Texts of values must not stand in errors: the record may be private.
func convert(t fieldType, limit int, v any) (any, error) {
	switch t.Type {
	case "array":
		return convertList(t, v)
	case "option-with-child":
		if list, ok := v.([]any); ok && !isEmpty(v) {
			return list, nil
		}
	case "timetracking":
		object, ok := v.(map[string]any)
		if isEmpty(v) {
			return "", nil
		}
		if !ok {
			return nil, errors.New("it takes originalEstimate and remainingEstimate")
		}
		return object, nil
	case "any", "":
		if _, isText := v.(string); !isText && !isEmpty(v) {
			return v, nil
		}
	}
	s, err := scalar(v)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(s) == "" {
		return "", nil
	}
	switch {
	case t.isDocument():
		return adf.Cut(s, maxText), nil
	case t.Type == "number":
		n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return nil, errors.New("it takes a number, and the value is none")
		}
		if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int64(n), nil
		}
		return n, nil
	case t.Type == "date":
		at, ok := parseMoment(v)
		if !ok {
			return nil, errors.New("it takes a day, as 2006-01-02, and the value is none")
		}
		return at.Format(time.DateOnly), nil
	case t.Type == "datetime":
		at, ok := parseMoment(v)
		if !ok {
			return nil, errors.New("it takes a time, and the value is none (RFC 3339)")
		}
		return at.UTC().Format(momentLayout), nil
	case t.Type == "string" && limit == 0:
		limit = maxSummary
	}
	return cut(oneLine(s), limit), nil
}

func convertList(t fieldType, v any) (any, error) {
	list, ok := v.([]any)
	if s, isText := v.(string); isText {
		ok = true
		for _, element := range strings.Split(s, ",") {
			list = append(list, element)
		}
	}
	if !ok {
		return nil, errors.New("it takes a list, and the value is none")
	}
	all := []any{}
	for _, element := range list {
		s, err := scalar(element)
		if err != nil {
			return nil, err
		}
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		if t.Items == "string" {
			if strings.ContainsAny(s, " \t\n") {
				return nil, errors.New("labels hold no spaces, and one of these does")
			}
			if isMark(s) {
				return nil, errors.New("a label that begins with " + labelPrefix + " is lockstep's own mark")
			}
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return "", nil
	}
	return all, nil
}

// scalar writes a value as text.
func scalar(v any) (string, error) {
	if s, ok := connectors.TextOf(v); ok {
		return s, nil
	}
	return "", errNotText
}

func parseMoment(v any) (time.Time, bool) {
	if at, ok := v.(time.Time); ok {
		return at.UTC(), true
	}
	s, _ := v.(string)
	s = strings.TrimSpace(s)
	if at, err := time.Parse(time.DateOnly, s); err == nil {
		return at, true
	}
	return moment(s)
}

func oneLine(s string) string {
	var parts []string
	for _, line := range strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }) {
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
	return strings.TrimRight(string([]rune(s)[:limit-1]), " ") + "…"
}

// wire is a resolved value as the API takes it.
func wire(t fieldType, v any) any {
	if v == "" {
		if t.Type == "array" {
			return []any{}
		}
		return nil
	}
	if t.isDocument() {
		s, _ := v.(string)
		return adf.FromMarkdown(s)
	}
	switch t.Type {
	case "array":
		list, _ := v.([]any)
		all := make([]any, 0, len(list))
		for _, element := range list {
			all = append(all, wire(fieldType{Type: t.Items, Custom: t.Custom}, element))
		}
		return all
	case "project":
		return map[string]any{"key": v}
	case "issuetype", "priority", "component", "version", "securitylevel", "resolution", "group":
		return map[string]any{"name": v}
	case "user":
		return map[string]any{"accountId": v}
	case "option":
		return map[string]any{"value": v}
	case "option-with-child":
		if list, ok := v.([]any); ok && len(list) > 0 {
			value := map[string]any{"value": list[0]}
			if len(list) > 1 {
				value["child"] = map[string]any{"value": list[1]}
			}
			return value
		}
		return map[string]any{"value": v}
	case "issuelink":
		if s, _ := v.(string); strings.Trim(s, "0123456789") == "" {
			return map[string]any{"id": v}
		}
		return map[string]any{"key": v}
	}
	if at, ok := v.(time.Time); ok {
		return at.UTC().Format(momentLayout)
	}
	return v
}

// filled is a body without its empty values: a new issue has nothing to be
// cleared, and a null or an empty list there is refused or hides the default.
func filled(body map[string]any) map[string]any {
	kept := map[string]any{}
	for id, v := range body {
		if !isEmpty(v) {
			kept[id] = v
		}
	}
	return kept
}

// same compares two values of a field as Jira sees them.
func same(t fieldType, limit int, want, have any) bool {
	if isEmpty(want) || isEmpty(have) {
		return isEmpty(want) && isEmpty(have)
	}
	if t.isDocument() {
		a, okA := want.(string)
		b, okB := have.(string)
		return okA && okB && (adf.Same(a, b) || adf.Same(adf.Cut(a, maxText), b))
	}
	switch w := want.(type) {
	case []any:
		h, ok := have.([]any)
		if t.Type == "option-with-child" {
			return ok && slices.EqualFunc(w, h, func(a, b any) bool { return same(fieldType{}, 0, a, b) })
		}
		return ok && slices.Equal(elements(w), elements(h))
	case map[string]any:
		h, ok := have.(map[string]any)
		return ok && !slices.ContainsFunc(slices.Collect(maps.Keys(w)), func(name string) bool {
			return w[name] != nil && !sameEstimate(w[name], h[name])
		})
	}
	if a, ok := parseMoment(want); ok {
		if b, ok := parseMoment(have); ok {
			return a.Equal(b)
		}
	}
	a, errA := scalar(want)
	b, errB := scalar(have)
	if errA != nil || errB != nil {
		return false
	}
	a, b = cut(oneLine(a), limit), oneLine(b)
	switch t.Type {
	case "string", "user", "":
		if t.Type == "" && (strings.Contains(a, "*") || strings.Contains(a, "\n")) {
			return adf.Same(a, b)
		}
		return a == b
	}
	return strings.EqualFold(a, b) // names
}

func isEmpty(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(x) == ""
	case []any:
		return len(x) == 0
	case map[string]any:
		return len(x) == 0
	}
	return false
}

func elements(list []any) []string {
	var texts []string
	for _, element := range list {
		texts = append(texts, strings.ToLower(strings.TrimSpace(fmt.Sprint(element))))
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

var estimatePart = regexp.MustCompile(`(\d+(?:\.\d+)?)\s*([wdhm])`)

// sameEstimate compares estimates, of which Jira writes 90m as 1h 30m; a day
// has eight hours and a week five days, as they have unless somebody changed it.
func sameEstimate(want, have any) bool {
	minutes := func(v any) float64 {
		total := 0.0
		for _, part := range estimatePart.FindAllStringSubmatch(fmt.Sprint(v), -1) {
			n, _ := strconv.ParseFloat(part[1], 64)
			total += n * map[string]float64{"w": 5 * 8 * 60, "d": 8 * 60, "h": 60, "m": 1}[part[2]]
		}
		return total
	}
	return fmt.Sprint(want) == fmt.Sprint(have) || minutes(want) > 0 && minutes(want) == minutes(have)
}
