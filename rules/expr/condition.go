package expr

import (
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/rules/source"
)

// A Condition is a compiled expression whose result is a bool. It is safe for
// concurrent use.
type Condition struct {
	program *program
	always  bool
	never   bool
	asks    ask
	parts   []ask
}

// Condition compiles a text that is one expression. Its result must be a bool;
// of a result that only evaluation knows, Eval finds out. The condition is nil
// if and only if there are errors; warnings may come with one.
func (e *Env) Condition(t *Text) (*Condition, hcl.Diagnostics) {
	from, to := trimmed(t.runes, 0, len(t.runes))
	if from == to {
		return nil, hcl.Diagnostics{{
			Severity: hcl.DiagError,
			Summary:  "empty condition",
			Detail:   "Write an expression that is true or false, or leave the condition out.",
			Subject:  t.Range().Ptr(),
		}}
	}
	p, diags := e.compile(t, from, to)
	if p == nil {
		return nil, diags
	}
	switch p.result.Kind() {
	case types.BoolKind, types.DynKind:
	default:
		name := describe(p.result.String())
		return nil, append(diags, p.diagnostic(t.Span(from, to), hcl.DiagError,
			"a condition must be a bool, not "+name,
			"This expression results in "+name+". Compare it with something: "+comparison(p.result)+"."))
	}
	c := &Condition{program: p}
	c.always, c.never = e.fixed(p.checked, p)
	c.work()
	c.never = c.never || c.contradicts()
	return c, diags
}

// comparison returns an example that turns a value of type t into a bool.
func comparison(t *types.Type) string {
	switch t.Kind() {
	case types.StringKind:
		return "X == 'text'"
	case types.IntKind, types.UintKind, types.DoubleKind:
		return "X >= 3"
	case types.ListKind:
		return "'text' in X"
	case types.TimestampKind:
		return "X > timestamp('2026-01-02T03:04:05Z')"
	}
	return "X != null"
}

// Eval decides. vars are the values of the variables by name: records, maps,
// or whatever else a record's field may hold; one that is not given is null.
// The error is an *EvalError.
func (c *Condition) Eval(vars map[string]any) (bool, error) {
	v, err := c.program.eval(vars)
	if err != nil {
		return false, err
	}
	if b, ok := v.(types.Bool); ok {
		return bool(b), nil
	}
	return false, c.program.failAll(fmt.Sprintf("the condition is %s, not a bool", typeName(v)))
}

// Source returns the condition as written, white space folded.
func (c *Condition) Source() string {
	if c.program.text.sensitive {
		return "(sensitive)"
	}
	return strings.Join(strings.Fields(c.program.text.value), " ")
}

// Operands are the condition's field references with their values, in the
// order in which they are written, each once.
func (c *Condition) Operands(vars map[string]any) []Operand { return c.program.operands(vars) }

// Reads are the fields that the condition refers to.
func (c *Condition) Reads() []Path { return reads(c.program) }

// AlwaysTrue reports whether the condition is true whatever the variables are.
func (c *Condition) AlwaysTrue() bool { return c.always }

// fixed evaluates the expression with every variable unknown.
func (e *Env) fixed(checked *cel.Ast, p *program) (always, never bool) {
	defer source.Recovered(p.text.rng, func(*hcl.Diagnostic) { always, never = false, false })
	run, err := e.cel.Program(checked, cel.EvalOptions(cel.OptPartialEval),
		cel.CustomDecoratorV2(p.decorate), cel.CostLimit(e.language.costLimit))
	if err != nil {
		return false, false
	}
	patterns := make([]*cel.AttributePatternType, len(e.names))
	for i, name := range e.names {
		patterns[i] = cel.AttributePattern(name)
	}
	vars, err := cel.PartialVars(map[string]any{}, patterns...)
	if err != nil {
		return false, false
	}
	v, _, err := run.Eval(vars)
	return err == nil && v == types.True, err == nil && (v == types.False || isNull(v))
}
