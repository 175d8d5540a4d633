package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/nearest"
)

// A writer checks what mappings write against a schema.
type writer struct {
	findings *findings
	uses     *uses // what only the instance can confirm
	by       usedBy
	to       connectors.Collection
	schema   *connectors.Schema
	// convert is what the system does to a value before it is written; nil: nothing.
	convert func(record, field string, v any) (any, error)
}

// field checks one mapping. Its value is nil if that has mistakes of its own,
// which hide none of the field's. creation is true for once, whose values are
// written when the record is opened, and never again.
func (w *writer) field(f *field, v *value, creation bool) {
	known, listed := w.schema.Fields[f.name]
	if !listed {
		if !w.unlisted(f) {
			return
		}
		known = connectors.Field{Write: connectors.Always, Lookups: nil, InstanceChoices: true}
	}
	switch {
	case known.Reserved != "":
		w.findings.err(f.at, "field "+quote(f.name)+" is lockstep's own", capital(known.Reserved))
		return
	case listed && known.Write == connectors.ReadOnly:
		w.findings.err(f.at, fmt.Sprintf("field %q of %s is read-only", f.name, w.schema.Record),
			sentences(w.setBy(f.name), w.writable(f.name, creation)))
		return
	case listed && known.Write == connectors.AfterCreation && creation:
		w.findings.err(f.at, fmt.Sprintf("field %q of %s cannot be set when it is opened", f.name, w.schema.Record),
			"Its system takes the field of a record that is there. Move it to outbound { … }: it is written right after the opening.")
		return
	case listed && known.Write == connectors.AtCreation && !creation:
		w.findings.err(f.at, fmt.Sprintf("field %q of %s is set only when it is opened", f.name, w.schema.Record), w.onlyAtCreation(f))
		return
	}
	if v != nil && v.sensitive {
		w.findings.err(v.at, fmt.Sprintf("a sensitive value in field %q", f.name),
			madeOfSecret+" Write something that may be seen.")
		return
	}
	w.uses.written(w.by, f.name, f.section, f.at)
	if v != nil {
		w.value(slot{field: f, name: f.name, known: known, typ: known.Writes(), listed: listed}, v)
	}
}

// unlisted says what becomes of a field that the schema does not list; false:
// it is an error.
func (w *writer) unlisted(f *field) bool {
	names := sortedKeys(w.schema.Fields)
	if slices.ContainsFunc(w.schema.FreePrefixes, func(p string) bool { return strings.HasPrefix(f.name, p) }) {
		return true
	}
	near := nearest.Name(f.name, names)
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
func (w *writer) writable(except string, creation bool) string {
	var names []string
	for name, f := range w.schema.Fields {
		if f.Write != connectors.ReadOnly && (creation || f.Write != connectors.AtCreation) && (!creation || f.Write != connectors.AfterCreation) && f.Reserved == "" && name != except {
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

// A slot is where a value goes: a field, or a part of one. The choices and look-ups
// of the field are those of what a list or a map of it holds.
type slot struct {
	field  *field
	name   string // as the system knows it: "roles/Lead"
	known  connectors.Field
	typ    connectors.Type
	listed bool
	// whole is a part as the field takes it: a list of it, an object; nil: as it is.
	whole func(any) any
}

// elem returns an element of a list.
func (s slot) elem() slot {
	s.typ, s.whole = elemOf(s.typ), func(v any) any { return []any{v} }
	return s
}

// entry returns an entry of a map.
func (s slot) entry(name string) slot {
	s.typ, s.name = elemOf(s.typ), s.name+"/"+name
	return s
}

// member returns a member of an object.
func (s slot) member(name string, t connectors.Type) slot {
	s.known, s.typ, s.whole = connectors.Field{Lookups: s.known.Lookups}, t, func(v any) any { return map[string]any{name: v} }
	return s
}

// value checks a value, or a part of one.
func (w *writer) value(s slot, v *value) {
	v.fit(s.typ)
	switch v.kind {
	case constantValue:
		w.literal(s, v.constant, v.at, v.sensitive)
	case textValue:
		w.text(s, v)
	case refValue:
		w.reference(s, v)
	case listValue:
		if s.typ.Kind != connectors.List && s.typ.Kind != connectors.Any {
			w.wrongType(s, v.at, "a list")
			return
		}
		for _, elem := range v.elems {
			w.value(s.elem(), elem)
		}
	case objectValue:
		w.members(s, v)
	}
}

// fit turns a text that came from elsewhere into the number or the bool that a
// field needs, and a number or a bool into a text, as HCL does between its own
// types: what the command line says of a variable is always a text. What is
// written in place must be of the field's type.
func (v *value) fit(t connectors.Type) {
	if !v.computed {
		return
	}
	s, fixed := v.constant, v.kind == constantValue
	if v.kind == textValue {
		s, fixed = v.template.Constant()
	}
	if !fixed {
		return
	}
	switch s := s.(type) {
	case string:
		var native any
		var err error
		switch t.Kind {
		case connectors.Int:
			native, err = strconv.ParseInt(s, 10, 64)
		case connectors.Double:
			native, err = strconv.ParseFloat(s, 64)
		case connectors.Bool:
			native, err = strconv.ParseBool(s)
		default:
			return
		}
		if err == nil {
			v.kind, v.constant = constantValue, native
		}
	case int64, float64, bool:
		if t.Kind == connectors.String || t.Kind == connectors.Text || t.Kind == connectors.Reference {
			v.constant = text(s)
		}
	}
}

func (w *writer) members(s slot, v *value) {
	switch s.typ.Kind {
	case connectors.Map, connectors.Any:
		for _, m := range v.members {
			if s.typ.Kind == connectors.Map {
				w.uses.key(w.by, s.field.name, m.name, m.at)
			}
			w.value(s.entry(m.name), m.value)
		}
	case connectors.Object:
		for _, m := range v.members {
			inner, ok := s.typ.Fields[m.name]
			if !ok {
				w.findings.err(m.at, fmt.Sprintf("field %q has no %q", s.field.name, m.name), suggest(m.name, sortedKeys(s.typ.Fields), "name"))
				continue
			}
			w.value(s.member(m.name, inner), m.value)
		}
	default:
		w.wrongType(s, v.at, "an object")
	}
}

func elemOf(t connectors.Type) connectors.Type {
	if t.Elem == nil {
		return connectors.Type{}
	}
	return *t.Elem
}

// reference checks a ref(): whether the field takes one, and by which key.
func (w *writer) reference(s slot, v *value) {
	if s.known.Lookups == nil {
		if s.listed && s.typ.Kind != connectors.Any {
			w.findings.err(v.at, fmt.Sprintf("field %q takes no ref()", s.field.name), "It is "+articleOf(s.typ)+", not a reference to another record. Write the value itself.")
			return
		}
	} else if !slices.Contains(s.known.Lookups, v.ref.key.Reveal()) {
		w.findings.err(v.ref.keyAt, fmt.Sprintf("field %q cannot be looked up by %s", s.field.name, v.ref.key.Quote()), suggestFor(v.ref.key, s.known.Lookups, "key"))
	}
	if s.typ.Kind == connectors.List {
		w.findings.err(v.at, fmt.Sprintf("field %q is a list", s.field.name), "Write [ref(…)], with brackets.")
	}
	if v.ref.fallback != nil {
		w.reference(s, v.ref.fallback)
	}
}

// text checks a text: its constant, the constants that its expression may
// result in, and the type of that expression.
func (w *writer) text(s slot, v *value) {
	if constant, ok := v.template.Constant(); ok {
		w.literal(s, constant, v.at, v.sensitive)
		return
	}
	before := w.findings.all
	for _, literal := range v.template.Literals() {
		w.literal(s, literal.Value, literal.Range, v.sensitive)
	}
	if w.findings.all > before {
		return
	}
	if w.refusedShape(s, v) {
		return
	}
	if result := v.template.Type(); !mayBecome(result, s.typ) {
		w.wrongType(s, v.at, foundOf(result), selectAdvice(v, result))
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

func (w *writer) wrongType(s slot, at hcl.Range, found string, more ...string) {
	advice := ""
	switch s.typ.Kind {
	case connectors.List:
		advice = "Write a list: [ … ]."
	case connectors.Map:
		advice = `Write an object: { "NAME" = … }.`
	default:
		advice = "Write one value that fits; of a list or an object, select what is meant: \"{{ LIST.join(', ') }}\", \"{{ OBJECT['NAME'] }}\"."
	}
	w.findings.err(at, fmt.Sprintf("field %q must be %s, not %s", s.field.name, articleOf(s.typ), found), cmp.Or(strings.Join(more, " "), advice))
}

// selectAdvice says how to select what is meant of an object or a map that an
// expression results in; empty: it is neither.
func selectAdvice(v *value, t connectors.Type) string {
	owner := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(v.text.Value()), "{{"), "}}"))
	if strings.ContainsAny(owner, " ?:+()") || v.sensitive {
		owner = "X"
	}
	switch t.Kind {
	case connectors.Object:
		names := sortedKeys(t.Fields)
		if len(names) == 0 {
			return ""
		}
		example := names[0]
		if slices.Contains(names, "name") {
			example = "name"
		}
		return fmt.Sprintf("Select one of its fields, which are %s: \"{{ %s.%s }}\".", strings.Join(names, ", "), owner, example)
	case connectors.Map:
		return fmt.Sprintf("Select one of its entries by name: \"{{ %s['NAME'] }}\".", owner)
	case connectors.List:
		return fmt.Sprintf("Join its elements: \"{{ %s.join(', ') }}\".", owner)
	}
	return ""
}
