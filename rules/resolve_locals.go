package rules

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A local is one name of the locals blocks.
type local struct {
	at    hcl.Range
	expr  hclsyntax.Expression
	value cty.Value
	ok    bool
	phase localPhase
}

type localPhase int

const (
	localNew localPhase = iota
	localInWork
	localDone
)

// decodeLocals evaluates the locals, each before those that use it.
func (l *resolver) decodeLocals() {
	for _, b := range l.files.blocks["locals"] {
		for _, inner := range b.Body.Blocks {
			l.err(inner.TypeRange, "a block in locals", "Locals are attributes: "+inner.Type+" = { … }.")
		}
		for _, a := range attributesOf(b.Body) {
			if first, ok := l.locals[a.Name]; ok {
				l.duplicate(a.NameRange, first.at, "local "+quote(a.Name), "A name stands for one value.")
				continue
			}
			l.locals[a.Name] = &local{at: a.NameRange, expr: a.Expr}
		}
	}
	for _, name := range sortedKeys(l.locals) {
		v := l.locals[name]
		l.evalLocal(v, v.at)
	}
	l.context = l.contextWith(slices.Concat(sortedKeys(l.variables), sortedKeys(l.locals)))
	l.seen = visibleLocals(l.evaluator.locals)
}

// evalLocal evaluates a local that is named at a place; false if it has no
// value. What it needs is evaluated before it, however long the chain of those
// is: a stack of Go's own would overflow.
func (l *evaluator) evalLocal(v *local, at hcl.Range) bool {
	if v.phase == localInWork {
		l.err(at, "locals that need each other", "The local at "+position(v.at)+" is needed to work out its own value.")
		return false
	}
	for stack := []*local{v}; len(stack) > 0; {
		top := stack[len(stack)-1]
		needed := l.needs(top)
		switch {
		case top.phase == localDone:
			stack = stack[:len(stack)-1]
		case top.phase == localNew && needed != nil:
			top.phase = localInWork
			stack = append(stack, needed...)
		default:
			// What it needs is done, or in work and so in need of it.
			top.phase = localInWork
			top.value, top.ok = l.eval(top.expr)
			top.phase = localDone
		}
	}
	return v.ok
}

// needs are the locals that one names and that nobody has looked at.
func (l *evaluator) needs(v *local) []*local {
	if v.phase != localNew {
		return nil
	}
	var needed []*local
	for _, t := range v.expr.Variables() {
		if t.RootName() != "local" || len(t) < 2 {
			continue
		}
		name, _, ok := attrStep(t[1])
		if other := l.locals[name]; ok && other != nil && other != v && other.phase == localNew {
			needed = append(needed, other)
		}
	}
	return needed
}

// A seenLocal is a local as CEL sees it.
type seenLocal struct {
	typ   connectors.Type
	value any
	json  string // for digests
}

// seenLocals are the locals that CEL sees: all but sensitive ones.
type seenLocals struct {
	known  map[string]*local // sensitive ones, too
	seen   map[string]seenLocal
	values map[string]any // of seen
}

func visibleLocals(locals map[string]*local) seenLocals {
	out := seenLocals{locals, make(map[string]seenLocal, len(locals)), make(map[string]any, len(locals))}
	for name, v := range locals {
		if s, ok := visibleLocal(v); ok {
			out.seen[name], out.values[name] = s, s.value
		}
	}
	return out
}

func visibleLocal(v *local) (seenLocal, bool) {
	if !v.ok {
		return seenLocal{}, true // of any type: its own mistake is enough
	}
	if v.value.ContainsMarked() {
		return seenLocal{}, false
	}
	native, ok := nativeValue(v.value)
	if !ok {
		return seenLocal{}, false
	}
	t := typeOf(native)
	native = fitTo(native, t)
	text, err := encodeJSON(native)
	return seenLocal{typ: t, value: native, json: string(text)}, err == nil
}

// nativeValue is an HCL value as a connectors.Record holds it.
func nativeValue(v cty.Value) (any, bool) {
	if !v.IsKnown() {
		return nil, false
	}
	if v.IsNull() {
		return nil, true
	}
	switch t := v.Type(); {
	case t == cty.String:
		return v.AsString(), true
	case t == cty.Bool:
		return v.True(), true
	case t == cty.Number:
		f := v.AsBigFloat()
		if n, accuracy := f.Int64(); accuracy == 0 {
			return n, true
		}
		n, _ := f.Float64()
		return n, true
	case t.IsObjectType() || t.IsMapType():
		m := make(map[string]any, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			key, elem := it.Element()
			native, ok := nativeValue(elem)
			if !ok {
				return nil, false
			}
			m[key.AsString()] = native
		}
		return m, true
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		list := make([]any, 0, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			_, elem := it.Element()
			native, ok := nativeValue(elem)
			if !ok {
				return nil, false
			}
			list = append(list, native)
		}
		return list, true
	}
	return nil, false
}

// typeOf is the type of a native value. An object whose values have one type
// is a map of it; so is one whose keys are no names.
func typeOf(v any) connectors.Type {
	switch v := v.(type) {
	case string:
		return connectors.Type{Kind: connectors.String}
	case bool:
		return connectors.Type{Kind: connectors.Bool}
	case int64:
		return connectors.Type{Kind: connectors.Int}
	case float64:
		return connectors.Type{Kind: connectors.Double}
	case []any:
		all := make([]connectors.Type, len(v))
		for i := range v {
			all[i] = typeOf(v[i])
		}
		elem, _ := oneType(all)
		return connectors.ListOf(elem)
	case map[string]any:
		all := make([]connectors.Type, 0, len(v))
		fields := make(map[string]connectors.Type, len(v))
		names := true
		for _, name := range sortedKeys(v) {
			fields[name] = typeOf(v[name])
			all = append(all, fields[name])
			names = names && isCELName(name)
		}
		if t, ok := oneType(all); ok {
			return connectors.MapOf(t)
		}
		if !names {
			return connectors.MapOf(connectors.Type{})
		}
		return connectors.ObjectOf("", fields)
	}
	return connectors.Type{}
}

// oneType is the type that values of all these types have; null goes with every
// type and an int with doubles.
func oneType(all []connectors.Type) (connectors.Type, bool) {
	joined := connectors.Type{}
	for _, t := range all {
		t, ok := joinTypes(joined, t)
		if !ok {
			return connectors.Type{}, false
		}
		joined = t
	}
	return joined, true
}

// joinTypes is the type that two have in common. Any, which is that of null
// and of nothing, goes with all.
func joinTypes(a, b connectors.Type) (connectors.Type, bool) {
	switch {
	case a.Kind == connectors.Any:
		return b, true
	case b.Kind == connectors.Any:
		return a, true
	case a.Kind == connectors.Int && b.Kind == connectors.Double, a.Kind == connectors.Double && b.Kind == connectors.Int:
		return connectors.Type{Kind: connectors.Double}, true
	case a.Kind != b.Kind:
		return connectors.Type{}, false
	case a.Kind == connectors.List || a.Kind == connectors.Map:
		elem, ok := joinTypes(*a.Elem, *b.Elem)
		if !ok {
			return connectors.Type{}, false
		}
		a.Elem = &elem
		return a, true
	case a.Kind == connectors.Object:
		fields := make(map[string]connectors.Type, len(a.Fields))
		if len(a.Fields) != len(b.Fields) {
			return connectors.Type{}, false
		}
		for name, field := range a.Fields {
			other, ok := b.Fields[name]
			if !ok {
				return connectors.Type{}, false
			}
			if fields[name], ok = joinTypes(field, other); !ok {
				return connectors.Type{}, false
			}
		}
		return connectors.ObjectOf("", fields), true
	}
	return a, true
}

// fitTo makes the ints of a value doubles where its type says so.
func fitTo(v any, t connectors.Type) any {
	switch v := v.(type) {
	case int64:
		if t.Kind == connectors.Double {
			return float64(v)
		}
	case []any:
		if t.Kind == connectors.List {
			for i := range v {
				v[i] = fitTo(v[i], *t.Elem)
			}
		}
	case map[string]any:
		for name := range v {
			switch t.Kind {
			case connectors.Map:
				v[name] = fitTo(v[name], *t.Elem)
			case connectors.Object:
				v[name] = fitTo(v[name], t.Fields[name])
			}
		}
	}
	return v
}

// isCELName reports whether CEL can select a field of this name with a dot.
func isCELName(s string) bool {
	for i, r := range s {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// encodeJSON is JSON as people write it: < and & stay themselves.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
