package budget

import (
	"context"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/lockstep-sync/lockstep/rules/source"
)

// The budget of a configuration.
const (
	MaxBytes = 16 << 20 // of values
	// MaxSteps bounds the time: a step takes some 100 ns.
	MaxSteps = 24_000_000
	// maxNesting bounds lists and objects within each other. What one expression
	// can nest is less.
	maxNesting = 400
	// maxExponent bounds numbers, as powers of two: those of a double.
	maxExponent = 1100
)

// An Error says what a value or a computation is too much for, and what to do.
type Error struct{ text, advice string }

func (e *Error) Error() string { return e.text }

// Advice says what to write instead.
func (e *Error) Advice() string { return e.advice }

var (
	errBytes = &Error{
		fmt.Sprintf("the values that are made here take more than %d MiB", MaxBytes>>20),
		"What HCL makes when the configuration is loaded may take that much in all. Make less of it, or leave it to a file that something else writes.",
	}
	errSteps = &Error{
		"this takes too many steps",
		"HCL is evaluated each time the configuration is loaded. Make the lists that it goes through shorter, or write the result down.",
	}
	errNesting = &Error{fmt.Sprintf("a value nested more than %d levels deep", maxNesting), "Lists and objects within each other come to an end somewhere."}
	errNumber  = &Error{"the number is too large", "A number lies between -1e308 and 1e308; no system takes others."}
)

// A Meter counts what one load makes. Once the budget is spent, nothing more is
// evaluated. It is for one goroutine.
type Meter struct {
	ctx          context.Context
	bytes, steps int64 // left
	spent        *Error
}

// Limits bound a budget further; 0: by what a configuration may take.
type Limits struct{ Bytes, Steps int64 }

// NewMeter makes a meter within the limits, whose budget ends with ctx, too.
func NewMeter(ctx context.Context, l Limits) *Meter {
	m := &Meter{ctx: ctx, bytes: MaxBytes, steps: MaxSteps}
	if l.Bytes > 0 {
		m.bytes = min(l.Bytes, MaxBytes)
	}
	if l.Steps > 0 {
		m.steps = min(l.Steps, MaxSteps)
	}
	return m
}

// Spent is why nothing more is evaluated; nil: the budget lasts.
func (m *Meter) Spent() *Error { return m.spent }

// Evaluate evaluates an expression. What it made on the way to its value is
// gone when it is done, so only the value counts from then on.
func (m *Meter) Evaluate(e hcl.Expression, ctx *hcl.EvalContext) (v cty.Value, diags hcl.Diagnostics) {
	before := m.bytes
	if m.spent != nil {
		return cty.DynamicVal, m.spent.diagnostics(e.Range())
	}
	defer source.Recovered(e.Range(), func(d *hcl.Diagnostic) { v, diags = cty.DynamicVal, hcl.Diagnostics{d} })
	v, diags = e.Value(ctx)
	if m.spent == nil {
		m.bytes = before
	}
	if diags.HasErrors() {
		return v, diags
	}
	// try() and can() hide an error, but not that there is nothing left.
	err := m.spent
	if err == nil {
		err = m.made(v)
	}
	if err != nil {
		return cty.DynamicVal, err.diagnostics(e.Range())
	}
	return v, diags
}

// Again runs what evaluates an expression a second time, for what it makes
// beside the value. The value is counted already.
func (m *Meter) Again(run func()) {
	before := m.bytes
	run()
	if m.spent == nil {
		m.bytes = before
	}
}

// made counts a value that was made, and all that is in it.
func (m *Meter) made(v cty.Value) *Error {
	bytes, steps, err := m.measure(v)
	if err != nil {
		return m.refuse(err)
	}
	return m.take(bytes, steps)
}

// looked counts the time to look at the whole of a value.
func (m *Meter) looked(v cty.Value) *Error {
	_, steps, err := m.measure(v)
	if err != nil {
		return m.refuse(err)
	}
	return m.take(0, steps*perElement)
}

// refuse keeps the error if it is of the budget: what is too deep or too large a
// number is a mistake of this place alone.
func (m *Meter) refuse(err *Error) *Error {
	if err == errBytes || err == errSteps {
		m.spent = err
	}
	return err
}

// take counts bytes and steps.
func (m *Meter) take(bytes, steps int64) *Error {
	if m.spent != nil {
		return m.spent
	}
	if err := context.Cause(m.ctx); err != nil {
		m.spent = &Error{"the load was given up: " + err.Error(), ""}
		return m.spent
	}
	switch {
	case bytes < 0 || bytes > m.bytes:
		m.spent = errBytes
	case steps < 0 || steps > m.steps:
		m.spent = errSteps
	default:
		m.bytes -= bytes
		m.steps -= steps
		return nil
	}
	return m.spent
}

// diagnostics returns an error at a place.
func (e *Error) diagnostics(at hcl.Range) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: e.text, Detail: e.advice, Subject: &at}}
}
