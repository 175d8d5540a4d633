package expr

import (
	"strings"
	"unicode"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// A Shape is what is known of a text before its expressions are: fixed parts, in order,
// and gaps between them.
type Shape []ShapePart

// A ShapePart is a part of a Shape; of a gap only evaluation knows the text.
type ShapePart struct {
	Text string
	Gap  bool
}

// Shape returns the shape of the text that the template results in; nil: it results in
// something else, or nothing of it is fixed.
func (t *Template) Shape() Shape {
	var s Shape
	next := 0
	for _, part := range t.parts {
		switch {
		case part.isExpr && next < len(t.programs):
			p := t.programs[next]
			next++
			s = append(s, p.shape(p.ast.Expr())...)
		case t.single == nil:
			s = append(s, ShapePart{Text: part.literal})
		}
	}
	fixed, gaps := false, false
	for _, part := range s {
		fixed, gaps = fixed || part.Text != "", gaps || part.Gap
	}
	if !fixed || !gaps {
		return nil
	}
	return s
}

// shape reads texts that + puts together.
func (p *program) shape(e ast.Expr) Shape {
	if v, ok := p.constantValue(e); ok {
		if text, isText := v.(string); isText {
			return Shape{{Text: text}}
		}
	}
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Add && p.ast.GetType(e.ID()).Kind() == types.StringKind {
		return append(p.shape(e.AsCall().Args()[0]), p.shape(e.AsCall().Args()[1])...)
	}
	return Shape{{Gap: true}}
}

// Gaps is how many there are.
func (s Shape) Gaps() int {
	n := 0
	for _, part := range s {
		if part.Gap {
			n++
		}
	}
	return n
}

// With returns the text with these in the gaps.
func (s Shape) With(gaps []string) string {
	var b strings.Builder
	next := 0
	for _, part := range s {
		if part.Gap {
			b.WriteString(gaps[next])
			next++
			continue
		}
		b.WriteString(part.Text)
	}
	return strings.TrimRightFunc(b.String(), unicode.IsSpace)
}
