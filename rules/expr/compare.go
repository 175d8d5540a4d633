package expr

import (
	"maps"
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// A Comparison is a field that an expression compares with constants: ==, != or in.
type Comparison struct {
	Path   Path
	Values []Literal // null is left out
	// Elements is true where the field is a list, of whose elements one is compared.
	Elements bool
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

// LookUps are the fields that a condition looks up in constant tables, with the keys
// of the tables.
func (c *Condition) LookUps() []Comparison { return c.program.lookUps() }

// LookUps are those of all expressions of the template.
func (t *Template) LookUps() []Comparison {
	var all []Comparison
	for _, p := range t.programs {
		all = append(all, p.lookUps()...)
	}
	return all
}

func (p *program) lookUps() []Comparison {
	c := &comparer{program: p, lookUps: true}
	c.walk(p.ast.Expr(), nil)
	return c.found
}

// lookUp notes what lookup(TABLE, FIELD, DEFAULT) finds something for.
func (c *comparer) lookUp(table, field ast.Expr, loops map[string]loop) {
	keys, ok := c.program.constantValue(table)
	of := c.standsFor(field, loops)
	entries, isMap := keys.(map[string]any)
	if !ok || !isMap || of.path == nil {
		return
	}
	at := table
	for at.Kind() == ast.SelectKind { // where local.NAME begins
		at = at.AsSelect().Operand()
	}
	found := Comparison{Path: of.path, Elements: of.elements}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		found.Values = append(found.Values, Literal{Value: key, Range: c.program.literalRange(at)})
	}
	c.found = append(c.found, found)
}

// A comparer collects comparisons. The variables of macros stand for what they go
// through.
type comparer struct {
	program *program
	lookUps bool // those instead
	found   []Comparison
}

// A loop is what the variable of a macro stands for: an element of a field, the field
// itself (cel.bind), or one of some constants.
type loop struct {
	path     Path
	elements bool
	values   []Literal
}

func (p *program) comparisons() []Comparison {
	c := &comparer{program: p}
	c.walk(p.ast.Expr(), nil)
	return c.found
}

func (c *comparer) walk(e ast.Expr, loops map[string]loop) {
	switch e.Kind() {
	case ast.CallKind:
		switch args := e.AsCall().Args(); {
		case c.lookUps && len(args) == 3 && e.AsCall().FunctionName() == lookupName:
			c.lookUp(args[0], args[1], loops)
		case !c.lookUps && len(args) == 2:
			c.compare(e.AsCall().FunctionName(), args[0], args[1], loops)
		}
	case ast.ComprehensionKind:
		m := e.AsComprehension()
		c.walk(m.IterRange(), loops)
		c.walk(m.AccuInit(), loops)
		loops = c.through(m, loops)
		c.walk(m.LoopCondition(), loops)
		c.walk(m.LoopStep(), loops)
		c.walk(m.Result(), loops)
		return
	}
	for _, part := range children(e) {
		c.walk(part, loops)
	}
}

// through adds the variables of a macro to those around it.
func (c *comparer) through(m ast.ComprehensionExpr, loops map[string]loop) map[string]loop {
	inner := make(map[string]loop, len(loops)+1)
	for name, l := range loops {
		if name != m.IterVar() && name != m.IterVar2() && name != m.AccuVar() {
			inner[name] = l
		}
	}
	if m.IterVar() == unusedVar { // cel.bind
		inner[m.AccuVar()] = c.standsFor(m.AccuInit(), loops)
		return inner
	}
	over, name := rangeOf(m), m.IterVar()
	if m.HasIterVar2() {
		name = m.IterVar2() // the value: the other is its index or key
	}
	l := c.standsFor(over, loops)
	if l.path != nil && (l.elements || c.program.ast.GetType(over.ID()).Kind() != types.ListKind) {
		return inner // elements of elements, or the keys of a map
	}
	l.elements, l.values = l.path != nil, c.elements(over)
	inner[name] = l
	return inner
}

// standsFor returns the field that an expression is, or the constant.
func (c *comparer) standsFor(e ast.Expr, loops map[string]loop) loop {
	switch e.Kind() {
	case ast.IdentKind:
		if l, ok := loops[e.AsIdent()]; ok {
			return l
		}
	case ast.SelectKind:
		if l := c.standsFor(e.AsSelect().Operand(), loops); l.path != nil && l.elements {
			return loop{path: append(slices.Clone(l.path), e.AsSelect().FieldName()), elements: true}
		}
	}
	field := c.program.selector(e, boundBy(loops))
	if field != nil && !c.program.constant[e.ID()] && !slices.ContainsFunc(field.steps, func(s step) bool { return s.dynamic || s.isIndex }) {
		return loop{path: field.path()}
	}
	if v, ok := c.program.constantValue(e); ok && v != nil {
		return loop{values: []Literal{{Value: v, Range: c.program.literalRange(e)}}}
	}
	return loop{}
}

func boundBy(loops map[string]loop) bound {
	b := make(bound, len(loops))
	for name := range loops {
		b[name] = true
	}
	return b
}

// elements are those of a list that is constant, as far as they are.
func (c *comparer) elements(list ast.Expr) []Literal {
	if list.Kind() == ast.ListKind {
		var all []Literal
		for _, e := range list.AsList().Elements() {
			if v, ok := c.program.constantValue(e); ok && v != nil {
				all = append(all, Literal{Value: v, Range: c.program.literalRange(e)})
			}
		}
		return all
	}
	v, _ := c.program.constantValue(list)
	values, _ := v.([]any)
	var all []Literal
	for _, v := range values {
		if v != nil {
			all = append(all, Literal{Value: v, Range: c.program.literalRange(list)})
		}
	}
	return all
}

func (c *comparer) compare(operator string, left, right ast.Expr, loops map[string]loop) {
	a, b := c.standsFor(left, loops), c.standsFor(right, loops)
	switch operator {
	case operators.Equals, operators.NotEquals:
		if a.path == nil {
			a, b = b, a
		}
	case operators.In:
		switch {
		case a.path != nil:
			b.values = c.elements(right)
		case b.path != nil && c.program.ast.GetType(right.ID()).Kind() == types.ListKind:
			a, b = loop{path: b.path, elements: true}, a
		default:
			return
		}
	default:
		return
	}
	if a.path != nil && len(b.values) > 0 {
		c.found = append(c.found, Comparison{Path: a.path, Values: b.values, Elements: a.elements})
	}
}
