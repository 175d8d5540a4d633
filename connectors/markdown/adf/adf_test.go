package adf

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
)

// decoded is a document as it comes over the wire.
func decoded(t interface{ Fatal(...any) }, doc *Node) map[string]any {
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(b, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// TestThereAndBack holds the form in which Markdown comes back.
func TestThereAndBack(t *testing.T) {
	same := ""
	for _, test := range []struct{ name, in, want string }{
		{"empty", "", same},
		{"text", "Our database is sad.", same},
		{"paragraphs", "one\n\ntwo", same},
		{"marks", "a **b** *c* ~~d~~ `e`", same},
		{"underscores", "a __b__ _c_", "a **b** *c*"},
		{"marks in marks", "***a*** **b *c* d** ~~**e**~~", "***a*** **b *c* d** **~~e~~**"},
		{"marks in words", "un**believ**able", same},
		{"headings", "# One\n\n## Two\n\ntext", same},
		{"underlined heading", "One\n===\ntext", "# One\n\ntext"},
		{"heading that ends in #", "# C\\#", same},
		{"line break", "one  \ntwo", same},
		{"line end", "one\ntwo", "one  \ntwo"},
		{"br", "one<br>two", "one  \ntwo"},
		{"bullets", "- one\n- two", same},
		{"stars", "* one\n* two", "- one\n- two"},
		{"nested", "- one\n  - two\n    - three\n- four", same},
		{"numbers", "1. one\n2. two", same},
		{"numbers from 3", "3) three\n4) four", "3. three\n4. four"},
		{"numbers in bullets", "- one\n  1. two", same},
		{"items of several paragraphs", "- one\n\n  two\n- three", same},
		{"code in items", "- one\n\n  ```\n  a\n\n  b\n  ```", same},
		{"two lists", "- one\n\n* two", same},
		{"tasks", "- [ ] one\n- [x] two", same},
		{"heading in item", "- # One\n  text", "- **One**\n\n  text"},
		{"empty item", "-\n- b", "- b"},
		{"list in an empty item", "-\n  - a", "- - a"},
		{"quote", "> one\n>\n> two", same},
		{"quote in quote", "> one\n> > two", "> one\n>\n> two"},
		{"list in quote", "> - one\n> - two", same},
		{"code", "```go\na := *b*c\n```", same},
		{"code with fences", "````\n```\n````", same},
		{"indented code", "    a\n    b", "```\na\nb\n```"},
		{"code span with backticks", "`` a`b ``", "``a`b``"},
		{"rule", "a\n\n---\n\nb", same},
		{"link", "see [the graph](https://g.example/d?x=1&y=2) now", same},
		{"bold link", "[**it**](https://g.example)", "[**it**](https://g.example)"},
		{"link with parentheses", "[it](https://g.example/a_(b))", "[it](<https://g.example/a_(b)>)"},
		{"link elsewhere", "[it](/relative)", "it"},
		{"link that runs a script", "[it](javascript:alert)", "it"},
		{"address", "see https://g.example/a_b?x=1, or not", same},
		{"address in brackets", "see <https://g.example/a*b>", same},
		{"mail", "<a@b.example>", same},
		{"image", "![a graph](https://g.example/1.png)", "[a graph](https://g.example/1.png)"},
		{"table", "| a | b |\n| --- | --- |\n| c | **d** |", same},
		{"table with bars", "| a \\| b |\n| --- |\n| `c \\| d` |", same},
		{"aligned table", "a | b\n:-- | --:\n1 | 2", "| a | b |\n| --- | --- |\n| 1 | 2 |"},
		{"html", "<b>x</b> 1 < 2", "\\<b>x\\</b> 1 < 2"},
		{"entities", "&copy; &amp;amp;", "© \\&amp;"},
		{"escaped", `\*a\* snake_case 5 * 3 \# x`, `\*a\* snake_case 5 * 3 # x`},
		{"line starts", "\\# a\n\\- b\n1\\. c\n\\> d", "\\# a  \n\\- b  \n1\\. c  \n\\> d"},
		{"windows", "a\r\n\r\nb", "a\n\nb"},
		{"reference", "[a]: https://g.example\n\n[a] \\[b]: c", "[a](https://g.example) [b\\]: c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := test.want
			if want == same {
				want = test.in
			}
			doc := FromMarkdown(test.in)
			if err := jiratest.ValidDocument(decoded(t, doc)); err != nil {
				t.Error(err)
			}
			got := ToMarkdown(doc)
			if got != want {
				t.Errorf("%q\n got %q\nwant %q", test.in, got, want)
			}
			if again := ToMarkdown(FromMarkdown(got)); again != got {
				t.Errorf("%q becomes %q", got, again)
			}
			if !Same(test.in, got) {
				t.Errorf("%q is not the same as %q", got, test.in)
			}
		})
	}
}

func TestNotTheSame(t *testing.T) {
	for _, pair := range [][2]string{
		{"a", "b"},
		{"a", "**a**"},
		{"- a", "1. a"},
		{"# a", "## a"},
		{"a b", "a\nb"},
		{"a", ""},
		{"[a](https://x.example)", "a"},
		{"> a", "a"},
		{"`a`", "a"},
		{"- a\n- b", "- a\n  - b"},
		{"```\na\n```", "```\nb\n```"},
	} {
		if Same(pair[0], pair[1]) {
			t.Errorf("%q is taken for %q", pair[0], pair[1])
		}
	}
}

// TestFromJira reads documents as Jira has them.
func TestFromJira(t *testing.T) {
	inner := func(inline string) string { return `{"type":"paragraph","content":[` + inline + `]}` }
	words := func(s string) string { return `{"type":"text","text":"` + s + `"}` }
	item := func(blocks string) string { return `{"type":"listItem","content":[` + blocks + `]}` }
	for _, test := range []struct{ name, content, want string }{
		{"mention without its text", inner(`{"type":"mention","attrs":{"id":"5b10"}},` + words(" look")), "@5b10 look"},
		{"card with data", inner(`{"type":"inlineCard","attrs":{"data":{"@type":"Document","name":"Runbook","url":"https://wiki.example/runbook"}}}`), "https://wiki.example/runbook"},
		{"card with a name", inner(`{"type":"inlineCard","attrs":{"data":{"@type":"Document","name":"Runbook"}}}`), "Runbook"},
		{"inline extension", inner(words("see ") + `,{"type":"inlineExtension","attrs":{"extensionType":"com.atlassian.confluence.macro.core","extensionKey":"jira-chart"}}`), "see (jira-chart)"},
		{"mention", inner(`{"type":"mention","attrs":{"id":"1","text":"@Ann"}},` + words(" look")), "@Ann look"},
		{"emoji, date, status", inner(`{"type":"emoji","attrs":{"shortName":":fire:"}},` + words(" ") + `,{"type":"date","attrs":{"timestamp":"1767312000000"}},` + words(" ") + `,{"type":"status","attrs":{"text":"DONE","color":"green"}}`), ":fire: 2026-01-02 DONE"},
		{"card", inner(`{"type":"inlineCard","attrs":{"url":"https://y.example"}}`), "https://y.example"},
		{"underline", inner(`{"type":"text","text":"here","marks":[{"type":"underline"}]}`), "here"},
		{"space in marks", inner(`{"type":"text","text":"a ","marks":[{"type":"strong"}]},` + words("b")), "**a** b"},
		{"mark that cannot be said", inner(`{"type":"text","text":"a!","marks":[{"type":"strong"}]},` + words("b")), "a!b"},
		{"two breaks", inner(words("a") + `,{"type":"hardBreak"},{"type":"hardBreak"},` + words("b")), "a\n\nb"},
		{"tasks", `{"type":"taskList","content":[{"type":"taskItem","attrs":{"state":"DONE"},"content":[` + words("a") + `]},{"type":"taskItem","attrs":{"state":"TODO"},"content":[` + words("b") + `]},{"type":"taskList","content":[{"type":"taskItem","attrs":{"state":"TODO"},"content":[` + words("c") + `]}]}]}`, "- [x] a\n- [ ] b\n  - [ ] c"},
		{"panel", `{"type":"panel","attrs":{"panelType":"info"},"content":[` + inner(words("note")) + `]}`, "> note"},
		{"expand", `{"type":"expand","attrs":{"title":"More"},"content":[` + inner(words("inside")) + `]}`, "**More**\n\ninside"},
		{"picture", `{"type":"mediaSingle","content":[{"type":"media","attrs":{"type":"file","id":"1","alt":"p.png"}}]}`, "(p.png)"},
		{"table", `{"type":"table","content":[{"type":"tableRow","content":[{"type":"tableHeader","content":[` + inner(words("h")) + `]},{"type":"tableCell","content":[` + inner(words("c")) + `,{"type":"bulletList","content":[` + item(inner(words("d"))) + `]}]}]}]}`, "| h | c d |\n| --- | --- |"},
		{"unknown", `{"type":"hologram","content":[` + words("new") + `]}`, "new"},
		{"stars as typed", inner(words("5*3*2 and *.log")), `5\*3\*2 and \*.log`},
		{"empty", `{"type":"paragraph"},7,null`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var object map[string]any
			if err := json.Unmarshal([]byte(`{"type":"doc","version":1,"content":[`+test.content+`]}`), &object); err != nil {
				t.Fatal(err)
			}
			got := ToMarkdown(FromJSON(object))
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if Canonical(got) != got {
				t.Errorf("%q becomes %q", got, Canonical(got))
			}
		})
	}
}

var pieces = []string{
	"a", "b c", " ", "\n", "\n\n", "*", "**", "_", "__", "~~", "~", "`", "``", "```\n", "[", "](", ")", "](http://x.example)", "![",
	"<", ">", "http://x.example", "https://y.example/a_b*c", "# ", "## ", " #", "\\", "\\*", "\\_", "\\\\", "- ", "  - ", "1. ", "2) ", "> ", "    ", "\t",
	"é", "😀", "!", ".", "\r\n", "\"t\"", "&lt;", "&amp;", "|", "| --- |\n", "---\n", "===\n", "<br>", "<b>", "- [ ] ", ":", "a@b.example",
}

// TestCanonicalIsStable: what Markdown becomes in Jira is valid there, and
// does not change any more.
func TestCanonicalIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 30).Draw(t, "pieces"), "")
		holdStable(t, in)
	})
}

func holdStable(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, in string,
) {
	doc := FromMarkdown(in)
	if err := jiratest.ValidDocument(decoded(t, doc)); err != nil {
		t.Fatalf("%q: %v", in, err)
	}
	once := ToMarkdown(doc)
	if err := jiratest.ValidDocument(decoded(t, FromMarkdown(once))); err != nil {
		t.Fatalf("%q: %v", once, err)
	}
	back := Canonical(once)
	if twice := ToMarkdown(FromMarkdown(back)); twice != back {
		t.Fatalf("%q comes back as %q, and that as %q", in, back, twice)
	}
}

// TestMeaningIsKept: a document in normal form is the same after it was
// Markdown.
func TestMeaningIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := newCodec(1000).normal(&Node{Type: "doc", Content: blocksOf(t, 2)})
		if err := jiratest.ValidDocument(decoded(t, doc)); err != nil {
			t.Fatal(err)
		}
		written := ToMarkdown(doc)
		got := FromMarkdown(written)
		if diff := cmp.Diff(skeleton(doc), skeleton(got)); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", written, diff)
		}
		if again := ToMarkdown(got); again != written {
			t.Fatalf("%q comes back as %q", written, again)
		}
	})
}

// skeleton is a document without emphasis, which not every combination keeps,
// and with links where they stand.
func skeleton(n *Node) any {
	var inline []string
	var blocks []any
	for _, child := range n.Content {
		if isInline(child) {
			inline = append(inline, child.Type+":"+child.Text)
		} else {
			blocks = append(blocks, skeleton(child))
		}
	}
	return []any{n.Type, n.attr("level"), n.attr("order"), n.attr("language"), strings.ReplaceAll(strings.Join(inline, ""), "text:", ""), blocks}
}

func blocksOf(t *rapid.T, depth int) []*Node {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *Node { return blockOf(t, depth) }), 0, 3).Draw(t, "blocks")
}

func blockOf(t *rapid.T, depth int) *Node {
	kinds := []string{"paragraph", "paragraph", "heading", "codeBlock", "rule", "table"}
	if depth > 0 {
		kinds = append(kinds, "bulletList", "orderedList", "blockquote", "panel", "expand")
	}
	n := &Node{Type: rapid.SampledFrom(kinds).Draw(t, "kind")}
	switch n.Type {
	case "paragraph", "heading":
		n.Content = inlinesOf(t)
		if n.Type == "heading" {
			n.Attrs = map[string]any{"level": rapid.IntRange(1, 6).Draw(t, "level")}
		}
	case "codeBlock":
		n.Content = []*Node{text(rapid.SampledFrom([]string{"a", "a\n\nb", "```", "  x\n\ty", "*a*", "\n", ""}).Draw(t, "code"))}
		n.Attrs = map[string]any{"language": rapid.SampledFrom([]string{"", "go", "c++"}).Draw(t, "language")}
	case "table":
		for range rapid.IntRange(1, 3).Draw(t, "rows") {
			row := &Node{Type: "tableRow"}
			for range rapid.IntRange(1, 3).Draw(t, "columns") {
				row.Content = append(row.Content, &Node{Type: "tableCell", Content: []*Node{paragraph(inlinesOf(t)...)}})
			}
			n.Content = append(n.Content, row)
		}
	case "bulletList", "orderedList":
		if n.Type == "orderedList" {
			n.Attrs = map[string]any{"order": rapid.IntRange(0, 12).Draw(t, "order")}
		}
		for range rapid.IntRange(1, 3).Draw(t, "items") {
			n.Content = append(n.Content, &Node{Type: "listItem", Content: blocksOf(t, depth-1)})
		}
	case "blockquote", "panel", "expand":
		n.Content = blocksOf(t, depth-1)
	}
	return n
}

func inlinesOf(t *rapid.T) []*Node {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *Node {
		if rapid.IntRange(0, 6).Draw(t, "break") == 0 {
			return hardBreak()
		}
		var marks []Mark
		for _, m := range []Mark{linkMark("https://x.example/?a=(b)&lt;"), {Type: "strong"}, {Type: "em"}, {Type: "strike"}, {Type: "code"}, {Type: "underline"}} {
			if rapid.IntRange(0, 4).Draw(t, m.Type) == 0 {
				marks = append(marks, m)
			}
		}
		return text(strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 4).Draw(t, "text"), ""), marks...)
	}), 0, 4).Draw(t, "inline")
}

func TestCut(t *testing.T) {
	const limit = 3000
	for name, in := range map[string]string{
		"words":  strings.Repeat("word ", 1000),
		"lines":  strings.Repeat("a line\n", 1000),
		"bullet": strings.Repeat("- an **item** with a [link](https://g.example)\n", 200),
		"code":   "```\n" + strings.Repeat("code\n", 1000) + "```",
		"emoji":  strings.Repeat("😀", 2000),
		"table":  "| a |\n| --- |\n" + strings.Repeat("| b |\n", 500),
	} {
		t.Run(name, func(t *testing.T) {
			short := Cut(in, limit)
			doc := FromMarkdown(short)
			if w := weight(doc); w > limit || w < limit*9/10 {
				t.Errorf("weight %d", w)
			}
			if !strings.HasSuffix(short, "(cut here: the text is longer than Jira takes)") {
				t.Errorf("no note: …%q", short[len(short)-80:])
			}
			if again := Cut(short, limit); again != short {
				t.Error("a cut text is cut again")
			}
		})
	}
	if got := Cut("short", limit); got != "short" {
		t.Errorf("got %q", got)
	}
	if got := Cut(strings.Repeat("x", 100), 0); len(got) != 100 {
		t.Errorf("without a limit: %d", len(got))
	}
}

func FuzzToMarkdown(f *testing.F) {
	f.Add(`{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"a*b","marks":[{"type":"strong"}]}]}]}`)
	f.Add(`{"content":[{"type":"bulletList","content":[{"type":"listItem"},{"content":[{"type":"table"}]}]},{"type":"codeBlock","attrs":{"language":"x y"}}]}`)
	f.Add(`{"content":[{"type":"table","content":[{"content":[{"content":[{"type":"text","text":"a|b"}]}]}]}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		var object map[string]any
		if json.Unmarshal([]byte(body), &object) != nil {
			return // no document at all
		}
		markdown := holdDocument(t, body, object)
		doc := FromMarkdown(markdown)
		if err := jiratest.ValidDocument(decoded(t, doc)); err != nil {
			t.Errorf("%q: %v", markdown, err)
		}
		if back := Canonical(markdown); Canonical(back) != back {
			t.Errorf("%q is not stable", markdown)
		}
	})
}

func FuzzFromMarkdown(f *testing.F) {
	for _, seed := range []string{"**a** [b](https://c) `d`", "# h #\n> *q*", "- a\n  - b\n\n1. c", "| a |\n|-|\n| b |", "<http://x>\x00\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		holdStable(t, in)
		holdBounds(t, in, stepsPerByte)
	})
}
