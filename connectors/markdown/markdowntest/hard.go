// Package markdowntest has the texts that are hard to convert.
package markdowntest

import (
	"fmt"
	"strings"
)

// A Text is one kind of hard text, of any size.
type Text struct {
	Name string
	// Of is such a text of about so many bytes.
	Of func(size int) string
}

// Texts are all kinds: each made some parser of Markdown, or what reads its
// tree, take time or memory beyond all proportion to the text.
func Texts() []Text {
	texts := []Text{
		{"note", repeated("Restarted **db-1**, see [the graph](https://g.example).\n\n- one\n- two\n\n")},
		{"words", repeated("the database is sad ")},
		{"spaces", func(size int) string { return "a" + strings.Repeat(" ", size) + "b" }},
		{"indented marks", func(size int) string { return strings.Repeat(" ", size/2) + strings.Repeat("-", size/2) + "x" }},
		{"nested quotes", func(size int) string { return strings.Repeat("> ", size/2) + "word" }},
		{"nested lists", func(size int) string { return strings.Repeat("- ", size/2) + "word" }},
		{"nested both", func(size int) string { return strings.Repeat("> - ", size/4) + "word" }},
		{"quotes and lines", halves(">", "a\n")},
		{"lists and empty lines", func(size int) string { return strings.Repeat("- ", 200) + "a" + strings.Repeat("\n", size) + "b" }},
		{"deeper lists", deeper},
		{"opened links", repeated("[a](<b")},
		{"matched brackets", halves("[", "]")},
		{"links in links", halves("[a", "](b)")},
		{"images in images", halves("![a", "](b)")},
		{"links without end", repeated(`[a](b "`)},
		{"references without end", repeated("[a][")},
		{"lines in brackets", repeated("[a]\n")},
		{"titles", repeated("[a](b 'c')")},
		{"tags", repeated("<a b='c' ")},
		{"comments", repeated("<!-- a <? b <![CDATA[ <!A ")},
		{"tag quotes", repeated(`<a b="' c='" d `)},
		{"addresses", repeated("<http://a")},
		{"mail", repeated("<a@b.c")},
		{"parentheses", func(size int) string { return "http://x.example/" + strings.Repeat(")", size) }},
		{"in parentheses", repeated("(http://x.example) ")},
		{"entities", repeated("&a&amp;&#1;")},
		{"longest entity", repeated("&" + strings.Repeat("a", 40))},
		{"escapes", repeated(`\*`)},
		{"backslashes", repeated(`\`)},
		{"stars and underlines", repeated("*_*_")},
		{"emphasis that opens", repeated("*a _b ")},
		{"emphasis that closes", repeated("a* b_ ")},
		{"emphasis in emphasis", halves("*a ", "a* ")},
		{"strong in strong", halves("**a ", "a** ")},
		{"marks in a word", repeated("a**b" + "c_d_")},
		{"bold words", repeated("**a** ")},
		{"stars", repeated("*")},
		{"stars on both sides", func(size int) string {
			return strings.Repeat("*", size/2) + "a" + strings.Repeat("*", size/2)
		}},
		{"marks in marks", repeated(strings.Repeat("*", 32) + strings.Repeat("_", 32) + "a" + strings.Repeat("_", 32) + strings.Repeat("*", 32) + " ")},
		{"struck", repeated("~~a ~b ")},
		{"tildes", repeated("~")},
		{"backticks", growing("`")},
		{"code", repeated("`a``b```c")},
		{"definitions", repeated("[a]: /b\n")},
		{"definitions without end", repeated("[a]: /b\n'")},
		{"long address", func(size int) string {
			return "[a]: http://x.example/" + strings.Repeat("b", size/2) + "\n\n" + strings.Repeat("[a] ", size/8)
		}},
		{"cells", repeated("|")},
		{"wide table", func(size int) string {
			return strings.Repeat("|a", size/6) + "\n" + strings.Repeat("|-", size/6) + "\n" + strings.Repeat("a\n", size/6)
		}},
		{"long table", func(size int) string { return "| a | b |\n| - | - |\n" + strings.Repeat("| c | d |\n", size/10) }},
		{"bars in code", func(size int) string { return "| a | b |\n| - | - |\n" + strings.Repeat("| `c\\|d` |\n", size/11) }},
		{"table lines", repeated("a | b\n- | -\n")},
		{"headings", repeated("# a #\n")},
		{"number signs", func(size int) string { return "# " + strings.Repeat("#", size) + "x" }},
		{"underlined", repeated("a\n---\n")},
		{"rules", repeated("- * ")},
		{"fences", repeated("```\n")},
		{"numbers", repeated("1. ")},
		{"lines", repeated("a\n")},
		{"breaks", repeated("a  \n")},
		{"emoji", repeated("😀")},
		{"not text", repeated("\xff\x00")},
		{"nothing", repeated("\u200b")},
	}
	return texts
}

func repeated(unit string) func(int) string {
	return func(size int) string { return strings.Repeat(unit, size/len(unit)+1) }
}

func halves(first, second string) func(int) string {
	return func(size int) string {
		n := size/(len(first)+len(second)) + 1
		return strings.Repeat(first, n) + strings.Repeat(second, n)
	}
}

// growing are runs each longer than the one before.
func growing(sign string) func(int) string {
	return func(size int) string {
		var b strings.Builder
		for n := 1; b.Len() < size; n++ {
			b.WriteString(strings.Repeat(sign, n) + " ")
		}
		return b.String()
	}
}

// deeper is a list in which each item lies in the one before.
func deeper(size int) string {
	var b strings.Builder
	for n := 0; b.Len() < size; n++ {
		fmt.Fprintf(&b, "%s- a\n", strings.Repeat("  ", n%400))
	}
	return b.String()
}
