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

	"github.com/lockstep-sync/lockstep/connectors/markdown/adf"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// convert turns a rendered value into what the field will show; "" clears it.
// Texts of values must not stand in errors: the record may be private.
func convert(t fieldType, limit int, v any) (any, error) {
	switch t.Type {
	case "array":
		return convertList(t, v)
	case "option-with-child":
		if list, ok := v.([]any); ok && !values.Empty(v) {
			return list, nil
		}
	case "timetracking":
		object, ok := v.(map[string]any)
		if values.Empty(v) {
			return "", nil
		}
		if !ok {
			return nil, errors.New("it takes originalEstimate and remainingEstimate")
		}
		for _, estimate := range object {
			if s, err := values.Text(estimate); err != nil || strings.TrimSpace(s) != "" && !isEstimate(s) {
				return nil, errors.New("expected an estimate, as 3h 20m, in weeks, days, hours and minutes")
			}
		}
		return object, nil
	case "any", "":
		if _, isText := v.(string); !isText && !values.Empty(v) {
			return v, nil
		}
	}
	s, err := values.Text(v)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(s) == "" {
		return "", nil
	}
	switch {
	case t.isDocument():
		return adf.Cut(s, maxText), nil
	case t.Type == "user" && !isAccountID(strings.TrimSpace(s)):
		return nil, errAccount
	case t.Type == "number":
		n, ok := values.ParseNumber(s)
		if !ok {
			return nil, values.ErrNumber
		}
		if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int64(n), nil
		}
		return n, nil
	case t.Type == "date":
		at, ok := parseMoment(v)
		if !ok {
			return nil, errors.New("expected a day, as 2006-01-02")
		}
		return at.Format(time.DateOnly), nil
	case t.Type == "datetime":
		at, ok := parseMoment(v)
		if !ok {
			return nil, values.ErrTime
		}
		return at.UTC().Format(momentLayout), nil
	case t.Type == "string" && limit == 0:
		limit = maxSummary
	}
	return values.CutUTF16(values.OneLine(s), limit), nil
}

// errAccount is for people who are named otherwise than by their account.
var errAccount = errors.New(`it takes an account id; an address is written ref("email", …)`)

// isAccountID reports whether a text may be the id of an account. Atlassian does not
// say how they are made, but no address and no name is one.
func isAccountID(s string) bool { return !strings.ContainsAny(s, "@ \t\n") }

func convertList(t fieldType, v any) (any, error) {
	list, err := values.List(v)
	if err != nil {
		return nil, err
	}
	for _, element := range list {
		s, _ := element.(string)
		switch {
		case t.Items == "user" && !isAccountID(s):
			return nil, errAccount
		case t.Items != "string":
		case strings.ContainsAny(s, " \t\n"):
			return nil, errors.New("labels hold no spaces, and one of these does")
		case isMark(s):
			return nil, errors.New("a label that begins with " + labelPrefix + " is lockstep's own mark")
		}
	}
	if len(list) == 0 {
		return "", nil
	}
	return list, nil
}

// parseMoment reads a time, or a day, in a value that was rendered.
func parseMoment(v any) (time.Time, bool) {
	return values.ParseTime(v, append([]string{time.DateOnly}, momentLayouts()...)...)
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
			option := map[string]any{"value": list[0]}
			if len(list) > 1 {
				option["child"] = map[string]any{"value": list[1]}
			}
			return option
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
		if !values.Empty(v) {
			kept[id] = v
		}
	}
	return kept
}

// same compares two values of a field as Jira sees them.
func same(t fieldType, limit int, want, have any) bool {
	if values.Empty(want) || values.Empty(have) {
		return values.Empty(want) && values.Empty(have)
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
		return ok && slices.Equal(values.Set(w, true), values.Set(h, true))
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
	a, errA := values.Text(want)
	b, errB := values.Text(have)
	if errA != nil || errB != nil {
		return false
	}
	a, b = values.CutUTF16(values.OneLine(a), limit), values.OneLine(b)
	switch t.Type {
	case "string", "user", "":
		if t.Type == "" && (strings.Contains(a, "*") || strings.Contains(a, "\n")) {
			return adf.Same(a, b)
		}
		return a == b
	}
	return strings.EqualFold(a, b) // names
}

var estimatePart = regexp.MustCompile(`(\d+(?:\.\d+)?)\s*([wdhm])`)

// estimate is how Jira takes one; a bare number is minutes.
var estimate = regexp.MustCompile(`^\s*(?:\d+(?:\.\d+)?\s*[wdhm]?\s*)+$`)

func isEstimate(s string) bool { return estimate.MatchString(s) }

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
