package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
)

// closed are the values that a field which expressions read can have; false: only the
// instance knows them all.
func closed(path expr.Path, seen []readable) (choices []connectors.Choice, name string, ok bool) {
	for _, r := range seen {
		if len(path) <= len(r.path) || !slices.Equal(path[:len(r.path)], r.path) {
			continue
		}
		rest := path[len(r.path):]
		name = strings.Join(path, ".")
		if s := r.schema.State; s != nil && s.Category != "" && strings.Join(rest, ".") == s.Category {
			for _, known := range s.Known {
				if category, is := strings.CutPrefix(known, CategoryPrefix); is {
					choices = append(choices, connectors.Choice{Value: category})
				}
			}
			return choices, name, len(choices) > 0
		}
		if field, listed := r.schema.Fields[rest[0]]; listed && len(rest) == 1 {
			return field.Choices, name, len(field.Choices) > 0 && !field.InstanceChoices
		}
	}
	return nil, "", false
}

// compared warns of constants that a field is compared with and cannot be.
func compared(all []expr.Comparison, seen []readable, labels []string, f *findings) {
	for _, c := range all {
		choices, name, ok := closed(c.Path, seen)
		if len(c.Path) == 1 && c.Path[0] == stateName && labels != nil {
			choices, name, ok = choicesOf(labels), stateName, true
		}
		if !ok {
			continue
		}
		for _, v := range c.Values {
			if !slices.ContainsFunc(choices, func(choice connectors.Choice) bool { return choice.Value == v.Value }) {
				f.warn(v.Range, fmt.Sprintf("%s is never %s", name, showLiteral(v.Value)), suggestChoice(v.Value, choices))
			}
		}
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

// neverTrue warns of a condition that no record meets.
func neverTrue(c *expr.Condition, written *expr.Text, f *findings) {
	if c.NeverTrue() {
		f.warn(written.Range(), "this condition is never true", "Nothing will ever match it. Write what is to match, or leave the condition out to match everything.")
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
