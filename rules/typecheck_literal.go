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

// literal checks a constant against the type and the choices of a field, and against
// what its system takes.
func (w *writer) literal(s slot, v any, at hcl.Range, sensitive bool) {
	switch v := v.(type) {
	case nil:
		return
	case string:
		if v == "" { // clears the field
			w.refused(s, v, at, sensitive)
			return
		}
	case []any:
		if s.typ.Kind != connectors.List && s.typ.Kind != connectors.Any {
			w.wrongType(s, at, "a list")
			return
		}
		for _, elem := range v {
			w.literal(s.elem(), elem, at, sensitive)
		}
		return
	case map[string]any:
		switch s.typ.Kind {
		case connectors.Any, connectors.Object:
		case connectors.Map:
			for _, name := range sortedKeys(v) {
				w.uses.key(w.by, s.field.name, name, at)
				w.literal(s.entry(name), v[name], at, sensitive)
			}
		default:
			w.wrongType(s, at, "an object")
		}
		return
	}
	if s.typ.Kind == connectors.List || s.typ.Kind == connectors.Map {
		w.wrongType(s, at, nativeName(v))
		return
	}
	shown := showLiteral(v)
	if sensitive {
		shown = "this value"
	}
	known := s.known
	chosen := slices.ContainsFunc(known.Choices, func(c connectors.Choice) bool { return sameChoice(c, v) })
	if !chosen && !w.literalFits(v, s.typ) {
		w.findings.err(at, fmt.Sprintf("field %q must be %s, not %s", s.field.name, articleOf(s.typ), nativeName(v)), sentences(literalAdvice(v, s.typ, sensitive), choicesAdvice(known)))
		return
	}
	// What is written by its name the instance alone knows, too.
	byName := known.WriteType != nil && len(known.Choices) == 0
	if (known.InstanceChoices || byName) && !sensitive {
		w.uses.value(w.by, s.name, v, at)
	}
	if !chosen && !known.InstanceChoices && len(known.Choices) > 0 {
		w.findings.err(at, fmt.Sprintf("%s is not a choice of field %q", shown, s.field.name), choicesAdvice(known))
		return
	}
	w.refused(s, v, at, sensitive)
}

// fillings are what stands for an expression within a text to find out whether its system
// takes the text whatever the expression results in.
var fillings = []string{"x", "1", "01", "2026", "2026-01-02", "2026-01-02T03:04:05Z", "0123456789abcdef0123456789abcdef"}

// refusedShape reports a text that its system refuses for what is fixed of it, as soon as
// its expressions result in anything; false: it may take it.
func (w *writer) refusedShape(s slot, v *value) bool {
	if w.convert == nil || !s.listed || v.sensitive {
		return false
	}
	shape := v.template.Shape()
	const most = 3 // gaps; each takes as many times the tries
	if n := shape.Gaps(); n == 0 || n > most {
		return false
	}
	gaps := make([]string, shape.Gaps())
	var refusal error
	var taken func(from int) bool
	taken = func(from int) bool {
		if from == len(gaps) {
			err := w.convertPart(s, shape.With(gaps))
			if refusal == nil {
				refusal = err
			}
			return err == nil
		}
		for _, gaps[from] = range fillings {
			if taken(from + 1) {
				return true
			}
		}
		return false
	}
	if taken(0) {
		return false
	}
	w.findings.err(v.at, fmt.Sprintf("field %q takes no such text, whatever stands for its expressions", s.field.name), capital(refusal.Error()))
	return true
}

// convertPart asks the system for a value of a slot.
func (w *writer) convertPart(s slot, v any) error {
	if s.whole != nil {
		v = s.whole(v)
	}
	_, err := w.convert(w.to.Record, s.name, v)
	return err
}

// refused reports a constant that its system refuses without being asked.
func (w *writer) refused(s slot, v any, at hcl.Range, sensitive bool) {
	if w.convert == nil || !s.listed {
		return
	}
	shown := showLiteral(v)
	if sensitive {
		shown = "this value"
	}
	if err := w.convertPart(s, v); err != nil {
		w.findings.err(at, fmt.Sprintf("field %q does not take %s", s.field.name, shown), capital(err.Error()))
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

func (w *writer) literalFits(v any, t connectors.Type) bool {
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
			if w.convert != nil {
				return true // the system says what it reads
			}
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
		return "a string"
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
		return "a name"
	}
	return "any value"
}

// foundOf names the type of what an expression results in.
func foundOf(t connectors.Type) string {
	switch t.Kind {
	case connectors.Map:
		return "a map"
	case connectors.Object:
		return "an object"
	}
	return articleOf(t)
}
