package budget

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Body puts guards into the expressions of a body and its blocks. What is in
// them is bounded by the depth that the parser was allowed.
func (m *Meter) Body(body *hclsyntax.Body) {
	for _, a := range body.Attributes {
		a.Expr = m.Expression(a.Expr)
	}
	for _, b := range body.Blocks {
		m.Body(b.Body)
	}
}

// Expression returns an expression with guards where little text makes much: in it,
// and around it where it is such a place itself.
func (m *Meter) Expression(e hclsyntax.Expression) hclsyntax.Expression {
	switch e := e.(type) {
	case *hclsyntax.ForExpr:
		m.all(&e.CollExpr, &e.KeyExpr, &e.ValExpr, &e.CondExpr)
		return m.loop(e)
	case *hclsyntax.SplatExpr:
		m.all(&e.Source, &e.Each)
		return m.splat(e)
	case *hclsyntax.BinaryOpExpr:
		m.all(&e.LHS, &e.RHS)
		if e.Op == hclsyntax.OpEqual || e.Op == hclsyntax.OpNotEqual {
			e.LHS, e.RHS = m.seen(e.LHS), m.seen(e.RHS)
			return e
		}
		return m.number(e)
	case *hclsyntax.ConditionalExpr:
		// Both branches are evaluated, and their types brought together.
		m.all(&e.Condition, &e.TrueResult, &e.FalseResult)
		e.TrueResult, e.FalseResult = m.seen(e.TrueResult), m.seen(e.FalseResult)
	case *hclsyntax.TemplateExpr:
		for i := range e.Parts {
			m.all(&e.Parts[i])
			e.Parts[i] = m.counted(e.Parts[i])
		}
	case *hclsyntax.TemplateJoinExpr:
		m.all(&e.Tuple)
		return m.counted(e)
	case *hclsyntax.TemplateWrapExpr:
		m.all(&e.Wrapped)
	case *hclsyntax.FunctionCallExpr:
		for i := range e.Args {
			m.all(&e.Args[i])
			if _, ok := e.Args[i].(*hclsyntax.ScopeTraversalExpr); ok {
				e.Args[i] = m.whileAny(e.Args[i]) // a call goes through it before it asks
			}
		}
	case *hclsyntax.TupleConsExpr:
		for i := range e.Exprs {
			m.all(&e.Exprs[i])
		}
	case *hclsyntax.ObjectConsExpr:
		for i := range e.Items {
			m.all(&e.Items[i].KeyExpr, &e.Items[i].ValueExpr)
		}
	case *hclsyntax.ObjectConsKeyExpr:
		m.all(&e.Wrapped)
	case *hclsyntax.IndexExpr:
		m.all(&e.Collection, &e.Key)
	case *hclsyntax.RelativeTraversalExpr:
		m.all(&e.Source)
	case *hclsyntax.ParenthesesExpr:
		m.all(&e.Expression)
	case *hclsyntax.UnaryOpExpr:
		m.all(&e.Val)
	}
	return e
}

func (m *Meter) all(expressions ...*hclsyntax.Expression) {
	for _, e := range expressions {
		if *e != nil {
			*e = m.Expression(*e)
		}
	}
}
