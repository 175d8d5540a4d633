package values_test

import (
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/lockstep-sync/lockstep/connectors/values"
)

func TestCutUTF16(t *testing.T) {
	for _, test := range []struct {
		text  string
		limit int
		want  string
	}{
		{"abc", 0, "abc"}, {"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"🔥🔥", 4, "🔥🔥"}, {"🔥🔥🔥", 5, "🔥🔥…"}, {"🔥🔥🔥", 4, "🔥…"}, {"ab cd", 4, "ab…"}, {"🔥", 1, "…"}, {"", 5, ""},
	} {
		if got := values.CutUTF16(test.text, test.limit); got != test.want {
			t.Errorf("%q at %d is %q, want %q", test.text, test.limit, got, test.want)
		}
	}
	for limit := range 300 {
		if got := values.CutUTF16(strings.Repeat("a🔥漢", 60), limit+1); len(utf16.Encode([]rune(got))) > limit+1 {
			t.Errorf("at %d it has %d", limit+1, len(utf16.Encode([]rune(got))))
		}
	}
}
