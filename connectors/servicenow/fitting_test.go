package servicenow

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/markdown/markdowntest"
)

// TestFitting: what is too long fits, and what is converted on the way to that
// has a bound, however long the text is.
func TestFitting(t *testing.T) {
	const limit = 100
	for _, size := range []int{10, limit, limit + 1, 5000, 1_000_000} {
		converted := 0
		got := fitting([]rune(strings.Repeat("a", size)), limit, func(text string) string {
			converted += len(text)
			return "<" + text + ">"
		})
		if n := utf8.RuneCountInString(got); n > limit {
			t.Errorf("%d characters became %d", size, n)
		}
		if size+2 > limit != strings.Contains(got, wasCut) {
			t.Errorf("%d characters: %q", size, got)
		}
		if most := 16 * (maxHead*limit + len(wasCut)); converted > most {
			t.Errorf("for %d characters, %d were converted, of at most %d", size, converted, most)
		}
	}
}

// TestHardEntries: a copy of any text fits a journal, ends with its marker, and
// reads the same when it is posted again.
//
// The limit is a tenth of a journal's, and the text longer than what is
// converted for it.
func TestHardEntries(t *testing.T) {
	const limit = journalLength / 10
	for _, hard := range markdowntest.Texts() {
		t.Run(hard.Name, func(t *testing.T) {
			post := connectors.NewComment{Text: hard.Of(2 * maxHead * limit), Author: "Ann", Origin: "INC-1", Marker: "abc-1"}
			value := entry(post, limit)
			if n := utf8.RuneCountInString(value); n > limit {
				t.Errorf("%d characters", n)
			}
			rest, marker := unmarked(value)
			if marker != "abc-1" {
				t.Errorf("marker %q of …%q", marker, value[max(0, len(value)-80):])
			}
			said(rest)
		})
	}
}

// TestHardColumns: any text fits a column, and is the same as what it became.
func TestHardColumns(t *testing.T) {
	const limit = 400
	column := limited(connectors.Text, "Description", limit)
	for _, hard := range markdowntest.Texts() {
		t.Run(hard.Name, func(t *testing.T) {
			value, err := convert(column, hard.Of(2*maxHead*limit))
			if err != nil {
				t.Fatal(err)
			}
			text, _ := value.(string)
			if n := utf8.RuneCountInString(text); n > limit {
				t.Errorf("%d characters", n)
			}
			if !same(column, value, text) {
				t.Error("it is not the same as itself")
			}
			if n := utf8.RuneCountInString(text); n < limit && !strings.HasSuffix(text, "…") {
				t.Errorf("nothing says that %d characters are not all: …%q", n, text[max(0, len(text)-20):])
			}
		})
	}
}
