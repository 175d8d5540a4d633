package expr

import (
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
)

// A part of a template is literal text, or the place of an expression.
type part struct {
	literal  string
	isExpr   bool
	from, to int // the expression's runes, without braces and white space
	open     int // the rune of its {{
	close    int // the rune after its }}
}

// split cuts a template into literal text and expressions. An expression ends
// at the first }} that is outside its strings and brackets; {{{{ stands for {{.
func split(t *Text) ([]part, hcl.Diagnostics) {
	var parts []part
	var diags hcl.Diagnostics
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			parts = append(parts, part{literal: literal.String()})
			literal.Reset()
		}
	}
	src := t.runes
	for i := 0; i < len(src); {
		if !hasAt(src, i, "{{") {
			literal.WriteRune(src[i])
			i++
			continue
		}
		if hasAt(src, i, "{{{{") {
			literal.WriteString("{{")
			i += 4
			continue
		}
		flush()
		end, why := expressionEnd(src, i+2)
		if end < 0 {
			return parts, append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError,
				Summary:  `"{{" is not closed`,
				Detail:   why + ` To write "{{" as text, double it: "{{{{".`,
				Subject:  t.Span(i, i+2).Ptr(),
				Context:  t.Range().Ptr(),
			})
		}
		from, to := trimmed(src, i+2, end)
		if from == to {
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError,
				Summary:  "empty expression",
				Detail:   `Between "{{" and "}}" stands an expression. To write "{{" as text, double it: "{{{{".`,
				Subject:  t.Span(i, end+2).Ptr(),
				Context:  t.Range().Ptr(),
			})
		}
		parts = append(parts, part{isExpr: true, from: from, to: to, open: i, close: end + 2})
		i = end + 2
	}
	flush()
	return parts, diags
}

// expressionEnd returns the rune of the }} that ends the expression that begins at
// a rune; without one, -1 and what is missing.
func expressionEnd(src []rune, from int) (end int, why string) {
	var open []rune
	for i := from; i < len(src); {
		if hasAt(src, i, "//") {
			// A quote in a comment opens nothing; the expression may still end.
			for i < len(src) && src[i] != '\n' && (len(open) > 0 || !hasAt(src, i, "}}")) {
				i++
			}
			continue
		}
		if to, ok := stringEnd(src, i); ok {
			i = to
			continue
		}
		switch src[i] {
		case '(', '[', '{':
			open = append(open, src[i])
		case ')', ']', '}':
			if len(open) == 0 && hasAt(src, i, "}}") {
				return i, ""
			}
			if len(open) > 0 && closer(open[len(open)-1]) == src[i] {
				open = open[:len(open)-1]
			}
		case '`':
			_, to := tokenAt(src, i)
			i = to
			continue
		}
		i++
	}
	if len(open) > 0 {
		return -1, `A "` + string(open[len(open)-1]) + `" within it is not closed, so that no "}}" can end it.`
	}
	return -1, `Its "}}" is missing, or stands within a string.`
}

func hasAt(src []rune, at int, s string) bool {
	if at+len(s) > len(src) {
		return false
	}
	for i, r := range []byte(s) {
		if src[at+i] != rune(r) {
			return false
		}
	}
	return true
}

func isSpaces(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsSpace(r) }) < 0
}
