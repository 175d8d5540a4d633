package markdown

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"github.com/lockstep-sync/lockstep/connectors/markdown/adf"
	"github.com/lockstep-sync/lockstep/connectors/markdown/steps"
)

// FromHTML turns HTML into Markdown. What is not text, as scripts and styles, is
// left out.
//
// It reads tags one after the other and knows a few levels of them: no tree is
// built as browsers do, in which formatting that is never closed is repeated in
// every paragraph that follows.
func FromHTML(source string) string {
	doc := readHTML(source, steps.For(len(source)))
	return strings.TrimSpace(adf.ToMarkdown(doc))
}

// maxNested is how many blocks may lie in one another. What lies deeper belongs
// to the last of them.
const maxNested = 24

// The blocks, by their tags. Others that are named in none of these maps are
// nothing but their text.
var (
	blocks = map[string]string{
		"ul": "bulletList", "ol": "orderedList", "blockquote": "blockquote", "pre": "codeBlock",
		"h1": "heading", "h2": "heading", "h3": "heading", "h4": "heading", "h5": "heading", "h6": "heading",
		"p": "paragraph", "div": "div", "section": "div", "article": "div", "header": "div", "footer": "div", "main": "div", "aside": "div", "nav": "div",
		"address": "div", "figure": "div", "figcaption": "div", "form": "div", "fieldset": "div", "details": "div", "summary": "div", "center": "div",
		"dl": "div", "dt": "div", "dd": "div", "li": "listItem", "table": "table", "tr": "tableRow", "td": "tableCell", "th": "tableHeader",
	}
	marks = map[string]string{
		"b": "strong", "strong": "strong", "i": "em", "em": "em", "s": "strike", "del": "strike", "strike": "strike",
		"code": "code", "tt": "code", "kbd": "code", "samp": "code",
	}
	silent = map[string]bool{"script": true, "style": true, "title": true, "noscript": true, "iframe": true, "textarea": true, "template": true}
)

// A block is an element that is open.
type block struct {
	tag   string
	node  *adf.Node
	style style // within it
}

// style is how text looks: how many elements of each mark are open, and where
// it leads.
type style struct {
	strong, em, strike, code int
	link                     string
}

func (s *style) count(mark string) *int {
	switch mark {
	case "strong":
		return &s.strong
	case "em":
		return &s.em
	case "strike":
		return &s.strike
	}
	return &s.code
}

func (s *style) marks() []adf.Mark {
	var all []adf.Mark
	if s.link != "" {
		all = append(all, adf.Mark{Type: "link", Attrs: map[string]any{"href": s.link}})
	}
	for _, mark := range []string{"strong", "em", "strike", "code"} {
		if *s.count(mark) > 0 {
			all = append(all, adf.Mark{Type: mark})
		}
	}
	return all
}

// An htmlReader makes a document of tags and texts. The last of the blocks is
// the one that is open.
type htmlReader struct {
	open   []block
	spaced bool // what was read last ends with white space
}

func readHTML(source string, budget *steps.Budget) *adf.Node {
	doc := &adf.Node{Type: "doc", Version: 1}
	r := htmlReader{open: []block{{node: doc}}, spaced: true}
	tokens := html.NewTokenizer(strings.NewReader(source))
	skipped, skipping := "", 0
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken || !budget.Spend(1+len(tokens.Raw())) {
			return doc
		}
		token := tokens.Token()
		switch {
		case skipping > 0:
			if token.Data == skipped && kind == html.StartTagToken {
				skipping++
			} else if token.Data == skipped && kind == html.EndTagToken {
				skipping--
			}
		case kind == html.TextToken:
			r.text(token.Data)
		case kind == html.StartTagToken && silent[token.Data]:
			skipped, skipping = token.Data, 1
		case kind == html.StartTagToken || kind == html.SelfClosingTagToken:
			r.start(token)
		case kind == html.EndTagToken:
			r.end(token.Data)
		}
	}
}

func (r *htmlReader) last() *block { return &r.open[len(r.open)-1] }

func (r *htmlReader) add(n *adf.Node) {
	into := r.last().node
	into.Content = append(into.Content, n)
}

// inCode reports whether white space counts.
func (r *htmlReader) inCode() bool { return r.last().node.Type == "codeBlock" }

func (r *htmlReader) text(s string) {
	if r.inCode() {
		if len(r.last().node.Content) == 0 {
			s = strings.TrimPrefix(s, "\n")
		}
		r.add(&adf.Node{Type: "text", Text: s})
		return
	}
	folded := strings.Join(strings.FieldsFunc(s, isSpace), " ")
	if folded == "" {
		folded = " "
	} else {
		if isSpace(rune(s[0])) {
			folded = " " + folded
		}
		if isSpace(rune(s[len(s)-1])) {
			folded += " "
		}
	}
	if r.spaced {
		folded = strings.TrimPrefix(folded, " ")
	}
	if folded == "" {
		return
	}
	r.spaced = strings.HasSuffix(folded, " ")
	r.add(&adf.Node{Type: "text", Text: folded, Marks: r.last().style.marks()})
}

func isSpace(c rune) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

func (r *htmlReader) start(token html.Token) {
	tag := token.Data
	now := &r.last().style
	if mark := marks[tag]; mark != "" {
		*now.count(mark)++
		if language, found := strings.CutPrefix(attribute(token, "class"), "language-"); found && r.inCode() {
			r.last().node.Attrs = map[string]any{"language": language}
		}
		return
	}
	switch tag {
	case "a":
		now.link = attribute(token, "href")
	case "br":
		r.add(&adf.Node{Type: "hardBreak"})
		r.spaced = true
	case "hr":
		r.closeParagraph()
		r.add(&adf.Node{Type: "rule"})
		r.spaced = true
	case "img":
		r.add(&adf.Node{Type: "image", Attrs: map[string]any{"url": attribute(token, "src"), "alt": attribute(token, "alt")}, Marks: now.marks()})
		r.spaced = false
	default:
		if kind := blocks[tag]; kind != "" && !r.inCode() {
			r.startBlock(tag, kind, token)
		}
	}
}

// startBlock opens a block, after what cannot go on beside it.
func (r *htmlReader) startBlock(tag, kind string, token html.Token) {
	r.closeParagraph()
	switch tag {
	case "li":
		if r.isOpen("ul", "ol") == 0 {
			tag, kind = "div", "div"
			break
		}
		r.closeWithin([]string{"li"}, "ul", "ol")
	case "dt", "dd":
		r.closeWithin([]string{"dt", "dd"}, "dl")
	case "tr":
		if r.isOpen("table") == 0 {
			return
		}
		r.closeWithin([]string{"tr"}, "table")
	case "td", "th":
		if r.isOpen("table") == 0 {
			return
		}
		r.closeWithin([]string{"td", "th"}, "table")
		if r.isOpen("tr") < r.isOpen("table") {
			r.push("tr", &adf.Node{Type: "tableRow"})
		}
	}
	node := &adf.Node{Type: kind}
	switch kind {
	case "heading":
		node.Attrs = map[string]any{"level": int(tag[1] - '0')}
	case "orderedList":
		if first, err := strconv.Atoi(attribute(token, "start")); err == nil {
			node.Attrs = map[string]any{"order": first}
		}
	}
	r.push(tag, node)
}

func (r *htmlReader) push(tag string, node *adf.Node) {
	r.spaced = true
	if len(r.open) >= maxNested {
		return
	}
	inherited := r.last().style
	r.add(node)
	r.open = append(r.open, block{tag, node, inherited})
}

// isOpen is the place of the innermost open block with one of these tags; 0:
// there is none.
func (r *htmlReader) isOpen(tags ...string) int {
	for i := len(r.open) - 1; i > 0; i-- {
		if slices.Contains(tags, r.open[i].tag) {
			return i
		}
	}
	return 0
}

// closeWithin closes the innermost open block with one of the tags, unless it
// lies around one of the others.
func (r *htmlReader) closeWithin(tags []string, around ...string) {
	if i := r.isOpen(tags...); i > r.isOpen(around...) {
		r.open = r.open[:i]
	}
}

// closeParagraph ends a paragraph, in which there are no blocks.
func (r *htmlReader) closeParagraph() {
	if r.last().tag == "p" {
		r.open = r.open[:len(r.open)-1]
	}
}

func (r *htmlReader) end(tag string) {
	now := &r.last().style
	if mark := marks[tag]; mark != "" {
		if count := now.count(mark); *count > 0 {
			*count--
		}
		return
	}
	if tag == "a" {
		now.link = ""
		return
	}
	kind := blocks[tag]
	if kind == "" {
		return
	}
	i := r.isOpen(tag)
	inTable := kind == "table" || kind == "tableRow" || kind == "tableCell" || kind == "tableHeader"
	if i > 0 && (inTable || i > r.isOpen("td", "th")) { // a cell is not ended by what was opened around it
		r.open = r.open[:i]
	}
	r.spaced = true
}

func attribute(token html.Token, name string) string {
	for _, a := range token.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
