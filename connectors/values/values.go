// Package values has what connectors have in common when they turn rendered
// values into what a system holds, and compare the two. It knows no system.
package values

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Why a value cannot be converted. No error quotes the value: its record may be
// private.
var (
	ErrText   = errors.New("an object cannot be written to it")
	ErrNumber = errors.New("expected a number")
	ErrWhole  = errors.New("expected a whole number")
	ErrBool   = errors.New("expected true or false")
	ErrTime   = errors.New("expected a time (RFC 3339)")
	ErrList   = errors.New("expected a list")
)

// Empty reports whether a value is null, blank text, or a list or map without
// elements.
func Empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// OrNil returns the text, or nil where it is empty.
func OrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Text writes a scalar, or a list of scalars, as text.
func Text(v any) (string, error) {
	if s, ok := connectors.TextOf(v); ok {
		return s, nil
	}
	return "", ErrText
}

// Lines writes line ends as "\n".
func Lines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// OneLine joins the lines of a text that are not blank.
func OneLine(s string) string {
	var parts []string
	for line := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, " ")
}

// TrimLines returns a text without the blank lines before and after it. The
// indentation of its first line may mean something.
func TrimLines(s string) string {
	s = strings.TrimRight(s, " \t\r\n")
	for {
		line, rest, found := strings.Cut(s, "\n")
		if !found || strings.TrimSpace(line) != "" {
			return s
		}
		s = rest
	}
}

// Cut shortens a text to a number of characters, the last of which then is "…".
// A limit of 0 is unlimited.
func Cut(s string, limit int) string {
	if limit <= 0 || utf8.RuneCountInString(s) <= limit {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:limit-1]), " \n\t") + "…"
}

// CutUTF16 shortens a text as Cut does, for systems that count as UTF-16 does: a character beyond the
// basic plane, as most emoji are, counts for two.
func CutUTF16(s string, limit int) string {
	if limit <= 0 {
		return s
	}
	length, end := 0, 0 // end is where what fits with "…" ends
	for i, r := range s {
		if length += utf16.RuneLen(r); length <= limit-1 {
			end = i + utf8.RuneLen(r)
		}
		if length > limit {
			return strings.TrimRight(s[:end], " \n\t") + "…"
		}
	}
	return s
}

// List returns a list of texts, made of a list, or of text with commas: each trimmed,
// and without those that are empty.
func List(v any) ([]any, error) {
	var list []any
	switch v := v.(type) {
	case []any:
		list = v
	case string:
		for element := range strings.SplitSeq(v, ",") {
			list = append(list, element)
		}
	default:
		return nil, ErrList
	}
	texts := []any{}
	for _, element := range list {
		s, err := Text(element)
		if err != nil {
			return nil, err
		}
		if s = strings.TrimSpace(s); s != "" {
			texts = append(texts, s)
		}
	}
	return texts, nil
}

// Set returns the texts of a list in an order of their own, each once, without those
// that are blank; fold disregards case. A scalar is a list of one.
func Set(v any, fold bool) []string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	set := make([]string, 0, len(list))
	for _, element := range list {
		s, ok := connectors.TextOf(element)
		if s = strings.TrimSpace(s); !ok || s == "" {
			continue
		}
		if fold {
			s = strings.ToLower(s)
		}
		set = append(set, s)
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// Unique returns the texts in order, each once.
func Unique(texts []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(texts)))
}

// ParseNumber reads a finite number.
func ParseNumber(s string) (float64, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

// ParseTime reads a time, or text in one of the layouts, in UTC where it does not
// say otherwise.
func ParseTime(v any, layouts ...string) (time.Time, bool) {
	switch v := v.(type) {
	case time.Time:
		return v.UTC(), true
	case string:
		for _, layout := range layouts {
			if at, err := time.Parse(layout, strings.TrimSpace(v)); err == nil {
				return at.UTC(), true
			}
		}
	}
	return time.Time{}, false
}
