package source

import (
	"bytes"
	"runtime"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A File is a file that was parsed.
type File struct {
	Body   *hclsyntax.Body // never nil
	Tokens int             // how many it has
	Code   []byte          // its content, with a line break in place of each comment
}

// Parse parses a file that is within the bounds. A panic of the parser is a
// diagnostic.
func Parse(content []byte, filename string) (f File, diags hcl.Diagnostics) {
	f = File{Body: &hclsyntax.Body{}, Code: content}
	if len(content) > MaxFile {
		start := hcl.Range{Filename: filename, Start: hcl.InitialPos, End: hcl.InitialPos}
		return f, hcl.Diagnostics{fault(start, "the file is larger than "+Size(MaxFile), "Split it into several files.")}
	}
	if d := Text(content, filename); d != nil {
		return f, hcl.Diagnostics{d}
	}
	defer Recovered(hcl.Range{Filename: filename, Start: hcl.InitialPos, End: hcl.InitialPos}, func(d *hcl.Diagnostic) {
		f.Body, diags = &hclsyntax.Body{}, hcl.Diagnostics{d}
	})
	lexed, _ := hclsyntax.LexConfig(content, filename, hcl.InitialPos) // the parser says the same
	f.Tokens = len(lexed)
	if d := Tokens(lexed); d != nil {
		return f, hcl.Diagnostics{d}
	}
	var blanked []byte
	f.Code, blanked = withoutComments(content, lexed)
	file, diags := hclsyntax.ParseConfig(blanked, filename, hcl.InitialPos)
	if file != nil {
		if parsed, ok := file.Body.(*hclsyntax.Body); ok && parsed != nil {
			f.Body = parsed
		}
	}
	return f, diags
}

// withoutComments returns content without its comments: in code each is a line break.
// In blanked, which is for the parser, those that end with their line are blanks,
// so that all else keeps its position. The parser lexes a file once more, and
// blanks take a fraction of the time of characters.
func withoutComments(content []byte, tokens hclsyntax.Tokens) (code, blanked []byte) {
	last := 0
	blanked = content
	for _, t := range tokens {
		if t.Type != hclsyntax.TokenComment {
			continue
		}
		from, to := t.Range.Start.Byte, t.Range.End.Byte
		if last == 0 {
			blanked = slices.Clone(content)
			code = make([]byte, 0, len(content))
		}
		code = append(append(code, content[last:from]...), '\n')
		last = to
		if text := content[from:to]; !bytes.HasPrefix(text, []byte("/*")) {
			text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
			for i := range text {
				blanked[from+i] = ' '
			}
		}
	}
	if last == 0 {
		return content, content
	}
	return append(code, content[last:]...), blanked
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

// Panicked returns what is said of a panic. Only what the runtime says of itself is
// quoted: other words may hold the input, and the stack is of use to nobody who
// writes rules.
func Panicked(r any) string {
	why := ""
	if err, ok := r.(runtime.Error); ok {
		why = " (" + err.Error() + ")"
	}
	return "A library that works with it failed" + why + ". Write it in another way, and please report it."
}
