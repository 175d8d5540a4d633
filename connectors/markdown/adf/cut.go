package adf

import (
	"sort"
	"unicode/utf16"
	"unicode/utf8"
)

// note ends a text that was cut.
const note = "… (cut here: the text is longer than Jira takes)"

// Cut is the canonical form of a Markdown text, shortened to what a field of
// limit characters takes, with a note in place of the rest; 0: any length.
func Cut(markdown string, limit int) string {
	c := newCodec()
	markdown = c.canonical(markdown)
	doc := c.read(markdown)
	if limit <= 0 || weight(doc) <= limit {
		return markdown
	}
	made := func(runes int) *Node {
		left := runes
		short := kept(doc, &left)
		short.Content = append(short.Content, paragraph(text(note)))
		return short
	}
	// The first length that is too long, less one.
	most := sort.Search(utf8.RuneCountInString(flat(doc))+1, func(n int) bool { return weight(made(n)) > limit })
	for n := most - 1; n > 0; n -= 1 + n/100 {
		if short := c.canonical(c.write(normal(made(n)))); weight(c.read(short)) <= limit {
			return short
		}
	}
	return note
}

// kept is a copy of a node with the first runes of its text.
func kept(n *Node, left *int) *Node {
	c := *n
	if n.Text != "" {
		if size := utf8.RuneCountInString(n.Text); size > *left {
			c.Text = string([]rune(n.Text)[:*left])
			*left = 0
		} else {
			*left -= size
		}
	}
	c.Content = nil
	for _, child := range n.Content {
		if *left <= 0 {
			break
		}
		if made := kept(child, left); made.Text != "" || made.Type != "text" {
			c.Content = append(c.Content, made)
		}
	}
	return &c
}

// weight is how many characters a document counts for. Jira does not say how it
// counts; it keeps texts as UTF-16 and, for its older interfaces, as wiki text,
// so marks, links and blocks count as what they are there, rounded up.
func weight(n *Node) int {
	w := len(utf16.Encode([]rune(n.Text)))
	for _, m := range n.Marks {
		w += 4 + len(m.href())
	}
	switch n.Type {
	case "text":
	case "hardBreak":
		w += 2
	case "codeBlock":
		w += 32
	case "rule", "listItem", "tableCell", "tableHeader":
		w += 8
	default:
		w += 4
	}
	for _, child := range n.Content {
		w += weight(child)
	}
	return w
}
