package rules

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lockstep-sync/lockstep/rules/budget"
)

// NameSetting names a setting of the connector as people know it: the
// environment variable that it is read from, else the attribute and its place.
// An attribute of a nested block is named with a dot.
func (c *Connector) NameSetting(attribute string) string {
	if named := c.settings[attribute]; named != "" {
		return named + " of connector " + c.Name
	}
	return attribute + " of connector " + c.Name
}

// nameSettings remembers where a block's attributes come from.
func (l *catalog) nameSettings(b *hclsyntax.Block, prefix string, c *Connector) {
	if c.settings == nil {
		c.settings = map[string]string{}
	}
	for name, a := range b.Body.Attributes {
		name = prefix + name
		if from := l.environmentOf(a.Expr, map[string]bool{}); from != "" {
			c.settings[name] = from
		} else {
			c.settings[name] = name + " (" + position(a.NameRange) + ")"
		}
	}
	for _, inner := range b.Body.Blocks {
		l.nameSettings(inner, prefix+inner.Type+".", c)
	}
}

// environmentOf is the environment variable that a value is read from, by way
// of locals and variables too, or "-var NAME"; empty where it is anything else.
func (l *evaluator) environmentOf(e hcl.Expression, seen map[string]bool) string {
	if guarded, ok := e.(hclsyntax.Expression); ok {
		e = budget.Unguarded(guarded)
	}
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return l.environmentOf(e.Expression, seen)
	case *hclsyntax.TemplateWrapExpr:
		return l.environmentOf(e.Wrapped, seen)
	case *hclsyntax.FunctionCallExpr:
		for _, arg := range e.Args {
			if e.Name != "env" { // trimspace(env("X"))
				if from := l.environmentOf(arg, seen); from != "" {
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
				return l.environmentOf(from.expr, seen)
			}
		case "var":
			if v := l.variables[step.Name]; v != nil {
				return v.given
			}
		}
	}
	return ""
}
