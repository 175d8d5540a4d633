package adf

import (
	"strings"
	"unicode/utf16"
)

// note ends a text that was cut.
const note = "… (cut here: the text is longer than Jira takes)"

// Cut is the canonical form of a Markdown text, shortened to what a field of
// limit characters takes, with a note in place of the rest; 0: any length.
func Cut(markdown string, limit int) string {
	head := markdown
	if most := maxHead * limit; limit > 0 && len(head) > most {
		head = strings.ToValidUTF8(head[:most], "")
	}
	return newCodec(len(head)).cut(head, limit, len(head) < len(markdown))
}

// maxHead is for how many bytes for each character that fits a text is read.
// What lies beyond would have been cut.
const maxHead = 6

func (c codec) cut(markdown string, limit int, more bool) string {
	markdown = c.canonical(markdown)
	doc := c.read(markdown)
	if !more && (limit <= 0 || weight(doc) <= limit) {
		return markdown
	}
	// What is written and read again may be a little longer.
	for left, less := limit, 1; left > 0 && less < 100; left, less = limit-limit*less/100, less*2 {
		if short := c.canonical(c.toMarkdown(shortened(doc, left))); weight(c.read(short)) <= limit {
			return short
		}
	}
	return note
}

// shortened is as much of a document as is no longer than the limit, the note
// at its end included.
func shortened(doc *Node, limit int) *Node {
	end := paragraph(text(note))
	left := limit - weight(end) - weight(&Node{Type: doc.Type})
	short := &Node{Type: doc.Type, Version: doc.Version}
	for _, child := range doc.Content {
		made := kept(child, &left)
		if made == nil {
			break
		}
		short.Content = append(short.Content, made)
	}
	short.Content = append(short.Content, end)
	return short
}

// kept is a copy of a node with as much of its beginning as is as long as what is
// left; nil: nothing.
func kept(n *Node, left *int) *Node {
	own := weight(&Node{Type: n.Type, Marks: n.Marks})
	if *left <= own {
		*left = 0
		return nil
	}
	*left -= own
	c := *n
	c.Text, c.Content = n.Text, nil
	for i, r := range n.Text {
		if *left -= utf16.RuneLen(r); *left < 0 {
			c.Text = n.Text[:i]
			break
		}
	}
	if c.Text == "" && n.Text != "" {
		return nil
	}
	for _, child := range n.Content {
		if *left <= 0 {
			break
		}
		if made := kept(child, left); made != nil {
			c.Content = append(c.Content, made)
		}
	}
	if len(c.Content) == 0 && len(n.Content) > 0 {
		return nil
	}
	return &c
}

// weight is how many characters a document counts for. Jira does not say how it
// counts; it keeps texts as UTF-16 and, for its older interfaces, as wiki text,
// so marks, links and blocks count as what they are there, rounded up.
func weight(n *Node) int {
	w := 0
	for _, r := range n.Text {
		w += utf16.RuneLen(r)
	}
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
