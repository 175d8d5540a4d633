package budget

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A guard is an expression whose value is counted. It is made of parentheses, so
// that whoever walks the tree still finds what it guards.
type guard struct {
	*hclsyntax.ParenthesesExpr
	value func(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics)
}

func (g *guard) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) { return g.value(ctx) }

// UnwrapExpression lets HCL see what it guards where a name is a keyword, as in
// list(string).
func (g *guard) UnwrapExpression() hcl.Expression { return g.Expression }

// Unguarded returns an expression as it was written.
func Unguarded(e hclsyntax.Expression) hclsyntax.Expression {
	for {
		g, ok := e.(*guard)
		if !ok {
			return e
		}
		e = g.Expression
	}
}

func (m *Meter) guard(e hclsyntax.Expression, value func(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics)) *guard {
	return &guard{&hclsyntax.ParenthesesExpr{Expression: e, SrcRange: e.Range()}, value}
}

// whileAny guards an expression that takes long only together with others: nothing
// is evaluated once the budget is spent.
func (m *Meter) whileAny(e hclsyntax.Expression) hclsyntax.Expression {
	return m.guard(e, func(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
		if m.spent != nil {
			return cty.DynamicVal, m.spent.diagnostics(e.Range())
		}
		return e.Value(ctx)
	})
}

// counted guards an expression whose value is kept: it counts as made.
func (m *Meter) counted(e hclsyntax.Expression) hclsyntax.Expression {
	return m.then(e, m.made)
}

// seen guards an expression whose value is gone through as a whole.
func (m *Meter) seen(e hclsyntax.Expression) hclsyntax.Expression {
	return m.then(e, m.looked)
}

func (m *Meter) then(e hclsyntax.Expression, count func(cty.Value) *Error) hclsyntax.Expression {
	if _, ok := e.(*hclsyntax.LiteralValueExpr); ok || e == nil {
		return e // it is as large as it is written
	}
	return m.guard(e, func(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
		if m.spent != nil {
			return cty.DynamicVal, m.spent.diagnostics(e.Range())
		}
		v, diags := e.Value(ctx)
		if diags.HasErrors() {
			return v, diags
		}
		if err := count(v); err != nil {
			return cty.DynamicVal, append(diags, err.diagnostics(e.Range())...)
		}
		return v, diags
	})
}

// loop guards a for expression: its rounds are counted before the first.
func (m *Meter) loop(e *hclsyntax.ForExpr) hclsyntax.Expression {
	body := int64(1)
	for _, part := range []hclsyntax.Expression{e.KeyExpr, e.ValExpr, e.CondExpr} {
		if part != nil {
			body += nodes(part)
		}
	}
	e.KeyExpr, e.ValExpr, e.CondExpr = m.counted(e.KeyExpr), m.counted(e.ValExpr), m.seen(e.CondExpr)
	return m.guard(e, func(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
		over, diags := e.CollExpr.Value(ctx)
		if diags.HasErrors() {
			return cty.DynamicVal, diags
		}
		if err := m.rounds(over, body); err != nil {
			return cty.DynamicVal, append(diags, err.diagnostics(e.Range())...)
		}
		inner := *e
		inner.CollExpr = &hclsyntax.LiteralValueExpr{Val: over, SrcRange: e.CollExpr.Range()}
		v, more := inner.Value(ctx)
		return v, append(diags, more...)
	})
}

// splat likewise.
func (m *Meter) splat(e *hclsyntax.SplatExpr) hclsyntax.Expression {
	body := 1 + nodes(e.Each)
	source := e.Source
	e.Source = m.guard(source, func(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
		over, diags := source.Value(ctx)
		if diags.HasErrors() {
			return over, diags
		}
		if err := m.rounds(over, body); err != nil {
			return cty.DynamicVal, append(diags, err.diagnostics(e.Range())...)
		}
		return over, diags
	})
	return e
}

// rounds counts going through a value, with so many steps for each element.
func (m *Meter) rounds(over cty.Value, body int64) *Error {
	over, _ = over.Unmark()
	if over.IsNull() || !over.IsKnown() || !over.CanIterateElements() {
		return m.take(0, body)
	}
	n := int64(over.LengthInt())
	return m.take(n*anyBytes, n*body)
}

// nodes counts the nodes of an expression: what it takes to evaluate once,
// whatever is in it that counts itself.
func nodes(e hclsyntax.Expression) int64 {
	n := int64(0)
	_ = hclsyntax.VisitAll(e, func(hclsyntax.Node) hcl.Diagnostics {
		n++
		return nil
	})
	return n
}

// number guards arithmetic: its result must be a number that can be written out.
func (m *Meter) number(e hclsyntax.Expression) hclsyntax.Expression {
	return m.then(e, m.looked)
}
