package adf

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	headingStart = regexp.MustCompile(`^#{1,6}(?:[ \t]|$)`)
	bulletStart  = regexp.MustCompile(`^[-+](?:[ \t]|$)`)
	numberStart  = regexp.MustCompile(`^[0-9]{1,9}[.)](?:[ \t]|$)`)
	underline    = regexp.MustCompile(`^(?:=+|[-: |\t]+)$`)
)

// escape writes a text with as few backslashes as it needs to be read as text.
// Where something follows it in the same line, its last character may need one
// as well.
func (w *writer) escape(s string, followed, inLink bool) string {
	var b strings.Builder
	skip := -1
	if w.atLineStart() {
		switch {
		case headingStart.MatchString(s), bulletStart.MatchString(s), underline.MatchString(s), strings.HasPrefix(s, ">"):
			skip = 0
		case numberStart.MatchString(s):
			skip = strings.IndexAny(s, ".)")
		}
	}
	closing := len(strings.TrimRight(s, "# ")) // of a heading's number signs
	for i, r := range s {
		if i == skip || w.isMarkup(s, i, r, followed, inLink) || r == '#' && w.place == inHeading && i >= closing {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// isMarkup reports whether the character at i would be read as markup.
func (w *writer) isMarkup(s string, i int, r rune, followed, inLink bool) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
	last := i+utf8.RuneLen(r) == len(s)
	spaced := i > 0 && unicode.IsSpace(before) && (unicode.IsSpace(after) || last && !followed)
	switch r {
	case '\\':
		return last || after < 128 && strings.IndexByte(punctuation, byte(after)) >= 0
	case '`':
		return true
	case '*':
		return !spaced
	case '_':
		return !spaced && !(i > 0 && !last && isWord(before) && isWord(after))
	case '~':
		return after == '~' || last && followed || i > 0 && !unicode.IsSpace(before)
	case '[':
		return inLink
	case ']':
		return inLink || after == '(' || after == ':' || after == '[' || last && followed
	case '!':
		return after == '[' || last && followed
	case '<':
		return last && followed || after == '/' || after == '!' || after == '?' || unicode.IsLetter(after)
	case '&':
		return isEntity(s[i:])
	case '|':
		return w.place == inCell
	}
	return false
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
