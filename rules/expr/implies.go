package expr

import (
	"fmt"
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
)

// Implies reports whether the other condition is true wherever c is, as far as
// that can be decided: they are the same, or both ask for the value of one field
// with == or in, c perhaps with more beside it (&&). Both are to be of one
// environment.
func (c *Condition) Implies(other *Condition) bool {
	if c.program.text.sensitive || other.program.text.sensitive {
		return false
	}
	if string(c.program.source) == string(other.program.source) {
		return true
	}
	return other.asks.field != "" && slices.ContainsFunc(c.parts, func(part ask) bool { return part.within(other.asks) })
}

// An ask is what a condition asks of one field: that it has one of the values. The
// field is empty where it asks something else.
type ask struct {
	field  string
	values map[string]bool
}

func (a ask) within(b ask) bool {
	if a.field != b.field {
		return false
	}
	for v := range a.values {
		if !b.values[v] {
			return false
		}
	}
	return true
}

// work fills in what the condition asks as a whole, and in the parts that && joins.
// Each condition is compared with each of its route, so it is worked out once.
func (c *Condition) work() {
	p := c.program
	var parts func(e ast.Expr)
	parts = func(e ast.Expr) {
		if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.LogicalAnd {
			for _, arg := range e.AsCall().Args() {
				parts(arg)
			}
			return
		}
		if field, values, ok := p.values(e); ok {
			c.parts = append(c.parts, ask{field, values})
		}
	}
	parts(p.ast.Expr())
	if field, values, ok := p.values(p.ast.Expr()); ok {
		c.asks = ask{field, values}
	}
}

// values reads FIELD == 'a', FIELD in ['a', 'b'] and such joined by || as one
// field and its values.
func (p *program) values(e ast.Expr) (field string, values map[string]bool, ok bool) {
	if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
		return "", nil, false
	}
	left, right := e.AsCall().Args()[0], e.AsCall().Args()[1]
	literals := []ast.Expr{right}
	switch e.AsCall().FunctionName() {
	case operators.LogicalOr:
		a, some, ok := p.values(left)
		b, more, also := p.values(right)
		for v := range more {
			if ok {
				some[v] = true
			}
		}
		return a, some, ok && also && a == b
	case operators.Equals:
		if left.Kind() == ast.LiteralKind {
			left, literals = right, []ast.Expr{left}
		}
	case operators.In:
		if right.Kind() != ast.ListKind {
			return "", nil, false
		}
		literals = right.AsList().Elements()
	default:
		return "", nil, false
	}
	c := p.chain(left, nil)
	if c == nil {
		return "", nil, false
	}
	values = map[string]bool{}
	for _, l := range literals {
		value, ok := valueOf(l)
		if !ok {
			return "", nil, false
		}
		values[value] = true
	}
	for _, s := range c.steps {
		if s.dynamic {
			return "", nil, false
		}
	}
	return c.String(), values, true
}

// valueOf is a literal so that two are written alike only if they are equal: 1
// and 1.0 are.
func valueOf(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	const exact = 1 << 53 // beyond it not every whole number is a double
	switch v := e.AsLiteral().Value().(type) {
	case string:
		return "text " + v, true
	case bool:
		return fmt.Sprint("bool ", v), true
	case int64:
		return fmt.Sprint("number ", float64(v)), -exact < v && v < exact
	case float64:
		return fmt.Sprint("number ", v), true
	}
	return "", false
}
