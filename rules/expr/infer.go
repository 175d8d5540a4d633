package expr

import (
	"errors"
	"maps"
	"regexp"
	regexpsyntax "regexp/syntax"
	"slices"
	"sort"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"

	"github.com/lockstep-sync/lockstep/rules/budget"
)

// The checker keeps no types of an expression that it refuses. What follows
// finds them again as far as messages need them.

// infer returns the type of a field reference, nil if it cannot be told. scope has
// the types of the variables that comprehensions bind.
func (p *program) infer(e ast.Expr, scope map[string]*types.Type) *types.Type {
	switch e.Kind() {
	case ast.IdentKind:
		name, global := strings.CutPrefix(e.AsIdent(), ".")
		if t, ok := scope[name]; ok && !global {
			return t
		}
		return p.env.types[name]
	case ast.SelectKind:
		return p.memberType(p.infer(e.AsSelect().Operand(), scope), e.AsSelect().FieldName())
	case ast.CallKind:
		call := e.AsCall()
		if len(call.Args()) != 2 {
			return nil
		}
		switch call.FunctionName() {
		case operators.Index, operators.OptIndex:
			return elementType(p.infer(call.Args()[0], scope))
		case operators.OptSelect:
			if key, ok := call.Args()[1].AsLiteral().(types.String); ok {
				return p.memberType(p.infer(call.Args()[0], scope), string(key))
			}
		}
	}
	return nil
}

func (p *program) memberType(t *types.Type, name string) *types.Type {
	if t == nil {
		return nil
	}
	if t.Kind() == types.MapKind {
		return t.Parameters()[1]
	}
	if st := p.env.known.structs[t.TypeName()]; st != nil {
		if ft, ok := st.field(name); ok {
			return ft
		}
	}
	return nil
}

// elementType returns the type of what a list or a map holds.
func elementType(t *types.Type) *types.Type {
	if t == nil {
		return nil
	}
	switch t.Kind() {
	case types.ListKind:
		return t.Parameters()[0]
	case types.MapKind:
		return t.Parameters()[1]
	}
	return nil
}

// inferAnywhere returns the type of a part of the expression, with the variables of
// the comprehensions around it.
func (p *program) inferAnywhere(target ast.Expr) *types.Type {
	return p.infer(target, p.scopeTypes(target))
}

// scopeTypes returns the variables that comprehensions bind around a node, with
// their types where these can be told.
func (p *program) scopeTypes(target ast.Expr) map[string]*types.Type {
	scope := map[string]*types.Type{}
	if target == nil {
		return scope
	}
	for e := range p.around(target.ID()) {
		c := e.AsComprehension()
		r := p.infer(rangeOf(c), nil)
		first := elementType(r)
		if r != nil && (r.Kind() == types.MapKind || c.HasIterVar2()) {
			first = types.StringType
			if r.Kind() == types.ListKind {
				first = types.IntType
			}
		}
		scope[c.IterVar()] = first
		if c.HasIterVar2() {
			scope[c.IterVar2()] = elementType(r)
		}
		if !strings.HasPrefix(c.AccuVar(), "@") {
			scope[c.AccuVar()] = p.infer(c.AccuInit(), nil)
		}
	}
	return scope
}

// around yields the comprehensions whose steps or result hold a node.
func (p *program) around(id int64) func(yield func(ast.Expr) bool) {
	return func(yield func(ast.Expr) bool) {
		for _, e := range p.nodes {
			if e.Kind() != ast.ComprehensionKind {
				continue
			}
			c := e.AsComprehension()
			if holds(c.LoopStep(), id) || holds(c.LoopCondition(), id) || holds(c.Result(), id) {
				if !yield(e) {
					return
				}
			}
		}
	}
}

func holds(e ast.Expr, id int64) bool {
	found := false
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) { found = found || e.ID() == id }))
	return found
}

// scope lists the names that a node may refer to, sorted.
func (p *program) scope(e ast.Expr) []string {
	names := slices.Clone(p.env.names)
	for name := range p.scopeTypes(e) {
		if name != "" && !strings.HasPrefix(name, "@") && !strings.HasPrefix(name, "#") && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// unknownNamespaces returns the names that are unknown only because a function
// after them is: the "math" of math.foo(1).
func (p *program) unknownNamespaces(errs []*cel.Error) map[int64]bool {
	ids := map[int64]bool{}
	for _, err := range errs {
		e := p.nodes[err.ExprID]
		if e == nil || e.Kind() != ast.CallKind || !strings.Contains(err.Message, "undeclared reference") || !e.AsCall().IsMemberFunction() {
			continue
		}
		if target := e.AsCall().Target(); target.Kind() == ast.IdentKind && p.isNamespace(target.AsIdent()) {
			ids[target.ID()] = true
		}
	}
	return ids
}

// macroArguments returns the nodes within the arguments of macros that are written
// wrong: the names that a macro would have bound are unknown there.
func (p *program) macroArguments(errs []*cel.Error) map[int64]bool {
	ids := map[int64]bool{}
	for _, err := range errs {
		e := p.nodes[err.ExprID]
		if e == nil || e.Kind() != ast.CallKind || !strings.Contains(err.Message, "undeclared reference") {
			continue
		}
		if _, ok := macros[p.functionName(e)]; !ok {
			continue
		}
		for _, arg := range e.AsCall().Args() {
			ast.PreOrderVisit(arg, ast.NewExprVisitor(func(e ast.Expr) { ids[e.ID()] = true }))
		}
	}
	return ids
}

func (p *program) isNamespace(name string) bool {
	for function := range p.env.cel.Functions() {
		if strings.HasPrefix(function, name+".") {
			return true
		}
	}
	return name == "cel"
}

// badPattern finds a constant regular expression that does not compile.
func (p *program) badPattern() (call, pattern ast.Expr) {
	for _, id := range slices.Sorted(maps.Keys(p.nodes)) {
		if pattern, err := badPatternOf(p.nodes[id]); err != nil {
			return p.nodes[id], pattern
		}
	}
	return nil, nil
}

// badPatternOf returns the regular expression of a call, if it is a constant that
// does not compile, and why.
func badPatternOf(e ast.Expr) (pattern ast.Expr, err error) {
	if e.Kind() != ast.CallKind {
		return nil, nil
	}
	args := e.AsCall().Args()
	switch e.AsCall().FunctionName() {
	case overloads.Matches:
		if !e.AsCall().IsMemberFunction() && len(args) == 2 {
			args = args[1:]
		}
	case "regex.extract", "regex.extractAll", "regex.replace":
		if len(args) > 1 {
			args = args[1:]
		}
	default:
		return nil, nil
	}
	if len(args) == 0 || args[0].Kind() != ast.LiteralKind {
		return nil, nil
	}
	if s, ok := args[0].AsLiteral().(types.String); ok {
		return args[0], checkPattern(string(s))
	}
	return nil, nil
}

// patternReason returns what RE2 finds wrong with a pattern.
func patternReason(err error) string {
	if syntax, ok := errors.AsType[*regexpsyntax.Error](err); ok {
		return syntax.Code.String() + ", " + quote(syntax.Expr)
	}
	return strings.TrimPrefix(err.Error(), "error parsing regexp: ")
}

// checkPattern says what is wrong with a regular expression, its size first: a
// large one is not even compiled.
func checkPattern(pattern string) error {
	if _, err := budget.PatternSize(pattern); err != nil {
		return err
	}
	_, err := regexp.Compile(pattern)
	return err
}

func isConversion(function string) bool { return overloads.IsTypeConversionFunction(function) }

// fails reports whether the conversion of a literal does.
func (p *program) fails(call ast.Expr) bool {
	target := p.ast.GetType(call.ID())
	return target != nil && types.IsError(call.AsCall().Args()[0].AsLiteral().ConvertToType(target))
}
