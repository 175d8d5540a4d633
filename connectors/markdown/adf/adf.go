// Package adf turns Markdown into the Atlassian Document Format, in which Jira
// keeps its rich text, and back.
//
// Both ways lead over one normal form: the part of the format that Markdown
// can say. What lies outside of it is degraded where it can be seen: a mention
// becomes the name, a picture a link, a panel a quote, a heading within a list
// a bold line. Going there and back changes nothing of a text in normal form,
// so that what Jira holds unchanged is never taken for somebody's edit.
//
// It knows the format and Markdown, and no system.
package adf

import (
	"encoding/json"
	"strconv"
)

// A Node is one node of a document.
type Node struct {
	Type    string         `json:"type"`
	Version int            `json:"version,omitempty"` // of a doc: 1
	Attrs   map[string]any `json:"attrs,omitempty"`
	Content []*Node        `json:"content,omitempty"`
	Text    string         `json:"text,omitempty"`
	Marks   []Mark         `json:"marks,omitempty"`
}

// A Mark is how a text looks, or where it leads.
type Mark struct {
	Type  string         `json:"type"`
	Attrs map[string]any `json:"attrs,omitempty"`
}

// Bounds of what is read. Documents nest a few levels deep; what lies deeper is
// read as text.
const (
	maxDepth = 64
	maxLists = 12
)

// FromJSON reads a document, decoded into maps and lists. It takes what it
// finds: what is no node is passed over.
func FromJSON(document map[string]any) *Node { return fromJSON(document, 0) }

func fromJSON(object map[string]any, depth int) *Node {
	if depth == maxDepth {
		return paragraph(appendFlat(nil, object)...)
	}
	n := &Node{}
	n.Type, _ = object["type"].(string)
	n.Text, _ = object["text"].(string)
	n.Attrs, _ = object["attrs"].(map[string]any)
	marks, _ := object["marks"].([]any)
	for _, m := range marks {
		if m, ok := m.(map[string]any); ok {
			mark := Mark{}
			mark.Type, _ = m["type"].(string)
			mark.Attrs, _ = m["attrs"].(map[string]any)
			n.Marks = append(n.Marks, mark)
		}
	}
	content, _ := object["content"].([]any)
	for _, child := range content {
		if child, ok := child.(map[string]any); ok {
			n.Content = append(n.Content, fromJSON(child, depth+1))
		}
	}
	return n
}

// appendFlat adds the texts of what lies too deep.
func appendFlat(all []*Node, object map[string]any) []*Node {
	if s, _ := object["text"].(string); s != "" {
		all = append(all, text(s))
	} else if object["type"] == "hardBreak" {
		all = append(all, hardBreak())
	}
	content, _ := object["content"].([]any)
	for _, child := range content {
		if child, ok := child.(map[string]any); ok {
			all = appendFlat(all, child)
		}
	}
	if len(content) > 1 {
		all = append(all, text(" "))
	}
	return all
}

// size is about how many bytes a document counts for.
func (n *Node) size() int {
	size := 16 + len(n.Text) + 16*len(n.Marks)
	for _, m := range n.Marks {
		size += len(m.href())
	}
	for _, v := range n.Attrs {
		size += len(textOf(v))
	}
	for _, child := range n.Content {
		size += child.size()
	}
	return size
}

// attr is an attribute as text; "" where there is none.
func (n *Node) attr(name string) string { return textOf(n.Attrs[name]) }

func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return ""
}

func (m Mark) href() string {
	if m.Type != "link" {
		return ""
	}
	return textOf(m.Attrs["href"])
}

func paragraph(inline ...*Node) *Node { return &Node{Type: "paragraph", Content: inline} }

func text(s string, marks ...Mark) *Node { return &Node{Type: "text", Text: s, Marks: marks} }

func hardBreak() *Node { return &Node{Type: "hardBreak"} }

func linkMark(href string) Mark {
	return Mark{Type: "link", Attrs: map[string]any{"href": href}}
}

// FromMarkdown reads Markdown. The result is in normal form, and valid.
func FromMarkdown(markdown string) *Node { return newCodec(len(markdown)).read(markdown) }

// ToMarkdown writes a document.
func ToMarkdown(document *Node) string { return newCodec(document.size()).toMarkdown(document) }

func (c codec) toMarkdown(document *Node) string {
	if doc := c.normal(document); !c.budget.Exceeded() {
		return c.write(doc)
	}
	return plainly(document)
}

// maxPasses bounds the search for the form that a text keeps.
const maxPasses = 8

// Canonical is the Markdown that comes back when it is written to Jira and
// read again. It is its own canonical form.
func Canonical(markdown string) string { return newCodec(len(markdown)).canonical(markdown) }

func (c codec) canonical(markdown string) string {
	for range maxPasses {
		next := c.write(c.read(markdown))
		if next == markdown {
			break
		}
		markdown = next
	}
	return markdown
}

// Same reports whether two Markdown texts are the same to Jira.
func Same(a, b string) bool {
	if a == b {
		return true
	}
	c := newCodec(len(a) + len(b))
	return c.canonical(a) == c.canonical(b)
}

// Bold is a document of one bold line.
func Bold(line string) *Node {
	return &Node{Type: "doc", Version: 1, Content: []*Node{paragraph(text(line, Mark{Type: "strong"}))}}
}
