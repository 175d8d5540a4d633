package expr

import (
	"errors"
	"sort"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Constants are the parts of an expression that no record has a part in: literals, the
// fixed variables, and what is made of them.

// constantCost bounds the evaluation of one constant, in CEL's units.
const constantCost = 50_000

// constantFunctions are those of which a constant may be made, besides those that are
// cheap: what they make is not much longer than what they are given.
var constantFunctions = map[string]bool{
	foldableName: true, "substring": true, "charAt": true, "indexOf": true, "lastIndexOf": true, "split": true, "join": true,
	"replace": true, "format": true, "strings.quote": true, "uint": true, "bytes": true, "slice": true, "first": true, "last": true,
	"sort": true, "distinct": true, "flatten": true, "lists.range": true, "base64.decode": true, "base64.encode": true, patternExtract: true, patternExtractAll: true,
	patternReplace: true, "math.bitShiftLeft": true, "math.bitShiftRight": true, "@not_strictly_false": true, "optional.ofNonZeroValue": true, "reverse": true,
}

// findConstants notes which parts of the expression are constants.
func (p *program) findConstants() {
	p.constant = map[int64]bool{}
	p.varies(p.ast.Expr(), nil)
}

// varies reports whether a record has a part in an expression; free are the variables
// of the macros around it that it names.
func (p *program) varies(e ast.Expr, b bound) (varies bool, free bound) {
	visit := func(parts ...ast.Expr) {
		for _, part := range parts {
			v, f := p.varies(part, b)
			varies = varies || v
			free = free.and(f)
		}
	}
	switch e.Kind() {
	case ast.LiteralKind:
	case ast.IdentKind:
		name, global := strings.CutPrefix(e.AsIdent(), ".")
		if b[name] && !global {
			free = bound{name: true}
		} else {
			varies = true
		}
	case ast.SelectKind:
		if !p.isFixed(e, b) {
			visit(e.AsSelect().Operand())
		}
	case ast.CallKind, ast.ListKind, ast.MapKind:
		visit(parts(e)...)
		if e.Kind() == ast.CallKind {
			name := e.AsCall().FunctionName()
			varies = varies || !cheap[name] && !constantFunctions[name]
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		visit(c.IterRange(), c.AccuInit())
		outer := b
		b = b.with(c.IterVar(), c.IterVar2(), c.AccuVar())
		var inner bound
		free, inner = nil, free
		visit(c.LoopCondition(), c.LoopStep(), c.Result())
		for _, name := range []string{c.IterVar(), c.IterVar2(), c.AccuVar()} {
			delete(free, name)
		}
		b, free = outer, free.and(inner)
	default:
		varies = true
	}
	if !varies && len(free) == 0 {
		p.constant[e.ID()] = true
	}
	return varies, free
}

// isFixed reports whether an expression selects what a fixed variable holds, as far as
// that is known: local.NAME.
func (p *program) isFixed(e ast.Expr, b bound) bool {
	operand := e.AsSelect().Operand()
	if operand.Kind() != ast.IdentKind {
		return false
	}
	name, global := strings.CutPrefix(operand.AsIdent(), ".")
	return (global || !b[name]) && p.env.fixedMembers[name][e.AsSelect().FieldName()] != nil
}

// and returns what either holds.
func (b bound) and(other bound) bound {
	if len(other) == 0 {
		return b
	}
	if b == nil {
		b = make(bound, len(other))
	}
	for name := range other {
		b[name] = true
	}
	return b
}

// parts are the operands of a call and the elements of a list or map.
func parts(e ast.Expr) []ast.Expr {
	switch e.Kind() {
	case ast.CallKind:
		return operands(e.AsCall())
	case ast.ListKind:
		return e.AsList().Elements()
	case ast.MapKind:
		var all []ast.Expr
		for _, entry := range e.AsMap().Entries() {
			all = append(all, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
		return all
	}
	return nil
}

// operands are the arguments of a call, what a method is called on before the others.
func operands(call ast.CallExpr) []ast.Expr {
	if call.IsMemberFunction() {
		return append([]ast.Expr{call.Target()}, call.Args()...)
	}
	return call.Args()
}

// children are all parts of an expression.
func children(e ast.Expr) []ast.Expr {
	switch e.Kind() {
	case ast.SelectKind:
		return []ast.Expr{e.AsSelect().Operand()}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		return []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()}
	}
	return parts(e)
}

// evaluate evaluates a constant, or an expression whose only variable is probe.
func (p *program) evaluate(e ast.Expr, probe ref.Val) (ref.Val, error) {
	part := ast.NewCheckedAST(ast.NewAST(e, p.ast.SourceInfo()), p.ast.TypeMap(), p.ast.ReferenceMap())
	run, err := p.env.cel.PlanProgram(part, cel.CustomDecoratorV2(p.decorate), cel.CostLimit(constantCost))
	if err != nil {
		return nil, err
	}
	v, _, err := run.Eval(&fixedActivation{activation{env: p.env, vars: p.env.fixedVars}, probe})
	return v, err
}

// A fixedActivation holds what is known when an expression is compiled.
type fixedActivation struct {
	activation
	probe ref.Val
}

func (a *fixedActivation) ResolveName(name string) (any, bool) {
	if name == probeName {
		return a.probe, true
	}
	return a.activation.ResolveName(name)
}

// constantValue returns the native value of a constant.
func (p *program) constantValue(e ast.Expr) (any, bool) {
	if v, ok := literalValue(e); ok {
		return v, true
	}
	if !p.constant[e.ID()] || isNullLiteral(e) {
		return nil, false
	}
	v, err := p.evaluate(e, nil)
	if err != nil {
		return nil, false
	}
	n, err := native(v)
	return n, err == nil
}

// failingConstants reports the parts of an expression that fail whatever the record
// is: the smallest of those that no record has a part in, and calls that their constant
// arguments alone make fail.
func (p *program) failingConstants() hcl.Diagnostics {
	var diags hcl.Diagnostics
	report := func(at ast.Expr, f *fault) {
		diags = append(diags, p.diagnostic(p.nodeRange(at.ID()), hcl.DiagError, f.summary, f.detail))
	}
	// Only the largest constants are evaluated, and of one that fails its parts.
	var look func(e ast.Expr) (failed bool)
	parts := func(e ast.Expr) (failed bool) {
		for _, part := range children(e) {
			failed = look(part) || failed
		}
		return failed
	}
	look = func(e ast.Expr) bool {
		if p.constant[e.ID()] {
			at, f := p.constantFault(e)
			if f != nil && !parts(e) {
				report(at, f)
			}
			return f != nil
		}
		failed := parts(e)
		if e.Kind() == ast.CallKind {
			if at, f := p.argumentFault(e); f != nil {
				report(at, f)
				return true
			}
		}
		return failed
	}
	look(p.ast.Expr())
	sort.SliceStable(diags, func(i, j int) bool { return diags[i].Subject.Start.Byte < diags[j].Subject.Start.Byte })
	return diags
}

// A fault is why a part of an expression always fails.
type fault struct{ summary, detail string }

func alwaysFails(reason string) *fault { return &fault{"this always fails", reason} }

// constantFault evaluates a constant, and says where and why it fails; nil: it does not.
func (p *program) constantFault(e ast.Expr) (ast.Expr, *fault) {
	switch e.Kind() {
	case ast.LiteralKind, ast.IdentKind:
		return e, nil
	case ast.ListKind, ast.MapKind:
		if len(parts(e)) == 0 {
			return e, nil
		}
	case ast.CallKind:
		if at, f := p.argumentFault(e); f != nil {
			return at, f
		}
		if name := e.AsCall().FunctionName(); name == "dyn" {
			return p.constantFault(e.AsCall().Args()[0])
		}
	}
	_, err := p.evaluate(e, nil)
	return e, p.faultOf(e, err)
}

// faultOf says why the evaluation of a part failed; nil: that says nothing of the part.
func (p *program) faultOf(e ast.Expr, err error) *fault {
	if err == nil {
		return nil
	}
	if e.Kind() == ast.CallKind {
		if call := e.AsCall(); isConversion(call.FunctionName()) && len(call.Args()) == 1 {
			return alwaysFails(cannotBeMade(p.shown(call.Args()[0]), call.FunctionName()))
		}
	}
	if failed := (*types.Err)(nil); !errors.As(err, &failed) {
		return nil // CEL itself failed, which is said elsewhere
	}
	reason := p.evalError(err, p.env.fixedVars)
	if errors.Is(reason, connectors.ErrTooCostly) {
		return nil // another machine may be faster
	}
	message := reason.Error()
	// The value is the configuration's own.
	if explained := (*explanation)(nil); errors.As(err, &explained) && !p.text.sensitive {
		if name, fits := strings.CutSuffix(message, doesNotFit); fits {
			message = name + explained.reason
		}
	}
	if name, _, named := strings.Cut(message, ": "); named && !strings.Contains(name, " ") {
		return alwaysFails(message + ".") // it begins with a name, as it is written
	}
	return alwaysFails(sentence(message))
}

// shown returns a constant as a message quotes it.
func (p *program) shown(e ast.Expr) string {
	if e.Kind() == ast.LiteralKind {
		if from, to, ok := p.literalSpan(e); ok {
			return string(p.source[from:to])
		}
	}
	v, ok := p.constantValue(e)
	if !ok || p.text.sensitive {
		return "this"
	}
	return toJSON(v)
}

// cannotBeMade says that a conversion refuses what it is given, and for times what it takes.
func cannotBeMade(argument, function string) string {
	said := argument + " cannot be made " + describe(function) + "."
	switch function {
	case "timestamp":
		return said + " Write the time in full, as '" + exampleTime + "'."
	case "duration":
		return said + " Write it in hours, minutes and seconds, as '24h' or '1h30m'."
	}
	return said
}

// exampleTime is a time as CEL's timestamp takes it.
const exampleTime = "2006-01-02T15:04:05Z"

// fullTime is the time that a literal means, as CEL's timestamp takes it; an
// example where it means none.
func fullTime(literal ast.Expr) string {
	text, ok := literal.AsLiteral().Value().(string)
	if !ok {
		return exampleTime
	}
	if _, err := time.Parse(time.RFC3339, text); err == nil {
		return text
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.Format(time.RFC3339)
	}
	return exampleTime
}
