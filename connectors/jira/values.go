package jira

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/markdown/adf"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

var errDay = errors.New("expected a day, as 2006-01-02")

// convertLine makes one line of a value, as long as the field takes, or a text
// field that does not say how long.
func convertLine(t fieldType, limit int, v any) (any, error) {
	s, err := values.Text(v)
	if err != nil {
		return nil, err
	}
	if t.Type == "string" && limit == 0 {
		limit = maxSummary
	}
	return values.CutUTF16(values.OneLine(s), limit), nil
}

// errAccount is for people who are named otherwise than by their account.
var errAccount = errors.New(`it takes an account id; an address is written ref("email", …)`)

// isAccountID reports whether a text may be the id of an account. Atlassian does not
// say how they are made, but no address and no name is one.
func isAccountID(s string) bool { return !strings.ContainsAny(s, "@ \t\n") }

func convertAccount(t fieldType, limit int, v any) (any, error) {
	id, err := convertLine(t, limit, v)
	if s, ok := id.(string); err == nil && (!ok || !isAccountID(s)) {
		return nil, errAccount
	}
	return id, err
}

// ofText converts what is text.
func ofText(convert func(s string) (any, error)) func(fieldType, int, any) (any, error) {
	return func(_ fieldType, _ int, v any) (any, error) {
		s, err := values.Text(v)
		if err != nil {
			return nil, err
		}
		return convert(s)
	}
}

// convertAny passes on what is not a text: nothing is known of the field.
func convertAny(t fieldType, limit int, v any) (any, error) {
	if _, isText := v.(string); !isText && !values.Empty(v) {
		return v, nil
	}
	return convertLine(t, limit, v)
}

func convertNumber(_ fieldType, _ int, v any) (any, error) {
	s, err := values.Text(v)
	if err != nil {
		return nil, err
	}
	n, ok := values.ParseNumber(s)
	switch {
	case !ok:
		return nil, values.ErrNumber
	case isWholeNumber(n):
		return int64(n), nil
	}
	return n, nil
}

func convertTime(refuse error, write func(at time.Time) any) func(fieldType, int, any) (any, error) {
	return func(_ fieldType, _ int, v any) (any, error) {
		at, ok := parseMoment(v)
		if !ok {
			return nil, refuse
		}
		return write(at), nil
	}
}

// parseMoment reads a time, or a day, in a value that was rendered.
func parseMoment(v any) (time.Time, bool) {
	return values.ParseTime(v, append([]string{time.DateOnly}, momentLayouts()...)...)
}

func convertList(t fieldType, _ int, v any) (any, error) {
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

func wireList(t fieldType, v any) any {
	element := fieldType{Type: t.Items, Custom: t.Custom}
	return eachOf(func(v any) any { return wire(element, v) })(t, v)
}

// eachOf writes the elements of a list.
func eachOf(one func(v any) any) func(fieldType, any) any {
	return func(_ fieldType, v any) any {
		list, _ := v.([]any)
		all := make([]any, 0, len(list))
		for _, element := range list {
			all = append(all, one(element))
		}
		return all
	}
}

func sameSet(_ fieldType, _ int, want, have any) bool {
	return slices.Equal(values.Set(want, true), values.Set(have, true))
}

// levels are the options of a cascading select, outer first. One level alone is
// shown as a text.
func levels(v any) []string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var all []string
	for _, element := range list {
		if s, err := values.Text(element); err == nil && strings.TrimSpace(s) != "" {
			all = append(all, strings.TrimSpace(s))
		}
	}
	return all
}

func convertCascade(t fieldType, limit int, v any) (any, error) {
	switch all := levels(v); len(all) {
	case 0:
		return convertLine(t, limit, v)
	case 1:
		return all[0], nil
	case 2:
		return []any{all[0], all[1]}, nil
	}
	return nil, errors.New("it takes an option, or a list of an option and one below it")
}

func wireCascade(_ fieldType, v any) any {
	all := levels(v)
	option := map[string]any{"value": all[0]}
	if len(all) > 1 {
		option["child"] = map[string]any{"value": all[1]}
	}
	return option
}

func sameCascade(_ fieldType, _ int, want, have any) bool {
	return slices.EqualFunc(levels(want), levels(have), strings.EqualFold)
}

func wireIssue(_ fieldType, v any) any {
	if s, _ := v.(string); strings.Trim(s, "0123456789") == "" {
		return map[string]any{"id": v}
	}
	return map[string]any{"key": v}
}

// currentSprint is the number of the sprint in which an issue is: the one that is
// not closed.
func currentSprint(sprints []map[string]any) any {
	for _, sprint := range slices.Backward(sprints) {
		if !strings.EqualFold(textOf(sprint["state"]), "closed") {
			return plain(sprint["id"], 0)
		}
	}
	return nil
}

// isOrganization tells an organization of a service project's customers.
func isOrganization(object map[string]any) bool {
	return strings.Contains(values.TextAt(object, "_links", "self"), "/organization/")
}

// sameRequestType: what is written names the portal and the type, what is read
// neither, so that one that is set at all is taken for it.
func sameRequestType(t fieldType, limit int, want, have any) bool {
	s, _ := want.(string)
	return strings.Contains(s, "/") || sameExactly(t, limit, want, have)
}

func sameDocument(_ fieldType, _ int, want, have any) bool {
	a, okA := want.(string)
	b, okB := have.(string)
	return okA && okB && (adf.Same(a, b) || adf.Same(adf.Cut(a, maxText), b))
}

// sameText compares two values as texts, or as times.
func sameText(limit int, want, have any, equal func(a, b string) bool) bool {
	if a, ok := parseMoment(want); ok {
		if b, ok := parseMoment(have); ok {
			return a.Equal(b)
		}
	}
	a, errA := values.Text(want)
	b, errB := values.Text(have)
	return errA == nil && errB == nil && equal(values.CutUTF16(values.OneLine(a), limit), values.OneLine(b))
}

func sameExactly(_ fieldType, limit int, want, have any) bool {
	return sameText(limit, want, have, func(a, b string) bool { return a == b })
}

// sameUntyped compares values of which no type is known.
func sameUntyped(t fieldType, limit int, want, have any) bool {
	switch want.(type) {
	case []any:
		_, ok := have.([]any)
		return ok && sameSet(t, limit, want, have)
	case map[string]any:
		return sameEstimates(t, limit, want, have)
	}
	return sameText(limit, want, have, func(a, b string) bool {
		return a == b || (strings.Contains(a, "*") || strings.Contains(a, "\n")) && adf.Same(a, b)
	})
}

func convertEstimates(_ fieldType, _ int, v any) (any, error) {
	if values.Empty(v) {
		return "", nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("it takes originalEstimate and remainingEstimate")
	}
	for _, estimate := range object {
		if s, err := values.Text(estimate); err != nil || strings.TrimSpace(s) != "" && !isEstimate(s) {
			return nil, errors.New("expected an estimate, as 3h 20m, in weeks, days, hours and minutes")
		}
	}
	return object, nil
}

// sameEstimates compares what is wanted of an object's members.
func sameEstimates(_ fieldType, _ int, want, have any) bool {
	w, okW := want.(map[string]any)
	h, okH := have.(map[string]any)
	return okW && okH && !slices.ContainsFunc(slices.Collect(maps.Keys(w)), func(name string) bool {
		return w[name] != nil && !sameEstimate(w[name], h[name])
	})
}

// estimate is how Jira takes one; a bare number is minutes.
var estimate = regexp.MustCompile(`^\s*(?:\d+(?:\.\d+)?\s*[wdhm]?\s*)+$`)

func isEstimate(s string) bool { return estimate.MatchString(s) }

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
