package markdown

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
)

// Escape turns plain text into Markdown that reads as the same text. Text that
// Markdown leaves as it is stays without a backslash, lists and quotes too,
// which look in plain text as they do in Markdown.
func Escape(plain string) string { return newConverter(len(plain)).escape(plain) }

func (c converter) escape(plain string) string {
	plain = strings.Map(printable, strings.ReplaceAll(strings.ReplaceAll(plain, "\r\n", "\n"), "\r", "\n"))
	want := wordsOf(listMarks(plain))
	if wordsOf(c.shown(plain)) == want {
		return plain
	}
	if some := eachLine(plain, markup); wordsOf(c.shown(some)) == want {
		return some
	}
	plain = indented.ReplaceAllString(plain, "   ") // more is code, in which a backslash is one
	return eachLine(plain, func(string) func(int, byte) bool { return isSign })
}

// printable takes out what no system shows and a terminal carries out: control
// characters but the line's end and the tab.
func printable(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return -1
	}
	return r
}

// isSign reports whether a character is one that may be escaped.
func isSign(_ int, c byte) bool { return isPunct(c) }

// shown is the text that Markdown shows, without the marks of lists and quotes.
func (c converter) shown(markdown string) string {
	source := []byte(markdown)
	var b strings.Builder
	_ = ast.Walk(c.parse(source), func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker never fails
		c.budget.Spend(1)
		if n.Type() == ast.TypeBlock {
			b.WriteByte('\n')
		}
		if !entering {
			return ast.WalkContinue, nil
		}
		switch node := n.(type) {
		case *ast.Text:
			b.Write(readText(node.Segment.Value(source)))
			if node.SoftLineBreak() || node.HardLineBreak() {
				b.WriteByte('\n')
			}
		case *ast.CodeBlock:
			b.WriteString(linesOf(n, source))
		case *ast.CodeSpan, *ast.FencedCodeBlock, *ast.HTMLBlock, *ast.RawHTML, *ast.AutoLink, *ast.Image, *ast.Link:
			b.WriteByte(0) // not in plain text
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

var entity = regexp.MustCompile(`^&(?:[A-Za-z][A-Za-z0-9]{1,31}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});`)

// longestEntity is how long an entity may be.
const longestEntity = 34

func isEntity(s string) bool { return entity.MatchString(s[:min(longestEntity, len(s))]) }

// readText takes off what Markdown takes off a text. An entity is never text.
func readText(s []byte) []byte {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && isPunct(s[i+1]):
			i++
		case s[i] == '&' && isEntity(string(s[i:min(i+longestEntity, len(s))])):
			b = append(b, 0)
		}
		b = append(b, s[i])
	}
	return b
}

func isPunct(c byte) bool {
	return c > ' ' && c < 0x7f && !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z')
}

var (
	indented  = regexp.MustCompile(`(?m)^[ \t]{4,}|^ {0,3}\t[ \t]*`)
	underline = regexp.MustCompile(`^[ \t]*(?:=+|(?:[-_*][ \t]*)+)$`)
	heading1  = regexp.MustCompile(`^[ \t]*#{1,6}(?:[ \t]|$)`)
)

// listMarks takes the marks of lists and quotes off the lines of a plain text.
func listMarks(plain string) string {
	all := strings.Split(plain, "\n")
	for i, line := range all {
		for n := listMark(line); n > 0; n = listMark(line) {
			line = line[n:]
		}
		all[i] = line
	}
	return strings.Join(all, "\n")
}

// listMark is how long the mark of a list or quote is that begins a line; 0:
// none does.
func listMark(line string) int {
	rest := strings.TrimLeft(line, " \t")
	mark := 0
	switch digits := len(rest) - len(strings.TrimLeft(rest, "0123456789")); {
	case rest == "":
	case digits > 0:
		if digits <= 9 && digits < len(rest) && (rest[digits] == '.' || rest[digits] == ')') {
			mark = digits + 1
		}
	case strings.IndexByte("-+*>", rest[0]) >= 0:
		mark = 1
	}
	if mark == 0 {
		return 0
	}
	after := strings.TrimLeft(rest[mark:], " \t")
	if rest[0] != '>' && after == rest[mark:] && after != "" {
		return 0 // it is part of a word
	}
	return len(line) - len(after)
}

// wordsOf is a text without regard of white space.
func wordsOf(s string) string { return strings.Join(strings.Fields(s), " ") }

// eachLine puts a backslash before the characters that are to have one.
func eachLine(plain string, of func(line string) func(i int, c byte) bool) string {
	var b strings.Builder
	b.Grow(len(plain))
	for n, line := range strings.Split(plain, "\n") {
		if n > 0 {
			b.WriteByte('\n')
		}
		escape := of(line)
		for i := range len(line) {
			if escape(i, line[i]) {
				b.WriteByte('\\')
			}
			b.WriteByte(line[i])
		}
	}
	return b.String()
}

// markup reports which characters of a line may be read as markup.
func markup(line string) func(i int, c byte) bool {
	first := len(line) - len(strings.TrimLeft(line, " \t"))
	block := underline.MatchString(line) || heading1.MatchString(line)
	return func(i int, _ byte) bool { return i == first && block || isMarkup(line, i, i <= first) }
}

// isMarkup reports whether the character at i may be read as markup within its
// line; first: nothing but white space stands before it.
func isMarkup(line string, i int, first bool) bool {
	before, _ := utf8.DecodeLastRuneInString(line[:i])
	after, _ := utf8.DecodeRuneInString(line[i+1:])
	last := i+1 == len(line)
	switch c := line[i]; c {
	case '\\':
		return last || after < utf8.RuneSelf && isPunct(byte(after))
	case '`', '[':
		return true
	case ']':
		return after == '(' || after == '[' || after == ':'
	case '*', '_':
		spaced := (first || unicode.IsSpace(before)) && (last || unicode.IsSpace(after))
		return !spaced && !(c == '_' && isWord(before) && isWord(after))
	case '~':
		return before == '~' || after == '~' || first && strings.HasPrefix(line[i:], "~~~")
	case '<':
		return unicode.IsLetter(after) || after == '/' || after == '!' || after == '?'
	case '&':
		return isEntity(line[i:])
	}
	return false
}

// Simple is the plain text of Markdown that needs no more to be shown; false
// where there is markup in it. Lists and quotes need none.
func Simple(markdown string) (string, bool) { return newConverter(len(markdown)).simple(markdown) }

func (c converter) simple(markdown string) (string, bool) {
	markdown = strings.ReplaceAll(strings.ReplaceAll(markdown, "\r\n", "\n"), "\r", "\n")
	shown := c.shown(markdown)
	if wordsOf(shown) == wordsOf(listMarks(markdown)) {
		return markdown, true
	}
	source := []byte(markdown)
	simple := true
	_ = ast.Walk(c.parse(source), func(n ast.Node, _ bool) (ast.WalkStatus, error) { // the walker never fails
		switch node := n.(type) {
		case *ast.Document, *ast.Paragraph:
		case *ast.Text:
			simple = simple && bytes.IndexByte(readText(node.Segment.Value(source)), 0) < 0
		default:
			simple = false
		}
		if !simple {
			return ast.WalkStop, nil
		}
		return ast.WalkContinue, nil
	})
	if !simple {
		return "", false
	}
	return strings.TrimSpace(shown), true // escapes, no more
}
