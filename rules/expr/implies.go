package expr

import (
	"fmt"
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
)

// Implied finds conditions that are true wherever another is, among those that were
// added, as far as that can be decided: they are the same, or both ask for the value
// of one field with == or in, the other perhaps with more beside it (&&). It
// compares none with all. Conditions are to be of one environment.
type Implied struct {
	all    []*Condition
	same   map[string]int       // the first with this source
	values map[askedValue][]int // those that ask a field for this value among others
}

type askedValue struct{ field, value string }

// anyValue is the value of all that ask a field at all; valueOf makes no such.
const anyValue = ""

// First returns the index of the first added condition that is true wherever c is.
func (i *Implied) First(c *Condition) (first int, ok bool) {
	first = len(i.all)
	if c.program.text.sensitive {
		return 0, false
	}
	if same, ok := i.same[string(c.program.source)]; ok {
		first = same
	}
	for _, part := range c.parts {
		// All that is asked must be among what the other takes, so the value that the
		// fewest take is enough to look at.
		fewest := i.values[askedValue{part.field, anyValue}]
		for value := range part.values {
			if takes := i.values[askedValue{part.field, value}]; len(takes) < len(fewest) {
				fewest = takes
			}
		}
		for _, n := range fewest {
			if n >= first {
				break
			}
			if part.within(i.all[n].asks) {
				first = n
			}
		}
	}
	return first, first < len(i.all)
}

// Add adds a condition after those that are there.
func (i *Implied) Add(c *Condition) {
	n := len(i.all)
	i.all = append(i.all, c)
	if c.program.text.sensitive {
		return
	}
	if i.same == nil {
		i.same, i.values = map[string]int{}, map[askedValue][]int{}
	}
	if _, known := i.same[string(c.program.source)]; !known {
		i.same[string(c.program.source)] = n
	}
	if c.asks.field == "" {
		return
	}
	add := func(value string) {
		key := askedValue{c.asks.field, value}
		i.values[key] = append(i.values[key], n)
	}
	add(anyValue)
	for value := range c.asks.values {
		add(value)
	}
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

// contradicts reports whether two parts that && joins ask one field for values of
// which none is the same.
func (c *Condition) contradicts() bool {
	for i, a := range c.parts {
		for _, b := range c.parts[:i] {
			if a.field == b.field && !a.meets(b) {
				return true
			}
		}
	}
	return false
}

func (a ask) meets(b ask) bool {
	for v := range a.values {
		if b.values[v] {
			return true
		}
	}
	return false
}

// values reads FIELD == 'a', FIELD in ['a', 'b'] and such joined by || as one
// field and its values.
func (p *program) values(e ast.Expr) (field string, values map[string]bool, ok bool) {
	if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
		return "", nil, false
	}
	left, right := e.AsCall().Args()[0], e.AsCall().Args()[1]
	inList := false
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
		if p.constant[left.ID()] {
			left, right = right, left
		}
	case operators.In:
		inList = true
	default:
		return "", nil, false
	}
	c := p.selector(left, nil)
	if c == nil || p.constant[left.ID()] || slices.ContainsFunc(c.steps, func(s step) bool { return s.dynamic }) {
		return "", nil, false
	}
	constants, ok := p.constantTexts(right, inList)
	if !ok || slices.Contains(constants, nullText) {
		return "", nil, false
	}
	values = map[string]bool{}
	for _, text := range constants {
		values[text] = true
	}
	return c.String(), values, true
}

// constantTexts returns a constant, or the elements of a constant list, as constantText
// writes them; false: it is no constant, or has what cannot be told apart.
func (p *program) constantTexts(e ast.Expr, list bool) ([]string, bool) {
	if isNullLiteral(e) && !list {
		return []string{nullText}, true
	}
	v, ok := p.constantValue(e)
	values, isList := v.([]any)
	if !list {
		values, isList = []any{v}, true
	}
	if !ok || !isList {
		return nil, false
	}
	all := make([]string, len(values))
	for i, v := range values {
		if all[i] = constantText(v); all[i] == "" {
			return nil, false
		}
	}
	return all, true
}

// nullText is what constantText writes for null.
const nullText = "null"

// constantText writes a value so that two are written alike only if they are equal: 1 and
// 1.0 are. It is empty for what cannot be told apart.
func constantText(v any) string {
	const exact = 1 << 53 // beyond it not every whole number is a double
	switch v := v.(type) {
	case nil:
		return nullText
	case string:
		return "text " + v
	case bool:
		return fmt.Sprint("bool ", v)
	case int64:
		if -exact < v && v < exact {
			return fmt.Sprint("number ", float64(v))
		}
	case float64:
		return fmt.Sprint("number ", v)
	}
	return ""
}
