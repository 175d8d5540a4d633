package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
)

// literal checks a constant against the type and the choices of a field.
func (w *writer) literal(f *field, v any, at hcl.Range, sensitive bool, known connectors.Field, t connectors.Type) {
	switch v := v.(type) {
	case nil:
		return
	case string:
		if v == "" {
			return // clears the field
		}
	case []any:
		if t.Kind != connectors.List && t.Kind != connectors.Any {
			w.wrongType(f, at, "a list", t)
			return
		}
		for _, elem := range v {
			w.literal(f, elem, at, sensitive, known, elemOf(t))
		}
		return
	case map[string]any:
		switch t.Kind {
		case connectors.Any, connectors.Object:
		case connectors.Map:
			for _, name := range sortedKeys(v) {
				w.uses.key(w.to, f.name, name)
				w.literal(f, v[name], at, sensitive, known, elemOf(t))
			}
		default:
			w.wrongType(f, at, "an object", t)
		}
		return
	}
	if t.Kind == connectors.List || t.Kind == connectors.Map {
		w.wrongType(f, at, nativeName(v), t)
		return
	}
	shown := showLiteral(v)
	if sensitive {
		shown = "this value"
	}
	chosen := slices.ContainsFunc(known.Choices, func(c connectors.Choice) bool { return sameChoice(c, v) })
	if !chosen && !literalFits(v, t) {
		w.findings.err(at, fmt.Sprintf("field %q must be %s, not %s", f.name, articleOf(t), nativeName(v)), sentences(literalAdvice(v, t, sensitive), choicesAdvice(known)))
		return
	}
	// What is written by its name the instance alone knows, too.
	byName := known.WriteType != nil && len(known.Choices) == 0
	if (known.InstanceChoices || byName) && !sensitive {
		w.uses.value(w.to, f.name, v)
	}
	if !chosen && !known.InstanceChoices && len(known.Choices) > 0 {
		w.findings.err(at, fmt.Sprintf("%s is not a choice of field %q", shown, f.name), choicesAdvice(known))
	}
}

// sameChoice compares by value and by what people see: the label, or both.
func sameChoice(c connectors.Choice, v any) bool {
	if c.Value == v {
		return true
	}
	s, ok := v.(string)
	return ok && c.Label != "" && (strings.EqualFold(c.Label, s) || strings.EqualFold(fmt.Sprint(c.Value)+" - "+c.Label, s))
}

func literalFits(v any, t connectors.Type) bool {
	switch t.Kind {
	case connectors.String, connectors.Text, connectors.Reference, connectors.Object:
		_, ok := v.(string)
		return ok
	case connectors.Int:
		_, ok := v.(int64)
		return ok
	case connectors.Double:
		switch v.(type) {
		case int64, float64:
			return true
		}
		return false
	case connectors.Bool:
		_, ok := v.(bool)
		return ok
	case connectors.Time:
		switch v := v.(type) {
		case time.Time:
			return true
		case string:
			_, err := time.Parse(time.RFC3339, v)
			return err == nil
		}
		return false
	}
	return true
}

// literalAdvice says what to write instead of a literal of the wrong type.
func literalAdvice(v any, t connectors.Type, sensitive bool) string {
	if sensitive {
		return ""
	}
	switch v := v.(type) {
	case string:
		switch t.Kind {
		case connectors.Int, connectors.Double:
			if _, err := strconv.ParseFloat(v, 64); err == nil {
				return "Write " + v + ", without quotes."
			}
			return "Write a number without quotes."
		case connectors.Bool:
			return "Write true or false, without quotes."
		case connectors.Time:
			return `Write a time as "2026-01-02T03:04:05Z".`
		}
	case int64, float64, bool:
		switch t.Kind {
		case connectors.String, connectors.Text, connectors.Reference, connectors.Object:
			return fmt.Sprintf(`Write "%v", with quotes.`, v)
		case connectors.Int:
			return "Write a whole number."
		}
	}
	return ""
}

func choicesAdvice(known connectors.Field) string {
	if len(known.Choices) == 0 {
		return ""
	}
	const few = 24
	var names []string
	for _, c := range known.Choices {
		name := showLiteral(c.Value)
		if c.Label != "" && c.Label != fmt.Sprint(c.Value) {
			name += " (" + c.Label + ")"
		}
		names = append(names, name)
	}
	if len(names) > few {
		names = append(names[:few], "…")
	}
	word := "Choices: "
	if known.InstanceChoices {
		word = "The usual choices: "
	}
	return word + strings.Join(names, ", ") + "."
}

// articleOf names a type in messages.
func articleOf(t connectors.Type) string {
	switch t.Kind {
	case connectors.String, connectors.Text:
		return "a text"
	case connectors.Int:
		return "a whole number"
	case connectors.Double:
		return "a number"
	case connectors.Bool:
		return "true or false"
	case connectors.Time:
		return "a time"
	case connectors.Reference:
		return "a reference"
	case connectors.List:
		return "a list"
	case connectors.Map:
		return "an object"
	case connectors.Object:
		return "a text (the name)"
	}
	return "any value"
}
