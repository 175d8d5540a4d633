package rules

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lockstep-sync/lockstep/rules/budget"
)

// environmentOf returns the environment variable that a value is read from, by way
// of locals and variables too, or "-var NAME"; empty where it is anything else.
func environmentOf(l *evaluator, e hcl.Expression, seen map[string]bool) string {
	if guarded, ok := e.(hclsyntax.Expression); ok {
		e = budget.Unguarded(guarded)
	}
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return environmentOf(l, e.Expression, seen)
	case *hclsyntax.TemplateWrapExpr:
		return environmentOf(l, e.Wrapped, seen)
	case *hclsyntax.FunctionCallExpr:
		for _, arg := range e.Args {
			if e.Name != "env" { // trimspace(env("X"))
				if from := environmentOf(l, arg, seen); from != "" {
					return from
				}
				continue
			}
			if v, diags := arg.Value(l.context); !diags.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
				v, _ = v.Unmark()
				return v.AsString()
			}
		}
	case *hclsyntax.ScopeTraversalExpr:
		if len(e.Traversal) != 2 {
			return ""
		}
		step, ok := e.Traversal[1].(hcl.TraverseAttr)
		if !ok {
			return ""
		}
		switch e.Traversal.RootName() {
		case "local":
			if from := l.locals[step.Name]; from != nil && !seen[step.Name] {
				seen[step.Name] = true
				return environmentOf(l, from.expr, seen)
			}
		case "var":
			if v := l.variables[step.Name]; v != nil {
				return v.given
			}
		}
	}
	return ""
}
