package jira

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// plainText turns a document of Jira's format into readable text. Node and mark
// names are of the Atlassian Document Format; what is not known gives the text
// that it holds.
func plainText(document map[string]any) string {
	var b strings.Builder
	writeBlocks(&b, document, "", 0)
	lines := strings.Split(b.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

func children(node map[string]any) []map[string]any {
	list, _ := node["content"].([]any)
	var all []map[string]any
	for _, child := range list {
		if child, ok := child.(map[string]any); ok {
			all = append(all, child)
		}
	}
	return all
}

func attribute(node map[string]any, name string) string {
	attributes, _ := node["attrs"].(map[string]any)
	return textOf(attributes[name])
}

// writeBlocks writes the blocks of a node, an empty line between them. indent
// begins every line but the first.
func writeBlocks(b *strings.Builder, node map[string]any, indent string, depth int) {
	if depth > maxDepth {
		return
	}
	written := false
	for _, child := range children(node) {
		text := block(child, indent, depth+1)
		if text == "" {
			continue
		}
		if written {
			b.WriteString("\n" + indent)
			if child["type"] != "bulletList" && child["type"] != "orderedList" || depth == 0 {
				b.WriteString("\n" + indent)
			}
		}
		b.WriteString(text)
		written = true
	}
}

// block is one block's text.
func block(node map[string]any, indent string, depth int) string {
	if depth > maxDepth {
		return ""
	}
	var b strings.Builder
	switch kind := node["type"]; kind {
	case "bulletList", "orderedList", "taskList", "decisionList":
		number := 1
		if start, err := strconv.Atoi(attribute(node, "order")); err == nil {
			number = start
		}
		for i, item := range children(node) {
			if i > 0 {
				b.WriteString("\n" + indent)
			}
			bullet := "- "
			switch {
			case kind == "orderedList":
				bullet = fmt.Sprintf("%d. ", number+i)
			case kind == "taskList" && attribute(item, "state") == "DONE":
				bullet = "- [x] "
			case kind == "taskList":
				bullet = "- [ ] "
			}
			b.WriteString(bullet)
			if kind == "taskList" || kind == "decisionList" {
				b.WriteString(inline(item, depth+1))
				continue
			}
			writeBlocks(&b, item, indent+strings.Repeat(" ", len(bullet)), depth+1)
		}
	case "table":
		for i, row := range children(node) {
			if i > 0 {
				b.WriteString("\n" + indent)
			}
			for j, cell := range children(row) {
				if j > 0 {
					b.WriteString(" | ")
				}
				var c strings.Builder
				writeBlocks(&c, cell, "", depth+1)
				b.WriteString(strings.Join(strings.Fields(c.String()), " "))
			}
		}
	case "codeBlock":
		b.WriteString(strings.ReplaceAll(inline(node, depth+1), "\n", "\n"+indent))
	case "rule":
		b.WriteString("---")
	case "blockquote", "panel", "expand", "nestedExpand", "layoutSection", "layoutColumn", "mediaSingle", "mediaGroup", "listItem":
		if title := attribute(node, "title"); title != "" {
			b.WriteString(title + "\n" + indent)
		}
		writeBlocks(&b, node, indent, depth+1)
	case "media":
		b.WriteString(attribute(node, "alt"))
	case "blockCard", "embedCard":
		b.WriteString(attribute(node, "url"))
	default: // paragraph, heading, and what is not known
		b.WriteString(strings.ReplaceAll(inline(node, depth+1), "\n", "\n"+indent))
	}
	return b.String()
}

// inline is the text within a block.
func inline(node map[string]any, depth int) string {
	if depth > maxDepth {
		return ""
	}
	var b strings.Builder
	for _, child := range children(node) {
		switch child["type"] {
		case "text":
			text, _ := child["text"].(string)
			b.WriteString(text)
			if address := link(child); address != "" && address != text {
				b.WriteString(" (" + address + ")")
			}
		case "hardBreak":
			b.WriteString("\n")
		case "mention", "status":
			b.WriteString(attribute(child, "text"))
		case "emoji":
			if text := attribute(child, "text"); text != "" {
				b.WriteString(text)
			} else {
				b.WriteString(attribute(child, "shortName"))
			}
		case "date":
			if at, ok := day(attribute(child, "timestamp")); ok {
				b.WriteString(at)
			}
		case "inlineCard":
			b.WriteString(attribute(child, "url"))
		default:
			b.WriteString(inline(child, depth+1))
		}
	}
	return b.String()
}

// link is the address that a text leads to.
func link(node map[string]any) string {
	marks, _ := node["marks"].([]any)
	for _, mark := range marks {
		if mark, ok := mark.(map[string]any); ok && mark["type"] == "link" {
			return attribute(mark, "href")
		}
	}
	return ""
}

// day reads a date node, which holds milliseconds.
func day(milliseconds string) (string, bool) {
	ms, err := strconv.ParseInt(milliseconds, 10, 64)
	if err != nil {
		return "", false
	}
	return time.UnixMilli(ms).UTC().Format(time.DateOnly), true
}
