package expr

import (
	"sort"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/interpreter"
	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/rules/source"
)

// costLimit bounds one evaluation, in CEL's units: about one for each step and
// for each ten bytes of text. What a configuration reasonably says costs tens.
const costLimit = 1_000_000

// A program is one compiled expression, where it is written.
type program struct {
	*compiled
	text *Text
	from int // the expression's first rune in text
}

// A compiled is an expression, wherever it is written: an environment compiles each
// once.
type compiled struct {
	env       *Env
	source    []rune
	checked   *cel.Ast
	ast       *ast.AST // that of checked
	nodes     map[int64]ast.Expr
	run       cel.Program
	result    *types.Type
	metered   bool
	selectors []*selector
	constant  map[int64]bool // the parts in which no record has a part
}

// compile parses and checks the runes from (included) to (excluded) of
// text. It returns nil if and only if there are errors.
//
// What a library panics about is an error of the expression.
func (e *Env) compile(t *Text, from, to int) (p *program, diags hcl.Diagnostics) {
	key := string(t.runes[from:to])
	if known, ok := e.compiled.Load(key); ok && !t.sensitive {
		p = &program{compiled: known.(*compiled), text: t, from: from}
		return p, p.unlistedFields()
	}
	p = &program{compiled: &compiled{env: e, source: t.runes[from:to]}, text: t, from: from}
	defer source.Recovered(p.span(0, len(p.source)), func(d *hcl.Diagnostic) { p, diags = nil, hcl.Diagnostics{d} })
	if d := p.tooDeep(); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	parsed, issues := e.cel.Parse(string(p.source))
	if issues.Err() != nil {
		return nil, p.syntaxErrors(issues.Errors())
	}
	p.ast = parsed.NativeRep()
	p.index()
	if d := p.tooNested(); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	rewrite(p.ast)
	p.index()
	checked, issues := e.cel.Check(parsed)
	if issues.Err() != nil {
		return nil, p.typeErrors(issues.Errors())
	}
	p.checked = checked
	p.ast = checked.NativeRep()
	p.index()
	p.result = checked.OutputType()
	p.selectors = p.findSelectors()
	diags = p.unlistedFields()
	p.findConstants()
	if failing := p.failingConstants(); len(failing) > 0 {
		return nil, append(diags, failing...)
	}

	p.metered = needsMeter(p.ast.Expr())
	opts := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize), cel.CustomDecoratorV2(p.decorate)}
	if p.metered {
		opts = append(opts, cel.CostLimit(e.language.costLimit))
	}
	run, err := e.cel.Program(checked, opts...)
	if err != nil {
		return nil, append(diags, p.planError(err))
	}
	p.run = run
	if !t.sensitive {
		e.compiled.Store(key, p.compiled)
	}
	return p, diags
}

// index keeps the nodes by their id.
func (p *program) index() {
	p.nodes = make(map[int64]ast.Expr)
	ast.PreOrderVisit(p.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) { p.nodes[e.ID()] = e }))
}

// rewrite prepares a parsed expression for the checker. A null literal becomes
// dyn(null), for null goes with every type; the range of a comprehension becomes
// @foldable(range).
func rewrite(a *ast.AST) {
	factory := ast.NewExprFactory()
	last := ast.MaxID(a)
	var nulls, folds []ast.Expr
	ast.PostOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch {
		case e.Kind() == ast.LiteralKind && e.AsLiteral() == types.NullValue:
			nulls = append(nulls, e)
		case e.Kind() == ast.ComprehensionKind && !isBinding(e):
			folds = append(folds, e.AsComprehension().IterRange())
		}
	}))
	wrap := func(e ast.Expr, function string) {
		last++
		moved := factory.NewUnspecifiedExpr(last)
		moved.SetKindCase(e)
		if at, ok := a.SourceInfo().GetOffsetRange(e.ID()); ok {
			a.SourceInfo().SetOffsetRange(last, at)
		}
		e.SetKindCase(factory.NewCall(e.ID(), function, moved))
	}
	for _, e := range nulls {
		wrap(e, "dyn")
	}
	for _, e := range folds {
		wrap(e, foldableName)
	}
}

// isBinding tells cel.bind, which is a comprehension over nothing, from the
// others.
func isBinding(e ast.Expr) bool { return e.AsComprehension().IterVar() == unusedVar }

const unusedVar = "#unused"

// rangeOf returns what a comprehension goes through, as it is written.
func rangeOf(c ast.ComprehensionExpr) ast.Expr {
	r := c.IterRange()
	if r.Kind() == ast.CallKind && r.AsCall().FunctionName() == foldableName {
		return r.AsCall().Args()[0]
	}
	return r
}

// decorate adapts the plan of a program: null is nothing, wherever it is
// written, and calls explain their errors.
func (p *program) decorate(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	switch i := i.(type) {
	case interpreter.InterpretableConst:
		if i.Value() == types.NullValue {
			return interpreter.NewConstValue(i.ID(), nullValue{}), nil
		}
	case interpreter.InterpretableCall:
		switch i.Function() {
		case "dyn":
			return i.Args()[0], nil
		case operators.Equals, operators.NotEquals: // cannot fail
			return i, nil
		}
		return p.compilePattern(p.guarded(i))
	}
	return i, nil
}

// cheap are the functions whose cost the length of the expression and the size
// of the record bound: linear in their arguments, with a result that is not
// longer than these. Metering doubles the time of an evaluation, so an
// expression of these alone goes without.
var cheap = map[string]bool{
	operators.Conditional: true, operators.LogicalAnd: true, operators.LogicalOr: true, operators.LogicalNot: true,
	operators.Equals: true, operators.NotEquals: true, operators.In: true, operators.Index: true,
	operators.OptIndex: true, operators.OptSelect: true, operators.Negate: true,
	operators.Less: true, operators.LessEquals: true, operators.Greater: true, operators.GreaterEquals: true,
	operators.Add: true, operators.Subtract: true, operators.Multiply: true, operators.Divide: true, operators.Modulo: true,
	"startsWith": true, "endsWith": true, "contains": true, "matches": true, "size": true,
	"lowerAscii": true, "upperAscii": true, "trim": true, "string": true, "int": true, "double": true,
	"bool": true, "timestamp": true, "duration": true, "dyn": true, "type": true, lookupName: true,
	"orValue": true, "or": true, "hasValue": true, "value": true, "optional.of": true, "optional.none": true,
	"getFullYear": true, "getMonth": true, "getDate": true, "getDayOfMonth": true, "getDayOfWeek": true,
	"getDayOfYear": true, "getHours": true, "getMinutes": true, "getSeconds": true, "getMilliseconds": true,
}

func needsMeter(e ast.Expr) bool {
	meter := false
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			meter = true
		case ast.CallKind:
			meter = meter || !cheap[e.AsCall().FunctionName()]
		}
	}))
	return meter
}

// unlistedFields warns of fields that the schema does not list and does not
// rule out either.
func (p *program) unlistedFields() hcl.Diagnostics {
	var diags hcl.Diagnostics
	ast.PreOrderVisit(p.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.SelectKind {
			return
		}
		sel := e.AsSelect()
		t := p.ast.GetType(sel.Operand().ID())
		st, ok := p.env.known.structs[t.TypeName()]
		if !ok || !st.unlisted(sel.FieldName()) {
			return
		}
		diags = append(diags, p.diagnostic(p.nodeRange(e.ID()), hcl.DiagWarning,
			"unknown field "+quote(sel.FieldName()),
			"The schema of "+st.label+" does not list "+quote(sel.FieldName())+". It is taken as it is; only the system itself can tell whether it has such a field."))
	}))
	sort.SliceStable(diags, func(i, j int) bool { return diags[i].Subject.Start.Byte < diags[j].Subject.Start.Byte })
	return diags
}
