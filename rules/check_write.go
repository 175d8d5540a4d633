package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
)

// A writer checks what mappings write against a schema.
type writer struct {
	findings *findings
	uses     *uses // what only the instance can confirm
	to       connectors.Collection
	schema   *connectors.Schema
}

// field checks one mapping. creation is true for once, whose values are written
// when the record is opened, and never again.
func (w *writer) field(f *field, v *value, creation bool) {
	known, listed := w.schema.Fields[f.name]
	if !listed {
		if !w.unlisted(f) {
			return
		}
		w.uses.field(w.to, f.name)
		known = connectors.Field{Write: connectors.Always, Lookups: nil}
	}
	switch {
	case known.Reserved != "":
		w.findings.err(f.at, "field "+quote(f.name)+" is lockstep's own", capital(known.Reserved))
		return
	case listed && known.Write == connectors.ReadOnly:
		w.findings.err(f.at, fmt.Sprintf("field %q of %s is read-only", f.name, w.schema.Record),
			sentences(w.setBy(f.name), w.writable(f.name)))
		return
	case listed && known.Write == connectors.AtCreation && !creation:
		w.findings.err(f.at, fmt.Sprintf("field %q of %s is set only when it is opened", f.name, w.schema.Record), w.onlyAtCreation(f))
		return
	}
	w.value(f, v, known, known.Writes(), listed)
}

// unlisted says what becomes of a field that the schema does not list; false:
// it is an error.
func (w *writer) unlisted(f *field) bool {
	names := sortedKeys(w.schema.Fields)
	if slices.ContainsFunc(w.schema.FreePrefixes, func(p string) bool { return strings.HasPrefix(f.name, p) }) {
		return true
	}
	near := expr.Nearest(f.name, names)
	summary := fmt.Sprintf("%s has no field %q", w.schema.Record, f.name)
	switch w.schema.Unlisted {
	case connectors.AllowUnknown:
		return true
	case connectors.SuspectUnknown:
		if near == "" {
			w.findings.warn(f.at, fmt.Sprintf("unknown field %q of %s", f.name, w.to),
				"It is taken as it is; only the system itself can tell whether it has such a field.")
			return true
		}
	}
	w.findings.err(f.at, summary, sentences(suggest(f.name, names, "field")))
	return false
}

// setBy says who sets a field that no mapping may write.
func (w *writer) setBy(name string) string {
	if s := w.schema.State; s != nil {
		if top, _, _ := strings.Cut(s.Field, "."); top == name {
			return "A state block writes it, through a state table: state { table = state_table.NAME }."
		}
	}
	return "Its system sets it, a rule cannot."
}

// writable lists what can be written instead, if that is not too much.
func (w *writer) writable(except string) string {
	var names []string
	for name, f := range w.schema.Fields {
		if f.Write != connectors.ReadOnly && f.Reserved == "" && name != except {
			names = append(names, name)
		}
	}
	const few = 16
	if len(names) == 0 || len(names) > few {
		return ""
	}
	slices.Sort(names)
	return "It can write: " + strings.Join(names, ", ") + "."
}

func (w *writer) onlyAtCreation(f *field) string {
	if f.section == inboundSection {
		return "The record is there already when something comes in."
	}
	return "Move it to once { … }."
}

// value checks a value, or a part of one, against a type. The choices and
// look-ups of the field are those of what a list or a map of it holds.
func (w *writer) value(f *field, v *value, known connectors.Field, t connectors.Type, listed bool) {
	switch v.kind {
	case constantValue:
		w.literal(f, v.constant, v.at, v.sensitive, known, t)
	case textValue:
		w.text(f, v, known, t)
	case refValue:
		w.reference(f, v, known, t, listed)
	case listValue:
		if t.Kind != connectors.List && t.Kind != connectors.Any {
			w.wrongType(f, v.at, "a list", t)
			return
		}
		for _, elem := range v.elems {
			w.value(f, elem, known, elemOf(t), listed)
		}
	case objectValue:
		w.members(f, v, known, t, listed)
	}
}

func (w *writer) members(f *field, v *value, known connectors.Field, t connectors.Type, listed bool) {
	switch t.Kind {
	case connectors.Map, connectors.Any:
		for _, m := range v.members {
			if t.Kind == connectors.Map {
				w.uses.key(w.to, f.name, m.name)
			}
			w.value(f, m.value, known, elemOf(t), listed)
		}
	case connectors.Object:
		for _, m := range v.members {
			inner, ok := t.Fields[m.name]
			if !ok {
				w.findings.err(m.at, fmt.Sprintf("field %q has no %q", f.name, m.name), suggest(m.name, sortedKeys(t.Fields), "name"))
				continue
			}
			w.value(f, m.value, connectors.Field{Lookups: known.Lookups}, inner, listed)
		}
	default:
		w.wrongType(f, v.at, "an object", t)
	}
}

func elemOf(t connectors.Type) connectors.Type {
	if t.Elem == nil {
		return connectors.Type{}
	}
	return *t.Elem
}

// reference checks a ref(): whether the field takes one, and by which key.
func (w *writer) reference(f *field, v *value, known connectors.Field, t connectors.Type, listed bool) {
	if known.Lookups == nil {
		if listed && t.Kind != connectors.Any {
			w.findings.err(v.at, fmt.Sprintf("field %q takes no ref()", f.name), "It is "+articleOf(t)+", not a reference to another record. Write the value itself.")
			return
		}
	} else if !slices.Contains(known.Lookups, v.ref.key) {
		w.findings.err(v.ref.keyAt, fmt.Sprintf("field %q cannot be looked up by %q", f.name, v.ref.key), suggest(v.ref.key, known.Lookups, "key"))
	}
	if t.Kind == connectors.List {
		w.findings.err(v.at, fmt.Sprintf("field %q is a list", f.name), "Write [ref(…)], with brackets.")
	}
	if v.ref.fallback != nil {
		w.reference(f, v.ref.fallback, known, t, listed)
	}
}

// text checks a text: its constant, the constants that its expression may
// result in, and the type of that expression.
func (w *writer) text(f *field, v *value, known connectors.Field, t connectors.Type) {
	if constant, ok := v.template.Constant(); ok {
		w.literal(f, constant, v.at, v.sensitive, known, t)
		return
	}
	before := len(w.findings.list)
	for _, literal := range v.template.Literals() {
		w.literal(f, literal.Value, literal.Range, v.sensitive, known, t)
	}
	if len(w.findings.list) > before {
		return
	}
	if result := v.template.Type(); !mayBecome(result, t) {
		w.wrongType(f, v.at, articleOf(result), t)
	}
}

// mayBecome reports whether an expression of one type may be written to a field
// of another: scalars are turned into texts, and texts may hold what the field
// needs.
func mayBecome(from, to connectors.Type) bool {
	if from.Kind == connectors.Any || to.Kind == connectors.Any {
		return true
	}
	scalar := func(k connectors.Kind) bool { return k < connectors.List }
	text := from.Kind == connectors.String || from.Kind == connectors.Text || from.Kind == connectors.Reference
	switch to.Kind {
	case connectors.String, connectors.Text:
		return scalar(from.Kind)
	case connectors.Reference:
		return text
	case connectors.Int, connectors.Double:
		return text || from.Kind == connectors.Int || from.Kind == connectors.Double
	case connectors.Bool, connectors.Time:
		return text || from.Kind == to.Kind
	case connectors.List:
		return from.Kind == connectors.List && mayBecome(elemOf(from), elemOf(to))
	case connectors.Map:
		if from.Kind == connectors.Object {
			return true
		}
		return from.Kind == connectors.Map && mayBecome(elemOf(from), elemOf(to))
	case connectors.Object: // written by name
		return text || from.Kind == connectors.Object || from.Kind == connectors.Map
	}
	return true
}

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
		w.findings.err(at, fmt.Sprintf("%s is no choice of field %q", shown, f.name), choicesAdvice(known))
	}
}

// sameChoice compares by value and by what people see.
func sameChoice(c connectors.Choice, v any) bool {
	if c.Value == v {
		return true
	}
	s, ok := v.(string)
	return ok && c.Label != "" && strings.EqualFold(c.Label, s)
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

func (w *writer) wrongType(f *field, at hcl.Range, found string, t connectors.Type) {
	advice := ""
	switch t.Kind {
	case connectors.List:
		advice = "Write a list: [ … ]."
	case connectors.Map:
		advice = `Write an object: { "NAME" = … }.`
	default:
		advice = "Write one value that fits; of a list or an object, select what is meant: \"{{ LIST.join(', ') }}\", \"{{ OBJECT['NAME'] }}\"."
	}
	w.findings.err(at, fmt.Sprintf("field %q must be %s, not %s", f.name, articleOf(t), found), advice)
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

func nativeName(v any) string {
	switch v.(type) {
	case string:
		return "a text"
	case int64, float64:
		return "a number"
	case bool:
		return "a bool"
	case time.Time:
		return "a time"
	}
	return "another value"
}

func showLiteral(v any) string {
	text, err := encodeJSON(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// capital makes a schema's explanation a sentence.
func capital(s string) string {
	if s == "" {
		return s
	}
	s = upperFirst(s)
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}
