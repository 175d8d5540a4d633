package markdown

import (
	"regexp"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// Only these are escaped by editors against being read as markup; "\." or
// "\d" rather stands in a path or a regular expression.
const escaped = "*_`[]#~<>"

// path is the beginning of a word in which a backslash separates names.
var path = regexp.MustCompile(`^[A-Za-z]:$|\\[A-Za-z0-9]`)

// escapes are the edits that take backslashes off, outside of code.
func escapes(s string) []edit {
	source := []byte(s)
	var edits []edit
	_ = ast.Walk(parse(source), func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker never fails
		if !entering {
			return ast.WalkContinue, nil
		}
		switch node := n.(type) {
		case *ast.CodeSpan, *ast.CodeBlock, *ast.FencedCodeBlock, *ast.HTMLBlock, *ast.RawHTML:
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			edits = append(edits, escapesIn(s, node.Segment.Start, node.Segment.Stop)...)
		}
		return ast.WalkContinue, nil
	})
	return edits
}

func escapesIn(s string, start, stop int) []edit {
	var edits []edit
	for i := start; i+1 < stop; i++ {
		if s[i] != '\\' {
			continue
		}
		for _, c := range []byte(escaped) {
			if s[i+1] == c && !path.MatchString(s[strings.LastIndexAny(s[:i], " \t\r\n")+1:i]) {
				edits = append(edits, edit{start: i, stop: i + 1})
			}
		}
		i++ // the backslash of "\\" escapes the next one
	}
	return edits
}
