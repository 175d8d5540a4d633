package expr

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// A Text is a string of an HCL file that knows where in the file each of its
// runes stands. It does not change after construction.
type Text struct {
	value     string
	runes     []rune
	spans     []span // of each rune, in bytes of the file
	rng       hcl.Range
	end       int // the byte after the last rune
	file      []byte
	sensitive bool
	places    places
}

// A span is a run of bytes of a file.
type span struct{ from, to int }

// NewText evaluates a string expression with ctx, which may be nil, and
// remembers where each rune of the result came from. file is the content of
// the file that e was parsed from.
//
// The runes of a literal part map to their own bytes: a character, an escape
// sequence, the marker of an escaped interpolation. Those that came from an
// interpolation map to the whole ${…}, and those of a string that was made by
// any other expression to that expression.
func NewText(e hcl.Expression, ctx *hcl.EvalContext, file []byte) (*Text, hcl.Diagnostics) {
	v, diags := e.Value(ctx)
	if diags.HasErrors() {
		return nil, diags
	}
	v, marks := v.UnmarkDeep()
	v, err := convert.Convert(v, cty.String)
	if err != nil || v.IsNull() || !v.IsKnown() {
		return nil, append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagError,
			Summary:  "expected a string",
			Detail:   "Write a string in double quotes here.",
			Subject:  e.Range().Ptr(),
		})
	}
	t := &Text{value: v.AsString(), rng: e.Range(), file: file, sensitive: len(marks) > 0}
	t.runes = []rune(t.value)
	t.locate(e, ctx)
	return t, diags
}

// locate fills spans and end.
func (t *Text) locate(e hcl.Expression, ctx *hcl.EvalContext) {
	for {
		paren, ok := e.(*hclsyntax.ParenthesesExpr)
		if !ok {
			break
		}
		e = paren.Expression
	}
	t.end = t.rng.End.Byte
	if tmpl, ok := e.(*hclsyntax.TemplateExpr); ok {
		if spans, ok := templateSpans(tmpl, ctx, t.file); ok && len(spans) == len(t.runes) {
			t.spans = spans
			t.end = tmpl.Range().Start.Byte
			if isQuoted(tmpl, t.file) {
				t.end = tmpl.Range().End.Byte - 1
			}
			if n := len(spans); n > 0 {
				t.end = spans[n-1].to
			}
			return
		}
	}
	t.spans = make([]span, len(t.runes))
	for i := range t.spans {
		t.spans[i] = span{t.rng.Start.Byte, t.rng.End.Byte}
	}
}

// Value is the string itself.
func (t *Text) Value() string { return t.value }

// Sensitive reports whether a part of the string came from a sensitive value.
// Nothing that this package says about such a string quotes it.
func (t *Text) Sensitive() bool { return t.sensitive }

// MarkSensitive makes a string one of which a part came from a sensitive value.
func (t *Text) MarkSensitive() { t.sensitive = true }

// Range is the place of the whole expression, quotes included.
func (t *Text) Range() hcl.Range { return t.rng }

// Span returns the place of the runes from (included) to (excluded). Where there
// are no runes, it is the empty range before rune from.
func (t *Text) Span(from, to int) hcl.Range {
	from = min(max(from, 0), len(t.runes))
	to = min(max(to, from), len(t.runes))
	start := t.end
	if from < len(t.spans) {
		start = t.spans[from].from
	}
	end := start
	if to > from {
		end = max(start, t.spans[to-1].to)
	}
	return hcl.Range{Filename: t.rng.Filename, Start: t.pos(start), End: t.pos(end)}
}

// pos returns the position of a byte of the file. It counts on from the start of
// the expression, which hcl has counted.
func (t *Text) pos(b int) hcl.Pos {
	from := t.rng.Start
	if b < from.Byte || b > len(t.file) {
		return from
	}
	return t.places.pos(from, t.file, b)
}
