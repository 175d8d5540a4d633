package markdowntest

import (
	"fmt"
	"strings"
)

// Pages are all kinds of HTML that is hard to convert.
func Pages() []Text {
	return []Text{
		{"paragraphs", repeated("<p>a <b>b</b> <a href='https://g.example'>c</a></p>")},
		{"deep", func(size int) string { return strings.Repeat("<div>", size/5) + "word" }},
		{"deep lists", func(size int) string { return strings.Repeat("<ul><li>", size/8) + "word" }},
		{"deep quotes", func(size int) string {
			return strings.Repeat("<blockquote>", size/12) + "word" + strings.Repeat("<br>a", size/5)
		}},
		{"deep tables", func(size int) string { return strings.Repeat("<table><tr><td>", size/15) + "word" }},
		{"bold without end", repeated("<b>a")},
		{"bold and paragraphs", func(size int) string {
			var b strings.Builder
			for n := 0; b.Len() < size/2; n++ {
				fmt.Fprintf(&b, "<b id=%d>", n)
			}
			return b.String() + strings.Repeat("<p>a", size/8)
		}},
		{"paragraphs without end", repeated("<p>a")},
		{"items without end", func(size int) string { return "<ul>" + strings.Repeat("<li>a", size/5) }},
		{"cells without end", func(size int) string { return "<table>" + strings.Repeat("<td>a", size/5) }},
		{"rows without end", func(size int) string { return "<table>" + strings.Repeat("<tr><td>a", size/9) }},
		{"text in tables", func(size int) string { return "<table>" + strings.Repeat("a<tr>", size/5) }},
		{"wide table", func(size int) string {
			return "<table><tr>" + strings.Repeat("<td>a", size/10) + strings.Repeat("<tr><td>a", size/18)
		}},
		{"wide cell", func(size int) string {
			return "<table><tr><td>" + strings.Repeat("a", size/2) + strings.Repeat("<tr><td>b", size/18)
		}},
		{"spans", repeated("<td colspan=1000 rowspan=1000>")},
		{"links in links", repeated("<a href=x://y>a")},
		{"ends", repeated("a</b>b</x></p>")},
		{"comments", repeated("a<!---->")},
		{"comment without end", func(size int) string { return "a<!--" + strings.Repeat("-", size) }},
		{"attributes", func(size int) string { return "<a " + strings.Repeat("b=c ", size/4) + ">d" }},
		{"scripts", repeated("<script>")},
		{"templates", repeated("<template>")},
		{"entities", repeated("&amp;&#x26;&a")},
		{"signs", repeated("*_`[<br>")},
		{"breaks", repeated("<br>")},
		{"rules", repeated("<hr>")},
		{"pictures", repeated("<img alt=a src=https://x.example>")},
		{"code", repeated("<pre>a<code>b")},
		{"backticks", repeated("<code>`</code>")},
		{"spaces", repeated(" <b> </b>")},
		{"signs of less", repeated("<")},
		{"headings", repeated("<h1>a")},
		{"formatting", repeated("<b><i><s><code>a</i></b>")},
	}
}
