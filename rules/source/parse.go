package source

import (
	"runtime"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Parse parses a file that is within the bounds. tokens is how many it has. A
// panic of the parser is a diagnostic.
func Parse(content []byte, filename string) (body *hclsyntax.Body, tokens int, diags hcl.Diagnostics) {
	body = &hclsyntax.Body{}
	if len(content) > MaxFile {
		start := hcl.Range{Filename: filename, Start: hcl.InitialPos, End: hcl.InitialPos}
		return body, 0, hcl.Diagnostics{fault(start, "the file is larger than "+Size(MaxFile), "Split it into several files.")}
	}
	if d := Text(content, filename); d != nil {
		return body, 0, hcl.Diagnostics{d}
	}
	defer Recovered(hcl.Range{Filename: filename, Start: hcl.InitialPos, End: hcl.InitialPos}, func(d *hcl.Diagnostic) {
		body, diags = &hclsyntax.Body{}, hcl.Diagnostics{d}
	})
	lexed, _ := hclsyntax.LexConfig(content, filename, hcl.InitialPos) // the parser says the same
	if d := Tokens(lexed); d != nil {
		return body, len(lexed), hcl.Diagnostics{d}
	}
	file, diags := hclsyntax.ParseConfig(content, filename, hcl.InitialPos)
	if file != nil {
		if parsed, ok := file.Body.(*hclsyntax.Body); ok && parsed != nil {
			body = parsed
		}
	}
	return body, len(lexed), diags
}

// Expression parses one expression that is within the bounds.
func Expression(content []byte, filename string) (e hclsyntax.Expression, diags hcl.Diagnostics) {
	start := hcl.Range{Filename: filename, Start: hcl.InitialPos, End: hcl.InitialPos}
	if len(content) > MaxFile {
		return nil, hcl.Diagnostics{fault(start, "it is larger than "+Size(MaxFile), "")}
	}
	if d := Text(content, filename); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	defer Recovered(start, func(d *hcl.Diagnostic) { e, diags = nil, hcl.Diagnostics{d} })
	lexed, _ := hclsyntax.LexExpression(content, filename, hcl.InitialPos)
	if d := Tokens(lexed); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	return hclsyntax.ParseExpression(content, filename, hcl.InitialPos)
}

// Recovered is to be deferred. It makes a panic of a library a diagnostic at a place: what
// is at fault is the input, and other input may be fine.
func Recovered(at hcl.Range, report func(*hcl.Diagnostic)) {
	r := recover()
	if r == nil {
		return
	}
	report(fault(at, "this cannot be worked out", Panicked(r)))
}

// Panicked is what is said of a panic. Only what the runtime says of itself is
// quoted: other words may hold the input, and the stack is of use to nobody who
// writes rules.
func Panicked(r any) string {
	why := ""
	if err, ok := r.(runtime.Error); ok {
		why = " (" + err.Error() + ")"
	}
	return "A library that works with it failed" + why + ". Write it in another way, and please report it."
}
