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
func TestHardEntries(t *testing.T) {
	for _, hard := range markdowntest.Texts() {
		t.Run(hard.Name, func(t *testing.T) {
			value := entry(connectors.Post{Text: hard.Of(200_000), Author: "Ann", Origin: "INC-1", Marker: "abc-1"})
			if n := utf8.RuneCountInString(value); n > journalLength {
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
	column := limited(connectors.Text, "Description", 4000)
	for _, hard := range markdowntest.Texts() {
		t.Run(hard.Name, func(t *testing.T) {
			value, err := convert(column, hard.Of(200_000))
			if err != nil {
				t.Fatal(err)
			}
			text, _ := value.(string)
			if n := utf8.RuneCountInString(text); n > 4000 {
				t.Errorf("%d characters", n)
			}
			if !same(column, value, text) {
				t.Error("it is not the same as itself")
			}
			if n := utf8.RuneCountInString(text); n < 4000 && !strings.HasSuffix(text, "…") {
				t.Errorf("nothing says that %d characters are not all: …%q", n, text[max(0, len(text)-20):])
			}
		})
	}
}
