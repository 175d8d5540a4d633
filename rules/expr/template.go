package expr

import (
	"sort"
	"strings"
	"unicode"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A Template is a compiled text with {{ … }} parts. It is safe for concurrent
// use.
type Template struct {
	text     *Text
	parts    []part
	programs []*program // of the parts that are expressions, in order
	single   *program   // the one expression, if it is the whole value
}

// A Literal is a constant that a template may result in.
type Literal struct {
	Value any // as in a connectors.Record
	Range hcl.Range
}

// enoughErrors of one text are shown; each takes the time to find its place.
const enoughErrors = 50

// Template compiles a string with {{ … }} parts. The template is nil if and only
// if there are errors; warnings may come with one.
func (e *Env) Template(t *Text) (*Template, hcl.Diagnostics) {
	parts, diags := split(t)
	tmpl := &Template{text: t, parts: parts}
	blank, wrong := true, 0
	for _, p := range parts {
		if !p.isExpr {
			blank = blank && isSpaces(p.literal)
			continue
		}
		if p.from == p.to {
			continue // split has reported it
		}
		program, more := e.compile(t, p.from, p.to)
		diags = append(diags, more...)
		if program == nil {
			if wrong++; wrong >= enoughErrors {
				break
			}
			continue
		}
		if program.result.Kind() == types.BytesKind || program.result.Kind() == types.TypeKind {
			diags = append(diags, program.diagnostic(t.Span(p.from, p.to), hcl.DiagError,
				"a field cannot hold "+describe(program.result.String()),
				"Convert it, for instance with string(…) or base64.encode(…)."))
		}
		tmpl.programs = append(tmpl.programs, program)
	}
	sort.SliceStable(diags, func(i, j int) bool { return diags[i].Subject.Start.Byte < diags[j].Subject.Start.Byte })
	if diags.HasErrors() {
		return nil, diags
	}
	if blank && len(tmpl.programs) == 1 {
		tmpl.single = tmpl.programs[0]
		return tmpl, diags
	}
	for _, p := range tmpl.programs {
		if kind := p.result.Kind(); kind == types.MapKind || kind == types.StructKind {
			diags = append(diags, p.diagnostic(p.span(0, len(p.source)), hcl.DiagError,
				describe(p.result.String())+" cannot be part of a string",
				"Select a field of it, or join what it holds, as in MAP.map(k, k).join(', ')."))
		}
	}
	if diags.HasErrors() {
		return nil, diags
	}
	return tmpl, diags
}

// Eval renders the template. One that is exactly one {{ … }}, white space
// around it aside, gives the value as a connectors.Record holds it, nil for
// null. Any other gives text without trailing white space. vars are as for a
// condition. The error is an *EvalError.
func (t *Template) Eval(vars map[string]any) (any, error) {
	if t.single != nil {
		return t.single.evalNative(vars)
	}
	var b strings.Builder
	next := 0
	for _, p := range t.parts {
		if !p.isExpr {
			b.WriteString(p.literal)
			continue
		}
		program := t.programs[next]
		next++
		v, err := program.evalNative(vars)
		if err != nil {
			return nil, err
		}
		s, ok := render(v)
		if !ok {
			return nil, program.failAll("a map cannot be part of a string")
		}
		b.WriteString(s)
	}
	return strings.TrimRightFunc(b.String(), unicode.IsSpace), nil
}

// evalNative evaluates the program to a value as a connectors.Record holds it.
func (p *program) evalNative(vars map[string]any) (any, error) {
	v, err := p.eval(vars)
	if err != nil {
		return nil, err
	}
	out, err := native(v)
	if err != nil {
		return nil, p.failAll(err.Error())
	}
	return out, nil
}

// Constant returns the text of a template without {{ … }}.
func (t *Template) Constant() (any, bool) {
	if len(t.programs) > 0 {
		return nil, false
	}
	v, _ := t.Eval(nil)
	return v, true
}

// Type returns the type of the result: Any where only evaluation knows it. Branches
// that are null do not count.
func (t *Template) Type() connectors.Type {
	if t.single == nil {
		return connectors.Type{Kind: connectors.String}
	}
	return t.single.env.known.back(t.single.typeOf(t.single.ast.Expr()))
}

// typeOf returns the type of a node, but for null in a branch, which the checker
// takes for any value.
func (p *program) typeOf(e ast.Expr) *types.Type {
	checked := p.ast.GetType(e.ID())
	if checked.Kind() != types.DynKind {
		return checked
	}
	var joined *types.Type
	for _, branch := range branches(e) {
		t := p.branchType(branch)
		switch {
		case isNullLiteral(branch):
		case joined == nil:
			joined = t
		case !joined.IsExactType(t):
			return types.DynType
		}
	}
	if joined == nil {
		return types.DynType
	}
	return joined
}

// branchType returns the type of a branch. That of lookup with null as its default
// is the type of what the table holds.
func (p *program) branchType(e ast.Expr) *types.Type {
	t := p.ast.GetType(e.ID())
	if t.Kind() != types.DynKind || e.Kind() != ast.CallKind || e.AsCall().FunctionName() != lookupName {
		return t
	}
	args := e.AsCall().Args()
	if table := p.ast.GetType(args[0].ID()); table.Kind() == types.MapKind && isNullLiteral(args[2]) {
		return table.Parameters()[1]
	}
	return t
}

// branches returns the expressions one of which an expression results in.
func branches(e ast.Expr) []ast.Expr {
	switch e.Kind() {
	case ast.CallKind:
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.Conditional:
			return append(branches(call.Args()[1]), branches(call.Args()[2])...)
		case lookupName:
			// What the table holds counts through the call itself.
			return append([]ast.Expr{e}, branches(call.Args()[2])...)
		case "orValue":
			if call.IsMemberFunction() && len(call.Args()) == 1 {
				return append([]ast.Expr{e}, branches(call.Args()[0])...)
			}
		}
	case ast.ComprehensionKind:
		if isBinding(e) {
			return branches(e.AsComprehension().Result())
		}
	}
	return []ast.Expr{e}
}

func isNullLiteral(e ast.Expr) bool {
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "dyn" && len(e.AsCall().Args()) == 1 {
		e = e.AsCall().Args()[0]
	}
	return e.Kind() == ast.LiteralKind && e.AsLiteral() == types.NullValue
}

// Literals returns the constants that the template may result in: those of every
// branch of ?:, the defaults of lookup and orValue, or the text of a template
// without {{ … }}. Null is left out.
func (t *Template) Literals() []Literal {
	if v, ok := t.Constant(); ok {
		return []Literal{{Value: v, Range: t.text.Range()}}
	}
	if t.single == nil {
		return nil
	}
	p := t.single
	var all []Literal
	for _, e := range branches(p.ast.Expr()) {
		switch v, ok := p.constantValue(e); {
		case ok && v != nil:
			all = append(all, Literal{Value: v, Range: p.literalRange(e)})
		case !ok && e.Kind() == ast.ListKind: // each element is one of a list
			for _, elem := range e.AsList().Elements() {
				if v, ok := p.constantValue(elem); ok && v != nil {
					all = append(all, Literal{Value: []any{v}, Range: p.literalRange(elem)})
				}
			}
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Range.Start.Byte < all[j].Range.Start.Byte })
	return all
}

// literalRange returns the place of a literal, its sign included.
func (p *program) literalRange(e ast.Expr) hcl.Range {
	from, to, ok := p.literalSpan(e)
	if !ok {
		return p.nodeRange(e.ID())
	}
	return p.span(from, to)
}

// literalSpan returns the runes of a literal, its sign included.
func (p *program) literalSpan(e ast.Expr) (from, to int, ok bool) {
	at, ok := p.ast.SourceInfo().GetOffsetRange(e.ID())
	if from = int(at.Start); !ok || from >= len(p.source) {
		return 0, 0, false
	}
	switch p.source[from] {
	case '{', '[':
		if to, ok := closing(p.source, from); ok {
			return from, to, true
		}
	case '-':
		number, _ := trimmed(p.source, from+1, len(p.source))
		_, to := tokenAt(p.source, number)
		return from, to, true
	}
	from, to = nameAt(p.source, from)
	return from, to, true
}

// literalValue returns the value of a literal, or of a list or map of literals.
func literalValue(e ast.Expr) (any, bool) {
	switch e.Kind() {
	case ast.LiteralKind:
		v, err := native(e.AsLiteral())
		return v, err == nil
	case ast.ListKind:
		l := e.AsList()
		if len(l.OptionalIndices()) > 0 {
			return nil, false
		}
		values := make([]any, 0, l.Size())
		for _, elem := range l.Elements() {
			v, ok := literalValue(elem)
			if !ok && !isNullLiteral(elem) {
				return nil, false
			}
			values = append(values, v)
		}
		return values, true
	case ast.MapKind:
		values := make(map[string]any, e.AsMap().Size())
		for _, entry := range e.AsMap().Entries() {
			m := entry.AsMapEntry()
			key, _ := literalValue(m.Key())
			name, isName := key.(string)
			v, ok := literalValue(m.Value())
			if !isName || m.IsOptional() || !ok && !isNullLiteral(m.Value()) {
				return nil, false
			}
			values[name] = v
		}
		return values, true
	}
	return nil, false
}

// Reads are the fields that the template refers to.
func (t *Template) Reads() []Path { return reads(t.programs...) }
