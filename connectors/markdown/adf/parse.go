package adf

import (
	"bytes"
	"html"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	gmtext "github.com/yuin/goldmark/text"
)

// A codec reads and writes Markdown with one parser, which is dear to make.
type codec struct{ parser parser.Parser }

func newCodec() codec {
	return codec{goldmark.New(goldmark.WithExtensions(extension.Strikethrough, extension.Table)).Parser()}
}

// read makes a document in normal form of Markdown.
func (c codec) read(markdown string) *Node {
	source := []byte(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(markdown, "\uFFFD")))
	tree := c.parser.Parse(gmtext.NewReader(source), parser.WithContext(parser.NewContext()))
	r := reader{source}
	return normal(&Node{Type: "doc", Version: 1, Content: r.blocks(tree, 0)})
}

// A reader turns goldmark's tree into nodes.
type reader struct{ source []byte }

func (r reader) blocks(parent ast.Node, depth int) []*Node {
	var all []*Node
	if depth > maxDepth {
		return []*Node{paragraph(r.deep(parent)...)}
	}
	for child := parent.FirstChild(); child != nil; child = child.NextSibling() {
		all = append(all, r.block(child, depth+1)...)
	}
	return all
}

// deep is the text of what lies too deep to keep its form.
func (r reader) deep(parent ast.Node) []*Node {
	var all []*Node
	_ = ast.Walk(parent, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker never fails
		if t, ok := n.(*ast.Text); ok && entering {
			all = append(all, text(unescape(t.Segment.Value(r.source))+" "))
		}
		return ast.WalkContinue, nil
	})
	return all
}

func (r reader) block(n ast.Node, depth int) []*Node {
	switch n := n.(type) {
	case *ast.Paragraph, *ast.TextBlock:
		return []*Node{paragraph(r.inlines(n, nil)...)}
	case *ast.Heading:
		return []*Node{{Type: "heading", Attrs: map[string]any{"level": n.Level}, Content: r.inlines(n, nil)}}
	case *ast.List:
		list := &Node{Type: "bulletList"}
		if n.IsOrdered() {
			list = &Node{Type: "orderedList", Attrs: map[string]any{"order": n.Start}}
		}
		for item := n.FirstChild(); item != nil; item = item.NextSibling() {
			list.Content = append(list.Content, &Node{Type: "listItem", Content: r.blocks(item, depth+1)})
		}
		return []*Node{list}
	case *ast.Blockquote:
		return []*Node{{Type: "blockquote", Content: r.blocks(n, depth)}}
	case *ast.FencedCodeBlock:
		code := codeBlock(r.lines(n))
		if language := n.Language(r.source); len(language) > 0 {
			code.Attrs = map[string]any{"language": unescape(language)}
		}
		return []*Node{code}
	case *ast.CodeBlock:
		return []*Node{codeBlock(r.lines(n))}
	case *ast.HTMLBlock:
		return []*Node{paragraph(text(strings.TrimSpace(r.htmlBlock(n))))}
	case *ast.ThematicBreak:
		return []*Node{{Type: "rule"}}
	case *extast.Table:
		return []*Node{r.table(n)}
	}
	return r.blocks(n, depth)
}

func codeBlock(code string) *Node {
	node := &Node{Type: "codeBlock"}
	if code != "" {
		node.Content = []*Node{text(code)}
	}
	return node
}

// lines are the lines of a block as they stand, without the last line's end.
func (r reader) lines(n ast.Node) string {
	var b bytes.Buffer
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		b.Write(line.Value(r.source))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (r reader) htmlBlock(n *ast.HTMLBlock) string {
	all := r.lines(n)
	if n.HasClosure() {
		all += "\n" + string(n.ClosureLine.Value(r.source))
	}
	return all
}

func (r reader) table(n ast.Node) *Node {
	table := &Node{Type: "table"}
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		kind := "tableCell"
		if _, ok := row.(*extast.TableHeader); ok {
			kind = "tableHeader"
		}
		cells := &Node{Type: "tableRow"}
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells.Content = append(cells.Content, &Node{Type: kind, Content: []*Node{paragraph(r.inlines(cell, nil)...)}})
		}
		table.Content = append(table.Content, cells)
	}
	return table
}

func (r reader) inlines(parent ast.Node, marks []Mark) []*Node {
	var all []*Node
	for child := parent.FirstChild(); child != nil; child = child.NextSibling() {
		all = append(all, r.inline(child, marks)...)
	}
	return all
}

var lineBreak = regexp.MustCompile(`(?i)^<br\s*/?>$`)

func (r reader) inline(n ast.Node, marks []Mark) []*Node {
	with := func(m Mark) []Mark { return append(marks[:len(marks):len(marks)], m) }
	switch n := n.(type) {
	case *ast.Text:
		value := n.Segment.Value(r.source)
		all := []*Node{text(unescape(value), marks...)}
		if n.SoftLineBreak() || n.HardLineBreak() {
			all = append(all, hardBreak())
		}
		return all
	case *ast.String:
		return []*Node{text(string(n.Value), marks...)}
	case *ast.CodeSpan:
		var b strings.Builder
		for child := n.FirstChild(); child != nil; child = child.NextSibling() {
			if t, ok := child.(*ast.Text); ok {
				b.Write(t.Segment.Value(r.source))
			} else if s, ok := child.(*ast.String); ok {
				b.Write(s.Value)
			}
		}
		return []*Node{text(b.String(), with(Mark{Type: "code"})...)}
	case *ast.Emphasis:
		if n.Level == 1 {
			return r.inlines(n, with(Mark{Type: "em"}))
		}
		return r.inlines(n, with(Mark{Type: "strong"}))
	case *extast.Strikethrough:
		return r.inlines(n, with(Mark{Type: "strike"}))
	case *ast.Link:
		return r.inlines(n, with(linkMark(unescape(n.Destination))))
	case *ast.Image:
		shown := r.inlines(n, with(linkMark(unescape(n.Destination))))
		if len(shown) == 0 {
			shown = []*Node{text(unescape(n.Destination), with(linkMark(unescape(n.Destination)))...)}
		}
		return shown
	case *ast.AutoLink:
		label, address := string(n.Label(r.source)), string(n.URL(r.source))
		if n.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(address), "mailto:") {
			address = "mailto:" + address
		}
		return []*Node{text(label, with(linkMark(address))...)}
	case *ast.RawHTML:
		var b strings.Builder
		for i := range n.Segments.Len() {
			segment := n.Segments.At(i)
			b.Write(segment.Value(r.source))
		}
		if lineBreak.MatchString(b.String()) {
			return []*Node{hardBreak()}
		}
		return []*Node{text(b.String(), marks...)}
	}
	return r.inlines(n, marks)
}

const punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

var entity = regexp.MustCompile(`^&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)

// unescape takes the backslashes off punctuation and reads entities, as
// Markdown does outside of code.
func unescape(raw []byte) string {
	if !bytes.ContainsAny(raw, `\&`) {
		return string(raw)
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' && i+1 < len(raw) && strings.IndexByte(punctuation, raw[i+1]) >= 0 {
			i++
		} else if raw[i] == '&' {
			if found := entity.Find(raw[i:]); found != nil {
				b.WriteString(html.UnescapeString(string(found)))
				i += len(found) - 1
				continue
			}
		}
		b.WriteByte(raw[i])
	}
	return b.String()
}
