// Package expr compiles and evaluates the CEL expressions that stand in
// strings of HCL files: conditions, and texts with {{ … }} parts. Mistakes are
// reported at their place in the file, inside the string.
//
// It knows HCL positions, CEL, and the connectors' types and records. It knows
// nothing of blocks, routes or templates.
package expr

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A Text is a string of an HCL file with the source bytes of each of its runes.
type Text struct{}

// NewText evaluates a string expression.
func NewText(e hcl.Expression, ctx *hcl.EvalContext, file []byte) (*Text, hcl.Diagnostics) {
	return nil, nil
}

// Value is the string.
func (t *Text) Value() string { return "" }

// Sensitive reports whether a part of the string came from a sensitive value.
func (t *Text) Sensitive() bool { return false }

// Range is the whole literal.
func (t *Text) Range() hcl.Range { return hcl.Range{} }

// Span is the place of the runes from (included) to to (excluded).
func (t *Text) Span(from, to int) hcl.Range { return hcl.Range{} }

// A Path is a field reference, root variable first.
type Path []string

// A Variable is a name that expressions see.
type Variable struct {
	Name string
	Type connectors.Type
	// Schema, if set, makes the variable a record of this type, which also has
	// id, number and url. Type is not looked at then.
	Schema *connectors.Schema
	// Nested, if set, makes the variable an object with these members.
	Nested map[string]Variable
}

// An Env is what expressions of one place may name.
type Env struct{}

// NewEnv makes an environment of the variables.
func NewEnv(vars []Variable) (*Env, error) { return &Env{}, nil }

// Condition compiles a text that must be one expression with a bool result.
func (e *Env) Condition(t *Text) (*Condition, hcl.Diagnostics) { return nil, nil }

// Template compiles a text with {{ … }} parts.
func (e *Env) Template(t *Text) (*Template, hcl.Diagnostics) { return nil, nil }

// A Condition is a compiled expression with a bool result.
type Condition struct{}

// An Operand is a field reference of a condition with its value, as JSON.
type Operand struct {
	Path string
	JSON string
}

// Eval decides. Values of vars are records, maps, or anything that a record's
// field may hold.
func (c *Condition) Eval(vars map[string]any) (bool, error) { return false, nil }

// Source is the condition as written, white space folded.
func (c *Condition) Source() string { return "" }

// Operands are the field references with their values.
func (c *Condition) Operands(vars map[string]any) []Operand { return nil }

// Reads are the field references.
func (c *Condition) Reads() []Path { return nil }

// AlwaysTrue reports whether the condition is constantly true.
func (c *Condition) AlwaysTrue() bool { return false }

// A Template is a compiled text with {{ … }} parts.
type Template struct{}

// A Literal is a constant that a template may result in.
type Literal struct {
	Value any
	Range hcl.Range
}

// Eval renders the template.
func (t *Template) Eval(vars map[string]any) (any, error) { return nil, nil }

// Type is the type of the result.
func (t *Template) Type() connectors.Type { return connectors.Type{} }

// Constant returns the text of a template without {{ … }}.
func (t *Template) Constant() (any, bool) { return nil, false }

// Literals are the constants that the template may result in.
func (t *Template) Literals() []Literal { return nil }

// Reads are the field references.
func (t *Template) Reads() []Path { return nil }

// An EvalError is a failed evaluation.
type EvalError struct {
	Range   hcl.Range // the failing part of the expression
	Message string
}

func (e *EvalError) Error() string { return e.Message }
