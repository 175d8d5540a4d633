package daemon

import (
	"log/slog"
	"strings"
	"testing"
)

var quiet = slog.New(slog.DiscardHandler)

// replaced returns text with the first old in it replaced. A text that does not
// hold old would test something else than it says.
func replaced(t *testing.T, text, old, by string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("there is no %q to replace in\n%s", old, text)
	}
	return strings.Replace(text, old, by, 1)
}
