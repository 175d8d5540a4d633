package rules

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
	"github.com/lockstep-sync/lockstep/rules/guarded"
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
	key         guarded.String
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
	lookup := &connectors.Lookup{Key: v.ref.key.Reveal(), Value: arg, HasFallback: v.ref.hasFallback}
	if v.ref.fallback == nil {
		return lookup, nil
	}
	// A fallback whose own value is empty and which has none itself fails only
	// if it is needed, which the connector finds out.
	if lookup.Fallback, err = v.ref.fallback.lookup(vars); err != nil {
		lookup.Fallback = &connectors.Lookup{Key: v.ref.fallback.ref.key.Reveal()}
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

// comparisons are those of a compiled value's expressions.
func (v *value) comparisons() []expr.Comparison {
	var all []expr.Comparison
	v.walk(func(inner *value) {
		if inner.template != nil {
			all = append(all, inner.template.Comparisons()...)
		}
	})
	return all
}

func (v *value) lookUps() []expr.Comparison {
	var all []expr.Comparison
	v.walk(func(inner *value) {
		if inner.template != nil {
			all = append(all, inner.template.LookUps()...)
		}
	})
	return all
}

// neverTrue are the places of the conditions in a compiled value that no record meets.
func (v *value) neverTrue(values expr.Domain) []hcl.Range {
	var all []hcl.Range
	v.walk(func(inner *value) {
		if inner.template != nil {
			all = append(all, inner.template.NeverTrue(values)...)
		}
	})
	return all
}

// reads returns the fields that a compiled value refers to.
func (v *value) reads() []expr.Path {
	var all []expr.Path
	v.walk(func(inner *value) {
		if inner.template != nil {
			all = append(all, inner.template.Reads()...)
		}
	})
	return all
}

// section is once, outbound or inbound of a template.
type section string

// A mapping is one field with what is written to it.
type mapping struct {
	field   string
	section section
	at      hcl.Range
	digest  string
	value   *value
	reads   []expr.Path
	partner string // the field of the mapping of the other direction that is its pair
}

const (
	onceSection     section = "once"
	outboundSection section = "outbound"
	inboundSection  section = "inbound"
)

// The names that expressions see beside the record itself.
const (
	parentName  = "parent"
	ticketName  = "ticket"
	stateName   = "state"
	localName   = "local"
	linkName    = "link"
	commentName = "comment"
)
