package adf

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/markdown/markdowntest"
)

// What a conversion may cost: steps for each byte of its input, and bytes of
// its output.
const (
	stepsPerByte  = 1000
	outputPerByte = 64
	small         = 1 << 16

	// The hard texts need 210 steps a byte at most. At this size, one step for
	// each pair of bytes exceeds their bound.
	hardSize         = 1 << 10
	hardStepsPerByte = 400
)

type failer interface {
	Helper()
	Errorf(string, ...any)
}

// holdBounds converts Markdown there and back, and holds what it costs.
func holdBounds(t failer, in string, perByte int) {
	t.Helper()
	c := newCodec(len(in))
	out := c.canonical(in)
	if spent, most := c.budget.Spent(), perByte*len(in)+small; spent > most {
		t.Errorf("%.40q (%d bytes) took %d steps, and may take %d", in, len(in), spent, most)
	}
	if len(out) > outputPerByte*len(in)+small {
		t.Errorf("%.40q (%d bytes) became %d bytes", in, len(in), len(out))
	}
}

func TestHardTexts(t *testing.T) {
	for _, hard := range markdowntest.Texts() {
		t.Run(hard.Name, func(t *testing.T) {
			in := hard.Of(hardSize)
			holdBounds(t, in, hardStepsPerByte)
			doc := FromMarkdown(in)
			if err := jiratest.ValidDocument(decoded(t, doc)); err != nil {
				t.Error(err)
			}
			back := Canonical(in)
			if again := ToMarkdown(FromMarkdown(back)); again != back {
				at := 0
				for at < min(len(again), len(back)) && again[at] == back[at] {
					at++
				}
				t.Errorf("not stable: from %d on, …%.80q became …%.80q", at, back[max(0, at-20):], again[max(0, at-20):])
			}
			if !Same(in, back) {
				t.Error("what comes back is not the same")
			}
		})
	}
}

// TestNothingIsLost: the words of a text that is degraded are all there.
func TestNothingIsLost(t *testing.T) {
	for _, in := range []string{
		strings.Repeat("> ", 40) + "word",
		strings.Repeat("> - ", 40) + "word",
		strings.Repeat("- > ", 40) + "word",
		strings.Repeat("- ", 1000) + "word",
		strings.Repeat("[", 10_000) + "word" + strings.Repeat("](x)", 10_000),
		strings.Repeat("*a ", 10_000) + "word" + strings.Repeat("* ", 10_000),
		strings.Repeat("|a", 3000) + "\n" + strings.Repeat("|-", 3000) + "\n" + strings.Repeat("a\n", 1000) + "word",
		strings.Repeat("[a]: http://x.example\n", 1000) + "word",
	} {
		if got := Canonical(in); !strings.Contains(got, "word") {
			t.Errorf("%.20q lost its word", in)
		}
	}
}

// hardDocuments are documents that are hard to convert, by their number of
// nodes.
var hardDocuments = map[string]func(n int) string{
	"nested": func(n int) string { return nested(n, `{"type":"blockquote","content":[`, `]}`) },
	"nested lists": func(n int) string {
		return nested(n, `{"type":"bulletList","content":[{"type":"listItem","content":[`, `]}]}`)
	},
	"nested tables": func(n int) string {
		return nested(n, `{"type":"table","content":[{"type":"tableRow","content":[{"type":"tableCell","content":[`, `]}]}]}`)
	},
	"nested unknown": func(n int) string {
		return nested(n, `{"type":"hologram","marks":[{"type":"strong"},{"type":"em"}],"content":[`, `]}`)
	},
	"marks": func(n int) string {
		return `{"type":"hologram","marks":[` + strings.Repeat(`{"type":"em"},`, n) + `{"type":"em"}],"content":[` + strings.Repeat(`{"type":"text","text":"a"},`, n) + `{"type":"text","text":"word"}]}`
	},
	"texts": func(n int) string {
		return `{"type":"paragraph","content":[` + strings.Repeat(`{"type":"text","text":"a"},`, n) + `{"type":"text","text":"word"}]}`
	},
	"texts with marks": func(n int) string {
		return `{"type":"paragraph","content":[` + strings.Repeat(`{"type":"text","text":"a","marks":[{"type":"em"}]},{"type":"text","text":"a","marks":[{"type":"strong"},{"type":"em"}]},`, n) + `{"type":"text","text":"word"}]}`
	},
	"breaks": func(n int) string {
		return `{"type":"paragraph","content":[` + strings.Repeat(`{"type":"hardBreak"},`, n) + `{"type":"text","text":"word"}]}`
	},
	"wide table": func(n int) string {
		return `{"type":"table","content":[{"type":"tableRow","content":[` + strings.Repeat(`{"type":"tableCell"},`, n) + `{"type":"tableCell"}]}` +
			strings.Repeat(`,{"type":"tableRow","content":[{"type":"tableCell","content":[{"type":"text","text":"word"}]}]}`, n) + `]}`
	},
	"tasks": func(n int) string {
		return `{"type":"taskList","content":[{"type":"taskItem","content":[{"type":"text","text":"word"}]}` + strings.Repeat(`,{"type":"taskList","content":[{"type":"taskItem","content":[{"type":"text","text":"a"}]}]}`, n) + `]}`
	},
	"paragraphs": func(n int) string {
		return `{"type":"panel","content":[` + strings.Repeat(`{"type":"paragraph","content":[{"type":"text","text":"a*b_c"}]},`, n) + `{"type":"paragraph","content":[{"type":"text","text":"word"}]}]}`
	},
}

func nested(n int, opening, closing string) string {
	return strings.Repeat(opening, n) + `{"type":"paragraph","content":[{"type":"text","text":"word"}]}` + strings.Repeat(closing, n)
}

// holdDocument converts a document, and holds what it costs.
func holdDocument(t failer, body string, object map[string]any) string {
	t.Helper()
	doc := FromJSON(object)
	c := newCodec(doc.size())
	markdown := c.toMarkdown(doc)
	if spent, most := c.budget.Spent(), stepsPerByte*len(body)+small; spent > most {
		t.Errorf("%.40q (%d bytes) took %d steps, and may take %d", body, len(body), spent, most)
	}
	if len(markdown) > outputPerByte*len(body)+small {
		t.Errorf("%.40q (%d bytes) became %d bytes", body, len(body), len(markdown))
	}
	return markdown
}

func TestHardDocuments(t *testing.T) {
	for name, of := range hardDocuments {
		t.Run(name, func(t *testing.T) {
			body := `{"type":"doc","version":1,"content":[` + of(1000) + `]}`
			var object map[string]any
			if err := json.Unmarshal([]byte(body), &object); err != nil {
				t.Fatal(err)
			}
			markdown := holdDocument(t, body, object)
			if !strings.Contains(markdown, "word") {
				t.Errorf("its word is lost: %.80q", markdown)
			}
			if back := Canonical(markdown); Canonical(back) != back {
				t.Error("not stable")
			}
		})
	}
}

// TestRepeated: what many signs in a row become costs what it may, is valid,
// and does not change any more, whether or not the parser's bounds were reached.
func TestRepeated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var in strings.Builder
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			unit := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 4).Draw(t, "unit"), "")
			in.WriteString(strings.Repeat(unit, rapid.IntRange(1, 200).Draw(t, "times")))
		}
		holdBounds(t, in.String(), stepsPerByte)
		holdStable(t, in.String())
	})
}

// TestHardCut: what any text becomes fits, is not cut again, and comes back as
// the same.
func TestHardCut(t *testing.T) {
	const limit = 500
	for _, hard := range markdowntest.Texts() {
		t.Run(hard.Name, func(t *testing.T) {
			short := Cut(hard.Of(4*limit), limit)
			doc := FromMarkdown(short)
			if w := weight(doc); w > limit {
				t.Errorf("weight %d", w)
			}
			if again := Cut(short, limit); again != short {
				t.Errorf("cut again: %.80q", again)
			}
			if back := ToMarkdown(FromJSON(decoded(t, doc))); !Same(short, back) {
				t.Errorf("%.80q is not the same as %.80q", short, back)
			}
		})
	}
}

// TestBudget: what exceeds its budget arrives as plain text.
func TestBudget(t *testing.T) {
	c := newCodec(0)
	c.budget.Spend(1 << 40)
	const in = "**a**\nb\n\n> c"
	doc := c.read(in)
	if got := strings.Fields(flat(doc)); strings.Join(got, " ") != "**a** b> c" {
		t.Errorf("read: %q", got)
	}
	if err := jiratest.ValidDocument(decoded(t, doc)); err != nil {
		t.Error(err)
	}
	if got := c.write(FromMarkdown("a *b*\n\n- c*")); got != "a b\n\nc\\*" {
		t.Errorf("written: %q", got)
	}
	if got := c.toMarkdown(FromMarkdown("a *b*\n\n- c*")); got != "a b\n\nc\\*" {
		t.Errorf("of a document: %q", got)
	}
}

func TestMemory(t *testing.T) {
	t.Run("Canonical", func(t *testing.T) {
		markdowntest.HoldMemory(t, markdowntest.Texts(), func(in string) { Canonical(in) })
	})
	t.Run("ToMarkdown", func(t *testing.T) { markdowntest.HoldMemory(t, documents(), convertDocument) })
}
