package rules

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/apparentlymart/go-textseg/v15/textseg"
	"golang.org/x/text/width"

	"github.com/lockstep-sync/lockstep/rules/visible"
)

// The severities of diagnostics.
const (
	SeverityError   = "error"
	SeverityWarning = "warning"
)

// A Diagnostic is something that is wrong, or suspicious, in a configuration.
type Diagnostic struct {
	Severity string `json:"severity"` // "error" or "warning"
	File     string `json:"file"`
	// Line and Column count from 1; columns are characters as people see them
	// (grapheme clusters). They are 0 where it is about the configuration as a whole.
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Summary string `json:"summary"`
	Detail  string `json:"detail"`
	// EndLine and EndColumn are where what is meant ends, the column being the one
	// after its last character.
	EndLine   int `json:"end_line,omitempty"`
	EndColumn int `json:"end_column,omitempty"`

	// Units and EndUnits are Column and EndColumn in UTF-16 code units, as editors and
	// code review count; 0 where there is no line to count in.
	Units    int `json:"-"`
	EndUnits int `json:"-"`

	// Source is the line itself and Width how many of its characters from
	// Column on are meant; empty and 0 where there is no line to show.
	Source string `json:"-"`
	Width  int    `json:"-"`
}

// Diagnostics is a list of diagnostics, sorted by place.
type Diagnostics []Diagnostic

// HasErrors reports whether one of them is an error.
func (d Diagnostics) HasErrors() bool {
	for i := range d {
		if d[i].Severity == SeverityError {
			return true
		}
	}
	return false
}

// MarshalJSON writes a list, an empty one too.
func (d Diagnostics) MarshalJSON() ([]byte, error) {
	plain := []Diagnostic(d)
	if plain == nil {
		plain = []Diagnostic{}
	}
	return encodeJSON(plain)
}

// WriteText writes the diagnostics for people: place and summary, the line
// with a caret line under it, and what to write instead. Errors of w are for
// its owner to find.
func (d Diagnostics) WriteText(w io.Writer, color bool) {
	for i := range d {
		if i > 0 {
			fmt.Fprintln(w)
		}
		d[i].writeText(w, color)
	}
}

// The colours are ANSI's, in which terminals have their own taste.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[1;31m"
	yellow = "\x1b[1;33m"
)

func (d *Diagnostic) writeText(w io.Writer, color bool) {
	paint := func(with, text string) {
		if color {
			visible.Styled(w, with, text)
		} else {
			fmt.Fprint(w, visible.Text(text))
		}
	}
	tint := red
	if d.Severity == SeverityWarning {
		tint = yellow
	}
	place := fmt.Sprintf("%s:%d:%d:", d.File, d.Line, d.Column)
	if d.Line == 0 {
		place = d.File + ":"
	}
	paint(bold, visible.Line(place))
	fmt.Fprint(w, " ")
	paint(tint, d.Severity+":")
	fmt.Fprintf(w, " %s\n", visible.Text(d.Summary))
	if d.Width > 0 {
		source, column, count := excerpt(d.Source, d.Column, d.Width)
		before, marked := caretLine(source, column, count)
		fmt.Fprintf(w, "%s\n%s", visible.Text(source), before)
		paint(tint, marked)
		fmt.Fprintln(w)
	}
	if d.Detail != "" {
		fmt.Fprintln(w, visible.Text(d.Detail))
	}
}

// The longest line that is shown whole, in characters, and how much of a longer
// one is shown before what is meant.
const (
	longestLine = 240
	leadIn      = 80
)

// excerpt returns the part of a source line that shows the characters meant, with
// their place in it. What is left out at either end is an ellipsis.
func excerpt(source string, column, count int) (part string, at, width int) {
	if len(source) <= longestLine || graphemes(source) <= longestLine {
		return source, column, count
	}
	first := max(column-leadIn, 1) // the first character that is shown
	skipped, end := 0, 0
	for at, offset := 1, 0; at < first+longestLine && offset < len(source); at++ {
		offset += graphemeLen(source[offset:])
		if at < first {
			skipped = offset
		}
		end = offset
	}
	part, at = source[skipped:end], column-first+1
	if skipped > 0 {
		part, at = "…"+part, at+1
	}
	width = min(count, first+longestLine-column)
	if end < len(source) {
		part += "…"
	}
	return part, at, width
}

// caretLine returns the line that marks characters of source: one character for
// each of source's, as wide as that one is shown. A tab stays a tab; under a wide
// character stands an ideographic space before the mark and two carets in it.
func caretLine(source string, column, count int) (before, marked string) {
	var space, carets strings.Builder
	at := 1
	for rest := source; rest != "" && at < column+count; at++ {
		n := graphemeLen(rest)
		cluster := rest[:n]
		rest = rest[n:]
		shown := visible.Cluster(cluster)
		switch wide := isWide(cluster); {
		case at < column && shown != cluster:
			space.WriteString(strings.Repeat(" ", utf8.RuneCountInString(shown)))
		case shown != cluster:
			carets.WriteString(strings.Repeat("^", utf8.RuneCountInString(shown)))
		case at < column && cluster == "\t":
			space.WriteByte('\t')
		case at < column && wide:
			space.WriteRune('\u3000')
		case at < column:
			space.WriteByte(' ')
		case wide:
			carets.WriteString("^^")
		default:
			carets.WriteByte('^')
		}
	}
	for ; at < column; at++ { // past the end of the line
		space.WriteByte(' ')
	}
	if carets.Len() == 0 {
		carets.WriteByte('^')
	}
	return space.String(), carets.String()
}

func graphemeLen(s string) int {
	n, _, err := textseg.ScanGraphemeClusters([]byte(s), true)
	if err != nil || n <= 0 {
		return 1
	}
	return n
}

// graphemes counts the characters of s as people see them.
func graphemes(s string) int {
	n, err := textseg.TokenCount([]byte(s), textseg.ScanGraphemeClusters)
	if err != nil {
		return utf8.RuneCountInString(s)
	}
	return n
}

// isWide reports whether a terminal gives a character two cells.
func isWide(cluster string) bool {
	r, _ := utf8.DecodeRuneInString(cluster)
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return true
	}
	return strings.ContainsRune(cluster, '\ufe0f') // shown as an emoji
}
