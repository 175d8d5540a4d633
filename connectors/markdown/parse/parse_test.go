package parse

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/connectors/markdown/markdowntest"
	"github.com/lockstep-sync/lockstep/connectors/markdown/steps"
)

// shape is a tree as text. Texts that follow one another are one.
func shape(n ast.Node, source []byte) string {
	var b strings.Builder
	var walk func(n ast.Node, deep int)
	walk = func(n ast.Node, deep int) {
		fmt.Fprintf(&b, "%s%s", strings.Repeat(" ", deep), n.Kind())
		switch n := n.(type) {
		case *ast.Text:
			value := string(n.Segment.Value(source))
			for next, ok := n.NextSibling().(*ast.Text); ok && !n.SoftLineBreak() && !n.HardLineBreak(); next, ok = n.NextSibling().(*ast.Text) {
				value += string(next.Segment.Value(source))
				n = next
			}
			fmt.Fprintf(&b, " %q %v %v", value, n.SoftLineBreak(), n.HardLineBreak())
		case *ast.Emphasis:
			fmt.Fprintf(&b, " %d", n.Level)
		case *ast.Link:
			fmt.Fprintf(&b, " %q %q", n.Destination, n.Title)
		case *ast.Image:
			fmt.Fprintf(&b, " %q %q", n.Destination, n.Title)
		}
		b.WriteByte('\n')
		var before ast.Node
		for c := n.FirstChild(); c != nil; before, c = c, c.NextSibling() {
			if t, ok := before.(*ast.Text); ok && c.Kind() == ast.KindText && !t.SoftLineBreak() && !t.HardLineBreak() {
				continue // a part of the text before it
			}
			walk(c, deep+1)
		}
	}
	walk(n, 0)
	return b.String()
}

// TestAsGoldmark: a text that comes near no bound is read as goldmark reads it.
func TestAsGoldmark(t *testing.T) {
	pieces := []string{
		"a", "b c", " ", "\n", "\n\n", "*", "**", "_", "__", "~~", "~", "~~~", "`", "``", "```\n", "[", "](", ")", "](http://x.example)", "![", "][", "[a]: /x\n", "]", "[a]",
		"<", ">", "<http://x.example>", "<a b='c'>", "<!--", "-->", "# ", "## ", " #", "\\", "\\*", "- ", "  - ", "1. ", "2) ", "> ", "    ", "\t",
		"é", "!", ".", "\"t\"", "&lt;", "|", "| --- |\n", "\\|", "---\n", "===\n", "***",
	}
	tables := New(true)
	theirs := goldmark.New(goldmark.WithExtensions(extension.Strikethrough, extension.Table)).Parser()
	rapid.Check(t, func(t *rapid.T) {
		source := []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 40).Draw(t, "pieces"), ""))
		want := shape(theirs.Parse(text.NewReader(source)), source)
		if got := shape(tables.Parse(bytes.Clone(source), steps.For(len(source))), source); got != want {
			t.Fatalf("%q\n got %s\nwant %s", source, got, want)
		}
	})
}

// What reading may cost: steps, and nodes, for each byte.
const (
	stepsPerByte = 128
	nodesPerByte = 4
	small        = 1 << 16
)

func holdBounds(t testing.TB, in string) {
	t.Helper()
	source, budget := []byte(in), steps.For(len(in))
	tree := New(true).Parse(source, budget)
	if spent, most := budget.Spent(), stepsPerByte*len(in)+small; spent > most {
		t.Errorf("%.40q (%d bytes) took %d steps, and may take %d", in, len(in), spent, most)
	}
	nodes, deepest := 0, 0
	var walk func(n ast.Node, blocks int)
	walk = func(n ast.Node, blocks int) {
		nodes++
		if n.Type() == ast.TypeBlock {
			blocks++
			deepest = max(deepest, blocks)
		}
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			walk(c, blocks)
		}
	}
	walk(tree, 0)
	if nodes > nodesPerByte*len(in)+small {
		t.Errorf("%.40q (%d bytes) has %d nodes", in, len(in), nodes)
	}
	if most := 2*maxDepth + 8; deepest > most {
		t.Errorf("%.40q is %d levels deep", in, deepest)
	}
}

func TestHardTexts(t *testing.T) {
	for _, hard := range markdowntest.Texts() {
		t.Run(hard.Name, func(t *testing.T) { holdBounds(t, hard.Of(64<<10)) })
	}
}

func FuzzParse(f *testing.F) {
	for _, hard := range markdowntest.Texts() {
		f.Add(hard.Of(256))
	}
	f.Fuzz(func(t *testing.T, in string) { holdBounds(t, in) })
}
