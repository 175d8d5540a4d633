package markdown

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
)

// Escape turns plain text into Markdown that reads as the same text. Text that
// Markdown leaves as it is stays without a backslash, lists and quotes too,
// which look in plain text as they do in Markdown.
func Escape(plain string) string {
	plain = strings.ReplaceAll(strings.ReplaceAll(plain, "\r\n", "\n"), "\r", "\n")
	want := words(listMarks(plain))
	if words(shown(plain)) == want {
		return plain
	}
	if some := eachLine(plain, isMarkup); words(shown(some)) == want {
		return some
	}
	plain = indented.ReplaceAllString(plain, "   ") // more is code, in which a backslash is one
	return eachLine(plain, func(line string, i int) bool {
		return line[i] < utf8.RuneSelf && unicode.In(rune(line[i]), unicode.Punct, unicode.Symbol)
	})
}

// shown is the text that Markdown shows, without the marks of lists and quotes.
func shown(markdown string) string {
	source := []byte(markdown)
	var b strings.Builder
	_ = ast.Walk(parse(source), func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker never fails
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

var entity = regexp.MustCompile(`&(?:[A-Za-z][A-Za-z0-9]{1,31}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});`)

// readText takes off what Markdown takes off a text. An entity is never text.
func readText(s []byte) []byte {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && isPunct(s[i+1]):
			i++
		case s[i] == '&' && entity.Match(s[i:]) && entity.FindIndex(s[i:])[0] == 0:
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
	listMark  = regexp.MustCompile(`^[ \t]*(?:[-+*]|[0-9]{1,9}[.)]|>)(?:[ \t]+|$)`)
	quoteMark = regexp.MustCompile(`^[ \t]*>`)
	underline = regexp.MustCompile(`^[ \t]*(?:=+|(?:[-_*][ \t]*)+)$`)
	heading1  = regexp.MustCompile(`^[ \t]*#{1,6}(?:[ \t]|$)`)
)

// listMarks takes the marks of lists and quotes off the lines of a plain text.
func listMarks(plain string) string {
	all := strings.Split(plain, "\n")
	for i, line := range all {
		for {
			m := listMark.FindString(line)
			if m == "" {
				m = quoteMark.FindString(line)
			}
			if m == "" {
				break
			}
			line = line[len(m):]
		}
		all[i] = line
	}
	return strings.Join(all, "\n")
}

// words is a text without regard of white space.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }

// eachLine puts a backslash before the characters that are.
func eachLine(plain string, escape func(line string, i int) bool) string {
	all := strings.Split(plain, "\n")
	for n, line := range all {
		var b strings.Builder
		for i := range len(line) {
			if escape(line, i) {
				b.WriteByte('\\')
			}
			b.WriteByte(line[i])
		}
		all[n] = b.String()
	}
	return strings.Join(all, "\n")
}

// isMarkup reports whether the character at i may be read as markup.
func isMarkup(line string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(line[:i])
	after, _ := utf8.DecodeRuneInString(line[i+1:])
	first, last := strings.TrimLeft(line[:i], " \t") == "", i+1 == len(line)
	if first && (underline.MatchString(line) || heading1.MatchString(line)) && line[i] != ' ' && line[i] != '\t' {
		return true
	}
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
		at := entity.FindStringIndex(line[i:])
		return at != nil && at[0] == 0
	}
	return false
}

// Simple is the plain text of Markdown that needs no more to be shown; false
// where there is markup in it. Lists and quotes need none.
func Simple(markdown string) (string, bool) {
	markdown = strings.ReplaceAll(strings.ReplaceAll(markdown, "\r\n", "\n"), "\r", "\n")
	if words(shown(markdown)) == words(listMarks(markdown)) {
		return markdown, true
	}
	source := []byte(markdown)
	simple := true
	_ = ast.Walk(parse(source), func(n ast.Node, _ bool) (ast.WalkStatus, error) { // the walker never fails
		switch node := n.(type) {
		case *ast.Document, *ast.Paragraph:
		case *ast.Text:
			simple = simple && !strings.ContainsRune(string(readText(node.Segment.Value(source))), 0)
		default:
			simple = false
		}
		return ast.WalkContinue, nil
	})
	if !simple {
		return "", false
	}
	return strings.TrimSpace(shown(markdown)), true // escapes, no more
}
