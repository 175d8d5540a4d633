package expr

import (
	"errors"
	"fmt"
	"slices"
	"unicode"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/functions"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/budget"
	"github.com/lockstep-sync/lockstep/rules/source"
)

// What an expression may be. Its parser, checker and planner recurse.
const (
	maxOperators = 4000   // of one expression
	maxLength    = 50_000 // in characters
	maxNodes     = 20_000 // macros written out
	// maxMacros and maxLiterals bound macros, and lists and maps, within each
	// other: to check their types takes more than the third power of it.
	maxMacros   = 20
	maxLiterals = 50
)

// tooDeep reports an expression that is nested deeper than what recurses into
// it may go; nil: it is not.
func (p *program) tooDeep() *hcl.Diagnostic {
	if len(p.source) > maxLength {
		return p.diagnostic(p.span(0, 1), hcl.DiagError, "the expression is too long",
			fmt.Sprintf("It has more than %d characters. Split it, or move a part into locals.", maxLength))
	}
	depth, unary, operators := 0, 0, 0
	operand := false // the token before ends one
	for i := 0; i < len(p.source); {
		if unicode.IsSpace(p.source[i]) {
			i++
			continue
		}
		_, to := tokenAt(p.source, i)
		switch r := p.source[i]; {
		case r == '(' || r == '[' || r == '{':
			depth++
			if r == '[' && operand {
				operators++
			}
			operand = false
		case r == ')' || r == ']' || r == '}':
			depth--
			unary, operand = 0, true
		case r == '!' && to == i+1, r == '-' && !operand:
			unary++
			operand = false
		case isWord(r) || r == '\'' || r == '"' || r == '`':
			unary, operand = 0, string(p.source[i:to]) != "in"
		case r == ',':
			unary, operand = 0, false
		default:
			operators++
			unary, operand = 0, false
		}
		if depth+unary > source.MaxDepth {
			return p.diagnostic(p.span(i, to), hcl.DiagError, fmt.Sprintf("nested more than %d levels deep", source.MaxDepth),
				"Brackets, braces and unary operators count. Move a part into locals.")
		}
		if operators > maxOperators {
			return p.diagnostic(p.span(i, to), hcl.DiagError, "the expression is too long",
				"It has too many operators. Split it, or write a list and ask whether the value is in it.")
		}
		i = to
	}
	return nil
}

// tooNested reports macros or literals that are within each other too deep, once
// they are parsed; nil: none are.
func (p *program) tooNested() *hcl.Diagnostic {
	type depth struct{ macros, literals int }
	var deepest ast.NavigableExpr
	var at depth
	depths := map[int64]depth{}
	ast.PreOrderVisit(ast.NavigateAST(p.ast), ast.NewExprVisitor(func(e ast.Expr) {
		n, ok := e.(ast.NavigableExpr)
		if !ok {
			return
		}
		var d depth
		if parent, ok := n.Parent(); ok {
			d = depths[parent.ID()]
		}
		switch n.Kind() {
		case ast.ComprehensionKind:
			d.macros++
		case ast.ListKind, ast.MapKind:
			d.literals++
		}
		depths[n.ID()] = d
		if deepest == nil && (d.macros > maxMacros || d.literals > maxLiterals) {
			deepest, at = n, d
		}
	}))
	if deepest == nil {
		return nil
	}
	if at.literals > maxLiterals {
		return p.diagnostic(p.nodeRange(deepest.ID()), hcl.DiagError, fmt.Sprintf("lists and maps nested more than %d levels deep", maxLiterals),
			"Move a part into locals.")
	}
	return p.diagnostic(p.nodeRange(deepest.ID()), hcl.DiagError, fmt.Sprintf("macros nested more than %d levels deep", maxMacros),
		"map, filter, all, exists, cel.bind and the like go through something within each other here. Move a part into locals.")
}

// A guard refuses a call whose result would be large, or would take long, before
// it is made: within one call nothing counts steps.
type guard func(args []ref.Val) error

// The most that one call makes, in bytes or elements, and the most pairs of
// elements that it compares.
const (
	maxMade  = 8 << 20
	maxItems = 100_000
	maxPairs = 10_000_000
	maxMatch = 200_000_000 // bytes of text times instructions of the pattern
)

func guards() map[string]guard {
	return map[string]guard{
		"lists.range": func(args []ref.Val) error { return atMost(number(args, 0), maxItems) },
		"replace":     guardReplace,
		"join":        guardJoin,
		"split":       func(args []ref.Val) error { return atMost(size(args, 0), maxMade/16) },
		"flatten":     func(args []ref.Val) error { return atMost(size(args, 0), maxItems) },
		// Each element of the one with each of the other.
		"distinct": guardPairs, "sort": guardPairs, "sets.contains": guardPairs, "sets.equivalent": guardPairs, "sets.intersects": guardPairs,
		"matches":          guardPattern,
		"regex.replace":    guardPattern,
		"regex.extract":    guardPattern,
		"regex.extractAll": guardPattern,
	}
}

func atMost(n, most int64) error {
	if n > most || n < 0 {
		return connectors.ErrTooCostly
	}
	return nil
}

func times(a, b int64) int64 {
	if a > 0 && b > (1<<40)/a {
		return 1 << 40
	}
	return a * b
}

func number(args []ref.Val, i int) int64 {
	if i >= len(args) {
		return 0
	}
	n, ok := args[i].(types.Int)
	if !ok {
		return 0
	}
	return max(int64(n), 0)
}

func text(args []ref.Val, i int) string {
	if i >= len(args) {
		return ""
	}
	s, _ := args[i].(types.String)
	return string(s)
}

// size returns the number of bytes of a text, or of elements of a list.
func size(args []ref.Val, i int) int64 {
	if i >= len(args) {
		return 0
	}
	switch v := args[i].(type) {
	case types.String:
		return int64(len(v))
	case traits.Sizer:
		if n, ok := v.Size().(types.Int); ok {
			return int64(n)
		}
	}
	return 0
}

func guardReplace(args []ref.Val) error {
	s, old, with := size(args, 0), max(size(args, 1), 1), size(args, 2)
	return atMost(s+times(s/old+1, with), maxMade)
}

func guardJoin(args []ref.Val) error {
	n := size(args, 0)
	sum := times(n, size(args, 1))
	list, ok := args[0].(traits.Lister)
	if !ok {
		return nil
	}
	for it := list.Iterator(); it.HasNext() == types.True && sum <= maxMade; {
		if s, ok := it.Next().(types.String); ok {
			sum += int64(len(s))
		}
	}
	return atMost(sum, maxMade)
}

func guardPairs(args []ref.Val) error {
	n := size(args, 0)
	other := n
	if len(args) > 1 {
		other = size(args, 1)
	}
	return atMost(times(n, other), maxPairs)
}

func guardPattern(args []ref.Val) error {
	instructions, err := budget.PatternSize(text(args, 1))
	if err != nil {
		return err
	}
	// A replacement may name the whole match any number of times.
	made := times(size(args, 0)+1, 1+size(args, 2))
	if len(args) < 3 {
		made = 0
	}
	if err := atMost(made, maxMade*8); err != nil {
		return err
	}
	return atMost(times(size(args, 0), int64(instructions)), maxMatch)
}

// A guardedFunction is a guard with what carries the function out.
type guardedFunction struct {
	check    guard
	bindings []*functions.Overload
}

func guardedFunctions(env *cel.Env) (map[string]guardedFunction, error) {
	known := env.Functions()
	all := map[string]guardedFunction{}
	for name, check := range guards() {
		f := known[name]
		if f == nil {
			return nil, fmt.Errorf("there is no function %s", name)
		}
		bindings, err := f.Bindings()
		if err != nil {
			return nil, err
		}
		all[name] = guardedFunction{check, bindings}
	}
	return all, nil
}

// guarded puts a guard before a call of a function that needs one.
func (p *program) guarded(call interpreter.InterpretableCall) interpreter.InterpretableCall {
	f, ok := p.env.language.guarded[call.Function()]
	if !ok {
		return call
	}
	run := f.binding(call.Function(), call.OverloadID())
	if run == nil {
		return call
	}
	return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), func(args ...ref.Val) ref.Val {
		if err := f.check(args); err != nil {
			return types.WrapErr(err)
		}
		return run(args)
	})
}

// binding returns what carries an overload out; nil: nothing that can be called alone.
func (f guardedFunction) binding(function, overload string) func(args []ref.Val) ref.Val {
	i := slices.IndexFunc(f.bindings, func(b *functions.Overload) bool { return b.Operator == overload })
	if i < 0 {
		i = slices.IndexFunc(f.bindings, func(b *functions.Overload) bool { return b.Operator == function })
	}
	if i < 0 {
		return nil
	}
	return func(args []ref.Val) ref.Val {
		switch b := f.bindings[i]; {
		case b.Function != nil:
			return b.Function(args...)
		case b.Unary != nil && len(args) == 1:
			return b.Unary(args[0])
		case b.Binary != nil && len(args) == 2:
			return b.Binary(args[0], args[1])
		}
		return types.NewErr("no such overload")
	}
}

// tooCostly reports whether an error is of a budget.
func tooCostly(err error) bool {
	var spent *budget.Error
	return errors.Is(err, connectors.ErrTooCostly) || errors.As(err, &spent)
}
