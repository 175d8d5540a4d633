package adf

import (
	"bytes"
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"

	"github.com/lockstep-sync/lockstep/connectors/markdown/parse"
	"github.com/lockstep-sync/lockstep/connectors/markdown/steps"
)

// A codec reads and writes Markdown with one parser, which is dear to make, and
// within one budget.
type codec struct {
	parser parse.Parser
	budget *steps.Budget
}

// newCodec is for texts, or a document, of so many bytes.
func newCodec(size int) codec { return codec{parse.New(true), steps.For(size)} }

// read makes a document in normal form of Markdown.
func (c codec) read(markdown string) *Node {
	source := []byte(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(markdown, "\uFFFD")))
	r := reader{source, c.budget}
	doc := c.normal(&Node{Type: "doc", Version: 1, Content: r.blocks(c.parser.Parse(source, c.budget), 0)})
	if c.budget.Exceeded() {
		return asText(string(source))
	}
	return doc
}

// asText is a document of a text as it is.
func asText(s string) *Node {
	doc := &Node{Type: "doc", Version: 1}
	for block := range strings.SplitSeq(cleanCode(s), "\n\n") {
		if block = strings.TrimSpace(block); block == "" {
			continue
		}
		var content []*Node
		for i, line := range strings.Split(block, "\n") {
			if i > 0 {
				content = append(content, hardBreak())
			}
			content = append(content, text(line))
		}
		doc.Content = append(doc.Content, paragraph(content...))
	}
	if len(doc.Content) == 0 {
		doc.Content = []*Node{paragraph()}
	}
	return doc
}

// A reader turns goldmark's tree into nodes.
type reader struct {
	source []byte
	budget *steps.Budget
}

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
	if !r.budget.Spend(1) {
		return nil
	}
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

// lines are the lines of a block as they are, without the last line's end.
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
	r.addInlines(parent, marks, &all)
	return all
}

func (r reader) addInlines(parent ast.Node, marks []Mark, all *[]*Node) {
	for child := parent.FirstChild(); child != nil && r.budget.Spend(1); child = child.NextSibling() {
		r.addInline(child, marks, all)
	}
}

// with adds a mark, unless there is one of its kind, or it is a link to nowhere.
func with(marks []Mark, m Mark) []Mark {
	if m.Type == "link" && cleanAddress(m.href()) == "" || slices.ContainsFunc(marks, func(o Mark) bool { return o.Type == m.Type }) {
		return marks
	}
	return append(slices.Clip(marks), m)
}

var lineBreak = regexp.MustCompile(`(?i)^<br\s*/?>$`)

func (r reader) addInline(n ast.Node, marks []Mark, all *[]*Node) {
	add := func(s string, marks []Mark) { *all = append(*all, text(s, marks...)) }
	switch n := n.(type) {
	case *ast.Text:
		add(unescape(n.Segment.Value(r.source)), marks)
		if n.SoftLineBreak() || n.HardLineBreak() {
			*all = append(*all, hardBreak())
		}
	case *ast.String:
		add(string(n.Value), marks)
	case *ast.CodeSpan:
		add(r.code(n), with(marks, Mark{Type: "code"}))
	case *ast.Emphasis:
		kind := "strong"
		if n.Level == 1 {
			kind = "em"
		}
		r.addInlines(n, with(marks, Mark{Type: kind}), all)
	case *extast.Strikethrough:
		r.addInlines(n, with(marks, Mark{Type: "strike"}), all)
	case *ast.Link:
		r.addInlines(n, with(marks, linkMark(unescape(n.Destination))), all)
	case *ast.Image:
		before, address := len(*all), unescape(n.Destination)
		r.addInlines(n, with(marks, linkMark(address)), all)
		if len(*all) == before {
			add(address, with(marks, linkMark(address)))
		}
	case *ast.AutoLink:
		label, address := string(n.Label(r.source)), string(n.URL(r.source))
		if n.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(address), "mailto:") {
			address = "mailto:" + address
		}
		add(label, with(marks, linkMark(address)))
	case *ast.RawHTML:
		var b strings.Builder
		for i := range n.Segments.Len() {
			segment := n.Segments.At(i)
			b.Write(segment.Value(r.source))
		}
		if lineBreak.MatchString(b.String()) {
			*all = append(*all, hardBreak())
			return
		}
		add(b.String(), marks)
	default:
		r.addInlines(n, marks, all)
	}
}

func (r reader) code(n *ast.CodeSpan) string {
	var b strings.Builder
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		if t, ok := child.(*ast.Text); ok {
			b.Write(t.Segment.Value(r.source))
		} else if s, ok := child.(*ast.String); ok {
			b.Write(s.Value)
		}
	}
	return b.String()
}

const punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

var entity = regexp.MustCompile(`^&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)

// longestEntity is how long an entity may be.
const longestEntity = 34

func isEntity(s string) bool { return entity.MatchString(s[:min(longestEntity, len(s))]) }

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
			if found := entity.Find(raw[i:min(i+longestEntity, len(raw))]); found != nil {
				b.WriteString(html.UnescapeString(string(found)))
				i += len(found) - 1
				continue
			}
		}
		b.WriteByte(raw[i])
	}
	return b.String()
}
