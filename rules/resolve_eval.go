package rules

import (
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
	"github.com/lockstep-sync/lockstep/rules/source"
)

// An evaluator evaluates HCL expressions: it has all that has a name.
type evaluator struct {
	*progress
	files     map[string]*sourceFile
	systems   map[string]connectors.System
	offline   bool // env() of what is not set is empty
	functions map[string]function.Function
	variables map[string]*variable
	locals    map[string]*local
	env       *envReader
	context   *hcl.EvalContext // of every expression, once the locals are known
}

func newEvaluator(p *progress, files map[string]*sourceFile, r *reader, o Options) *evaluator {
	env := &envReader{lookup: o.Env, offline: o.Offline}
	e := &evaluator{
		progress: p, files: files, offline: o.Offline, env: env, functions: p.meter.Functions(hclFunctions(r, env)),
		systems: map[string]connectors.System{}, variables: map[string]*variable{}, locals: map[string]*local{},
	}
	for _, s := range o.Systems {
		e.systems[s.Type] = s
	}
	return e
}

// eval evaluates an HCL expression; false if it has mistakes, which are then
// reported, or rests on something whose mistakes are.
func (l *evaluator) eval(e hcl.Expression) (cty.Value, bool) {
	if !l.checkNames(e) {
		return cty.DynamicVal, false
	}
	ctx := l.context
	if ctx == nil {
		ctx = l.contextOf(e)
	}
	l.env.unset = false
	v, diags := l.meter.Evaluate(e, ctx)
	if spent := l.meter.Spent(); spent != nil {
		// Nothing more is evaluated: where the budget ended is all there is to say.
		if !l.saidSpent {
			l.saidSpent = true
			l.err(e.Range(), spent.Error(), spent.Advice())
		}
		return cty.DynamicVal, false
	}
	if diags.HasErrors() && (l.env.unset || rests(e, ctx, unsetMark)) {
		return cty.DynamicVal.WithMarks(cty.NewValueMarks(sensitiveMark, unsetMark)), true
	}
	before := len(l.list)
	l.hcl(diags)
	if diags.HasErrors() && l.touchesSecret(e, ctx) {
		// What a function says of its arguments may quote them. env() and file()
		// name the variable or the file and nothing else.
		for i := range l.list[before:] {
			if d := &l.list[before+i]; !strings.HasPrefix(d.summary, "env(): ") && !strings.HasPrefix(d.summary, "file(): ") {
				d.summary, d.detail = "this cannot be worked out", "It rests on a sensitive value, so no more can be said here."
			}
		}
	}
	if diags.HasErrors() {
		return v, false
	}
	if infinite(v) {
		l.err(e.Range(), "this number is infinite", "A number is divided by zero here. Write a number, or null to leave the field alone.")
		return v, false
	}
	if l.hidesSecret(e, ctx) {
		v = v.Mark(sensitiveMark)
		if l.env.unset || rests(e, ctx, unsetMark) {
			v = v.Mark(unsetMark)
		}
	}
	return v, true
}

// rests reports whether an expression names a value that has a mark, deep in it too.
func rests(e hcl.Expression, ctx *hcl.EvalContext, mark any) bool {
	for _, t := range e.Variables() {
		if v, diags := t.TraverseAbs(ctx); !diags.HasErrors() && isMarked(v, mark) {
			return true
		}
	}
	return false
}

// isMarked reports whether a value has a mark, deep in it too.
func isMarked(v cty.Value, mark any) bool {
	_, marks := v.UnmarkDeep()
	_, ok := marks[mark]
	return ok
}

// hidesSecret reports whether an expression's value may tell something of a sensitive
// one without being marked.
func (l *evaluator) hidesSecret(e hcl.Expression, ctx *hcl.EvalContext) bool {
	return dropsMarks(e) && l.touchesSecret(e, ctx)
}

// dropsMarks reports whether an expression can turn what is sensitive into a value that
// HCL does not know to be: by a key with which something is looked up, or by what works
// and what does not. A JSON file's expressions cannot be looked into.
func dropsMarks(e hcl.Expression) bool {
	node, ok := e.(hclsyntax.Expression)
	if !ok {
		return true
	}
	found := false
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.IndexExpr:
			_, literal := n.Key.(*hclsyntax.LiteralValueExpr)
			found = found || !literal
		case *hclsyntax.FunctionCallExpr:
			found = found || n.Name == "can" || n.Name == "try"
		}
		return nil
	})
	return found
}

// infinite reports whether a value holds a number that no system can be sent.
func infinite(v cty.Value) bool {
	found := false
	v, _ = plain(v)
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		found = found || v.IsKnown() && !v.IsNull() && v.Type() == cty.Number && v.AsBigFloat().IsInf()
		return !found, nil
	})
	return found
}

// touchesSecret reports whether an expression rests on a sensitive value.
func (l *evaluator) touchesSecret(e hcl.Expression, ctx *hcl.EvalContext) bool {
	for _, t := range e.Variables() {
		if v, diags := t.TraverseAbs(ctx); !diags.HasErrors() && v.ContainsMarked() {
			return true
		}
	}
	node, ok := e.(hclsyntax.Expression)
	found := false
	if ok {
		_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
			if call, ok := n.(*hclsyntax.FunctionCallExpr); ok {
				found = found || call.Name == "env" || call.Name == "sensitive" || call.Name == "file" && l.readsOutside(call, ctx)
			}
			return nil
		})
	}
	return found
}

// readsOutside reports whether a call of file() reads, or may read, a file
// outside the directory.
func (l *evaluator) readsOutside(call *hclsyntax.FunctionCallExpr, ctx *hcl.EvalContext) bool {
	if len(call.Args) != 1 {
		return true
	}
	v, diags := l.meter.Evaluate(call.Args[0], ctx)
	if diags.HasErrors() || v.IsNull() || !v.IsKnown() || v.IsMarked() || v.Type() != cty.String {
		return true
	}
	path := v.AsString()
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.dir, path)
	}
	within, err := source.Within(l.dir, path)
	return err != nil || !within
}

// contextOf returns what an expression sees before that: what it names, for to make
// a context of all for each of them would take the square of their number.
func (l *evaluator) contextOf(e hcl.Expression) *hcl.EvalContext {
	var names []string
	for _, t := range e.Variables() {
		if len(t) > 1 {
			if name, _, ok := attrStep(t[1]); ok {
				names = append(names, name)
			}
		}
	}
	return l.contextWith(names)
}

func (l *evaluator) contextWith(names []string) *hcl.EvalContext {
	vars, locals := map[string]cty.Value{}, map[string]cty.Value{}
	for _, name := range names {
		if v := l.variables[name]; v != nil && v.ok {
			vars[name] = v.value
		}
		if v := l.locals[name]; v != nil && v.ok {
			locals[name] = v.value
		}
	}
	return &hcl.EvalContext{
		Variables: map[string]cty.Value{"var": cty.ObjectVal(vars), "local": cty.ObjectVal(locals)},
		Functions: l.functions,
	}
}

// checkNames reports names that an expression cannot use; false if there are
// any, or if one has no value because of a mistake of its own.
func (l *evaluator) checkNames(e hcl.Expression) bool {
	ok := checkFunctions(e, l.functions, l.findings)
	for _, t := range e.Variables() {
		if !l.checkName(t) {
			ok = false
		}
	}
	return ok
}

func (l *evaluator) checkName(t hcl.Traversal) bool {
	root := t.RootName()
	switch root {
	case "var", "local":
	case "template", "state_table":
		l.err(t.SourceRange(), "a "+root+" is not a value", "It can be named only where a block asks for one, as in templates = [template.NAME].")
		return false
	default:
		unknownRoot(t, l.systems, l.findings)
		return false
	}
	if len(t) < 2 {
		l.err(t.SourceRange(), quote(root)+" alone is not a value", "Write "+root+".NAME.")
		return false
	}
	name, at, isAttr := attrStep(t[1])
	if !isAttr {
		l.err(t.SourceRange(), quote(root)+" needs a name", "Write "+root+".NAME.")
		return false
	}
	if root == "var" {
		v, ok := l.variables[name]
		if !ok {
			l.errAdvised(at, "unknown variable "+quote(name), func() string { return suggest(name, sortedKeys(l.variables), "variable") })
			return false
		}
		return v.ok
	}
	v, ok := l.locals[name]
	if !ok {
		l.errAdvised(at, "unknown local "+quote(name), func() string { return suggest(name, sortedKeys(l.locals), "local") })
		return false
	}
	return l.evalLocal(v, t.SourceRange())
}

func unknownRoot(t hcl.Traversal, systems map[string]connectors.System, f *findings) {
	root := t.RootName()
	if _, ok := systems[root]; ok {
		f.err(t.SourceRange(), "a connector is not a value", "It can be named only where a block asks for one, as in source = "+root+".NAME.RECORD.")
		return
	}
	detail := "HCL expressions know var.NAME and local.NAME. A string stands in double quotes: " + quote(root) + "."
	if len(t) > 1 {
		detail = "HCL expressions know var.NAME and local.NAME. What a record holds is written inside a string, in CEL: \"{{ " + traversalText(t) + " }}\"."
	}
	f.err(t.SourceRange(), "unknown name "+quote(root), detail)
}

// checkFunctions reports functions that there are not.
func checkFunctions(e hcl.Expression, known map[string]function.Function, f *findings) bool {
	node, ok := e.(hclsyntax.Expression)
	if !ok {
		return true
	}
	good := true
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		if !ok {
			return nil
		}
		if _, ok := known[call.Name]; ok {
			return nil
		}
		good = false
		if call.Name == "ref" {
			f.err(call.NameRange, "ref() cannot stand here",
				`ref(KEY, VALUE) is the value of a field in once, outbound or inbound, or stands in a list or an object there; it cannot be part of another expression.`)
			return nil
		}
		f.err(call.NameRange, "unknown function "+quote(call.Name), suggest(call.Name, append(sortedKeys(known), "ref"), "function"))
		return nil
	})
	return good
}

// newText returns an expression as a string. It is evaluated once more for that.
func (l *evaluator) newText(e hcl.Expression) (t *expr.Text, diags hcl.Diagnostics) {
	defer source.Recovered(e.Range(), func(d *hcl.Diagnostic) { t, diags = nil, hcl.Diagnostics{d} })
	l.meter.Again(func() { t, diags = expr.NewText(e, l.context, l.files[e.Range().Filename].bytes) })
	if t != nil && l.hidesSecret(e, l.context) {
		t.MarkSensitive()
	}
	return t, diags
}

// written returns an expression as its file has it.
func (l *evaluator) written(e hcl.Expression) string {
	file := l.files[e.Range().Filename]
	if file == nil || !e.Range().CanSliceBytes(file.bytes) {
		return "…"
	}
	return strings.Join(strings.Fields(string(e.Range().SliceBytes(file.bytes))), " ")
}
