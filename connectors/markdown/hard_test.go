package markdown

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/connectors/markdown/adf"
	"github.com/lockstep-sync/lockstep/connectors/markdown/markdowntest"
	"github.com/lockstep-sync/lockstep/connectors/markdown/steps"
)

// What a conversion may cost: steps for each byte of its input, and bytes of
// its output.
const (
	stepsPerByte  = 1000
	outputPerByte = 64
	small         = 1 << 16

	// hardSize is long enough for one step for each pair of bytes to exceed the
	// bound.
	hardSize = 2 << 10
)

type failer interface {
	Helper()
	Errorf(string, ...any)
}

func holdBounds(t failer, name, in, out string, budget *steps.Budget) {
	t.Helper()
	if spent, most := budget.Spent(), stepsPerByte*len(in)+small; spent > most {
		t.Errorf("%s(%.40q) (%d bytes) took %d steps, and may take %d", name, in, len(in), spent, most)
	}
	if len(out) > outputPerByte*len(in)+small {
		t.Errorf("%s(%.40q) (%d bytes) became %d bytes", name, in, len(in), len(out))
	}
}

// conversions are those of this package, from Markdown and from plain text.
var conversions = map[string]func(c converter, in string) string{
	"Plain":  converter.plain,
	"Escape": converter.escape,
	"Simple": func(c converter, in string) string { out, _ := c.simple(in); return out },
	"HTML":   converter.html,
}

func holdAll(t failer, in string) {
	t.Helper()
	for name, convert := range conversions {
		c := newConverter(len(in))
		if name == "HTML" {
			c = newHTMLConverter(len(in))
		}
		holdBounds(t, name, in, convert(c, in), c.budget)
	}
}

func TestHardTexts(t *testing.T) {
	for _, hard := range markdowntest.Texts() {
		t.Run(hard.Name, func(t *testing.T) {
			in := hard.Of(hardSize)
			holdAll(t, in)
			once := Plain(in)
			if twice := Plain(once); twice != once {
				t.Error("plain text is not plain")
			}
		})
	}
}

func holdPage(t failer, in string) string {
	t.Helper()
	budget := steps.For(len(in))
	doc := readHTML(in, budget)
	out := strings.TrimSpace(adf.ToMarkdown(doc))
	holdBounds(t, "FromHTML", in, out, budget)
	return out
}

func TestHardPages(t *testing.T) {
	for _, hard := range markdowntest.Pages() {
		t.Run(hard.Name, func(t *testing.T) {
			in := hard.Of(hardSize)
			out := holdPage(t, in)
			if strings.Contains(in, "word") && !strings.Contains(out, "word") {
				t.Errorf("its word is lost: %.80q", out)
			}
		})
	}
}

// TestNothingIsLost: the words of a text that is degraded are all there.
func TestNothingIsLost(t *testing.T) {
	for _, in := range []string{
		strings.Repeat("> ", 1000) + "word",
		strings.Repeat("- ", 1000) + "word",
		strings.Repeat("[", 10_000) + "word" + strings.Repeat("](x)", 10_000),
		strings.Repeat("*a ", 10_000) + "word" + strings.Repeat("* ", 10_000),
		strings.Repeat("*_", 100) + "word" + strings.Repeat("_*", 100),
		strings.Repeat("[a]: http://x.example\n", 1000) + "word",
	} {
		if got := Plain(in); !strings.Contains(got, "word") {
			t.Errorf("Plain(%.20q) lost its word", in)
		}
		if got := HTML(in); !strings.Contains(got, "word") {
			t.Errorf("HTML(%.20q) lost its word", in)
		}
	}
}

// TestBudget: a text that exceeds its budget arrives as it is.
func TestBudget(t *testing.T) {
	const in = "**a** [b](http://x.example)"
	none := func(c converter) converter {
		c.budget.Spend(1 << 40)
		return c
	}
	if got := none(newConverter(len(in))).plain(in); got != in {
		t.Errorf("plain: %q", got)
	}
	if got, want := none(newHTMLConverter(len(in))).html(in), "<p>"+in+"</p>"; got != want {
		t.Errorf("HTML: %q", got)
	}
}

// TestRepeated: what many signs in a row cost has a bound, and plain text of them
// is plain.
func TestRepeated(t *testing.T) {
	pieces := []string{
		"a", "b c", " ", "\n", "\n\n", "*", "**", "_", "~~", "`", "``", "[", "]", "](", ")", "](http://x)", "![", "[a]: b\n", "[a]", "<", ">", "<http://x>", "<b c='", "# ",
		"\\", "\\*", "- ", "1. ", "> ", "    ", "\t", "é", "&lt;", "&", "|", "|-|\n", "---\n", "\"t\"", "<!--",
	}
	rapid.Check(t, func(t *rapid.T) {
		var in strings.Builder
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			unit := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 4).Draw(t, "unit"), "")
			in.WriteString(strings.Repeat(unit, rapid.IntRange(1, 200).Draw(t, "times")))
		}
		holdAll(t, in.String())
		once := Plain(in.String())
		if twice := Plain(once); twice != once {
			t.Fatalf("Plain(%q) = %q, and of that %q", in.String(), once, twice)
		}
	})
}

func TestMemory(t *testing.T) {
	t.Run("Plain", func(t *testing.T) { markdowntest.HoldMemory(t, markdowntest.Texts(), func(in string) { Plain(in) }) })
	t.Run("Escape", func(t *testing.T) { markdowntest.HoldMemory(t, markdowntest.Texts(), func(in string) { Escape(in) }) })
	t.Run("HTML", func(t *testing.T) { markdowntest.HoldMemory(t, markdowntest.Texts(), func(in string) { HTML(in) }) })
	t.Run("FromHTML", func(t *testing.T) { markdowntest.HoldMemory(t, markdowntest.Pages(), func(in string) { FromHTML(in) }) })
}
