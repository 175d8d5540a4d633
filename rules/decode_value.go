package rules

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/budget"
	"github.com/lockstep-sync/lockstep/rules/expr"
	"github.com/lockstep-sync/lockstep/rules/source"
)

// A value is what a mapping writes, with its HCL evaluated and, once compile
// has been at it, its CEL compiled.
type value struct {
	kind      valueKind
	at        hcl.Range
	sensitive bool
	// computed is true of a text, a number or a bool that is not written where it is
	// used: it came from a variable, a local or a function.
	computed bool

	constant any            // of a constant, not nil
	text     *expr.Text     // of a text
	template *expr.Template // of a text, compiled

	ref     *reference
	elems   []*value // of a list
	members []member // of an object, in the order written
}

type valueKind int

const (
	nullValue valueKind = iota
	constantValue
	textValue
	refValue
	listValue
	objectValue
)

// A reference is ref(KEY, VALUE, FALLBACK).
type reference struct {
	key         string
	keyAt       hcl.Range
	arg         *value
	hasFallback bool
	fallback    *value // a reference; nil for null
}

// A member is one name of an object.
type member struct {
	name  string
	at    hcl.Range
	value *value
}

// value evaluates the HCL of a mapping; false if it has mistakes. Calls of
// ref, lists, objects and conditionals are taken apart as they are written, so
// that the texts in them keep their places.
func (l *decoder) value(e hclsyntax.Expression) (*value, bool) {
	guarded := e
	switch e := budget.Unguarded(e).(type) {
	case *hclsyntax.ParenthesesExpr:
		return l.value(e.Expression)
	case *hclsyntax.FunctionCallExpr:
		if e.Name == "ref" {
			return l.reference(e)
		}
	case *hclsyntax.TupleConsExpr:
		v, ok := &value{kind: listValue, at: e.Range()}, true
		for _, elem := range e.Exprs {
			inner, good := l.value(elem)
			if !good {
				ok = false
				continue
			}
			v.elems = append(v.elems, inner)
			v.sensitive = v.sensitive || inner.sensitive
		}
		return v, ok
	case *hclsyntax.ObjectConsExpr:
		return l.object(e)
	case *hclsyntax.ConditionalExpr:
		if !callsRef(e) {
			break
		}
		condition, ok := l.eval(e.Condition)
		if !ok {
			return nil, false
		}
		condition, _ = plain(condition)
		b, err := convert.Convert(condition, cty.Bool)
		if err != nil || b.IsNull() || !b.IsKnown() {
			l.err(e.Condition.Range(), "the condition before ? must be true or false", "This is HCL, evaluated when the configuration is loaded: it knows var and local, but no record.")
			return nil, false
		}
		if b.True() {
			return l.value(e.TrueResult)
		}
		return l.value(e.FalseResult)
	}
	return l.evaluated(guarded)
}

// evaluated is the value of an HCL expression that needs no taking apart.
func (l *decoder) evaluated(e hclsyntax.Expression) (*value, bool) {
	v, ok := l.eval(e)
	if !ok {
		return nil, false
	}
	if v.Type() == cty.String && !v.IsNull() && v.IsKnown() {
		out, ok := l.textValue(e)
		if ok {
			_, isTemplate := e.(*hclsyntax.TemplateExpr)
			out.computed = !isTemplate
		}
		return out, ok
	}
	out, ok := l.converted(v, e.Range())
	if ok {
		out.computed = len(e.Variables()) > 0
	}
	return out, ok
}

// textValue is a text whose place is known to the rune.
func (l *decoder) textValue(e hcl.Expression) (*value, bool) {
	t, diags := l.newText(e)
	l.hcl(diags)
	if diags.HasErrors() {
		return nil, false
	}
	return &value{kind: textValue, at: e.Range(), text: t, sensitive: t.Sensitive()}, true
}

// newText is an expression as a text. It is evaluated once more for that.
func (l *decoder) newText(e hcl.Expression) (t *expr.Text, diags hcl.Diagnostics) {
	defer source.Recovered(e.Range(), func(d *hcl.Diagnostic) { t, diags = nil, hcl.Diagnostics{d} })
	l.meter.Again(func() { t, diags = expr.NewText(e, l.context, l.files.sources[e.Range().Filename].bytes) })
	return t, diags
}

// converted turns an HCL value into ours; its texts all stand at one place.
func (l *decoder) converted(v cty.Value, at hcl.Range) (*value, bool) {
	shallow, marks := v.Unmark()
	sensitive := len(marks) > 0
	switch t := shallow.Type(); {
	case shallow.IsNull():
		return &value{kind: nullValue, at: at}, true
	case !shallow.IsKnown():
	case t == cty.String:
		out, ok := l.textValue(hcl.StaticExpr(v, at))
		if ok {
			out.computed = true
		}
		return out, ok
	case t == cty.Bool || t == cty.Number:
		native, ok := nativeValue(shallow)
		return &value{kind: constantValue, at: at, constant: native, sensitive: sensitive}, ok
	case t.IsObjectType() || t.IsMapType():
		out := &value{kind: objectValue, at: at, sensitive: sensitive}
		for it := shallow.ElementIterator(); it.Next(); {
			key, elem := it.Element()
			inner, ok := l.converted(elem, at)
			if !ok {
				return nil, false
			}
			out.members = append(out.members, member{key.AsString(), at, inner})
			out.sensitive = out.sensitive || inner.sensitive
		}
		return out, true
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		out := &value{kind: listValue, at: at, sensitive: sensitive}
		for it := shallow.ElementIterator(); it.Next(); {
			_, elem := it.Element()
			inner, ok := l.converted(elem, at)
			if !ok {
				return nil, false
			}
			out.elems = append(out.elems, inner)
			out.sensitive = out.sensitive || inner.sensitive
		}
		return out, true
	}
	l.err(at, "a field cannot hold this value", "Write a text, a number, true or false, a list, an object or ref(KEY, VALUE).")
	return nil, false
}

// object takes an object apart.
func (l *decoder) object(e *hclsyntax.ObjectConsExpr) (*value, bool) {
	v, ok := &value{kind: objectValue, at: e.Range()}, true
	first := map[string]hcl.Range{}
	for _, item := range e.Items {
		inner, good := l.value(item.ValueExpr)
		key, evaluated := l.eval(item.KeyExpr)
		if !good || !evaluated {
			ok = false
			continue
		}
		key, sensitive := plain(key)
		name, err := convert.Convert(key, cty.String)
		if err != nil || name.IsNull() || !name.IsKnown() {
			l.err(item.KeyExpr.Range(), "a key must be a text", `Write { "NAME" = … }.`)
			ok = false
			continue
		}
		at := item.KeyExpr.Range()
		if before, twice := first[name.AsString()]; twice {
			l.duplicate(at, before, "key "+quote(name.AsString()), "Each key has one value.")
			ok = false
			continue
		}
		first[name.AsString()] = at
		v.members = append(v.members, member{name.AsString(), at, inner})
		v.sensitive = v.sensitive || inner.sensitive || sensitive
	}
	return v, ok
}

// reference reads a call of ref.
func (l *decoder) reference(e *hclsyntax.FunctionCallExpr) (*value, bool) {
	const form = `Write ref("KEY", "VALUE"), or ref("KEY", "VALUE", null) if the field is to be left alone where nobody is found.`
	if len(e.Args) < 2 || len(e.Args) > 3 || e.ExpandFinal {
		l.err(e.Range(), fmt.Sprintf("ref() takes two or three arguments, not %d", len(e.Args)), form)
		return nil, false
	}
	ref := &reference{keyAt: e.Args[0].Range()}
	key, ok := l.eval(e.Args[0])
	if ok {
		key, _ = plain(key)
		if key.Type() != cty.String || key.IsNull() || !key.IsKnown() {
			l.err(ref.keyAt, "the key of ref() must be a text", `It names the property to look up by, as in ref("email", …).`)
			ok = false
		} else {
			ref.key = key.AsString()
		}
	}
	arg, good := l.value(e.Args[1])
	if !good {
		return nil, false
	}
	switch arg.kind {
	case textValue, constantValue, nullValue:
	default:
		l.err(arg.at, "the value of ref() must be a text", `It is what the property must be, as in ref("email", "{{ incident.creator.user.email }}").`)
		return nil, false
	}
	ref.arg = arg
	out := &value{kind: refValue, at: e.Range(), ref: ref, sensitive: arg.sensitive}
	if len(e.Args) == 3 {
		ref.hasFallback = true
		fallback, good := l.value(e.Args[2])
		if !good {
			return nil, false
		}
		switch fallback.kind {
		case nullValue:
		case refValue:
			ref.fallback = fallback
			out.sensitive = out.sensitive || fallback.sensitive
		default:
			l.err(fallback.at, "the fallback of ref() must be null or another ref()", form)
			return nil, false
		}
	}
	return out, ok
}

// callsRef reports whether ref is called in an expression.
func callsRef(e hclsyntax.Expression) bool {
	found := false
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && call.Name == "ref" {
			found = true
		}
		return nil
	})
	return found
}

// compile compiles the CEL of a value, without changing it; nil if it has
// mistakes.
func (v *value) compile(env *expr.Env, f *findings) *value {
	out := *v
	ok := true
	switch v.kind {
	case textValue:
		template, diags := env.Template(v.text)
		before := len(f.list)
		f.hcl(diags)
		if v.computed && !v.sensitive {
			for i := range f.list[before:] {
				d := &f.list[before+i]
				d.detail = sentences(d.detail, "The text, as it is when the configuration is loaded: "+showLiteral(v.text.Value())+".")
			}
		}
		if template == nil {
			return nil
		}
		out.template = template
	case refValue:
		ref := *v.ref
		out.ref = &ref
		ref.arg = v.ref.arg.compile(env, f)
		ok = ref.arg != nil
		if v.ref.fallback != nil {
			ref.fallback = v.ref.fallback.compile(env, f)
			ok = ok && ref.fallback != nil
		}
	case listValue:
		out.elems = make([]*value, len(v.elems))
		for i, elem := range v.elems {
			out.elems[i] = elem.compile(env, f)
			ok = ok && out.elems[i] != nil
		}
	case objectValue:
		out.members = make([]member, len(v.members))
		for i, m := range v.members {
			out.members[i] = member{m.name, m.at, m.value.compile(env, f)}
			ok = ok && out.members[i].value != nil
		}
	}
	if !ok {
		return nil
	}
	return &out
}

// eval renders a compiled value.
func (v *value) eval(vars map[string]any) (any, error) {
	switch v.kind {
	case constantValue:
		return v.constant, nil
	case textValue:
		return v.template.Eval(vars)
	case refValue:
		lookup, err := v.lookup(vars)
		if lookup == nil || err != nil {
			return nil, err
		}
		return *lookup, nil
	case listValue:
		list := make([]any, 0, len(v.elems))
		for _, elem := range v.elems {
			out, err := elem.eval(vars)
			if err != nil {
				return nil, err
			}
			if out != nil { // an element that is null is left out
				list = append(list, out)
			}
		}
		return list, nil
	case objectValue:
		m := make(map[string]any, len(v.members))
		for _, member := range v.members {
			out, err := member.value.eval(vars)
			if err != nil {
				return nil, err
			}
			m[member.name] = out
		}
		return m, nil
	}
	return nil, nil
}

// lookup renders a reference. Where its value is null or empty the fallback
// takes its place; nil is null.
func (v *value) lookup(vars map[string]any) (*connectors.Lookup, error) {
	arg, err := v.ref.arg.eval(vars)
	if err != nil {
		return nil, err
	}
	switch arg.(type) {
	case []any, map[string]any:
		return nil, fmt.Errorf("ref(%s, …): the value is a list or a map", v.ref.key)
	}
	empty := arg == nil || arg == ""
	switch {
	case empty && !v.ref.hasFallback:
		return nil, fmt.Errorf("ref(%s, …): the value is empty and there is no fallback", v.ref.key)
	case empty && v.ref.fallback == nil:
		return nil, nil
	case empty:
		return v.ref.fallback.lookup(vars)
	}
	lookup := &connectors.Lookup{Key: v.ref.key, Value: arg, HasFallback: v.ref.hasFallback}
	if v.ref.fallback == nil {
		return lookup, nil
	}
	// A fallback whose own value is empty and which has none itself fails only
	// if it is needed, which the connector finds out.
	if lookup.Fallback, err = v.ref.fallback.lookup(vars); err != nil {
		lookup.Fallback = &connectors.Lookup{Key: v.ref.fallback.ref.key}
	}
	return lookup, nil
}

// walk calls visit for v and the values in it.
func (v *value) walk(visit func(*value)) {
	visit(v)
	for _, elem := range v.elems {
		elem.walk(visit)
	}
	for _, m := range v.members {
		m.value.walk(visit)
	}
	if v.ref != nil {
		v.ref.arg.walk(visit)
		if v.ref.fallback != nil {
			v.ref.fallback.walk(visit)
		}
	}
}

// reads are the fields that a compiled value refers to.
func (v *value) reads() []expr.Path {
	var all []expr.Path
	v.walk(func(inner *value) {
		if inner.template != nil {
			all = append(all, inner.template.Reads()...)
		}
	})
	return all
}
