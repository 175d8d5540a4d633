package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// A mutant is one small change of a file that a test should notice.
type mutant struct {
	file     string
	line     int
	column   int
	what     string
	from, to int    // bytes of the file that are replaced
	text     string // by this
}

// apply is the file with the change in it.
func (m mutant) apply(source []byte) []byte {
	return slices.Concat(source[:m.from], []byte(m.text), source[m.to:])
}

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", m.file, m.line, m.column, m.what)
}

// A finder collects the mutants of one file.
type finder struct {
	file   string
	source []byte
	set    *token.FileSet
	found  []mutant
}

// mutantsOf lists what can be changed in a file, in the order of the places.
func mutantsOf(file string, source []byte) ([]mutant, error) {
	f := &finder{file: file, source: source, set: token.NewFileSet()}
	tree, err := parser.ParseFile(f.set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	ast.Inspect(tree, f.visit)
	slices.SortStableFunc(f.found, func(a, b mutant) int { return a.from - b.from })
	return f.found, nil
}

// add notes that the bytes from..to may become text.
func (f *finder) add(from, to token.Pos, text, what string) {
	at := f.set.Position(from)
	f.found = append(f.found, mutant{
		file: f.file, line: at.Line, column: at.Column, what: what,
		from: at.Offset, to: f.set.Position(to).Offset, text: text,
	})
}

// textOf is an expression as it is written.
func (f *finder) textOf(n ast.Node) string {
	return string(f.source[f.set.Position(n.Pos()).Offset:f.set.Position(n.End()).Offset])
}

func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GenDecl:
		return n.Tok == token.CONST || n.Tok == token.VAR
	case *ast.FuncDecl:
		f.emptied(n)
	case *ast.IfStmt:
		f.negated(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			f.negated(n.Cond)
		}
	case *ast.SwitchStmt:
		if n.Tag == nil {
			for _, clause := range n.Body.List {
				for _, condition := range clause.(*ast.CaseClause).List {
					f.negated(condition)
				}
			}
		}
	case *ast.BinaryExpr:
		f.operator(n)
	case *ast.BasicLit:
		f.constant(n)
	case *ast.Ident:
		if other, ok := map[string]string{"true": "false", "false": "true"}[n.Name]; ok {
			f.add(n.Pos(), n.End(), other, n.Name+" is "+other)
		}
	case *ast.BranchStmt:
		if other, ok := map[token.Token]string{token.BREAK: "continue", token.CONTINUE: "break"}[n.Tok]; ok && n.Label == nil {
			f.add(n.Pos(), n.End(), other, n.Tok.String()+" is "+other)
		}
	case *ast.ReturnStmt:
		f.swallowed(n)
	case *ast.ExprStmt:
		return f.removedCall(n)
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE && !blank(n.Lhs) {
			f.removed(n, "assignment")
		}
	case *ast.IncDecStmt:
		f.removed(n, "statement")
	}
	return true
}

// negated turns a condition round.
func (f *finder) negated(condition ast.Expr) {
	f.add(condition.Pos(), condition.End(), "!("+f.textOf(condition)+")", "the condition is negated")
}

// The operators, and what each is mistaken for.
var mistaken = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LAND: token.LOR, token.LOR: token.LAND,
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL,
}

func (f *finder) operator(n *ast.BinaryExpr) {
	other, ok := mistaken[n.Op]
	if !ok || isText(n.X) || isText(n.Y) {
		return
	}
	f.add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), other.String(), fmt.Sprintf("%s is %s", n.Op, other))
}

func isText(e ast.Expr) bool {
	literal, ok := e.(*ast.BasicLit)
	return ok && literal.Kind == token.STRING
}

// constant makes a whole number one larger.
func (f *finder) constant(n *ast.BasicLit) {
	if n.Kind != token.INT {
		return
	}
	value, err := strconv.ParseInt(n.Value, 0, 64)
	if err != nil {
		return
	}
	f.add(n.Pos(), n.End(), strconv.FormatInt(value+1, 10), fmt.Sprintf("%s is %d", n.Value, value+1))
}

// swallowed returns no error where one is returned.
func (f *finder) swallowed(n *ast.ReturnStmt) {
	if len(n.Results) == 0 {
		return
	}
	last := n.Results[len(n.Results)-1]
	if name, ok := last.(*ast.Ident); ok && name.Name == "err" {
		f.add(last.Pos(), last.End(), "nil", "the error is swallowed")
	}
}

// emptied returns from a function at once, where it has no result but an
// error.
func (f *finder) emptied(n *ast.FuncDecl) {
	if n.Body == nil || len(n.Body.List) == 0 {
		return
	}
	var text string
	switch results := n.Type.Results; {
	case results == nil || len(results.List) == 0:
		text = "return\n"
	case len(results.List) == 1 && len(results.List[0].Names) == 0 && f.textOf(results.List[0].Type) == "error":
		text = "return nil\n"
	default:
		return
	}
	first := n.Body.List[0]
	f.add(first.Pos(), first.Pos(), text, n.Name.Name+" does nothing")
}

// removedCall leaves a call out; what is logged is for people.
func (f *finder) removedCall(n *ast.ExprStmt) (into bool) {
	call, ok := n.X.(*ast.CallExpr)
	if !ok {
		return true
	}
	callee := f.textOf(call.Fun)
	for part := range strings.SplitSeq(callee, ".") {
		if part == "log" || part == "logger" {
			return false
		}
	}
	f.removed(n, "call of "+callee)
	return true
}

func (f *finder) removed(n ast.Node, what string) {
	if strings.Contains(what, "\n") {
		what = "call"
	}
	f.add(n.Pos(), n.End(), "{}", "the "+what+" is left out")
}

func blank(names []ast.Expr) bool {
	return !slices.ContainsFunc(names, func(e ast.Expr) bool {
		name, ok := e.(*ast.Ident)
		return !ok || name.Name != "_"
	})
}
