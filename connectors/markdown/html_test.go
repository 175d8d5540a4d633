package markdown

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHTML(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"text", "the database\nis sad", "<p>the database<br>is sad</p>"},
		{"emphasis", "**a** *b* ~~c~~", "<p><strong>a</strong> <em>b</em> <del>c</del></p>"},
		{"list", "- a\n- b", "<ul><li>a</li><li>b</li></ul>"},
		{"link", "[a](https://g.example/?x=1&y=2)", `<p><a href="https://g.example/?x=1&amp;y=2">a</a></p>`},
		{"script link", "[a](javascript:alert(1))", `<p><a href="">a</a></p>`},
		{"image", "![a](https://g.example/1.png)", `<p><a href="https://g.example/1.png">a</a></p>`},
		{"image in a link", "[![a](https://g.example/1.png)](https://g.example)", `<p><a href="https://g.example">a</a></p>`},
		{"script image", "![a](javascript:alert(1))", `<p>a</p>`},
		{"raw HTML", "a <b onclick=x>b</b>", `<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>`},
		{"script", "<script>\nalert(1)\n</script>", `<p>&lt;script&gt;<br>alert(1)<br>&lt;/script&gt;</p>`},
		{"code", "```go\na < b\n\n  c\n```", `<pre><code>a &lt; b<br><br>  c</code></pre>`},
		{"empty", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := HTML(test.in); got != test.want {
				t.Errorf("HTML(%q)\n got %q\nwant %q", test.in, got, test.want)
			}
		})
	}
}

func TestFromHTML(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"paragraphs", "<p>a <b>b</b></p><p>c<br/>d</p>", "a **b**\n\nc  \nd"},
		{"list", "<ol><li>a</li><li>b<ul><li>c</li></ul></li></ol>", "1. a\n2. b\n   - c"},
		{"link", `see <a href="https://g.example/x">the graph</a>`, "see [the graph](https://g.example/x)"},
		{"script", `a<script>alert(1)</script><style>b{}</style>`, "a"},
		{"literal marks", "<p>5 * 3, snake_case, a*b*c</p>", `5 * 3, snake_case, a\*b\*c`},
		{"empty", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := FromHTML(test.in); got != test.want {
				t.Errorf("FromHTML(%q)\n got %q\nwant %q", test.in, got, test.want)
			}
		})
	}
	if got := FromHTML(strings.Repeat("<b>", 100_000) + "deep"); !strings.Contains(got, "deep") {
		t.Errorf("deeply nested: %.40q", got)
	}
}

// The HTML of Markdown, turned back, is Markdown with the same HTML.
func TestHTMLKeepsMeaning(t *testing.T) {
	for _, in := range []string{
		"the **database** is *sad*", "a\nb", "a\n\nb", "## Impact\n\nAll", "- a\n- b\n\nc", "1. a\n2. b", "> said\n> so",
		"run `rm -rf *`", "```\na := *b\n\n  c\n```", "[it](https://g.example/a_b)", "~~gone~~", `5 \* 3 \* 2 and snake_case`,
		"| a | b |\n|---|---|\n| 1 | 2 |", "a < b && c > d", "<b>not bold</b>", "größer → 日本 😀", "[code] is not ours [/code]",
	} {
		page := HTML(in)
		if again := HTML(FromHTML(page)); again != page {
			t.Errorf("%q\n     HTML %s\n Markdown %q\nits HTML  %s", in, page, FromHTML(page), again)
		}
	}
}

func FuzzFromHTML(f *testing.F) {
	for _, seed := range []string{"<p>a <b>b</b></p>", "<table><tr><td>a|b", "<ul><li><ol><li>x", "<pre><code>```", "<a href='javascript:x'>y</a>", "<!--", "\x00<\xff>", "<svg><style><img src=x>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if out := holdPage(t, in); out != strings.TrimSpace(out) {
			t.Errorf("%q", out)
		}
	})
}

func TestEscape(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"Error rate hit 12%.\n\nhttps://app.incident.io/incidents/123", ""},
		{"5 * 3, snake_case, a_b_c, C:\\temp\\x, #1234, a < b > c, [ ] not done", ""},
		{"- one\n- two\n1) three\n> said", ""},
		{"*not bold*", `\*not bold\*`},
		{"a\x00b\x1b[31m red\u009b2J\ttab\r\nline", "ab[31m red2J\ttab\nline"},
		{"see [it](https://g.example)", `see \[it\](https://g.example)`},
		{"# of users: 5", `\# of users: 5`},
		{"Title\n---\ntext", "Title\n\\---\ntext"},
		{"run `ls`", "run \\`ls\\`"},
		{"<b>x</b>", `\<b>x\</b>`},
		{"&amp; is an entity, & is not", `\&amp; is an entity, & is not`},
		{`\\server\*`, `\\\server\\\*`},
	} {
		want := test.want
		if want == "" {
			want = test.in
		}
		if got := Escape(test.in); got != want {
			t.Errorf("Escape(%q)\n got %q\nwant %q", test.in, got, want)
		}
	}
}

func TestEscapedTextIsShown(t *testing.T) {
	pieces := []string{
		"a", "b c", " ", "\n", "\n\n", "*", "**", "_", "~~", "`", "```", "[", "](", ")", "![", "<", ">", "<b>", "http://x", "# ", "\\", "- ", "1. ",
		"> ", "    ", "\t", "é", "!", "&lt;", "---", "===", "]: x", "|",
	}
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 20).Draw(t, "pieces"), "")
		out := Escape(in)
		if got := wordsOf(newConverter(len(out)).shown(out)); got != wordsOf(listMarks(in)) && got != wordsOf(in) {
			t.Fatalf("Escape(%q) = %q, which shows %q", in, out, got)
		}
	})
}
