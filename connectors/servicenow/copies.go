package servicenow

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/markdown"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// A copy in a journal is three parts of text, each apart by an empty line: who
// said it and where, what was said, and the marker on a line of its own,
// "(lockstep-MARKER)". What was said is text, or HTML between [code] and
// [/code], which the product shows as such; the other two are text always, so
// that they are read back whatever becomes of the HTML.
var (
	markerLine = regexp.MustCompile(`(?:^|\n)[ \t]*\(lockstep-([a-z0-9-]{1,40})\)\s*$`)
	// markerAnywhere is a marker within what the ticket shows of its journal.
	markerAnywhere = regexp.MustCompile(`(?:^|\n)[ \t]*\(lockstep-([a-z0-9-]{1,40})\)[ \t]*(?:\r?\n|$)`)
	codeOpen       = regexp.MustCompile(`(?i)\[code\]`)
	codeClose      = regexp.MustCompile(`(?i)\[/code\]`)
	codeEither     = regexp.MustCompile(`(?i)\[(/?code\])`)
	blockStart     = regexp.MustCompile(`(?i)^\s*<(?:p|div|ul|ol|table|pre|h[1-6]|blockquote|hr)\b`)
)

// journalLength is the max_length of journal columns in the product's
// dictionary, in characters. More may be cut off, and the marker with it.
const journalLength = 4000

const wasCut = "(cut here: it is longer than a ServiceNow journal entry)"

// unmarked takes the marker and the line that names the origin off a copy; "":
// it is not a copy.
func unmarked(value string) (rest, marker string) {
	value = strings.TrimRight(values.Lines(value), " \t\n")
	at := markerLine.FindStringSubmatchIndex(value)
	if at == nil {
		return value, ""
	}
	rest, marker = strings.TrimRight(value[:at[0]], " \t\n"), value[at[2]:at[3]]
	_, rest, _ = strings.Cut(rest, "\n")
	return strings.Trim(rest, "\n"), marker
}

// said is the Markdown of a journal's value, without a marker.
func said(value string) string {
	value = values.Lines(value)
	var b strings.Builder
	for {
		open := codeOpen.FindStringIndex(value)
		if open == nil {
			break
		}
		end := codeClose.FindStringIndex(value[open[1]:])
		if end == nil {
			break // without an end it is shown as text
		}
		text, html := value[:open[0]], value[open[1]:open[1]+end[0]]
		value = value[open[1]+end[1]:]
		b.WriteString(markdown.Escape(text))
		if converted := markdown.FromHTML(html); converted != "" {
			block := blockStart.MatchString(html) || strings.Contains(converted, "\n")
			if block && strings.TrimSpace(b.String()) != "" {
				b.WriteString("\n\n")
			}
			b.WriteString(converted)
			if block && strings.TrimSpace(value) != "" {
				b.WriteString("\n\n")
			}
		}
	}
	b.WriteString(markdown.Escape(value))
	return values.TrimLines(b.String())
}

// maxHead is for how many characters for each one that fits a text is
// converted. What lies beyond would have been cut.
const maxHead = 16

// entry is the value of a copy, of so many characters at most. What is too long
// is cut, with a note of it.
func entry(post connectors.NewComment, limit int) string {
	return fitting([]rune(values.Lines(post.Text)), limit, func(text string) string { return framed(post, text) })
}

// fitting is a text, framed, or as much of its beginning as fits.
func fitting(runes []rune, limit int, frame func(text string) string) string {
	if len(runes) <= maxHead*limit {
		if whole := frame(string(runes)); utf8.RuneCountInString(whole) <= limit {
			return whole
		}
	}
	fits, fails := 0, min(len(runes), maxHead*limit)
	for fits+1 < fails { // HTML grows with its text, though not evenly
		middle := (fits + fails) / 2
		if utf8.RuneCountInString(frame(shortened(runes[:middle]))) <= limit {
			fits = middle
		} else {
			fails = middle
		}
	}
	return frame(shortened(runes[:fits]))
}

func shortened(text []rune) string {
	s := strings.TrimRight(string(text), " \t\n")
	if strings.Count(s, "```")%2 == 1 {
		s += "\n```"
	}
	return s + "\n\n" + wasCut
}

func framed(post connectors.NewComment, text string) string {
	body, simple := markdown.Simple(values.TrimLines(text))
	if !simple || codeEither.MatchString(body) {
		html := markdown.HTML(text)
		body = "[code]" + codeEither.ReplaceAllString(html, "&#91;$1") + "[/code]"
	}
	return heading(post) + "\n\n" + body + "\n\n" + markerText(post.Marker)
}

func markerText(marker string) string { return "(lockstep-" + marker + ")" }

// heading is the first line of a copy. It holds nothing that is shown as HTML.
func heading(post connectors.NewComment) string {
	return codeEither.ReplaceAllString(post.Heading(), "($1") + ":"
}
