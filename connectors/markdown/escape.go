package markdown

import (
	"strings"

	"github.com/yuin/goldmark/ast"
)

// Only these are escaped by editors against being read as markup; "\." or
// "\d" rather stands in a path or a regular expression.
const escaped = "*_`[]#~<>"

// escapes are the edits that take backslashes off, outside of code.
func (c converter) escapes(s string) []edit {
	var edits []edit
	in := words{s: s}
	_ = ast.Walk(c.parse([]byte(s)), func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker never fails
		if !entering {
			return ast.WalkContinue, nil
		}
		c.budget.Spend(1)
		switch node := n.(type) {
		case *ast.CodeSpan, *ast.CodeBlock, *ast.FencedCodeBlock, *ast.HTMLBlock, *ast.RawHTML:
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			edits = in.escapes(edits, node.Segment.Start, node.Segment.Stop)
		}
		return ast.WalkContinue, nil
	})
	return edits
}

func (w *words) escapes(edits []edit, start, stop int) []edit {
	for i := start; i+1 < stop; i++ {
		if w.s[i] != '\\' {
			continue
		}
		if strings.IndexByte(escaped, w.s[i+1]) >= 0 && !w.before(i).path {
			edits = append(edits, edit{start: i, stop: i + 1})
		}
		i++ // the backslash of "\\" escapes the next one
	}
	return edits
}

// words knows what the word is like that is being read. It is asked for one
// place after the other, and reads the text once.
type words struct {
	s     string
	at    int
	start int // of the word
	// Where in the word "://", and a backslash before a letter or digit, last
	// ended.
	scheme, backslash int
}

// A word is the beginning of one.
type word struct {
	address bool // it has the "://" of an address in it
	path    bool // a backslash separates names in it
}

// before is what stands before i, from the last white space on.
func (w *words) before(i int) word {
	if i < w.at {
		*w = words{s: w.s}
	}
	for ; w.at < i; w.at++ {
		switch c := w.s[w.at]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			w.start = w.at + 1
		case c == '/' && w.at >= w.start+2 && w.s[w.at-2:w.at+1] == "://":
			w.scheme = w.at + 1
		case isAlphanumeric(c) && w.at > w.start && w.s[w.at-1] == '\\':
			w.backslash = w.at + 1
		}
	}
	drive := i == w.start+2 && w.s[i-1] == ':' && isLetter(w.s[i-2])
	return word{address: w.scheme > w.start, path: drive || w.backslash > w.start}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isAlphanumeric(c byte) bool { return isLetter(c) || c >= '0' && c <= '9' }
