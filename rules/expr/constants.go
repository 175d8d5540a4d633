package expr

import (
	"errors"
	"slices"
	"sort"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
)

// failingConstants reports the parts of an expression that fail whatever the record
// is: the smallest of those that no record has a part in.
func (p *program) failingConstants() hcl.Diagnostics {
	var diags hcl.Diagnostics
	report := func(e ast.Expr, reason string) {
		diags = append(diags, p.diagnostic(p.nodeRange(e.ID()), hcl.DiagError, "this always fails", reason))
	}
	constant := p.constants()
	// Only the largest constants are evaluated, and of one that fails its parts.
	var smallest func(e ast.Expr) bool
	smallest = func(e ast.Expr) bool {
		if e.Kind() != ast.CallKind {
			return slices.ContainsFunc(parts(e), smallest)
		}
		reason := p.zoneError(e)
		if reason == "" {
			reason = p.constantError(e)
		}
		if reason == "" {
			return false
		}
		if !slices.ContainsFunc(parts(e), smallest) {
			report(e, reason)
		}
		return true
	}
	ast.PreOrderVisit(p.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if constant[e.ID()] == largest {
			smallest(e)
		}
		if e.Kind() == ast.CallKind && constant[e.ID()] == varies {
			if reason := p.zoneError(e); reason != "" {
				report(e, reason)
			}
		}
	}))
	sort.SliceStable(diags, func(i, j int) bool { return diags[i].Subject.Start.Byte < diags[j].Subject.Start.Byte })
	return diags
}

// parts are the operands of a call and the elements of a list or map.
func parts(e ast.Expr) []ast.Expr {
	switch e.Kind() {
	case ast.CallKind:
		args := e.AsCall().Args()
		if e.AsCall().IsMemberFunction() {
			return append([]ast.Expr{e.AsCall().Target()}, args...)
		}
		return args
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

// A constancy says whether a part of an expression depends on a record.
type constancy int

const (
	varies   constancy = iota
	enclosed           // a constant that is a part of a larger one
	largest            // one that is not
)

// constants finds the parts of an expression that no record has a part in. What may
// cost much is not among them: it is left to the bounds of an evaluation.
func (p *program) constants() map[int64]constancy {
	all := map[int64]constancy{}
	ast.PostOrderVisit(p.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.CallKind:
			if !cheap[e.AsCall().FunctionName()] {
				return
			}
		case ast.LiteralKind, ast.ListKind, ast.MapKind:
		default:
			return
		}
		children := parts(e)
		if slices.ContainsFunc(children, func(c ast.Expr) bool { return all[c.ID()] == varies }) {
			return
		}
		for _, c := range children {
			all[c.ID()] = enclosed
		}
		all[e.ID()] = largest
	}))
	return all
}

// constantError evaluates a constant, and says why it fails; empty: it does not.
func (p *program) constantError(e ast.Expr) string {
	call := e.AsCall()
	if _, err := badPatternOf(e); err != nil {
		return "" // that has a sentence of its own
	}
	constant := ast.NewCheckedAST(ast.NewAST(e, p.ast.SourceInfo()), p.ast.TypeMap(), p.ast.ReferenceMap())
	run, err := p.env.cel.PlanProgram(constant, cel.CustomDecoratorV2(p.decorate), cel.CostLimit(p.env.language.costLimit))
	if err == nil {
		_, _, err = run.Eval(map[string]any{})
	}
	if err == nil {
		return ""
	}
	if isConversion(call.FunctionName()) && len(call.Args()) == 1 {
		return p.nodeText(call.Args()[0].ID()) + " cannot be made " + describe(call.FunctionName()) + "."
	}
	if failed := (*types.Err)(nil); !errors.As(err, &failed) {
		return "" // CEL itself failed, which is said elsewhere
	}
	if err = p.evalError(err, nil); errors.Is(err, connectors.ErrTooCostly) {
		return "" // another machine may be faster
	}
	return sentence(err.Error())
}

// zoneError says what is wrong with the time zone of getHours and such, if that is
// a constant.
func (p *program) zoneError(e ast.Expr) string {
	call := e.AsCall()
	if !call.IsMemberFunction() || len(call.Args()) != 1 || call.Args()[0].Kind() != ast.LiteralKind {
		return ""
	}
	switch call.FunctionName() {
	case overloads.TimeGetFullYear, overloads.TimeGetMonth, overloads.TimeGetDayOfYear, overloads.TimeGetDayOfMonth, overloads.TimeGetDate,
		overloads.TimeGetDayOfWeek, overloads.TimeGetHours, overloads.TimeGetMinutes, overloads.TimeGetSeconds, overloads.TimeGetMilliseconds:
	default:
		return ""
	}
	zone, ok := call.Args()[0].AsLiteral().(types.String)
	if !ok || !types.IsError(types.Timestamp{Time: time.Unix(0, 0)}.Receive(call.FunctionName(), "", []ref.Val{zone})) {
		return ""
	}
	return p.nodeText(call.Args()[0].ID()) + " is not a known time zone. Write one of the IANA database, as 'Europe/Berlin', or an offset, as '+01:00'."
}
