package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/lockstep-sync/lockstep/rules/expr"
	"github.com/lockstep-sync/lockstep/rules/guarded"
)

// A decoder reads attributes and blocks as Go values.
type decoder struct {
	*findings
	scope *evaluator
}

func newDecoder(scope *evaluator) *decoder { return &decoder{scope.findings, scope} }

// primitive evaluates an attribute that is a string, a number or a bool; false
// if it has mistakes. Null is cty.NilVal: as if it were not written.
func (l *decoder) primitive(a *hclsyntax.Attribute, want cty.Type) (v cty.Value, sensitive, ok bool) {
	v, ok = l.scope.eval(a.Expr)
	if !ok {
		return cty.NilVal, false, false
	}
	unset := unknown(v)
	if v, sensitive = plain(v); unset && want == cty.String && !v.IsKnown() {
		return cty.StringVal(""), true, true
	}
	if v.IsNull() {
		return cty.NilVal, sensitive, true
	}
	name := map[cty.Type]string{cty.String: "a string", cty.Number: "a number", cty.Bool: "true or false"}[want]
	converted, err := convert.Convert(v, want)
	if err != nil || !converted.IsKnown() {
		if unset {
			return cty.NilVal, true, true // as if it were not written
		}
		l.err(a.Expr.Range(), fmt.Sprintf("%s must be %s", a.Name, name), fmt.Sprintf("This is %s.", typeName(v)))
		return cty.NilVal, sensitive, false
	}
	return converted, sensitive, true
}

// unset reports whether an attribute rests on what an offline command cannot know.
func (l *decoder) unset(a *hclsyntax.Attribute) bool {
	v, ok := l.scope.eval(a.Expr)
	return ok && unknown(v)
}

// str reads a string; empty if it is null or has mistakes.
func (l *decoder) str(a *hclsyntax.Attribute) guarded.String {
	s, _ := l.given(a)
	return s
}

// given reads a string; false if it is null, not written or has mistakes.
func (l *decoder) given(a *hclsyntax.Attribute) (guarded.String, bool) {
	if a == nil {
		return guarded.String{}, false
	}
	v, sensitive, ok := l.primitive(a, cty.String)
	if !ok || v == cty.NilVal {
		return guarded.String{}, false
	}
	return guarded.New(v.AsString(), sensitive), true
}

// boolean reads a bool, fallback if it is null, not written or has mistakes.
func (l *decoder) boolean(a *hclsyntax.Attribute, fallback bool) bool {
	if a == nil {
		return fallback
	}
	v, _, ok := l.primitive(a, cty.Bool)
	if !ok || v == cty.NilVal {
		return fallback
	}
	return v.True()
}

// integer reads a whole number of at least one; false if it has none.
func (l *decoder) integer(a *hclsyntax.Attribute, most int64, advice string) (int, bool) {
	if a == nil {
		return 0, false
	}
	v, _, ok := l.primitive(a, cty.Number)
	if !ok || v == cty.NilVal {
		return 0, false
	}
	n, _ := v.AsBigFloat().Int64()
	switch {
	case n < 1 || n > most:
		l.err(a.Expr.Range(), fmt.Sprintf("%s must be between 1 and %d", a.Name, most), advice)
	case !v.AsBigFloat().IsInt():
		l.err(a.Expr.Range(), a.Name+" must be a whole number", advice)
	default:
		return int(n), true
	}
	return 0, false
}

// oneOf reads a string that must be one of a few; fallback if it is not.
func oneOf[T ~string](l *decoder, a *hclsyntax.Attribute, fallback T, choices ...T) T {
	s, ok := l.given(a)
	if !ok {
		return fallback
	}
	names := make([]string, len(choices))
	for i, c := range choices {
		if s.Reveal() == string(c) {
			return c
		}
		names[i] = string(c)
	}
	l.err(a.Expr.Range(), "invalid value "+s.Quote()+" for "+a.Name, mustBe(names))
	return fallback
}

func mustBe(choices []string) string {
	quoted := make([]string, len(choices))
	for i, c := range choices {
		quoted[i] = quote(c)
	}
	known := "It must be " + strings.Join(quoted, " or ") + "."
	if len(quoted) > 2 {
		known = "It must be one of " + strings.Join(quoted, ", ") + "."
	}
	return known
}

// An element is a string of a list, with its place.
type element struct {
	guarded.String
	at hcl.Range
}

// stringList reads a list of strings, nil where it is null; false if it has mistakes.
func (l *decoder) stringList(a *hclsyntax.Attribute) (all []element, ok bool) {
	v, ok := l.scope.eval(a.Expr)
	if !ok {
		return nil, false
	}
	unset := unknown(v)
	v, sensitive := plain(v)
	if v.IsNull() || unset && !v.IsKnown() {
		return nil, true
	}
	if !v.CanIterateElements() || v.Type().IsObjectType() || v.Type().IsMapType() {
		l.err(a.Expr.Range(), a.Name+" must be a list", "Write ["+shortValue(v, sensitive)+"], with brackets.")
		return nil, false
	}
	tuple, _ := a.Expr.(*hclsyntax.TupleConsExpr)
	all, i := []element{}, 0
	for it := v.ElementIterator(); it.Next(); i++ {
		_, elem := it.Element()
		at := a.Expr.Range()
		if tuple != nil && i < len(tuple.Exprs) {
			at = tuple.Exprs[i].Range()
		}
		text, err := convert.Convert(elem, cty.String)
		if err != nil || text.IsNull() || !text.IsKnown() {
			l.err(at, a.Name+" must be a list of strings", fmt.Sprintf("This element is %s.", typeName(elem)))
			ok = false
			continue
		}
		all = append(all, element{guarded.New(text.AsString(), sensitive), at})
	}
	return all, ok
}

// revealed returns the strings of a list, to be used; an empty list is one.
func revealed(all []element) []string {
	out := make([]string, len(all))
	for i, e := range all {
		out[i] = e.Reveal()
	}
	return out
}

func shortValue(v cty.Value, sensitive bool) string {
	if s, err := convert.Convert(v, cty.String); !sensitive && err == nil && !s.IsNull() && s.IsKnown() {
		if v.Type() == cty.String {
			return quote(s.AsString())
		}
		return s.AsString()
	}
	return "…"
}

// typeName names the type of a value in messages.
func typeName(v cty.Value) string {
	switch t := v.Type(); {
	case v.IsNull():
		return "null"
	case t == cty.String:
		return "a string"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "a bool"
	case t.IsObjectType() || t.IsMapType():
		return "an object"
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		return "a list"
	}
	return "another value"
}

// text returns a string whose runes know their places; nil if it is null, not written
// or has mistakes.
func (l *decoder) text(a *hclsyntax.Attribute) *expr.Text {
	if a == nil || isNull(a.Expr) {
		return nil
	}
	if _, isTemplate := a.Expr.(*hclsyntax.TemplateExpr); !isTemplate && slices.ContainsFunc(a.Expr.Variables(), func(t hcl.Traversal) bool { return t.RootName() != "var" && t.RootName() != "local" }) {
		l.err(a.Expr.Range(), "a condition is written in quotes", inQuotes(a.Name, l.scope.written(a.Expr)))
		return nil
	}
	v, ok := l.scope.eval(a.Expr)
	if !ok || v.IsNull() {
		return nil
	}
	t, diags := l.scope.newText(a.Expr)
	l.hcl(diags)
	if diags.HasErrors() {
		return nil
	}
	if t.Sensitive() {
		l.err(a.Expr.Range(), "a sensitive value in a condition", "What a condition compares with is shown with each decision. Compare with something that may be seen.")
		return nil
	}
	return t
}

// inQuotes shows an attribute whose CEL is written without quotes as it is to be.
func inQuotes(name, cel string) string {
	return "It is CEL, evaluated for each record: " + name + " = \"" + strings.ReplaceAll(cel, `"`, "'") + "\"."
}
