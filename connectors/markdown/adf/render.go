package adf

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// write writes a document in normal form.
func (c codec) write(doc *Node) string {
	if written := c.blocks(doc.Content, document); !c.budget.Exceeded() {
		return written
	}
	return plainly(doc)
}

// plainly is nothing but the texts of a document.
func plainly(doc *Node) string {
	w := writer{style: style{wary: true}}
	w.plain(doc)
	return w.b.String()
}

// plain writes nothing but the texts of blocks.
func (w *writer) plain(n *Node) {
	if len(n.Content) == 0 || !isInline(n.Content[0]) {
		for _, child := range n.Content {
			w.plain(child)
		}
		return
	}
	if w.b.Len() > 0 {
		w.b.WriteString("\n\n")
	}
	w.text(text(flat(n)), false, false)
}

// blocks writes blocks with an empty line between them, but for a list
// that may follow the first line of an item at once.
func (c codec) blocks(blocks []*Node, in container) string {
	if in == item && len(blocks[0].Content) == 0 && blocks[0].Type == "paragraph" {
		blocks = blocks[1:] // stands before a list, which Markdown takes in its place
	}
	var b strings.Builder
	other := false // of a list: the other marker, or two lists would become one
	for i, n := range blocks {
		other = i > 0 && blocks[i-1].Type == n.Type && !other
		if i > 0 {
			b.WriteByte('\n')
			if in != item || i > 1 || !mayFollow(blocks[0], n) {
				b.WriteByte('\n')
			}
		}
		b.WriteString(c.block(n, other))
	}
	return b.String()
}

// mayFollow reports whether a list may stand in the line after a paragraph.
// One that begins with another number than 1, or with a list, would be read as
// part of the paragraph.
func mayFollow(before, n *Node) bool {
	if before.Type != "paragraph" || n.Type != "bulletList" && n.Type != "orderedList" {
		return false
	}
	first := n.Content[0].Content[0]
	return len(first.Content) > 0 && (n.Type == "bulletList" || n.attr("order") == "1")
}

func (c codec) block(n *Node, other bool) string {
	switch n.Type {
	case "heading":
		level, _ := strconv.Atoi(n.attr("level"))
		return strings.Repeat("#", level) + " " + c.inline(n.Content, inHeading)
	case "bulletList":
		marker := "-"
		if other {
			marker = "*"
		}
		var items []string
		for _, i := range n.Content {
			items = append(items, c.listItem(marker, i))
		}
		return strings.Join(items, "\n")
	case "orderedList":
		end := "."
		if other {
			end = ")"
		}
		first, _ := strconv.Atoi(n.attr("order"))
		var items []string
		for i, it := range n.Content {
			items = append(items, c.listItem(strconv.Itoa(first+i)+end, it))
		}
		return strings.Join(items, "\n")
	case "blockquote":
		return indent(c.blocks(n.Content, quote), "> ", "> ")
	case "codeBlock":
		code := flat(n)
		fence := strings.Repeat("`", max(3, longest(code, '`')+1))
		body := ""
		if code != "" {
			body = code + "\n"
		}
		return fence + n.attr("language") + "\n" + body + fence
	case "rule":
		return "---"
	case "table":
		return c.table(n)
	}
	return c.inline(n.Content, inParagraph)
}

func (c codec) listItem(marker string, it *Node) string {
	return strings.TrimRight(indent(c.blocks(it.Content, item), marker+" ", strings.Repeat(" ", len(marker)+1)), " ")
}

// indent begins the first line with first and the others with rest; empty
// lines have no trailing white space.
func indent(s, first, rest string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		with := rest
		if i == 0 {
			with = first
		}
		if line == "" {
			with = strings.TrimRight(with, " ")
		}
		lines[i] = with + line
	}
	return strings.Join(lines, "\n")
}

func longest(s string, c byte) int {
	most, run := 0, 0
	for i := range len(s) {
		if s[i] != c {
			run = 0
			continue
		}
		run++
		most = max(most, run)
	}
	return most
}

func (c codec) table(n *Node) string {
	var lines []string
	for i, row := range n.Content {
		var line strings.Builder
		line.WriteByte('|')
		for _, cell := range row.Content {
			line.WriteString(" " + c.inline(cell.Content[0].Content, inCell) + " |")
		}
		lines = append(lines, line.String())
		if i == 0 {
			lines = append(lines, "|"+strings.Repeat(" --- |", len(row.Content)))
		}
	}
	return strings.Join(lines, "\n")
}

// A place is where inline content stands, which decides what is read as markup.
type place int

const (
	inParagraph place = iota
	inHeading
	inCell
)

// A style is one way to write inline content.
type style struct {
	place  place
	em     string
	angle  bool // addresses in angle brackets
	marked bool // with emphasis
	wary   bool // all punctuation escaped, without links
}

// inline writes inline content so that it is read as what it is: the
// plainest way that proves right. Some combinations of marks cannot be said in
// Markdown; their emphasis goes.
func (c codec) inline(nodes []*Node, at place) string {
	if len(nodes) == 0 {
		return ""
	}
	want := nodes
	for _, s := range []style{
		{em: "*", marked: true},
		{em: "_", marked: true},
		{em: "*", marked: true, angle: true},
		{},
		{angle: true},
		{wary: true},
	} {
		s.place = at
		if !s.marked {
			want = unmarked(nodes, s.wary)
		}
		written := s.write(want)
		if !c.budget.Spend(len(written) + len(want)) {
			return ""
		}
		if s.wary || isPlain(written, want) || c.readsAs(written, want, at) {
			return written
		}
	}
	return ""
}

// isPlain reports whether content is nothing but lines that were written as they
// are and hold nothing that could be markup, so that it need not be read again.
func isPlain(written string, want []*Node) bool {
	for i, n := range want {
		as := n.Text
		if n.Type == "hardBreak" {
			as = lineEnd
		} else if len(n.Marks) > 0 || i > 0 && want[i-1].Type == "text" || !harmless.MatchString(as) {
			return false
		}
		rest, found := strings.CutPrefix(written, as)
		if !found {
			return false
		}
		written = rest
	}
	return written == ""
}

// lineEnd is how a break within a paragraph is written.
const lineEnd = "  \n"

var harmless = regexp.MustCompile(`^\pL(?:[\pL\pN ,;'"?()/%=-]*[\pL\pN.,;?)])?$`)

// unmarked is content without emphasis; bare, without any mark.
func unmarked(nodes []*Node, bare bool) []*Node {
	var all []*Node
	for _, n := range nodes {
		if n.Type == "text" {
			n = text(n.Text, slices.DeleteFunc(slices.Clone(n.Marks), func(m Mark) bool { return bare || m.Type != "link" && m.Type != "code" })...)
		}
		all = append(all, n)
	}
	return normalInline(all)
}

// readsAs reports whether what was written is read as the content.
func (c codec) readsAs(written string, want []*Node, at place) bool {
	var doc *Node
	switch at {
	case inHeading:
		doc = c.read("# " + written)
	case inCell:
		doc = c.read("| " + written + " |\n| --- |")
	default:
		doc = c.read(written)
	}
	if len(doc.Content) != 1 {
		return false
	}
	got := doc.Content[0]
	if at == inCell {
		if got.Type != "table" || len(got.Content) != 1 || len(got.Content[0].Content) != 1 {
			return false
		}
		got = got.Content[0].Content[0].Content[0]
	} else if got.Type != map[place]string{inParagraph: "paragraph", inHeading: "heading"}[at] {
		return false
	}
	return slices.EqualFunc(got.Content, want, func(a, b *Node) bool {
		return a.Type == b.Type && a.Text == b.Text && sameMarks(a.Marks, b.Marks)
	})
}

// write writes the content.
func (s style) write(nodes []*Node) string {
	w := writer{style: s}
	w.run(nodes, nil)
	return w.b.String()
}

type writer struct {
	style
	b strings.Builder
}

// run writes nodes within the marks that are open.
func (w *writer) run(nodes []*Node, open []Mark) {
	for i := 0; i < len(nodes); {
		n := nodes[i]
		if n.Type == "hardBreak" {
			w.b.WriteString(lineEnd)
			i++
			continue
		}
		m, length := outermost(nodes[i:], open)
		switch {
		case length == 0:
			w.text(n, i+1 < len(nodes) && nodes[i+1].Type == "text" || len(open) > 0, hasMark(n, "link"))
			i++
			continue
		case m.Type == "link":
			w.link(nodes[i:i+length], m, open)
		default:
			with := map[string]string{"strong": "**", "em": w.em, "strike": "~~"}[m.Type]
			w.b.WriteString(with)
			w.run(nodes[i:i+length], append(slices.Clip(open), m))
			w.b.WriteString(with)
		}
		i += length
	}
}

// outermost is the mark that goes on for longest from the first node on.
func outermost(nodes []*Node, open []Mark) (Mark, int) {
	var best Mark
	length := 0
	for _, m := range nodes[0].Marks {
		same := func(o Mark) bool { return o.Type == m.Type && o.href() == m.href() }
		if m.Type == "code" || slices.ContainsFunc(open, same) {
			continue
		}
		run := 0
		for _, n := range nodes {
			if n.Type != "text" || !slices.ContainsFunc(n.Marks, same) {
				break
			}
			run++
		}
		if run > length {
			best, length = m, run
		}
	}
	return best, length
}

func (w *writer) link(nodes []*Node, m Mark, open []Mark) {
	href := m.href()
	if len(nodes) == 1 && !hasMark(nodes[0], "code") && len(nodes[0].Marks) == len(open)+1 {
		shown := nodes[0].Text
		switch {
		case shown != href && "mailto:"+shown != href:
		case !w.angle && shown == href && address.MatchString(href) && w.escape(href, false, false) == href:
			w.b.WriteString(href)
			return
		case !strings.ContainsAny(href, "<>\\|"):
			w.b.WriteString("<" + shown + ">")
			return
		}
	}
	w.b.WriteByte('[')
	w.run(nodes, append(slices.Clip(open), m))
	w.b.WriteString("](" + w.destination(href) + ")")
}

// destination writes an address as the target of a link.
func (w *writer) destination(href string) string {
	var b strings.Builder
	for i := range len(href) {
		if c := href[i]; c == '\\' || c == '&' && isEntity(href[i:]) || c == '|' && w.place == inCell {
			b.WriteByte('\\')
		}
		b.WriteByte(href[i])
	}
	if strings.ContainsAny(href, "()") {
		return "<" + b.String() + ">"
	}
	return b.String()
}

func (w *writer) text(n *Node, followed, inLink bool) {
	if hasMark(n, "code") {
		w.code(n.Text)
		return
	}
	if w.wary {
		for _, r := range n.Text {
			if r < 128 && strings.IndexByte(punctuation, byte(r)) >= 0 {
				w.b.WriteByte('\\')
			}
			w.b.WriteRune(r)
		}
		return
	}
	w.b.WriteString(w.escape(n.Text, followed, inLink))
}

func (w *writer) code(s string) {
	fence := strings.Repeat("`", longest(s, '`')+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") ||
		strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") && strings.Trim(s, " ") != "" {
		s = " " + s + " "
	}
	if w.place == inCell {
		s = strings.ReplaceAll(s, "|", `\|`)
	}
	fmt.Fprintf(&w.b, "%s%s%s", fence, s, fence)
}

// atLineStart reports whether what is written next begins a line.
func (w *writer) atLineStart() bool {
	s := w.b.String()
	return s == "" || strings.HasSuffix(s, "\n")
}
