package rules

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/lockstep-sync/lockstep/rules/budget"
	"github.com/lockstep-sync/lockstep/rules/guarded"
)

// A valueDecoder reads what mappings write.
type valueDecoder struct {
	*findings
	scope *evaluator
}

// value evaluates the HCL of a mapping; false if it has mistakes. Calls of
// ref, lists, objects and conditionals are taken apart as they are written, so
// that the strings in them keep their places.
func (l *valueDecoder) value(e hclsyntax.Expression) (*value, bool) {
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
		condition, ok := l.scope.eval(e.Condition)
		if !ok {
			return nil, false
		}
		condition, secret := plain(condition)
		b, err := convert.Convert(condition, cty.Bool)
		if err != nil || b.IsNull() || !b.IsKnown() {
			l.err(e.Condition.Range(), "the condition before ? must be true or false", "This is HCL, evaluated when the configuration is loaded: it knows var and local, but no record.")
			return nil, false
		}
		chosen := e.FalseResult
		if b.True() {
			chosen = e.TrueResult
		}
		v, ok := l.value(chosen)
		if ok && secret {
			v.sensitive = true
		}
		return v, ok
	}
	return l.evaluated(guarded)
}

// evaluated returns the value of an HCL expression that needs no taking apart.
func (l *valueDecoder) evaluated(e hclsyntax.Expression) (*value, bool) {
	v, ok := l.scope.eval(e)
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

// textValue returns a string whose place is known to the rune.
func (l *valueDecoder) textValue(e hcl.Expression) (*value, bool) {
	t, diags := l.scope.newText(e)
	l.hcl(diags)
	if diags.HasErrors() {
		return nil, false
	}
	return &value{kind: textValue, at: e.Range(), text: t, sensitive: t.Sensitive()}, true
}

// converted turns an HCL value into ours; its strings all stand at one place.
func (l *valueDecoder) converted(v cty.Value, at hcl.Range) (*value, bool) {
	shallow, marks := v.Unmark()
	sensitive := len(marks) > 0
	switch t := shallow.Type(); {
	case shallow.IsNull():
		return &value{kind: nullValue, at: at}, true
	case !shallow.IsKnown() && sensitive: // which no field takes, whatever it is
		return &value{kind: constantValue, at: at, sensitive: true}, true
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
	l.err(at, "a field cannot hold this value", "Write a string, a number, true or false, a list, an object or ref(KEY, VALUE).")
	return nil, false
}

// object takes an object apart.
func (l *valueDecoder) object(e *hclsyntax.ObjectConsExpr) (*value, bool) {
	v, ok := &value{kind: objectValue, at: e.Range()}, true
	first := map[string]hcl.Range{}
	for _, item := range e.Items {
		inner, good := l.value(item.ValueExpr)
		key, evaluated := l.scope.eval(item.KeyExpr)
		if !good || !evaluated {
			ok = false
			continue
		}
		key, sensitive := plain(key)
		name, err := convert.Convert(key, cty.String)
		if err != nil || name.IsNull() || !name.IsKnown() {
			l.err(item.KeyExpr.Range(), "a key must be a string", `Write { "NAME" = … }.`)
			ok = false
			continue
		}
		at := item.KeyExpr.Range()
		if before, twice := first[name.AsString()]; twice {
			l.duplicate(at, before, "key "+guarded.New(name.AsString(), sensitive).Quote(), "Each key has one value.")
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
func (l *valueDecoder) reference(e *hclsyntax.FunctionCallExpr) (*value, bool) {
	const form = `Write ref("KEY", "VALUE"), or ref("KEY", "VALUE", null) if the field is to be left alone where nobody is found.`
	if len(e.Args) < 2 || len(e.Args) > 3 || e.ExpandFinal {
		l.err(e.Range(), fmt.Sprintf("ref() takes two or three arguments, not %d", len(e.Args)), form)
		return nil, false
	}
	ref := &reference{keyAt: e.Args[0].Range()}
	out := &value{kind: refValue, at: e.Range(), ref: ref}
	key, ok := l.scope.eval(e.Args[0])
	if ok {
		var sensitive bool
		key, sensitive = plain(key)
		out.sensitive = sensitive
		if key.Type() != cty.String || key.IsNull() || !key.IsKnown() {
			l.err(ref.keyAt, "the key of ref() must be a string", `It names the property to look up by, as in ref("email", …).`)
			ok = false
		} else {
			ref.key = guarded.New(key.AsString(), sensitive)
		}
	}
	arg, good := l.value(e.Args[1])
	if !good {
		return nil, false
	}
	switch arg.kind {
	case textValue, constantValue, nullValue:
	default:
		l.err(arg.at, "the value of ref() must be a string", `It is what the property must be, as in ref("email", "{{ incident.creator.user.email }}").`)
		return nil, false
	}
	ref.arg = arg
	out.sensitive = out.sensitive || arg.sensitive
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
