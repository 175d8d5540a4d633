// Package markdown turns the Markdown that rules write into what systems
// without it can show. It knows no system.
package markdown

import (
	"bytes"
	"regexp"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// maxPasses bounds how often markup is taken off until none is left: nested
// markup can uncover more of it.
const maxPasses = 16

// Plain renders Markdown as plain text that people can read: emphasis and
// heading marks go, a link becomes "text (address)", and what reads well as it
// stands (line breaks, lists, quotes, tables, code with its backticks) stays.
//
// It only takes marks off and never lays text out anew, so text without
// Markdown comes out unchanged. It is idempotent.
func Plain(markdown string) string {
	if !strings.ContainsAny(markdown, "*_[<#~\\") {
		return markdown
	}
	stripped := markdown
	for range maxPasses {
		next := strip(stripped)
		if next == stripped {
			return unescape(stripped)
		}
		stripped = next
	}
	return markdown
}

// unescape takes the backslashes off characters that Markdown would otherwise
// read as markup, unless they would then be read as markup the next time.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	plain := apply(s, escapes(s))
	if strip(plain) != plain || len(escapes(plain)) > 0 {
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
func strip(s string) string {
	source := []byte(s)
	doc := parse(source)
	var edits []edit
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker never fails
		if !entering {
			return ast.WalkContinue, nil
		}
		switch node := n.(type) {
		case *ast.Heading:
			edits = append(edits, heading(source, node)...)
		case *ast.Emphasis, *ast.Link, *ast.Image, *ast.AutoLink:
			edits = append(edits, inline(source, node)...)
		case *ast.CodeSpan, *ast.CodeBlock, *ast.FencedCodeBlock, *ast.HTMLBlock, *ast.RawHTML:
			return ast.WalkSkipChildren, nil
		default:
			if n.Kind().String() == "Strikethrough" {
				edits = append(edits, strikethrough(source, n)...)
			}
		}
		return ast.WalkContinue, nil
	})
	return apply(s, edits)
}

func parse(source []byte) ast.Node {
	md := goldmark.New(goldmark.WithExtensions(extension.Strikethrough))
	return md.Parser().Parse(text.NewReader(source), parser.WithContext(parser.NewContext()))
}

// apply carries out edits that do not overlap; of two that do, the first in
// the text counts.
func apply(s string, edits []edit) string {
	if len(edits) == 0 {
		return s
	}
	sort.SliceStable(edits, func(i, j int) bool { return edits[i].start < edits[j].start })
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
func inline(source []byte, n ast.Node) []edit {
	switch node := n.(type) {
	case *ast.Emphasis:
		return emphasis(source, node)
	case *ast.Link:
		if node.Reference == nil {
			return link(source, node, "[")
		}
	case *ast.Image:
		if node.Reference == nil {
			return link(source, node, "![")
		}
	case *ast.AutoLink:
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

func emphasis(source []byte, node *ast.Emphasis) []edit {
	start, stop, ok := inner(node)
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
	case bytes.Contains(wordBefore(source, opening), []byte("://")): // an address
		return nil
	}
	return []edit{{start: opening, stop: start}, {start: stop, stop: closing}}
}

// wordBefore is what stands before i, from the last white space on.
func wordBefore(source []byte, i int) []byte {
	return source[bytes.LastIndexAny(source[:i], " \t\r\n")+1 : i]
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func strikethrough(source []byte, n ast.Node) []edit {
	start, stop, ok := inner(n)
	if !ok || start < 2 || stop+2 > len(source) || string(source[start-2:start]) != "~~" || string(source[stop:stop+2]) != "~~" {
		return nil // "~5 and ~6" are estimates
	}
	return []edit{{start: start - 2, stop: start}, {start: stop, stop: stop + 2}}
}

// link turns [text](address "title") into text (address), and into the
// address alone where the text says the same.
func link(source []byte, n ast.Node, opening string) []edit {
	start, stop, ok := inner(n)
	begin := start - len(opening)
	if !ok || begin < 0 || string(source[begin:start]) != opening || !bytes.HasPrefix(source[stop:], []byte("](")) {
		return nil
	}
	address, length := destination(source[stop+2:])
	if length == 0 {
		return nil
	}
	with := " (" + address + ")"
	if shown := string(source[start:stop]); address == "" || shown == address || "mailto:"+shown == address {
		with = ""
	}
	return []edit{{start: begin, stop: start}, {start: stop, stop: stop + 2 + length, with: with}}
}

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
func inner(n ast.Node) (start, stop int, ok bool) {
	first, last := n.FirstChild(), n.LastChild()
	if first == nil || last == nil {
		return 0, 0, false
	}
	start, _, ok = extent(first)
	if !ok {
		return 0, 0, false
	}
	_, stop, ok = extent(last)
	return start, stop, ok && start < stop
}

// extent is where an inline node begins and ends, its marks included.
func extent(n ast.Node) (start, stop int, ok bool) {
	switch node := n.(type) {
	case *ast.Text:
		return node.Segment.Start, node.Segment.Stop, true
	case *ast.Emphasis:
		start, stop, ok = inner(node)
		return start - node.Level, stop + node.Level, ok
	}
	return 0, 0, false // code, links: their marks have no fixed length
}
