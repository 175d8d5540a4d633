package markdown

import (
	"bytes"
	"html"
	"strings"

	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/base"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/commonmark"
	struck "github.com/JohannesKaufmann/html-to-markdown/v2/plugin/strikethrough"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/table"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	goldhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
	nethtml "golang.org/x/net/html"
)

// HTML renders Markdown as HTML that can be shown to anybody: HTML in it is
// shown as the text that it is, an image is a link, and links go nowhere but to
// addresses of the usual kinds. The result is one line, for some systems make
// each line break one more <br>; what was a line stays one.
func HTML(markdown string) string {
	md := goldmark.New(
		goldmark.WithExtensions(extension.Strikethrough, extension.Table),
		goldmark.WithRendererOptions(goldhtml.WithHardWraps(), renderer.WithNodeRenderers(util.Prioritized(quiet{}, 100))),
	)
	var b bytes.Buffer
	if err := md.Convert([]byte(markdown), &b); err != nil { // a buffer never fails
		return literal(markdown)
	}
	return strings.ReplaceAll(b.String(), "\n", "")
}

// literal is text as it stands in HTML.
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

// FromHTML turns HTML into Markdown. What is no text, scripts and styles, is
// left out.
func FromHTML(source string) string {
	convert := converter.NewConverter(converter.WithPlugins(
		base.NewBasePlugin(), commonmark.NewCommonmarkPlugin(commonmark.WithListEndComment(false)),
		struck.NewStrikethroughPlugin(), table.NewTablePlugin(),
	))
	text, err := convert.ConvertString(source)
	if err != nil { // nested beyond measure: its text alone
		return Escape(textOf(source))
	}
	return strings.TrimSpace(text)
}

// textOf is the text of HTML, without any structure.
func textOf(source string) string {
	var b strings.Builder
	tokens := nethtml.NewTokenizer(strings.NewReader(source))
	for {
		switch tokens.Next() {
		case nethtml.ErrorToken:
			return strings.TrimSpace(b.String())
		case nethtml.TextToken:
			b.Write(tokens.Text())
		}
	}
}
