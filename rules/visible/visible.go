// Package visible shows text as what it is. What a vendor, a person or a file
// says may hold characters that a terminal carries out in place of showing them,
// or that show text in another order than it stands: those are written as their
// escapes, as JSON and Go have them, so that JSON stays the JSON that it was.
package visible

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Text is text with every character escaped that is not merely shown. Line
// breaks and tabs stay.
func Text(s string) string { return escape(s, keepsLayout) }

// Line is Text for one line: line breaks and tabs are escaped as well.
func Line(s string) string { return escape(s, shown) }

// Cluster returns one character of a line as people see it, which may be several
// code points, with what is not merely shown escaped; a tab stays.
func Cluster(s string) string {
	if s == "\t" {
		return s
	}
	return Line(s)
}

func escape(s string, keep func(rune) bool) string {
	if plain(s, keep) {
		return s
	}
	var b strings.Builder
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case keep(r):
			b.WriteString(s[:n])
		default:
			b.WriteString(escaped(r))
		}
		s = s[n:]
	}
	return b.String()
}

func plain(s string, keep func(rune) bool) bool {
	for i, r := range s {
		if !keep(r) || r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)) {
			return false
		}
	}
	return true
}

func escaped(r rune) string {
	switch r {
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

func keepsLayout(r rune) bool { return r == '\n' || r == '\t' || shown(r) }

// shown reports whether a character is shown and does nothing else. Joiners are,
// which scripts and emojis need.
func shown(r rune) bool {
	switch {
	case r == '\u200c' || r == '\u200d':
		return true
	case r < utf8.RuneSelf:
		return r >= ' ' && r != '\x7f'
	default: // controls, formats, and separators of lines and paragraphs
		return !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
	}
}
