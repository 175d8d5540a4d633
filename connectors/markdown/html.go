package markdown

import (
	"bytes"
	"html"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	goldhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"

	"github.com/lockstep-sync/lockstep/connectors/markdown/parse"
	"github.com/lockstep-sync/lockstep/connectors/markdown/steps"
)

// HTML renders Markdown as HTML that can be shown to anybody: HTML in it is
// shown as the text that it is, an image is a link, and links go nowhere but to
// addresses of the usual kinds. The result is one line, for some systems make
// each line break one more <br>; what was a line stays one.
func HTML(markdown string) string { return newHTMLConverter(len(markdown)).html(markdown) }

// newHTMLConverter is a converter that knows tables, which plain text leaves as
// they are.
func newHTMLConverter(size int) converter { return converter{parse.New(true), steps.For(size)} }

func (c converter) html(markdown string) string {
	source := []byte(markdown)
	md := parse.Renderer(goldmark.WithRendererOptions(goldhtml.WithHardWraps(), renderer.WithNodeRenderers(util.Prioritized(quiet{}, 100))))
	var b bytes.Buffer
	if err := md.Renderer().Render(&b, source, c.parse(source)); err != nil || !c.budget.Spend(b.Len()) { // a buffer never fails
		return "<p>" + literal(markdown) + "</p>"
	}
	return strings.ReplaceAll(b.String(), "\n", "")
}

// literal is text as it is in HTML.
func literal(s string) string {
	return strings.ReplaceAll(html.EscapeString(strings.TrimRight(s, "\r\n")), "\n", "<br>")
}

// quiet renders what is not to be rendered as goldmark does.
type quiet struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (quiet) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindRawHTML, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			segments := n.(*ast.RawHTML).Segments
			for i := range segments.Len() {
				segment := segments.At(i)
				_, _ = w.WriteString(html.EscapeString(string(segment.Value(source))))
			}
		}
		return ast.WalkSkipChildren, nil
	})
	r.Register(ast.KindHTMLBlock, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			text := linesOf(n, source)
			if block := n.(*ast.HTMLBlock); block.HasClosure() {
				text += string(block.ClosureLine.Value(source))
			}
			_, _ = w.WriteString("<p>" + literal(text) + "</p>")
		}
		return ast.WalkSkipChildren, nil
	})
	code := func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			_, _ = w.WriteString("<pre><code>" + literal(linesOf(n, source)) + "</code></pre>")
		}
		return ast.WalkSkipChildren, nil
	}
	r.Register(ast.KindCodeBlock, code)
	r.Register(ast.KindFencedCodeBlock, code)
	r.Register(ast.KindImage, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		address := n.(*ast.Image).Destination
		switch _, inLink := n.Parent().(*ast.Link); {
		case inLink || goldhtml.IsDangerousURL(address):
		case entering:
			_, _ = w.WriteString(`<a href="` + string(util.EscapeHTML(util.URLEscape(address, true))) + `">`)
			if !n.HasChildren() {
				_, _ = w.WriteString("image")
			}
		default:
			_, _ = w.WriteString("</a>")
		}
		return ast.WalkContinue, nil
	})
}

func linesOf(n ast.Node, source []byte) string {
	var b strings.Builder
	lines := n.Lines()
	for i := range lines.Len() {
		segment := lines.At(i)
		b.Write(segment.Value(source))
	}
	return b.String()
}
