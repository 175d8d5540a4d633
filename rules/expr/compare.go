package expr

import (
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
)

// A Comparison is a field that an expression compares with constants: ==, != or in.
type Comparison struct {
	Path   Path
	Values []Literal // null is left out
}

// Comparisons are those of a condition, in the order of the expression's tree.
func (c *Condition) Comparisons() []Comparison { return c.program.comparisons() }

// Comparisons are those of all expressions of the template.
func (t *Template) Comparisons() []Comparison {
	var all []Comparison
	for _, p := range t.programs {
		all = append(all, p.comparisons()...)
	}
	return all
}

func (p *program) comparisons() []Comparison {
	var all []Comparison
	ast.PreOrderVisit(p.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
			return
		}
		left, right := e.AsCall().Args()[0], e.AsCall().Args()[1]
		literals := []ast.Expr{right}
		switch e.AsCall().FunctionName() {
		case operators.Equals, operators.NotEquals:
			if left.Kind() == ast.LiteralKind {
				left, literals = right, []ast.Expr{left}
			}
		case operators.In:
			if right.Kind() != ast.ListKind {
				return
			}
			literals = right.AsList().Elements()
		default:
			return
		}
		field := p.selector(left, nil)
		if field == nil || slices.ContainsFunc(field.steps, func(s step) bool { return s.dynamic || s.isIndex }) {
			return
		}
		c := Comparison{Path: field.path()}
		for _, l := range literals {
			if v, ok := literalValue(l); ok && v != nil {
				c.Values = append(c.Values, Literal{Value: v, Range: p.literalRange(l)})
			}
		}
		if len(c.Values) > 0 {
			all = append(all, c)
		}
	}))
	return all
}
