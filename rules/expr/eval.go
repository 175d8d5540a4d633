package expr

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/budget"
)

// An EvalError is an evaluation that failed. Its message names fields and
// types and quotes the configuration, but never what a record holds.
type EvalError struct {
	Range   hcl.Range // the failing part of the expression
	Message string
	Err     error // connectors.ErrTooCostly, or nil
}

func (e *EvalError) Error() string { return e.Message }
func (e *EvalError) Unwrap() error { return e.Err }

// eval evaluates the program.
func (p *program) eval(vars map[string]any) (ref.Val, error) {
	v, _, err := p.run.Eval(&activation{env: p.env, vars: vars})
	if err != nil {
		return nil, p.evalError(err, vars)
	}
	return v, nil
}

// failAll returns an error of the expression as a whole.
func (p *program) failAll(message string) error {
	return &EvalError{Range: p.span(0, len(p.source)), Message: message}
}

// evalError turns an error of CEL's into one of ours.
func (p *program) evalError(err error, vars map[string]any) error {
	if _, ok := errors.AsType[interpreter.EvalCancelledError](err); ok {
		return &EvalError{p.span(0, len(p.source)), fmt.Sprintf("the evaluation costs more than %d steps", p.env.language.costLimit), connectors.ErrTooCostly}
	}
	var celErr *types.Err
	if !errors.As(err, &celErr) {
		return p.failAll("the evaluation failed")
	}
	id := celErr.NodeID()
	if tooCostly(err) {
		at := p.span(0, len(p.source))
		if _, ok := p.nodes[id]; ok {
			at = p.nodeRange(id)
		}
		return &EvalError{at, "this takes too much time or memory for one record", connectors.ErrTooCostly}
	}
	if explained, ok := errors.AsType[*explanation](err); ok {
		return &EvalError{Range: p.nodeRange(explained.id), Message: explained.message}
	}
	e, ok := p.nodes[id]
	if !ok {
		return p.failAll(plainReason(err.Error()))
	}
	switch e.Kind() {
	case ast.SelectKind, ast.IdentKind:
		return &EvalError{Range: p.nodeRange(id), Message: p.missing(e, err, vars)}
	case ast.CallKind:
		switch e.AsCall().FunctionName() {
		case operators.Index, operators.OptIndex, operators.OptSelect:
			return &EvalError{Range: p.nodeRange(id), Message: p.missing(e, err, vars)}
		case operators.LogicalAnd, operators.LogicalOr:
			return &EvalError{Range: p.nodeRange(id), Message: operatorName(e.AsCall().FunctionName()) + " takes bools, and one side is not a bool" + p.nulls(e, vars)}
		case operators.Conditional:
			return &EvalError{Range: p.nodeRange(id), Message: "the condition before ? is not a bool" + p.nulls(e.AsCall().Args()[0], vars)}
		}
	case ast.ComprehensionKind:
		return &EvalError{Range: p.nodeRange(id), Message: "only a list or a map can be gone through" + p.nulls(rangeOf(e.AsComprehension()), vars)}
	}
	return &EvalError{Range: p.nodeRange(id), Message: plainReason(err.Error())}
}

// missing explains a selection or an index that failed.
func (p *program) missing(e ast.Expr, err error, vars map[string]any) string {
	reason := plainReason(err.Error())
	c := p.selector(e, nil)
	if c == nil || p.text.sensitive {
		return reason
	}
	if n := len(c.steps); n > 0 {
		if key := c.steps[n-1].key; key != nil {
			if v, ok := key.resolve(vars); ok && v == nil {
				return fmt.Sprintf("%s: the key %s is null", c, key)
			}
		}
	}
	return fmt.Sprintf("%s: %s", c, reason)
}

// nulls names the fields among an expression's own operands that are null.
func (p *program) nulls(e ast.Expr, vars map[string]any) string {
	if p.text.sensitive {
		return ""
	}
	operands := []ast.Expr{e}
	if e.Kind() == ast.CallKind && p.selector(e, nil) == nil {
		operands = append([]ast.Expr(nil), e.AsCall().Args()...)
		if e.AsCall().IsMemberFunction() {
			operands = append([]ast.Expr{e.AsCall().Target()}, operands...)
		}
	}
	var null []string
	for _, operand := range operands {
		c := p.selector(operand, nil)
		if c == nil {
			continue
		}
		if v, ok := c.resolve(vars); ok && v == nil {
			null = append(null, c.String())
		}
	}
	switch len(null) {
	case 0:
		return ""
	case 1:
		return "; " + null[0] + " is null"
	}
	return "; " + strings.Join(null, " and ") + " are null"
}

// plainReason turns CEL's message into one that quotes no value.
func plainReason(message string) string {
	for _, known := range []string{"division by zero", "modulus by zero", "integer overflow", "duration overflow", "timestamp overflow"} {
		if strings.Contains(message, known) {
			return known
		}
	}
	switch {
	case strings.Contains(message, errNullKey.Error()):
		return errNullKey.Error()
	case strings.Contains(message, "no such key"):
		return "there is no such key"
	case strings.Contains(message, "index out of"):
		return "the index is out of range"
	case strings.Contains(message, "no such overload"):
		return "the types do not fit"
	case strings.Contains(message, "optional.none()"):
		return "the optional value is not there"
	case strings.Contains(message, "unsupported index type"), strings.Contains(message, "invalid qualifier"):
		return "a key of this type does not fit"
	case strings.Contains(message, "regexp"):
		return "the regular expression is not valid"
	}
	return doesNotFit
}

// doesNotFit is said of what CEL's own reason would quote a value.
const doesNotFit = "the value does not fit"

// An explanation is an error of a call with its reason, made where the types
// of the arguments are known.
type explanation struct {
	id      int64
	message string
	reason  string // in CEL's words, which may quote a value
}

func (e *explanation) Error() string { return e.message }

// An explainedCall is a call that says why it failed.
type explainedCall struct {
	interpreter.InterpretableCall
	program *program
}

// Exec makes the call.
func (c *explainedCall) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := c.InterpretableCall.Exec(frame)
	if failed, ok := v.(*types.Err); ok && (failed.NodeID() == c.ID() || failed.NodeID() == sharedErrorID) {
		return c.explain(frame, failed)
	}
	return v
}

// Eval makes the call.
func (c *explainedCall) Eval(vars interpreter.Activation) ref.Val {
	return c.Exec(interpreter.AsFrame(vars))
}

// explain evaluates the arguments again, now for their types.
func (c *explainedCall) explain(frame *interpreter.ExecutionFrame, failed *types.Err) ref.Val {
	var known *explanation
	if errors.As(failed, &known) || tooCostly(failed) {
		return failed
	}
	args := make([]ref.Val, len(c.Args()))
	for i, arg := range c.Args() {
		args[i] = arg.Exec(frame)
		if types.IsUnknownOrError(args[i]) {
			return failed
		}
	}
	message := c.message(failed.Error(), args)
	return types.LabelErrNode(c.ID(), types.WrapErr(&explanation{c.ID(), message, failed.Error()}))
}

func (c *explainedCall) message(reason string, args []ref.Val) string {
	function := c.InterpretableCall.Function()
	names := make([]string, len(args))
	null := false
	for i, arg := range args {
		names[i] = typeName(arg)
		null = null || isNull(arg)
	}
	fields := c.nullFields(args)
	if isConversion(function) && len(args) == 1 {
		return fmt.Sprintf("%s cannot be made %s%s", names[0], describe(function), fields)
	}
	if null || strings.Contains(reason, "no such overload") || strings.Contains(reason, "type conversion") {
		if operator := operatorName(function); operator != "" {
			return fmt.Sprintf("%s does not work on %s%s", operator, strings.Join(names, " and "), fields)
		}
		return fmt.Sprintf("%s does not work on %s%s", function, list(names), fields)
	}
	if operator := operatorName(function); operator != "" {
		return plainReason(reason)
	}
	return function + ": " + plainReason(reason)
}

// nullFields names the arguments that are fields and null.
func (c *explainedCall) nullFields(args []ref.Val) string {
	e, ok := c.program.nodes[c.ID()]
	if !ok || e.Kind() != ast.CallKind || c.program.text.sensitive {
		return ""
	}
	operands := e.AsCall().Args()
	if e.AsCall().IsMemberFunction() {
		operands = append([]ast.Expr{e.AsCall().Target()}, operands...)
	}
	var null []string
	for i, operand := range operands {
		if i >= len(args) || !isNull(args[i]) {
			continue
		}
		if selected := c.program.selector(operand, nil); selected != nil {
			null = append(null, selected.String())
		}
	}
	switch len(null) {
	case 0:
		return ""
	case 1:
		return " (" + null[0] + " is null)"
	}
	return " (" + strings.Join(null, " and ") + " are null)"
}

// A patternCall is matches with a constant pattern, which is compiled once. It
// hides its name from CEL's optimizer, which would do the same and lose the
// explanations.
type patternCall struct{ *explainedCall }

func (patternCall) Function() string { return "@matches" }

// compilePattern makes a patternCall of a call that can be one.
func (p *program) compilePattern(i interpreter.InterpretableCall) (interpreter.InterpretableV2, error) {
	call := &explainedCall{InterpretableCall: i, program: p}
	if i.Function() != overloads.Matches || len(i.Args()) != 2 {
		return call, nil
	}
	constant, ok := i.Args()[1].(interpreter.InterpretableConst)
	if !ok {
		return call, nil
	}
	pattern, ok := constant.Value().(types.String)
	if !ok {
		return call, nil
	}
	size, err := budget.PatternSize(string(pattern))
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(string(pattern))
	if err != nil {
		return nil, err
	}
	call.InterpretableCall = interpreter.NewCall(i.ID(), i.Function(), i.OverloadID(), i.Args(), func(args ...ref.Val) ref.Val {
		if s, ok := args[0].(types.String); ok {
			if err := atMost(times(int64(len(s)), int64(size)), maxMatch); err != nil {
				return types.WrapErr(err)
			}
			return types.Bool(re.MatchString(string(s)))
		}
		return types.NewErr("no such overload")
	})
	return patternCall{call}, nil
}

// CEL answers some calls with an error that all programs of the process share,
// and writes into it the first node that it came from. Marking these errors
// before any program runs keeps programs from writing into the same memory and
// from blaming each other's nodes.
const sharedErrorID = -1

var labelSharedErrors = sync.OnceFunc(func() {
	types.LabelErrNode(sharedErrorID, types.NoSuchOverloadErr())
	types.LabelErrNode(sharedErrorID, types.Int(math.MaxInt64).ConvertToType(types.TimestampType))
})
