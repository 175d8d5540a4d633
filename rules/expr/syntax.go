package expr

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/google/cel-go/cel"
	"github.com/hashicorp/hcl/v2"
)

// syntaxErrors turns the parser's errors into one diagnostic, that of the
// first: the others follow from it more often than not.
func (p *program) syntaxErrors(errs []*cel.Error) hcl.Diagnostics {
	first := errs[0]
	for _, err := range errs[1:] {
		if p.offset(err.Location) < p.offset(first.Location) {
			first = err
		}
	}
	return hcl.Diagnostics{p.syntaxError(p.offset(first.Location), first.Message)}
}

// words are what other languages write in place of an operator.
var words = map[string]string{
	"and": "&&", "or": "||", "not": "!", "is": "==", "eq": "==", "ne": "!=", "mod": "%",
	"AND": "&&", "OR": "||", "NOT": "!", "IS": "==", "IN": "in", "like": "matches()",
}

func (p *program) syntaxError(at int, message string) *hcl.Diagnostic {
	report := func(from, to int, summary, detail string) *hcl.Diagnostic {
		return p.diagnostic(p.span(from, to), hcl.DiagError, summary, detail)
	}
	if strings.HasPrefix(strings.TrimSpace(string(p.source)), "{{") {
		from, _ := trimmed(p.source, 0, len(p.source))
		return report(from, from+2, "{{ }} within an expression",
			"This is an expression as a whole already: write it without {{ and }}.")
	}
	message, syntax := strings.CutPrefix(message, "Syntax error: ")
	prevFrom, prevTo := p.tokenBefore(at)
	prev := string(p.source[prevFrom:prevTo])
	if at >= len(p.source) || strings.HasPrefix(message, "mismatched input '<EOF>'") {
		if open := p.unclosed(); open >= 0 {
			return report(open, open+1, fmt.Sprintf("%q is not closed", string(p.source[open])),
				fmt.Sprintf("Its %q is missing.", string(closer(p.source[open]))))
		}
		if p.halfChoice() {
			return report(prevFrom, prevTo, "the expression ends too early", "A choice is written CONDITION ? A : B.")
		}
		if prev == "." {
			return report(prevFrom, prevTo, "the expression ends too early", "After . the name of a field is missing.")
		}
		return report(prevFrom, prevTo, "the expression ends too early",
			fmt.Sprintf("After %s something is missing: a field, a text in single quotes, a number.", prev))
	}
	from, to := tokenAt(p.source, at)
	token := string(p.source[from:to])
	if name, ok := strings.CutPrefix(message, "reserved identifier: "); ok {
		return p.reserved(from, to, name)
	}
	if !syntax {
		return p.macroError(from, to, message)
	}
	if strings.HasPrefix(message, "token recognition error") {
		return p.tokenError(at, prev)
	}
	if word, ok := words[token]; ok {
		return report(from, to, "unexpected "+quote(token), fmt.Sprintf("Write %s for %s.", word, token))
	}
	if word, ok := words[prev]; ok {
		return report(prevFrom, prevTo, "unexpected "+quote(prev), fmt.Sprintf("Write %s for %s.", word, prev))
	}
	if prev == "<" && token == ">" {
		return report(prevFrom, to, `unexpected "<>"`, "Write != to ask whether two values differ.")
	}
	afterString := prevTo == from && prevTo > 0 && (p.source[prevTo-1] == '\'' || p.source[prevTo-1] == '"')
	switch {
	case afterString && isWord(p.source[at]):
		return report(from, to, "unexpected "+quote(token),
			`The text before it has ended. A quote within a text is written \', or \\' in a quoted HCL string.`)
	case token == ")" || token == "]" || token == "}":
		return report(from, to, "unexpected "+quote(token), fmt.Sprintf("There is no %q that it could close, or something before it is missing.", string(opener(p.source[at]))))
	case token == "{":
		return report(from, to, `unexpected "{"`, "An operator is missing before it.")
	case endsOperand(prev) && startsOperand(token):
		return report(from, to, "unexpected "+shown(token), fmt.Sprintf("Between %s and %s an operator is missing, such as == or &&.", prev, token))
	case strings.HasPrefix(message, "missing ')'"):
		if open := p.unclosed(); open >= 0 {
			return report(open, open+1, `"(" is not closed`, `Its ")" is missing.`)
		}
	case token == ":" || token == "?":
		return report(from, to, "unexpected "+quote(token), "A choice is written CONDITION ? A : B.")
	}
	if prev == "." {
		return report(from, to, "unexpected "+shown(token), "After . the name of a field is expected.")
	}
	if prev != "" && !endsOperand(prev) {
		return report(from, to, "unexpected "+shown(token), fmt.Sprintf("After %s a field, a text in single quotes or a number is expected.", prev))
	}
	return report(from, to, "unexpected "+shown(token), "Here the expression cannot go on like this; an operator such as == or && may be missing.")
}

// shown returns a token in a summary.
func shown(token string) string {
	if strings.ContainsAny(token, `"'`) {
		return token
	}
	return `"` + token + `"`
}

// reserved reports a word that CEL keeps for itself.
func (p *program) reserved(from, to int, name string) *hcl.Diagnostic {
	if name != "var" {
		return p.diagnostic(p.span(from, to), hcl.DiagError, quote(name)+" is a reserved word",
			"CEL keeps this word for itself. If it is meant as text, write it in single quotes: '"+name+"'.")
	}
	example := "NAME"
	if to < len(p.source) && p.source[to] == '.' {
		if f, t := tokenAt(p.source, to+1); f < t && isWord(p.source[f]) {
			example = string(p.source[f:t])
			to = t
		}
	}
	return p.diagnostic(p.span(from, to), hcl.DiagError, "var is not known in expressions",
		fmt.Sprintf("Variables are HCL's alone: write ${var.%s}, in single quotes if it is a text, or give it a name in locals and write local.%s.", example, example))
}

// macroError reports a macro with arguments that it does not take.
func (p *program) macroError(from, to int, message string) *hcl.Diagnostic {
	switch {
	case strings.Contains(message, "recursion"), strings.Contains(message, "code point size"), strings.Contains(message, "count exceeds"):
		return p.diagnostic(p.span(0, len(p.source)), hcl.DiagError, "the expression is too long",
			"Its parts are nested too deep, or it has too many characters. Split it, or move a part into locals.")
	case strings.Contains(message, "int literal"), strings.Contains(message, "uint literal"), strings.Contains(message, "double literal"):
		return p.diagnostic(p.span(from, to), hcl.DiagError, "the number is too big", "An int has 64 bits.")
	}
	// The macro is the name before the nearest parenthesis that is open here.
	open, depth := -1, 0
	for i := min(from, len(p.source)-1); i >= 0; i-- {
		if p.source[i] == ')' && i != from {
			depth++
		}
		if p.source[i] == '(' {
			if depth == 0 {
				open = i
				break
			}
			depth--
		}
	}
	if open > 0 {
		nameFrom, nameTo := nameAt(p.source, open)
		name := string(p.source[nameFrom:nameTo])
		for _, prefix := range []string{"cel.", "math."} {
			if nameFrom >= len(prefix) && string(p.source[nameFrom-len(prefix):nameFrom]) == prefix {
				name = prefix + name
			}
		}
		if written, ok := macros[name]; ok {
			return p.diagnostic(p.span(from, to), hcl.DiagError, name+" does not take this", "It is written "+written+".")
		}
	}
	return p.diagnostic(p.span(from, to), hcl.DiagError, "invalid expression", sentence(message))
}

// tokenError reports characters that begin nothing in CEL.
func (p *program) tokenError(at int, prev string) *hcl.Diagnostic {
	report := func(from, to int, summary, detail string) *hcl.Diagnostic {
		return p.diagnostic(p.span(from, to), hcl.DiagError, summary, detail)
	}
	switch r := p.source[at]; r {
	case '=':
		switch prev {
		case "==", "!=":
			return report(at-2, at+1, quote(prev+"=")+" is not an operator", "Write "+prev+".")
		}
		if at+1 < len(p.source) && (p.source[at+1] == '>' || p.source[at+1] == '<') {
			return report(at, at+2, quote(string(p.source[at:at+2]))+" is not an operator", "Write "+string(p.source[at+1])+"=.")
		}
		return report(at, at+1, `"=" is not an operator`, "To compare, write ==.")
	case '&':
		return report(at, at+1, `"&" is not an operator`, "Write &&.")
	case '|':
		return report(at, at+1, `"|" is not an operator`, "Write || where one side is enough. There are no filters: a function is called on a value, as in X.upperAscii().")
	case '\'', '"':
		start := at
		for start > 0 && p.source[start-1] == r {
			start-- // the parser may have taken two of three quotes for a text
		}
		quotes := string(r)
		if hasAt(p.source, start, quotes+quotes+quotes) {
			quotes += quotes + quotes
		}
		for start > 0 && isPrefix(p.source[start-1]) {
			start--
		}
		end, _ := stringEnd(p.source, start)
		for i := start; i < end && len(quotes) == 1; i++ {
			if p.source[i] == '\n' {
				return report(start, i, "a line break within a text",
					`Write \n for it, which is \\n in a quoted HCL string, or close the text before the line ends.`)
			}
		}
		if end-at < 2 || p.source[end-1] != r {
			return report(start, end, "the text is not closed", "Its closing "+quotes+" is missing.")
		}
		for i := at + 1; i < end-1; i++ {
			if p.source[i] == '\\' {
				if !strings.ContainsRune("abfnrtv\\'\"`?xXuU0123", p.source[i+1]) {
					return report(i, i+2, "unknown escape sequence "+string(p.source[i:i+2]),
						`CEL wants \\ for a backslash, or a raw string, r'…'. In a quoted HCL string, each backslash is written twice besides.`)
				}
				i++
			}
		}
		return report(start, end, "invalid text", "An escape sequence in it is not complete.")
	case '‘', '’', '“', '”', '´', '„':
		return report(at, at+1, string(r)+" is not a quote", "Write texts in straight single quotes: 'text'.")
	case '`':
		return report(at, at+1, "unexpected "+string(r), "Write texts in straight single quotes: 'text'.")
	case '$':
		return report(at, at+1, `unexpected "$"`, "${ … } is HCL's, and is put in when the configuration is loaded.")
	case '#':
		return report(at, at+1, `unexpected "#"`, "A comment within an expression begins with //.")
	default:
		return report(at, at+1, fmt.Sprintf("unexpected %q", r), "CEL has no such character outside texts. Write texts in single quotes: 'text'.")
	}
}

// tokenBefore returns the token that ends before a rune, white space aside.
func (p *program) tokenBefore(at int) (from, to int) {
	for i := 0; i < min(at, len(p.source)); {
		if unicode.IsSpace(p.source[i]) {
			i++
			continue
		}
		f, t := tokenAt(p.source, i)
		if f >= at {
			break
		}
		from, to = f, min(t, at)
		i = t
	}
	return from, to
}

// unclosed returns the last bracket that nothing closes, -1 if all are closed.
func (p *program) unclosed() int {
	var open []int
	for i := 0; i < len(p.source); {
		_, to := tokenAt(p.source, i)
		switch p.source[i] {
		case '(', '[', '{':
			open = append(open, i)
		case ')', ']', '}':
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		}
		i = to
	}
	if len(open) == 0 {
		return -1
	}
	return open[len(open)-1]
}

// halfChoice reports whether a "?" has no ":".
func (p *program) halfChoice() bool {
	open := 0
	for i := 0; i < len(p.source); {
		_, to := tokenAt(p.source, i)
		switch {
		case p.source[i] == '?' && (i == 0 || p.source[i-1] != '.' && p.source[i-1] != '['):
			open++
		case p.source[i] == ':':
			open--
		}
		i = to
	}
	return open > 0
}

func closer(r rune) rune {
	switch r {
	case '(':
		return ')'
	case '[':
		return ']'
	}
	return '}'
}

func opener(r rune) rune {
	switch r {
	case ')':
		return '('
	case ']':
		return '['
	}
	return '{'
}

// endsOperand and startsOperand tell where an operator is missing.
func endsOperand(token string) bool {
	if token == "" || token == "in" {
		return false
	}
	last := rune(token[len(token)-1])
	return isWord(last) || strings.ContainsRune(`'")]}`, last)
}

func startsOperand(token string) bool {
	if token == "" {
		return false
	}
	first := rune(token[0])
	return isWord(first) || strings.ContainsRune(`'"([`, first)
}
