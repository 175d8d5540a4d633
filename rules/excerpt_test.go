package rules

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// A long line is shown around what is meant, and the caret stays under it.
func TestExcerpt(t *testing.T) {
	long := strings.Repeat("a", 500) + "X" + strings.Repeat("b", 500)
	for name, test := range map[string]struct {
		source        string
		column, count int
		whole         bool
	}{
		"short":               {"abcXdef", 4, 1, true},
		"as long as is shown": {strings.Repeat("a", longestLine-1) + "X", longestLine, 1, true},
		"in the middle":       {long, 501, 1, false},
		"at the start":        {"X" + long, 1, 1, false},
		"at the end":          {strings.Repeat("a", 1000) + "X", 1001, 1, false},
		"wide":                {strings.Repeat("é", 500) + "X" + strings.Repeat("é", 500), 501, 1, false},
		"past the end":        {strings.Repeat("a", 1000), 1001, 1, false},
		"meant for long":      {long, 501, 400, false},
	} {
		t.Run(name, func(t *testing.T) {
			part, column, count := excerpt(test.source, test.column, test.count)
			if test.whole != (part == test.source) {
				t.Errorf("got %q", part)
			}
			if n := utf8.RuneCountInString(part); n > longestLine+2 {
				t.Errorf("%d characters are shown", n)
			}
			before, marked := caretLine(part, column, count)
			if n := len(before + marked); n > longestLine+4 {
				t.Errorf("a caret line of %d characters", n)
			}
			if runes := []rune(part); strings.Contains(test.source, "X") && runes[len([]rune(before))] != 'X' {
				t.Errorf("the caret is not under X:\n%s\n%s%s", part, before, marked)
			}
		})
	}
}

// When the budget is spent, what is left of the configuration is about values
// that nobody worked out: only the place where it was spent is said.
func TestOneDiagnosticWhereTheBudgetIsSpent(t *testing.T) {
	var big strings.Builder
	big.WriteString("locals {\n  a0 = \"0123456789\"\n")
	for i := range 40 {
		fmt.Fprintf(&big, "  a%d = \"${local.a%d}${local.a%d}\"\n", i+1, i, i)
	}
	big.WriteString("}\n")
	set, found := Load(t.Context(), write(t, "connectors.hcl", connectorBlocks, "x.hcl", big.String()), Options{Offline: true})
	if set != nil || len(found) != 1 || !strings.HasSuffix(found[0].File, "x.hcl") {
		t.Errorf("got %+v, want one diagnostic in x.hcl", found)
	}
}
