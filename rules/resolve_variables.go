package rules

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/lockstep-sync/lockstep/rules/source"
)

// A resolver works out the values that have names: variables and locals.
type resolver struct {
	*progress
	read    *decoder
	scope   *evaluator
	options Options
	blocks  map[string][]*hclsyntax.Block
}

// resolve evaluates variables and locals, and returns what evaluates all other
// expressions. False: the load is over.
func resolve(p *progress, in *parsed, r *reader, o Options) (*evaluator, bool) {
	scope := newEvaluator(p, in.files, r, o)
	l := &resolver{progress: p, read: newDecoder(scope), scope: scope, options: o, blocks: in.blocks}
	for _, step := range []func(){l.decodeVariables, l.decodeLocals} {
		if step(); p.ended() {
			return nil, false
		}
	}
	return scope, true
}

// A variable is a variable block with its value.
type variable struct {
	at    hcl.Range
	value cty.Value
	given string // where its value came from; empty: its default
	text  string // what is given
	ok    bool   // false: it has mistakes, which are reported
}

// envPrefix is before a variable's name in the environment.
const envPrefix = "LOCKSTEP_VAR_"

// decodeVariables reads the variable blocks. Their values come, in this order,
// from the command line, the environment and the default.
func (l *resolver) decodeVariables() {
	for _, b := range l.blocks["variable"] {
		name := b.Labels[0]
		if first, ok := l.scope.variables[name]; ok {
			l.duplicate(b.LabelRanges[0], first.at, "variable "+quote(name), "A name stands for one value.")
			continue
		}
		v := &variable{at: b.DefRange()}
		l.scope.variables[name] = v
		v.value, v.ok = l.decodeVariable(b)
		if text, given, from := l.given(name); given {
			v.given, v.text = from, text
		}
	}
	for _, name := range sortedKeys(l.options.Vars) {
		if _, ok := l.scope.variables[name]; !ok {
			l.err(l.here(), "-var sets the unknown variable "+quote(name),
				sentences("A variable needs a block: variable "+quote(name)+" {}.", suggest(name, sortedKeys(l.scope.variables), "variable")))
		}
	}
}

func (l *resolver) decodeVariable(b *hclsyntax.Block) (cty.Value, bool) {
	name := b.Labels[0]
	before := l.errors()
	in := l.read.content(b.Body, b.DefRange(), "variable", []string{"default", "description", "sensitive", "type"}, nil)
	sensitive := l.read.boolean(in.attr("sensitive"), false)
	l.read.str(in.attr("description"))
	wanted, optional := l.typeConstraint(in.attr("type"))

	fallback, hasDefault := cty.NilVal, false
	if a := in.attr("default"); a != nil {
		if sensitive {
			l.hidden = append(l.hidden, b.Body.Range()) // a second default, too
		}
		if !l.isPlain(a.Expr) {
			return cty.DynamicVal, false
		}
		v, ok := l.scope.eval(a.Expr)
		if !ok {
			return cty.DynamicVal, false
		}
		converted, err := convertTo(v, wanted, optional)
		if err != nil {
			l.err(a.Expr.Range(), "the default does not fit the type", fmt.Sprintf("It should be %s: %s.", typeexpr.TypeString(wanted), err))
			return cty.DynamicVal, false
		}
		fallback, hasDefault = converted, true
	}
	value, given, from := l.given(name)
	switch {
	case given:
		// Without a type, the default says what a number or a bool is.
		if wanted == cty.DynamicPseudoType && hasDefault && !fallback.IsNull() {
			wanted = fallback.Type()
		}
		v, err := l.parseGiven(value, wanted, optional)
		if err != nil {
			detail := "What " + from + " says does not fit: " + err.Error() + "."
			if sensitive {
				detail = "What " + from + " says does not fit."
			}
			l.err(b.DefRange(), "variable "+quote(name)+" must be "+typeexpr.TypeString(wanted), detail)
			return cty.DynamicVal, false
		}
		fallback = v
	case !hasDefault:
		l.err(b.DefRange(), "variable "+quote(name)+" has no value",
			fmt.Sprintf("Give it one with -var %s=VALUE or %s%s, or write a default.", name, envPrefix, name))
		return cty.DynamicVal, false
	}
	if sensitive {
		fallback = fallback.Mark(sensitiveMark)
	}
	return fallback, l.errors() == before
}

// isPlain reports a default that names another value: locals rest on variables, so
// they are worked out after them.
func (l *resolver) isPlain(e hcl.Expression) bool {
	for _, t := range e.Variables() {
		if root := t.RootName(); root == "local" || root == "var" {
			l.err(t.SourceRange(), "a default cannot use "+traversalText(t), "Variables are worked out before everything that uses them. Write the value itself, or make a local of the variable and the other value.")
			return false
		}
	}
	return true
}

// given returns what the command line or the environment says of a variable.
func (l *resolver) given(name string) (value string, ok bool, from string) {
	if value, ok := l.options.Vars[name]; ok {
		return value, true, "-var " + name
	}
	value, ok = l.options.Env(envPrefix + name)
	return value, ok, envPrefix + name
}

// parseGiven reads a value from outside: a text as it is, a number or a bool
// by its text, and anything else as an HCL expression without names.
func (l *resolver) parseGiven(value string, want cty.Type, optional *typeexpr.Defaults) (cty.Value, error) {
	if want == cty.DynamicPseudoType || want.IsPrimitiveType() {
		return convert.Convert(cty.StringVal(value), want)
	}
	e, diags := source.Expression([]byte(value), "value")
	if diags.HasErrors() {
		return cty.NilVal, fmt.Errorf("it is not an HCL expression")
	}
	v, diags := l.meter.Evaluate(l.meter.Expression(e), nil)
	if diags.HasErrors() {
		return cty.NilVal, fmt.Errorf("only literal values can be given")
	}
	return convertTo(v, want, optional)
}

// convertTo gives a value the wanted type, and attributes that are left out
// what optional(…) says.
func convertTo(v cty.Value, want cty.Type, optional *typeexpr.Defaults) (cty.Value, error) {
	if optional != nil && !v.IsNull() {
		v = optional.Apply(v)
	}
	return convert.Convert(v, want)
}

func (l *resolver) typeConstraint(a *hclsyntax.Attribute) (cty.Type, *typeexpr.Defaults) {
	if a == nil {
		return cty.DynamicPseudoType, nil
	}
	t, optional, diags := typeexpr.TypeConstraintWithDefaults(a.Expr)
	if diags.HasErrors() {
		at := a.Expr.Range()
		if diags[0].Subject != nil {
			at = *diags[0].Subject
		}
		l.err(at, "unknown type",
			"Write string, number, bool, any, or a type made of these, as list(string), map(number) and object({ a = string, b = optional(number, 1) }).")
		return cty.DynamicPseudoType, nil
	}
	return t, optional
}
