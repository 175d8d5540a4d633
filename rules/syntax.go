package rules

import (
	"bytes"
	"regexp"

	"github.com/hashicorp/hcl/v2"
)

// HCL's summaries of mistakes that need other words here.
const (
	hclOpenQuote  = "Invalid multi-line string"
	hclNoNewline  = "Missing newline after argument"
	quotedInText  = `Within a text, CEL's strings stand in single quotes: "incident.name == 'x'".`
	quotedExpr    = `An expression stands within a text, in quotes: "{{ … }}".`
	closeTheQuote = `The quote that closes the text is missing. A text of many lines is written <<-EOT … EOT.`
)

// bareExpr is a CEL expression that is not within a text.
var bareExpr = regexp.MustCompile(`(?:^|[=\[(,])\s*\{\{`)

// plainSyntax leaves of HCL's syntax errors those that are not the noise of
// one before them, and says what is written instead where the two languages
// meet.
func plainSyntax(diags hcl.Diagnostics, content []byte) hcl.Diagnostics {
	var kept hcl.Diagnostics
	for _, d := range diags {
		if d.Subject == nil {
			kept = append(kept, d)
			continue
		}
		at := d.Subject.Start.Byte
		if n := len(kept); n > 0 && kept[n-1].Subject != nil && kept[n-1].Subject.Start.Byte == at {
			continue
		}
		plain := *d
		switch {
		case d.Summary == hclOpenQuote:
			// From here on, what is text and what is not are mistaken for each other.
			plain.Detail = closeTheQuote
			return append(kept, &plain)
		case d.Summary == hclNoNewline && at > 0 && at <= len(content) && content[at-1] == '"':
			plain.Detail = quotedInText
		case bareExpr.Match(lineAround(content, at)):
			plain.Detail = quotedExpr
		}
		kept = append(kept, &plain)
	}
	return kept
}

// lineAround is the line that a byte is on.
func lineAround(content []byte, at int) []byte {
	at = min(at, len(content))
	begin := bytes.LastIndexByte(content[:at], '\n') + 1
	end := len(content)
	if i := bytes.IndexByte(content[at:], '\n'); i >= 0 {
		end = at + i
	}
	return content[begin:end]
}
