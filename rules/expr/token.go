package expr

import (
	"unicode"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/hashicorp/hcl/v2"
)

// span is the place in the file of the runes from (included) to (excluded)
// of the expression.
func (p *program) span(from, to int) hcl.Range { return p.text.Span(p.from+from, p.from+to) }

// nodeRange returns the place of the token that a node is best known by: a field's
// or function's name, an operator, a literal.
func (p *program) nodeRange(id int64) hcl.Range {
	at, ok := p.ast.SourceInfo().GetOffsetRange(id)
	if !ok || int(at.Start) >= len(p.source) {
		return p.span(trimmed(p.source, 0, len(p.source)))
	}
	if e, ok := p.nodes[id]; ok && e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() {
		// CEL places has(x.y) at its parenthesis; the field is the last token.
		if end, ok := closing(p.source, int(at.Start)); ok {
			return p.span(p.tokenBefore(end - 1))
		}
	}
	return p.span(nameAt(p.source, int(at.Start)))
}

// nodeText returns the text of nodeRange.
func (p *program) nodeText(id int64) string {
	at, ok := p.ast.SourceInfo().GetOffsetRange(id)
	if !ok || int(at.Start) >= len(p.source) {
		return ""
	}
	from, to := nameAt(p.source, int(at.Start))
	return string(p.source[from:to])
}

// nameAt returns the token at a rune, but the name after a dot and the one before a
// parenthesis, which is where CEL places selections and calls.
func nameAt(src []rune, at int) (from, to int) {
	switch src[at] {
	case '.':
		next := at + 1
		for next < len(src) && (src[next] == '?' || unicode.IsSpace(src[next])) {
			next++
		}
		if next < len(src) && (isWord(src[next]) || src[next] == '`') {
			return tokenAt(src, next)
		}
	case '(':
		end := at
		for end > 0 && unicode.IsSpace(src[end-1]) {
			end--
		}
		start := end
		for start > 0 && isWord(src[start-1]) {
			start--
		}
		if start < end {
			return start, end
		}
	case '[':
		if end, ok := closing(src, at); ok {
			return at, end
		}
	}
	return tokenAt(src, at)
}

// tokenAt returns the token that begins at a rune.
func tokenAt(src []rune, at int) (from, to int) {
	if at >= len(src) {
		return len(src), len(src)
	}
	if end, ok := stringEnd(src, at); ok {
		return at, end
	}
	end := at + 1
	switch {
	case isWord(src[at]):
		for end < len(src) && (isWord(src[end]) || src[end] == '.' && isDigit(src[at]) && end+1 < len(src) && isDigit(src[end+1])) {
			end++
		}
	case src[at] == '`':
		for end < len(src) && src[end] != '`' && src[end] != '\n' {
			end++
		}
		end = min(end+1, len(src))
	case end < len(src):
		switch string(src[at : end+1]) {
		case "==", "!=", "<=", ">=", "&&", "||":
			end++
		}
	}
	return at, end
}

// stringEnd returns the end of the string literal that begins at a rune, prefix
// included; false if none does. A string that is not closed ends with the
// source. A line break does not end one, though CEL refuses it there unless
// the quotes are triple.
func stringEnd(src []rune, at int) (int, bool) {
	i, raw := at, false
	for i < len(src) && i < at+2 && isPrefix(src[i]) {
		raw = raw || src[i] == 'r' || src[i] == 'R'
		i++
	}
	if i >= len(src) || src[i] != '\'' && src[i] != '"' {
		return 0, false
	}
	if i > at && at > 0 && isWord(src[at-1]) {
		return 0, false
	}
	quote := src[i]
	if i+2 < len(src) && src[i+1] == quote && src[i+2] == quote {
		for i += 3; i < len(src); i++ {
			switch {
			case src[i] == '\\' && !raw:
				i++
			case src[i] == quote && i+2 < len(src) && src[i+1] == quote && src[i+2] == quote:
				return i + 3, true
			}
		}
		return len(src), true
	}
	for i++; i < len(src); i++ {
		switch {
		case src[i] == '\\' && !raw:
			i++
		case src[i] == quote:
			return i + 1, true
		}
	}
	return len(src), true
}

func isPrefix(r rune) bool { return r == 'r' || r == 'R' || r == 'b' || r == 'B' }

// closing returns the end of what a bracket at a rune encloses, itself included.
func closing(src []rune, at int) (int, bool) {
	depth := 0
	for i := at; i < len(src); {
		if end, ok := stringEnd(src, i); ok {
			i = end
			continue
		}
		switch src[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				return i + 1, true
			}
		}
		i++
	}
	return 0, false
}

// trimmed returns the run from (included) to (excluded) without the white space
// at its ends.
func trimmed(src []rune, from, to int) (int, int) {
	for from < to && unicode.IsSpace(src[from]) {
		from++
	}
	for to > from && unicode.IsSpace(src[to-1]) {
		to--
	}
	return from, to
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isWord(r rune) bool {
	return r == '_' || isDigit(r) || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// operatorName returns an operator as it is written, empty if function is not one.
func operatorName(function string) string {
	switch function {
	case operators.Index, operators.OptIndex:
		return "[ ]"
	case operators.OptSelect:
		return ".?"
	case operators.Conditional:
		return "?:"
	case operators.Negate:
		return "-"
	case operators.LogicalNot, operators.NotStrictlyFalse:
		return "!"
	}
	name, ok := operators.FindReverse(function)
	if !ok {
		return ""
	}
	return name
}
