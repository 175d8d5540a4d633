package rules

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// HCL's summaries of mistakes that need other words here.
const (
	hclOpenQuote  = "Invalid multi-line string"
	hclNoNewline  = "Missing newline after argument"
	hclOpenText   = "Unterminated template string"
	hclEscape     = "Invalid escape sequence"
	hclTwice      = "Attribute redefined"
	hclSeparator  = "Missing key/value separator"
	hclDirective  = "Invalid template directive"
	hclCharacter  = "Invalid character"
	dollarBraces  = `A dollar sign before an expression of CEL is written $${{ … }}; without one, write {{ … }} alone.`
	percentBraces = `A percent sign before an expression of CEL is written %%{{ … }}.`
	quotedInText  = `Within a string, CEL's strings stand in single quotes: "incident.name == 'x'".`
	quotedExpr    = `An expression stands within a string, in quotes: "{{ … }}".`
	closeTheQuote = `The quote that closes the text is missing. A string of many lines is written <<-EOT … EOT.`
	escapes       = `A quoted text knows \n, \r, \t, \", \\, \uNNNN and \UNNNNNNNN. A backslash that is meant as one is written \\.`
)

// bareExpr is a CEL expression that is not within a string.
var bareExpr = regexp.MustCompile(`(?:^|[=\[(,])\s*\{\{`)

// plainSyntax leaves of HCL's syntax errors those that are not the noise of
// one before them, and says what is written instead where the two languages
// meet.
func plainSyntax(diags hcl.Diagnostics, content []byte) hcl.Diagnostics {
	var kept hcl.Diagnostics
	said := map[int]bool{} // by where they begin
	for _, d := range diags {
		if d.Subject == nil {
			kept = append(kept, d)
			continue
		}
		at := d.Subject.Start.Byte
		if said[at] {
			continue
		}
		said[at] = true
		plain := *d
		switch {
		case d.Summary == hclOpenQuote:
			// From here on, what is text and what is not are mistaken for each other.
			plain.Detail = closeTheQuote
			return append(kept, &plain)
		case d.Summary == hclNoNewline && at > 0 && at <= len(content) && content[at-1] == '"':
			plain.Detail = quotedInText
		case d.Summary == hclOpenText:
			if opening, marker, ok := openHeredoc(content, d.Subject.Filename); ok {
				plain.Subject = &opening
				plain.Detail = "The text that begins here ends with a line that holds " + marker + " alone; no line does."
			}
		case d.Summary == hclDirective && markBefore(content, at, "%{") >= 0:
			plain.Summary, plain.Detail = `"%{" begins a directive of HCL`, percentBraces
			plain.Subject = rangeOn(content, markBefore(content, at, "%{"), 2, d.Subject.Filename)
			return append(kept, &plain)
		case d.Summary == hclSeparator && markBefore(content, at, "${{") >= 0:
			plain.Summary, plain.Detail = `"${" begins an expression of HCL`, dollarBraces
			plain.Subject = rangeOn(content, markBefore(content, at, "${{"), 2, d.Subject.Filename)
			return append(kept, &plain)
		case d.Summary == hclCharacter && unquotedCondition.Match(lineAround(content, at)):
			m := unquotedCondition.FindSubmatchIndex(lineAround(content, at))
			begin := at - lineOffset(content, at)
			plain.Summary, plain.Detail = "a condition is written in quotes", inQuotes("when", strings.Trim(string(content[begin+m[2]:begin+m[3]]), "“”„‘’"))
			plain.Subject = rangeOn(content, begin+m[2], m[3]-m[2], d.Subject.Filename)
			return append(kept, &plain)
		case d.Summary == hclEscape:
			plain.Detail = escapes
		case bareExpr.Match(lineAround(content, at)):
			plain.Detail = quotedExpr
		}
		kept = append(kept, &plain)
	}
	return kept
}

// brokenSyntax reports whether what was parsed is only a part of the file. An
// attribute that is there twice is one mistake among others.
func brokenSyntax(diags hcl.Diagnostics) bool {
	return slices.ContainsFunc(diags, func(d *hcl.Diagnostic) bool {
		return d.Severity == hcl.DiagError && d.Summary != hclTwice
	})
}

// heredoc is how one begins.
var heredoc = regexp.MustCompile(`<<-?([\p{L}_][\p{L}\p{N}_-]*)\r?\n`)

// openHeredoc finds the first heredoc that does not end.
func openHeredoc(content []byte, filename string) (opening hcl.Range, marker string, ok bool) {
	last := map[string]int{} // where a line that holds only this begins
	at := 0
	for line := range bytes.Lines(content) {
		last[string(bytes.TrimSpace(line))] = at
		at += len(line)
	}
	for _, m := range heredoc.FindAllSubmatchIndex(content, -1) {
		marker = string(content[m[2]:m[3]])
		if end, ok := last[marker]; ok && end >= m[1] {
			continue
		}
		line := lineAround(content, m[0])
		start := hcl.Pos{Byte: m[0], Line: bytes.Count(content[:m[0]], []byte("\n")) + 1}
		begin := m[0] - bytes.Index(line, content[m[0]:m[3]])
		start.Column = graphemes(string(content[begin:m[0]])) + 1
		end := start
		end.Byte, end.Column = m[3], start.Column+graphemes(string(content[m[0]:m[3]]))
		return hcl.Range{Filename: filename, Start: start, End: end}, marker, true
	}
	return hcl.Range{}, "", false
}

// lineAround returns the line that a byte is on.
func lineAround(content []byte, at int) []byte {
	at = min(at, len(content))
	begin := bytes.LastIndexByte(content[:at], '\n') + 1
	end := len(content)
	if i := bytes.IndexByte(content[at:], '\n'); i >= 0 {
		end = at + i
	}
	return content[begin:end]
}

// unquotedCondition is a when without quotes around its CEL.
var unquotedCondition = regexp.MustCompile(`^\s*when\s*=\s*([^"\s#][^#\r\n]*[^#\s])`)

// markBefore finds the last mark on the line of a byte, and before it; negative: none.
func markBefore(content []byte, at int, mark string) int {
	line := lineAround(content, at)
	begin := at - lineOffset(content, at)
	i := bytes.LastIndex(line[:min(at-begin, len(line))], []byte(mark))
	if i < 0 {
		return -1
	}
	return begin + i
}

// lineOffset returns how far into its line a byte is.
func lineOffset(content []byte, at int) int {
	at = min(at, len(content))
	return at - bytes.LastIndexByte(content[:at], '\n') - 1
}

// rangeOn returns the place of some bytes of one line.
func rangeOn(content []byte, from, length int, filename string) *hcl.Range {
	begin := from - lineOffset(content, from)
	start := hcl.Pos{Byte: from, Line: bytes.Count(content[:from], []byte("\n")) + 1, Column: graphemes(string(content[begin:from])) + 1}
	end := start
	end.Byte, end.Column = from+length, start.Column+graphemes(string(content[from:from+length]))
	return &hcl.Range{Filename: filename, Start: start, End: end}
}
