package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/hashicorp/hcl/v2"
)

// A Domain says which values a field can have besides null; nil: any.
type Domain func(Path) []any

// NeverTrue reports whether the condition is true of no record, as far as that can be
// told: it is false or null by itself, or wants of its fields what none has.
func (c *Condition) NeverTrue(values Domain) bool {
	return c.never || c.program.unsatisfiable(c.program.ast.Expr(), values)
}

// NeverTrue returns the places of conditions before a ? that are never true.
func (t *Template) NeverTrue(values Domain) []hcl.Range {
	var all []hcl.Range
	for _, p := range t.programs {
		ast.PreOrderVisit(p.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
			if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Conditional && p.unsatisfiable(e.AsCall().Args()[0], values) {
				all = append(all, p.nodeRange(e.AsCall().Args()[0].ID()))
			}
		}))
	}
	return all
}

// An outcome is what a condition may come to: any of the bits that are set.
type outcome uint8

const (
	isTrue outcome = 1 << iota
	isFalse
	fails
	anyOutcome = isTrue | isFalse | fails
)

// A question is one that a condition asks of fields, as a function of their values:
// with values for all of them it comes to an outcome.
type question struct {
	program *program
	fields  []*askedField // in the order in which they stand
	byName  map[string]*askedField
	asked   map[int64]*askedConstants // by the call
}

// An askedConstants is a field that is compared with constants; without a field it is not understood.
type askedConstants struct {
	field     *askedField
	constants []string
}

// An askedField is a field with the values that make a difference.
type askedField struct {
	selector *selector
	values   []fieldValue
	numbers  []float64
	whole    bool // its numbers are
	now      fieldValue
}

// A fieldValue is one value of a field, written as constantText does; other is one
// that no constant is.
type fieldValue struct {
	text   string
	number float64
	null   bool
}

const otherValue = "other"

// unsatisfiable reports whether no values of the fields that an expression asks make it
// true. It tries those that make a difference, if they are not too many.
func (p *program) unsatisfiable(e ast.Expr, values Domain) bool {
	q := &question{program: p, byName: map[string]*askedField{}, asked: map[int64]*askedConstants{}}
	q.collect(e)
	const most = 4096
	n := 1
	for _, f := range q.fields {
		f.complete(values)
		if n *= len(f.values); n > most {
			return false
		}
	}
	return !q.satisfied(e, 0)
}

// satisfied reports whether e may be true with any values of the fields from the nth on.
func (q *question) satisfied(e ast.Expr, n int) bool {
	if n == len(q.fields) {
		return q.ask(e)&isTrue != 0
	}
	f := q.fields[n]
	for _, f.now = range f.values {
		if q.consistent(n) && q.satisfied(e, n+1) {
			return true
		}
	}
	return false
}

// consistent reports whether the nth field can have its value beside those before: what
// null holds is null.
func (q *question) consistent(n int) bool {
	for _, other := range q.fields[:n] {
		outer, inner := other, q.fields[n]
		if len(outer.selector.String()) > len(inner.selector.String()) {
			outer, inner = inner, outer
		}
		rest, isWithin := strings.CutPrefix(inner.selector.String(), outer.selector.String())
		if isWithin && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "[")) && outer.now.null && !inner.now.null {
			return false
		}
	}
	return true
}

// collect finds the fields of which an expression asks something that ask understands.
func (q *question) collect(e ast.Expr) {
	if e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() || q.program.selector(e, nil) != nil {
		q.field(e)
		return
	}
	if e.Kind() != ast.CallKind {
		return
	}
	call := e.AsCall()
	switch call.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional:
		for _, arg := range call.Args() {
			q.collect(arg)
		}
	default:
		c := q.compared(call)
		q.asked[e.ID()] = &c
		for _, v := range c.constants {
			c.field.add(v)
		}
	}
}

// field returns the field that an expression selects; nil: it selects none that is known
// before a record is.
func (q *question) field(e ast.Expr) *askedField {
	if q.program.constant[e.ID()] {
		return nil
	}
	s := q.program.selector(e, nil)
	if s == nil || slices.ContainsFunc(s.steps, func(s step) bool { return s.dynamic }) {
		return nil
	}
	name := s.String()
	f := q.byName[name]
	if f == nil {
		t := q.program.ast.GetType(e.ID())
		f = &askedField{selector: s, whole: t.Kind() == types.IntKind}
		if e.Kind() != ast.SelectKind || !e.AsSelect().IsTestOnly() {
			if t.Kind() == types.BoolKind {
				f.add("bool true")
				f.add("bool false")
			}
		}
		q.byName[name], q.fields = f, append(q.fields, f)
	}
	return f
}

func (f *askedField) add(constant string) {
	if constant == nullText {
		return // every field may be
	}
	v := fieldValue{text: constant}
	if _, err := fmt.Sscanf(constant, "number %g", &v.number); err == nil && !slices.Contains(f.numbers, v.number) {
		f.numbers = append(f.numbers, v.number)
	}
	if !slices.Contains(f.values, v) {
		f.values = append(f.values, v)
	}
}

// complete adds the values that no constant is, or leaves only those that the field can
// have.
func (f *askedField) complete(values Domain) {
	null := fieldValue{null: true}
	if values != nil {
		if known := values(f.selector.path()); known != nil && len(f.selector.path()) == len(f.selector.steps)+1 {
			f.values = []fieldValue{null}
			for _, v := range known {
				f.values = append(f.values, fieldValue{text: constantText(v)})
			}
			return
		}
	}
	slices.Sort(f.numbers)
	between := func(v float64) { f.values = append(f.values, fieldValue{text: fmt.Sprint("number ", v), number: v}) }
	for i, n := range f.numbers {
		if i == 0 {
			between(n - 1)
		}
		switch {
		case i == len(f.numbers)-1:
			between(n + 1)
		case !f.whole:
			between((n + f.numbers[i+1]) / 2)
		case f.numbers[i+1] > n+1:
			between(n + 1)
		}
	}
	f.values = append(f.values, fieldValue{text: otherValue}, null)
}

// compared reads FIELD == CONSTANT, in, < and such.
func (q *question) compared(call ast.CallExpr) askedConstants {
	args := call.Args()
	if len(args) != 2 {
		return askedConstants{}
	}
	left, right, inList, ordered := args[0], args[1], false, false
	switch call.FunctionName() {
	case operators.Equals, operators.NotEquals:
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		ordered = true
	case operators.In:
		inList = true
	default:
		return askedConstants{}
	}
	if !inList && (q.program.constant[left.ID()] || isNullLiteral(left)) {
		left, right = right, left
	}
	constants, ok := q.program.constantTexts(right, inList)
	if !ok || ordered && !strings.HasPrefix(constants[0], "number ") {
		return askedConstants{}
	}
	if f := q.field(left); f != nil {
		return askedConstants{f, constants}
	}
	return askedConstants{}
}

// ask returns what an expression comes to with the values that the fields have now.
func (q *question) ask(e ast.Expr) outcome {
	if q.program.constant[e.ID()] {
		return q.known(e)
	}
	if e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() {
		if f := q.byName[q.nameOf(e)]; f != nil {
			return outcomeOf(!f.now.null)
		}
		return anyOutcome
	}
	if f := q.byName[q.nameOf(e)]; f != nil {
		switch {
		case f.now.null:
			return fails
		case f.now.text == "bool true", f.now.text == "bool false":
			return outcomeOf(f.now.text == "bool true")
		}
		return anyOutcome
	}
	if e.Kind() != ast.CallKind {
		return anyOutcome
	}
	call := e.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case operators.LogicalNot:
		return q.ask(args[0]).not()
	case operators.LogicalAnd:
		return q.ask(args[0]).not().or(q.ask(args[1]).not()).not()
	case operators.LogicalOr:
		return q.ask(args[0]).or(q.ask(args[1]))
	case operators.Conditional:
		condition := q.ask(args[0])
		result := condition & fails
		if condition&isTrue != 0 {
			result |= q.ask(args[1])
		}
		if condition&isFalse != 0 {
			result |= q.ask(args[2])
		}
		return result
	}
	if c := q.asked[e.ID()]; c != nil && c.field != nil {
		return c.outcome(call.FunctionName(), q.program.constant[args[0].ID()])
	}
	return anyOutcome
}

func (q *question) nameOf(e ast.Expr) string {
	if s := q.program.selector(e, nil); s != nil {
		return s.String()
	}
	return ""
}

// outcome compares the value that the field has now; turned is true where the constant
// stands before the operator.
func (c *askedConstants) outcome(operator string, turned bool) outcome {
	now := c.field.now
	same := func(constant string) bool {
		return now.null && constant == nullText || !now.null && now.text == constant
	}
	switch operator {
	case operators.Equals:
		return outcomeOf(same(c.constants[0]))
	case operators.NotEquals:
		return outcomeOf(!same(c.constants[0]))
	case operators.In:
		return outcomeOf(!now.null && slices.ContainsFunc(c.constants, same))
	}
	if now.null || !strings.HasPrefix(now.text, "number ") {
		return fails
	}
	have, than := now.number, 0.0
	_, _ = fmt.Sscanf(c.constants[0], "number %g", &than)
	if turned {
		have, than = than, have
	}
	switch operator {
	case operators.Less:
		return outcomeOf(have < than)
	case operators.LessEquals:
		return outcomeOf(have <= than)
	case operators.Greater:
		return outcomeOf(have > than)
	}
	return outcomeOf(have >= than)
}

// known evaluates a constant.
func (q *question) known(e ast.Expr) outcome {
	switch v, err := q.program.evaluate(e, nil); {
	case err != nil:
		return fails
	case v == types.True:
		return isTrue
	case v == types.False:
		return isFalse
	case isNull(v):
		return fails
	}
	return anyOutcome
}

func outcomeOf(holds bool) outcome {
	if holds {
		return isTrue
	}
	return isFalse
}

func (o outcome) not() outcome {
	result := o & fails
	if o&isTrue != 0 {
		result |= isFalse
	}
	if o&isFalse != 0 {
		result |= isTrue
	}
	return result
}

// or is CEL's: true on one side absorbs an error on the other.
func (o outcome) or(other outcome) outcome {
	result := (o | other) & isTrue
	if o&isFalse != 0 && other&isFalse != 0 {
		result |= isFalse
	}
	if o&fails != 0 && other&^isTrue != 0 || other&fails != 0 && o&^isTrue != 0 {
		result |= fails
	}
	return result
}
