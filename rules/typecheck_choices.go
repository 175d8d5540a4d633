package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
)

// closed are the values that a field which expressions read can have; nil: any, or only
// the instance knows them all.
func closed(path expr.Path, seen []readable) []connectors.Choice {
	for _, r := range seen {
		if len(path) > len(r.path) && slices.Equal(path[:len(r.path)], r.path) {
			return r.schema.Closed(path[len(r.path):]...)
		}
	}
	return nil
}

// closedIn returns closed, with the labels that a template gives its states.
func closedIn(seen []readable, labels []string) func(expr.Path) []connectors.Choice {
	return func(path expr.Path) []connectors.Choice {
		if len(path) == 1 && path[0] == stateName && labels != nil {
			return choicesOf(labels)
		}
		return closed(path, seen)
	}
}

// compared warns of constants that a field is compared with and cannot be.
func compared(all []expr.Comparison, choicesOf func(expr.Path) []connectors.Choice, f *findings) {
	for _, c := range all {
		choices, name := choicesOf(c.Path), strings.Join(c.Path, ".")
		if choices == nil {
			continue
		}
		if c.Elements {
			name = "an element of " + name
		}
		for _, v := range c.Values {
			if _, isList := v.Value.([]any); isList && !c.Elements {
				continue // the whole list is compared
			}
			if !slices.ContainsFunc(choices, func(choice connectors.Choice) bool { return choice.Value == v.Value }) {
				f.warn(v.Range, fmt.Sprintf("%s is never %s", name, showLiteral(v.Value)), suggestChoice(v.Value, choices))
			}
		}
	}
}

// domain is what choicesOf says, without labels.
func domain(choicesOf func(expr.Path) []connectors.Choice) expr.Domain {
	return func(path expr.Path) []any {
		var values []any
		for _, c := range choicesOf(path) {
			values = append(values, c.Value)
		}
		return values
	}
}

func choicesOf(values []string) []connectors.Choice {
	choices := make([]connectors.Choice, len(values))
	for i, v := range values {
		choices[i].Value = v
	}
	return choices
}

// suggestChoice says which choice was probably meant, or which there are.
func suggestChoice(v any, choices []connectors.Choice) string {
	text, isText := v.(string)
	names := make([]string, 0, len(choices))
	for _, c := range choices {
		if isText && c.Label != "" && strings.EqualFold(c.Label, text) {
			return fmt.Sprintf("The field holds the value, not the label: write %s.", showLiteral(c.Value))
		}
		if s, ok := c.Value.(string); ok {
			names = append(names, s)
		}
	}
	if isText && len(names) == len(choices) {
		return suggest(text, names, "choice")
	}
	return choicesAdvice(connectors.Field{Choices: choices})
}

// judge warns of what a condition compares with and no record has, and of a condition that
// no record meets.
func judge(c *expr.Condition, written *expr.Text, choices func(expr.Path) []connectors.Choice, f *findings) {
	found := f.all
	compared(c.Comparisons(), choices, f)
	if f.all == found && c.NeverTrue(domain(choices)) {
		f.warn(written.Range(), "this condition is never true", "Nothing will ever match it. Write what is to match, or leave the condition out to match everything.")
	}
}

// judgeValue does the same for the conditions in a value.
func judgeValue(v *value, choices func(expr.Path) []connectors.Choice, f *findings) {
	found := f.all
	compared(v.comparisons(), choices, f)
	if f.all > found {
		return
	}
	for _, at := range v.neverTrue(domain(choices)) {
		f.warn(at, "the condition before this ? is never true", "What follows the ? is never the value. Write what is to hold, or the other value alone.")
	}
}

// labels are the values of state in expressions; nil: the template has no table.
func (t *template) labels() []string {
	if t.result.State == nil || t.result.State.Table == nil {
		return nil
	}
	labels := make([]string, 0, len(t.result.State.Table.States))
	for _, s := range t.result.State.Table.States {
		labels = append(labels, s.Label)
	}
	return labels
}
