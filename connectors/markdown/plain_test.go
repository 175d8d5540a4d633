package markdown

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPlain(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"bold", "the **database** is sad", "the database is sad"},
		{"italic", "the *database* is _sad_", "the database is sad"},
		{"bold and italic", "***really*** sad", "really sad"},
		{"italic around bold", "*a **b** c*", "a b c"},
		{"bold at the end of italic", "*a **b***", "a b"},
		{"struck", "~~gone~~ back", "gone back"},
		{"heading", "## Impact\n\nAll of it", "Impact\n\nAll of it"},
		{"closed heading", "# Impact #\ntext", "Impact\ntext"},
		{"heading with bold", "# **Impact**", "Impact"},
		{"link", "see [the graph](https://g.example/d?x=1) now", "see the graph (https://g.example/d?x=1) now"},
		{"link with title", `see [it](https://g.example "The title")`, "see it (https://g.example)"},
		{"link with parentheses", "[wiki](https://w.example/A_(b))", "wiki (https://w.example/A_(b))"},
		{"link in angle brackets", "[it](<https://g.example/a b>)", "it (https://g.example/a b)"},
		{"link that shows its address", "[https://g.example](https://g.example)", "https://g.example"},
		{"mail address", "[a@b.example](mailto:a@b.example)", "a@b.example"},
		{"bold link", "**[it](https://g.example)**", "it (https://g.example)"},
		{"link with bold text", "[**it**](https://g.example)", "it (https://g.example)"},
		{"image", "![a graph](https://g.example/1.png)", "a graph (https://g.example/1.png)"},
		{"address in angle brackets", "<https://g.example/x>", "https://g.example/x"},
		{"list", "- one\n- **two**\n  - three\n\n1. four\n2. five", "- one\n- two\n  - three\n\n1. four\n2. five"},
		{"quote", "> *said*\n> so", "> said\n> so"},
		{"code span", "run `rm *a* *b*` now", "run `rm *a* *b*` now"},
		{"code block", "```go\na := *b*c\n```\n**x**", "```go\na := *b*c\n```\nx"},
		{"indented code", "so:\n\n    **a**\n", "so:\n\n    **a**\n"},
		{"escaped", `snake\_case and 5 \* 3`, "snake_case and 5 * 3"},
		{"escaped emphasis stays escaped", `\*not emphasised\*`, `\*not emphasised\*`},
		{"multibyte", "**größer** → [日本](https://j.example) 😀", "größer → 日本 (https://j.example) 😀"},
		{"windows line ends", "# A\r\n**b**\r\n", "A\r\nb\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Plain(test.in); got != test.want {
				t.Errorf("Plain(%q)\n got %q\nwant %q", test.in, got, test.want)
			}
		})
	}
}

func TestPlainLeavesPlainTextAlone(t *testing.T) {
	for _, text := range []string{
		"", " ", "\n\n", "Error rate hit 12%.\n\nhttps://app.incident.io/incidents/123",
		"5 * 3 * 2", "2*3*4", "snake_case_name", "__init__.py", "a * b", "*.log and *.txt", "*.log,*.txt",
		"https://example.com/a_b_c?x=*&y=_z_", "# of users: 5", "#1234", "C:\\temp\\_x", `\d+\.\d+`, `\\server\share`,
		"~5 min, ~6 min", "a < b > c", "[ ] not done", "[brackets] and [more]", "array[0](x", "x[1] (see below)",
		"line one  \nline two", "Title\n=====\ntext", "---", "a | b\n--|--\n1 | 2", "- [x] done",
		"* star\n* bullets", "1) one\n2) two", "&amp; &lt;", "tab\there", "2 < 3 and <not a tag",
	} {
		if got := Plain(text); got != text {
			t.Errorf("Plain(%q) = %q", text, got)
		}
	}
}

func TestPlainIsIdempotent(t *testing.T) {
	pieces := []string{
		"a", "b c", " ", "\n", "\n\n", "*", "**", "_", "__", "~~", "`", "```\n", "[", "](", ")", "](http://x)", "![",
		"<", ">", "http://x>", "# ", "## ", " #", "\\", "\\*", "\\_", "\\\\", "- ", "1. ", "> ", "    ", "\t", "é", "😀", "!", ".", "\r\n", "\"t\"", "&lt;",
	}
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 30).Draw(t, "pieces"), "")
		once := Plain(in)
		if twice := Plain(once); twice != once {
			t.Fatalf("Plain(%q) = %q, and of that %q", in, once, twice)
		}
	})
}

func FuzzPlain(f *testing.F) {
	for _, seed := range []string{"**a** [b](c) `d`", "# h #\n> *q*", "\\*x\\*", "***a** b*", "[a](b \"c\")", "<http://x>", "![](x)", "[](x)", "*", "a\x00\xff*b*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		holdAll(t, in)
		once := Plain(in)
		if twice := Plain(once); twice != once {
			t.Errorf("Plain(%q) = %q, and of that %q", in, once, twice)
		}
	})
}
