package expr

import (
	"testing"

	"github.com/apparentlymart/go-textseg/v15/textseg"
)

// TestColumns: ASCII is counted as all else is.
func TestColumns(t *testing.T) {
	for _, line := range []string{"", "abc", "a\tb\x00c", "a\rb", "é", "e\u0301x", "👩‍👩‍👧 x", "a\xffb", "a\u200bb"} {
		want, _ := textseg.TokenCount([]byte(line), textseg.ScanGraphemeClusters)
		if got := columns([]byte(line)); got != want {
			t.Errorf("%q: got %d, want %d", line, got, want)
		}
	}
}
