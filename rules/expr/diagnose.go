package expr

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors/nearest"
	"github.com/lockstep-sync/lockstep/rules/budget"
)

// diagnostic makes a diagnostic. Of a sensitive text it says only where.
func (p *program) diagnostic(at hcl.Range, severity hcl.DiagnosticSeverity, summary, detail string) *hcl.Diagnostic {
	if p.text.sensitive {
		summary = "invalid expression"
		detail = "The text holds a sensitive value, so what is wrong with it is not quoted here."
	}
	return &hcl.Diagnostic{Severity: severity, Summary: summary, Detail: detail, Subject: &at, Context: p.text.rng.Ptr()}
}

func quote(s string) string { return `"` + s + `"` }

// offset returns the rune of the expression at a place that CEL names: a line,
// counted from 1, and a column in code points, counted from 0.
func (p *program) offset(l common.Location) int {
	line := 1
	for i := range p.source {
		if line == l.Line() {
			return min(i+max(l.Column(), 0), len(p.source))
		}
		if p.source[i] == '\n' {
			line++
		}
	}
	if line == l.Line() {
		return len(p.source)
	}
	return 0
}

// typeErrors turns the checker's errors into diagnostics.
func (p *program) typeErrors(errs []*cel.Error) hcl.Diagnostics {
	errs = append([]*cel.Error(nil), errs...)
	sort.SliceStable(errs, func(i, j int) bool { return p.offset(errs[i].Location) < p.offset(errs[j].Location) })
	namespaces := p.unknownNamespaces(errs)
	arguments := p.macroArguments(errs)
	dashed := p.dashedNames(errs)
	var diags hcl.Diagnostics
	seen := map[hcl.Range]bool{}
	for _, err := range errs {
		if namespaces[err.ExprID] || arguments[err.ExprID] || dashed[err.ExprID] || strings.Contains(err.Message, "!error!") {
			continue // follows from another error
		}
		d := p.typeError(err)
		if !seen[*d.Subject] {
			seen[*d.Subject] = true
			diags = append(diags, d)
		}
	}
	if len(diags) == 0 {
		diags = append(diags, p.diagnostic(p.span(trimmed(p.source, 0, len(p.source))), hcl.DiagError,
			"invalid expression", "The types of the expression do not fit together."))
	}
	return diags
}

// typeError turns one error of the checker into a diagnostic.
func (p *program) typeError(err *cel.Error) *hcl.Diagnostic {
	e := p.nodes[err.ExprID]
	at := p.nodeRange(err.ExprID)
	message := err.Message
	report := func(summary, detail string) *hcl.Diagnostic {
		return p.diagnostic(at, hcl.DiagError, summary, detail)
	}
	if name, ok := between(message, "undefined field '", "'"); ok {
		return report("unknown field "+quote(name), p.fieldAdvice(e, name))
	}
	if name, ok := between(message, "undeclared reference to '", "'"); ok {
		if e != nil && e.Kind() == ast.CallKind {
			return report("unknown function "+quote(p.functionName(e)), p.functionAdvice(e))
		}
		if e != nil && e.Kind() == ast.StructKind {
			return report(`unexpected "{"`, "Objects cannot be made. A map is written {'name': VALUE}.")
		}
		return report("unknown name "+quote(name), p.nameAdvice(e, name))
	}
	if function, ok := between(message, "found no matching overload for '", "'"); ok {
		signature, _ := between(message, "applied to '", "'")
		summary, detail := p.overloadAdvice(e, function, signatureTypes(signature))
		return report(summary, detail)
	}
	if t, ok := between(message, "type '", "' does not support field selection"); ok {
		owner := describe(t)
		if e != nil && e.Kind() == ast.SelectKind {
			if text := p.exprText(e.AsSelect().Operand()); text != "" {
				return report(owner+" has no fields", fmt.Sprintf("%s is %s, so there is no %s in it.", text, owner, quote(e.AsSelect().FieldName())))
			}
		}
		return report(owner+" has no fields", "Only a record, an object or a map has fields.")
	}
	if t, ok := between(message, "expression of type '", "' cannot be range"); ok {
		return report("cannot go through "+describe(t), "Macros such as exists, all, filter and map go through a list or a map, not "+describe(t)+".")
	}
	if want, ok := between(message, "expected type '", "'"); ok {
		if got, ok := between(message, "but found '", "'"); ok {
			return report(fmt.Sprintf("expected %s, not %s", describe(want), describe(got)), p.mismatchAdvice(e, want, got))
		}
	}
	if reason, ok := strings.CutPrefix(message, "error during formatting: "); ok {
		return report("the format does not fit its arguments", sentence(reason))
	}
	return report("invalid expression", sentence(message))
}

// mismatchAdvice says what to write where another type is expected.
func (p *program) mismatchAdvice(e ast.Expr, want, got string) string {
	text := "This"
	if e != nil {
		if t := p.exprText(e); t != "" {
			text = t
		}
	}
	detail := fmt.Sprintf("%s is %s, and %s is expected here.", text, describe(got), describe(want))
	if want == "bool" && text != "This" {
		if example := compareExample(text, got); example != "" {
			detail += " Compare it with something: " + example + "."
		}
	}
	return detail
}

func compareExample(text, t string) string {
	switch t {
	case "string":
		return text + " == 'text'"
	case "int", "uint", "double":
		return text + " > 0"
	case "bool", "dyn":
		return ""
	}
	return text + " != null"
}

// fieldAdvice says what one may have meant with a field.
func (p *program) fieldAdvice(e ast.Expr, name string) string {
	if e == nil {
		return "There is no such field."
	}
	operand := selectOperand(e)
	if operand == nil {
		return "There is no such field."
	}
	t := p.inferAnywhere(operand)
	var st *structType
	if t != nil {
		st = p.env.known.structs[t.TypeName()]
	}
	if st == nil {
		return "There is no such field."
	}
	owner := p.exprText(operand)
	if owner == "" {
		owner = st.label
	}
	names := st.names()
	if dashed, _ := p.dashedName(e, names); dashed != "" {
		return fmt.Sprintf("CEL reads - as minus: write %s['%s'].", owner, dashed)
	}
	detail := fmt.Sprintf("%s has no field %s", owner, quote(name))
	if near := nearest.Name(name, names); near != "" {
		return detail + "; did you mean " + quote(near) + "?"
	}
	const few = 40
	if len(names) > few {
		return detail + "."
	}
	return detail + ". Its fields are " + list(names) + "."
}

// dashedName returns the field with a - in its name that was meant where one before the
// first - is selected, and what CEL takes for the names after it.
func (p *program) dashedName(e ast.Expr, fields []string) (name string, rest []string) {
	if e.Kind() != ast.SelectKind {
		return "", nil
	}
	at, ok := p.ast.SourceInfo().GetOffsetRange(e.ID())
	if !ok {
		return "", nil
	}
	written := string(p.source[min(int(at.Start), len(p.source)):])
	for _, field := range fields {
		if strings.Contains(field, "-") && strings.HasPrefix(field, e.AsSelect().FieldName()+"-") && strings.HasPrefix(strings.TrimPrefix(written, "."), field) && len(field) > len(name) {
			name = field
		}
	}
	if name == "" {
		return "", nil
	}
	return name, strings.Split(name, "-")[1:]
}

// dashedNames are the names that are unknown only because CEL reads the - in another
// one as minus: the "b" of local.a-b.
func (p *program) dashedNames(errs []*cel.Error) map[int64]bool {
	ids := map[int64]bool{}
	rest := map[string]bool{}
	for _, err := range errs {
		e := p.nodes[err.ExprID]
		if e == nil || !strings.Contains(err.Message, "undefined field '") {
			continue
		}
		t := p.inferAnywhere(selectOperand(e))
		if t == nil || p.env.known.structs[t.TypeName()] == nil {
			continue
		}
		_, names := p.dashedName(e, p.env.known.structs[t.TypeName()].names())
		for _, name := range names {
			rest[name] = true
		}
	}
	for _, err := range errs {
		if e := p.nodes[err.ExprID]; e != nil && e.Kind() == ast.IdentKind && rest[e.AsIdent()] {
			ids[err.ExprID] = true
		}
	}
	return ids
}

// selectOperand returns what a field is selected from.
func selectOperand(e ast.Expr) ast.Expr {
	switch e.Kind() {
	case ast.SelectKind:
		return e.AsSelect().Operand()
	case ast.CallKind:
		if args := e.AsCall().Args(); len(args) == 2 {
			return args[0]
		}
	}
	return nil
}

// nameAdvice says what one may have meant with a name.
func (p *program) nameAdvice(e ast.Expr, name string) string {
	switch strings.ToLower(name) {
	case "nil", "none", "null", "undefined":
		return "Write null."
	case "true", "false":
		return "Write " + strings.ToLower(name) + "."
	}
	names := p.scope(e)
	if near := nearest.Name(name, names); near != "" {
		return "Did you mean " + quote(near) + "?"
	}
	for _, v := range p.env.names {
		st := p.env.known.structs[p.env.types[v].TypeName()]
		if st == nil {
			continue
		}
		if _, ok := st.fields[name]; ok {
			return fmt.Sprintf("%s is a field: write %s.%s.", quote(name), v, name)
		}
	}
	return fmt.Sprintf("The names here are %s. If it is meant as text, write it in single quotes: '%s'.", list(names), name)
}

// exprText returns an expression as a message names it, empty if it is too long or
// has no short form.
func (p *program) exprText(e ast.Expr) string {
	if c := p.anyChain(e); c != "" {
		return c
	}
	if e.Kind() == ast.LiteralKind {
		return p.nodeText(e.ID())
	}
	return ""
}

// anyChain returns the text of a selection from any name, one bound by a
// comprehension too.
func (p *program) anyChain(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		if name := e.AsIdent(); !strings.HasPrefix(name, "@") {
			return strings.TrimPrefix(name, ".")
		}
	case ast.SelectKind:
		if operand := p.anyChain(e.AsSelect().Operand()); operand != "" {
			return operand + "." + e.AsSelect().FieldName()
		}
	case ast.CallKind:
		if c := p.selector(e, nil); c != nil {
			return c.String()
		}
	}
	return ""
}

// planError reports a constant that cannot be evaluated, such as a regular
// expression that is not one.
func (p *program) planError(err error) *hcl.Diagnostic {
	if spent := (*budget.Error)(nil); errors.As(err, &spent) {
		at := p.span(trimmed(p.source, 0, len(p.source)))
		if _, pattern := p.badPattern(); pattern != nil {
			at = p.nodeRange(pattern.ID())
		}
		return p.diagnostic(at, hcl.DiagError, spent.Error(), spent.Advice())
	}
	if call, pattern := p.badPattern(); call != nil {
		_, err := badPatternOf(call)
		return p.diagnostic(p.nodeRange(pattern.ID()), hcl.DiagError, "invalid regular expression",
			"The pattern is not in RE2's syntax: "+patternReason(err)+". In a quoted HCL string, each backslash is written twice; a raw string, r'…', saves CEL's own doubling.")
	}
	at := p.span(trimmed(p.source, 0, len(p.source)))
	for id, e := range p.nodes {
		if e.Kind() == ast.CallKind && isConversion(e.AsCall().FunctionName()) && len(e.AsCall().Args()) == 1 && e.AsCall().Args()[0].Kind() == ast.LiteralKind && p.fails(e) {
			return p.diagnostic(p.nodeRange(id), hcl.DiagError, "invalid constant",
				cannotBeMade(p.nodeText(e.AsCall().Args()[0].ID()), e.AsCall().FunctionName()))
		}
	}
	return p.diagnostic(at, hcl.DiagError, "invalid constant", sentence(plainReason(err.Error())))
}

// signatureTypes reads the types of a call in a message of the checker:
// "(int, string)", or "string.(int)" of a method.
func signatureTypes(signature string) []string {
	_, args, ok := strings.Cut(signature, "(")
	if !ok {
		return nil
	}
	var all []string
	// The receiver may have brackets of its own: list(int).(int).
	if i := strings.LastIndex(signature, ".("); i > 0 && balanced(signature[:i]) {
		args = signature[i+2:]
		all = append(all, signature[:i])
	}
	args = strings.TrimSuffix(args, ")")
	depth, from := 0, 0
	for i := 0; i <= len(args); i++ {
		switch {
		case i == len(args) || args[i] == ',' && depth == 0:
			if t := strings.TrimSpace(args[from:i]); t != "" {
				all = append(all, t)
			}
			from = i + 1
		case args[i] == '(':
			depth++
		case args[i] == ')':
			depth--
		}
	}
	return all
}

func balanced(s string) bool { return strings.Count(s, "(") == strings.Count(s, ")") }

// describe names a type of CEL's in a sentence.
func describe(t string) string {
	switch {
	case t == "int":
		return "an int"
	case t == "uint":
		return "an unsigned int"
	case t == "dyn" || t == "any" || strings.HasPrefix(t, "_var") || strings.HasPrefix(t, "<"):
		return "any value"
	case t == "null" || t == "null_type":
		return "null"
	case t == "bytes":
		return "bytes"
	case t == "google.protobuf.Timestamp":
		return "a timestamp"
	case t == "google.protobuf.Duration":
		return "a duration"
	case strings.HasPrefix(t, "list(") || t == "list":
		return "a list"
	case strings.HasPrefix(t, "map(") || t == "map":
		return "a map"
	case strings.HasPrefix(t, "optional_type"):
		return "an optional value"
	case strings.HasPrefix(t, "wrapper("):
		return describe(strings.TrimSuffix(strings.TrimPrefix(t, "wrapper("), ")"))
	case strings.HasPrefix(t, "/"):
		return "an object"
	case strings.HasPrefix(t, "type"):
		return "a type"
	}
	return "a " + t
}

// between returns what stands in s between two markers.
func between(s, before, after string) (string, bool) {
	_, rest, found := strings.Cut(s, before)
	inner, _, closed := strings.Cut(rest, after)
	return inner, found && closed
}

// list joins names as a sentence does.
func list(names []string) string {
	switch len(names) {
	case 0:
		return "none"
	case 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// sentence makes a message of CEL's a sentence.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	return strings.TrimSuffix(s, ".") + "."
}

// isNumber reports whether the content of a string literal is a number.
func isNumber(literal ast.Expr) (string, bool) {
	s, ok := literal.AsLiteral().(types.String)
	if !ok {
		return "", false
	}
	if _, err := strconv.ParseFloat(string(s), 64); err != nil {
		return "", false
	}
	return string(s), true
}
