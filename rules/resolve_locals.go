package rules

import (
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
	for _, b := range l.blocks["locals"] {
		for _, inner := range b.Body.Blocks {
			l.err(inner.TypeRange, "a block in locals", "Locals are attributes: "+inner.Type+" = { … }.")
		}
		for _, a := range attributesOf(b.Body) {
			if first, ok := l.scope.locals[a.Name]; ok {
				l.duplicate(a.NameRange, first.at, "local "+quote(a.Name), "A name stands for one value.")
				continue
			}
			l.scope.locals[a.Name] = &local{at: a.NameRange, expr: a.Expr}
		}
	}
	for _, name := range sortedKeys(l.scope.locals) {
		v := l.scope.locals[name]
		l.scope.evalLocal(v, v.at)
	}
	l.scope.context = l.scope.contextWith(slices.Concat(sortedKeys(l.scope.variables), sortedKeys(l.scope.locals)))
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

// needs returns the locals that one names and that nobody has looked at.
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
