// Package markdown turns the Markdown that rules write into what systems
// without it can show. It knows no system.
package markdown

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"

	"github.com/lockstep-sync/lockstep/connectors/markdown/parse"
	"github.com/lockstep-sync/lockstep/connectors/markdown/steps"
)

// maxPasses bounds how often markup is taken off until none is left: nested
// markup can uncover more of it.
const maxPasses = 16

// Plain renders Markdown as plain text that people can read: emphasis and
// heading marks go, a link becomes "text (address)", and what reads well as it
// stands (line breaks, lists, quotes, tables, code with its backticks) stays.
//
// It only takes marks off and never lays text out again, so text without
// Markdown comes out unchanged. It is idempotent.
func Plain(markdown string) string { return newConverter(len(markdown)).plain(markdown) }

// A converter reads Markdown with one parser, within one budget.
type converter struct {
	parser parse.Parser
	budget *steps.Budget
}

func newConverter(size int) converter { return converter{parse.New(false), steps.For(size)} }

func (c converter) parse(source []byte) ast.Node { return c.parser.Parse(source, c.budget) }

func (c converter) plain(markdown string) string {
	if !strings.ContainsAny(markdown, "*_[<#~\\") {
		return markdown
	}
	stripped := markdown
	for range maxPasses {
		next := c.strip(stripped)
		if c.budget.Exceeded() {
			break
		}
		if next == stripped {
			return c.unescape(stripped)
		}
		stripped = next
	}
	return markdown
}

// unescape takes the backslashes off characters that Markdown would otherwise
// read as markup, unless they would then be read as markup the next time.
func (c converter) unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	plain := apply(s, c.escapes(s))
	if c.strip(plain) != plain || len(c.escapes(plain)) > 0 {
		return s
	}
	return plain
}

// An edit replaces the bytes from start to stop.
type edit struct {
	start, stop int
	with        string
}

// strip takes one layer of markup off.
func (c converter) strip(s string) string {
	t := stripper{budget: c.budget, source: []byte(s), words: words{s: s}, extents: map[ast.Node]span{}}
	_ = ast.Walk(c.parse(t.source), func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker never fails
		if !entering {
			return ast.WalkContinue, nil
		}
		c.budget.Spend(1)
		switch node := n.(type) {
		case *ast.Heading:
			t.edits = append(t.edits, heading(t.source, node)...)
		case *ast.Emphasis, *ast.Link, *ast.Image, *ast.AutoLink:
			t.edits = append(t.edits, t.inline(node)...)
		case *ast.CodeSpan, *ast.CodeBlock, *ast.FencedCodeBlock, *ast.HTMLBlock, *ast.RawHTML:
			return ast.WalkSkipChildren, nil
		default:
			if n.Kind() == extast.KindStrikethrough {
				t.edits = append(t.edits, t.strikethrough(n)...)
			}
		}
		return ast.WalkContinue, nil
	})
	return apply(s, t.edits)
}

// A stripper finds the marks of a text.
type stripper struct {
	budget  *steps.Budget
	source  []byte
	words   words
	extents map[ast.Node]span
	edits   []edit
}

// A span is where an inline node begins and ends; false where that is not
// known.
type span struct {
	start, stop int
	ok          bool
}

// apply carries out edits that do not overlap; of two that do, the first in
// the text counts.
func apply(s string, edits []edit) string {
	if len(edits) == 0 {
		return s
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(a.start, b.start) })
	var b strings.Builder
	at := 0
	for _, e := range edits {
		if e.start < at || e.stop > len(s) {
			continue
		}
		b.WriteString(s[at:e.start])
		b.WriteString(e.with)
		at = e.stop
	}
	b.WriteString(s[at:])
	return b.String()
}

// heading takes the number signs off "## Impact". "# of users" is a count, not
// a heading.
func heading(source []byte, node *ast.Heading) []edit {
	lines := node.Lines()
	if lines.Len() != 1 {
		return nil
	}
	content := lines.At(0)
	lineStart := bytes.LastIndexByte(source[:content.Start], '\n') + 1
	marks := source[lineStart:content.Start]
	opening := bytes.IndexByte(marks, '#')
	if opening < 0 || len(bytes.Trim(marks[opening:], "# \t")) > 0 {
		return nil // a heading by the line under it
	}
	if node.Level == 1 && bytes.HasPrefix(content.Value(source), []byte("of ")) {
		return nil
	}
	edits := []edit{{start: lineStart + opening, stop: content.Start}}
	rest := source[content.Stop:]
	if end := bytes.IndexByte(rest, '\n'); end >= 0 {
		rest = rest[:end]
	}
	if closing := bytes.TrimRight(rest, " \t\r"); len(bytes.Trim(closing, "# \t")) == 0 && len(closing) > 0 {
		edits = append(edits, edit{start: content.Stop, stop: content.Stop + len(closing)})
	}
	return edits
}

// inline takes the marks off emphasis and links.
func (t *stripper) inline(n ast.Node) []edit {
	switch node := n.(type) {
	case *ast.Emphasis:
		return t.emphasis(node)
	case *ast.Link:
		if node.Reference == nil {
			return t.link(node, "[")
		}
	case *ast.Image:
		if node.Reference == nil {
			return t.link(node, "![")
		}
	case *ast.AutoLink:
		source := t.source
		start := node.Pos()
		if start < 0 || start >= len(source) || source[start] != '<' {
			return nil
		}
		if end := bytes.IndexByte(source[start:], '>'); end > 0 {
			return []edit{{start: start, stop: start + 1}, {start: start + end, stop: start + end + 1}}
		}
	}
	return nil
}

var identifier = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

func (t *stripper) emphasis(node *ast.Emphasis) []edit {
	source := t.source
	start, stop, ok := t.inner(node)
	if !ok {
		return nil
	}
	opening, closing := start-node.Level, stop+node.Level
	if opening < 0 || closing > len(source) {
		return nil
	}
	mark := strings.Repeat("*", node.Level)
	if source[opening] == '_' {
		mark = strings.Repeat("_", node.Level)
	}
	if string(source[opening:start]) != mark || string(source[stop:closing]) != mark {
		return nil
	}
	before, _ := utf8.DecodeLastRune(source[:opening])
	after, _ := utf8.DecodeRune(source[closing:])
	content := source[start:stop]
	switch {
	case isWord(before) && isWord(after): // 2*3*4
		return nil
	case bytes.ContainsAny(content[:1], "./,;:)"): // *.log,*.txt
		return nil
	case mark == "__" && identifier.Match(content): // __init__
		return nil
	case t.words.before(opening).address:
		return nil
	}
	return []edit{{start: opening, stop: start}, {start: stop, stop: closing}}
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func (t *stripper) strikethrough(n ast.Node) []edit {
	source := t.source
	start, stop, ok := t.inner(n)
	if !ok || start < 2 || stop+2 > len(source) || string(source[start-2:start]) != "~~" || string(source[stop:stop+2]) != "~~" {
		return nil // "~5 and ~6" are estimates
	}
	return []edit{{start: start - 2, stop: start}, {start: stop, stop: stop + 2}}
}

// link turns [text](address "title") into text (address), and into the
// address alone where the text says the same.
func (t *stripper) link(n ast.Node, opening string) []edit {
	source := t.source
	start, stop, ok := t.inner(n)
	begin := start - len(opening)
	if !ok || begin < 0 || string(source[begin:start]) != opening || !bytes.HasPrefix(source[stop:], []byte("](")) {
		return nil
	}
	address, length := destination(source[stop+2 : min(stop+2+maxDestination, len(source))])
	if length == 0 {
		return nil
	}
	with := " (" + address + ")"
	if shown := string(source[start:stop]); address == "" || shown == address || "mailto:"+shown == address {
		with = ""
	}
	return []edit{{start: begin, stop: start}, {start: stop, stop: stop + 2 + length, with: with}}
}

// maxDestination is for how many bytes the end of a link is looked for.
const maxDestination = 8192

// destination reads an inline link from after "](" to its ")".
func destination(s []byte) (address string, length int) {
	i := skipSpace(s, 0)
	from := i
	if i < len(s) && s[i] == '<' {
		end := bytes.IndexByte(s[i:], '>')
		if end < 0 {
			return "", 0
		}
		address = string(s[i+1 : i+end])
		i += end + 1
	} else {
		for depth := 0; i < len(s) && s[i] > ' '; i++ {
			if s[i] == '\\' && i+1 < len(s) && s[i+1] > ' ' {
				i++
				continue
			}
			if s[i] == '(' {
				depth++
			} else if s[i] == ')' {
				if depth == 0 {
					break
				}
				depth--
			}
		}
		address = string(s[from:min(i, len(s))])
	}
	i = skipSpace(s, i)
	if i < len(s) && s[i] != ')' {
		i = skipTitle(s, i)
	}
	if i >= len(s) || s[i] != ')' {
		return "", 0
	}
	return address, i + 1
}

func skipTitle(s []byte, i int) int {
	closing := s[i]
	if closing == '(' {
		closing = ')'
	} else if closing != '"' && closing != '\'' {
		return len(s)
	}
	for i++; i < len(s) && s[i] != closing; i++ {
		if s[i] == '\\' {
			i++
		}
	}
	return skipSpace(s, i+1)
}

func skipSpace(s []byte, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n') {
		i++
	}
	return i
}

// inner is where the children of an inline node begin and end, their own marks
// included; false where that is not known.
func (t *stripper) inner(n ast.Node) (start, stop int, ok bool) {
	first, last := n.FirstChild(), n.LastChild()
	if first == nil || last == nil {
		return 0, 0, false
	}
	from, to := t.extent(first), t.extent(last)
	return from.start, to.stop, from.ok && to.ok && from.start < to.stop
}

// extent is where an inline node begins and ends, its marks included. It is
// found once for each node: emphasis may lie in emphasis, very often.
func (t *stripper) extent(n ast.Node) span {
	if !t.budget.Spend(1) {
		return span{}
	}
	switch node := n.(type) {
	case *ast.Text:
		return span{node.Segment.Start, node.Segment.Stop, true}
	case *ast.Emphasis:
		found, known := t.extents[n]
		if !known {
			start, stop, ok := t.inner(node)
			found = span{start - node.Level, stop + node.Level, ok}
			t.extents[n] = found
		}
		return found
	}
	return span{} // code, links: their marks have no fixed length
}
