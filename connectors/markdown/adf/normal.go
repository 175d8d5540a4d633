package adf

import (
	"strconv"
	"strings"
	"time"
)

// A container is what blocks lie in, which decides which of them it takes.
type container int

const (
	document container = iota
	quote
	item
)

// dash stands for a rule where there can be none.
const dash = "———"

// normal is the document in the part of the format that Markdown can say.
func (c codec) normal(doc *Node) *Node {
	blocks := c.normalBlocks(doc.Content, document, 0)
	if len(blocks) == 0 {
		blocks = []*Node{paragraph()}
	}
	return &Node{Type: "doc", Version: 1, Content: blocks}
}

// normalBlocks are the blocks as the container takes them. Inline nodes that
// lie among them become paragraphs; empty paragraphs go.
func (c codec) normalBlocks(nodes []*Node, in container, lists int) []*Node {
	var all []*Node
	for i := 0; i < len(nodes); i++ {
		first := i
		for i < len(nodes) && isInline(nodes[i]) {
			i++
		}
		if i > first {
			all = append(all, c.paragraphs(nodes[first:i])...)
			i--
			continue
		}
		all = append(all, c.normalBlock(nodes[i], in, lists)...)
	}
	return all
}

func isInline(n *Node) bool {
	switch n.Type {
	case "text", "hardBreak", "mention", "emoji", "date", "status", "inlineCard", "mediaInline", "placeholder", "inlineExtension", "image":
		return true
	}
	return false
}

func (c codec) normalBlock(n *Node, in container, lists int) []*Node {
	if !c.budget.Spend(1) {
		return nil
	}
	switch n.Type {
	case "paragraph":
		return c.paragraphs(n.Content)
	case "heading":
		return c.normalHeading(n, in)
	case "bulletList", "orderedList", "taskList", "decisionList":
		return c.normalList(n, in, lists)
	case "blockquote", "panel":
		if in != document {
			return c.normalBlocks(n.Content, in, lists)
		}
		inner := c.normalBlocks(n.Content, quote, lists)
		if len(inner) == 0 {
			return nil
		}
		return []*Node{{Type: "blockquote", Content: inner}}
	case "codeBlock":
		return []*Node{normalCode(n)}
	case "rule":
		if in == document {
			return []*Node{{Type: "rule"}}
		}
		return []*Node{paragraph(text(dash))}
	case "table":
		return c.normalTable(n, in)
	case "media", "blockCard", "embedCard":
		return c.paragraphs([]*Node{n})
	case "extension", "bodiedExtension":
		if len(n.Content) == 0 {
			return c.paragraphs([]*Node{n})
		}
	}
	// expand, layouts, media groups, list items outside of lists, and what is
	// not known: what they hold.
	var all []*Node
	if title := n.attr("title"); title != "" {
		all = c.paragraphs([]*Node{text(title, Mark{Type: "strong"})})
	}
	return append(all, c.normalBlocks(n.Content, in, lists)...)
}

// paragraphs are a paragraph's content. An empty line within it, which is two
// breaks, makes two of it.
func (c codec) paragraphs(content []*Node) []*Node {
	var all []*Node
	var line []*Node
	end := func() {
		if inline := normalInline(line); len(inline) > 0 {
			all = append(all, paragraph(inline...))
		}
		line = nil
	}
	inline := c.inlineOf(content, nil, 0)
	breaks := 0
	for _, n := range inline {
		switch {
		case n.Type == "hardBreak":
			if breaks++; breaks == 2 {
				end()
			}
		case strings.TrimSpace(n.Text) != "" || hasMark(n, "code"):
			breaks = 0
		}
		line = append(line, n)
	}
	end()
	return all
}

func hasMark(n *Node, kind string) bool {
	for _, m := range n.Marks {
		if m.Type == kind {
			return true
		}
	}
	return false
}

// oneLine is content without breaks.
func (c codec) oneLine(content []*Node) []*Node {
	inline := c.inlineOf(content, nil, 0)
	for i, n := range inline {
		if n.Type == "hardBreak" {
			inline[i] = text(" ")
		} else {
			inline[i] = text(strings.ReplaceAll(cleanCode(n.Text), "\n", " "), n.Marks...)
		}
	}
	return normalInline(inline)
}

func (c codec) normalHeading(n *Node, in container) []*Node {
	inline := c.oneLine(n.Content)
	if len(inline) == 0 {
		return nil
	}
	if in != document {
		for _, t := range inline {
			if !hasMark(t, "strong") && !hasMark(t, "code") {
				t.Marks = append(t.Marks, Mark{Type: "strong"})
			}
		}
		return []*Node{paragraph(normalInline(inline)...)}
	}
	level, err := strconv.Atoi(n.attr("level"))
	if err != nil {
		level = 1
	}
	return []*Node{{Type: "heading", Attrs: map[string]any{"level": min(max(level, 1), 6)}, Content: inline}}
}

func (c codec) normalList(n *Node, in container, lists int) []*Node {
	if lists >= maxLists {
		var all []*Node
		for _, child := range n.Content {
			all = append(all, c.normalBlocks(child.Content, in, lists)...)
		}
		return all
	}
	made := &Node{Type: "bulletList"}
	if n.Type == "orderedList" {
		order, err := strconv.Atoi(n.attr("order"))
		if err != nil || order < 0 || order > 999_999 {
			order = 1
		}
		made = &Node{Type: "orderedList", Attrs: map[string]any{"order": order}}
	}
	for _, child := range n.Content {
		content := child.Content
		switch child.Type {
		case "listItem":
		case "taskItem", "blockTaskItem":
			box := "[ ] "
			if child.attr("state") == "DONE" {
				box = "[x] "
			}
			content = append([]*Node{text(box)}, content...)
		case "decisionItem":
		default: // a list within a list of tasks
			if len(made.Content) > 0 {
				last := made.Content[len(made.Content)-1]
				last.Content = append(last.Content, c.normalBlocks([]*Node{child}, item, lists+1)...)
				continue
			}
			content = []*Node{child}
		}
		if inner := c.normalBlocks(content, item, lists+1); len(inner) > 0 { // an empty item says nothing
			made.Content = append(made.Content, &Node{Type: "listItem", Content: firstOfItem(inner)})
		}
	}
	if len(made.Content) == 0 {
		return nil
	}
	return []*Node{made}
}

// firstOfItem sees to it that an item begins with what it may begin with.
func firstOfItem(blocks []*Node) []*Node {
	if blocks[0].Type != "paragraph" && blocks[0].Type != "codeBlock" {
		return append([]*Node{paragraph()}, blocks...)
	}
	return blocks
}

func normalCode(n *Node) *Node {
	code := codeBlock(cleanCode(flat(n)))
	if language := languageOf(n.attr("language")); language != "" {
		code.Attrs = map[string]any{"language": language}
	}
	return code
}

// flat is all the text in a node.
func flat(n *Node) string {
	var b strings.Builder
	var walk func(*Node)
	walk = func(n *Node) {
		b.WriteString(n.Text)
		if n.Type == "hardBreak" {
			b.WriteByte('\n')
		}
		for _, child := range n.Content {
			walk(child)
		}
	}
	walk(n)
	return b.String()
}

func cleanCode(s string) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\uFFFD").Replace(strings.ToValidUTF8(s, "\uFFFD"))
}

// languageOf is the name of a language as a fence can carry it.
func languageOf(s string) string {
	if s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-#.") != "" {
		return ""
	}
	return s
}

// table is a table of one header row and lines of text. Markdown has no other.
func (c codec) normalTable(n *Node, in container) []*Node {
	var rows [][][]*Node
	columns := 0
	for _, row := range n.Content {
		var cells [][]*Node
		for _, cell := range cellsIn(row) {
			cells = append(cells, c.cellContent(cell))
		}
		if len(cells) > 0 {
			rows = append(rows, cells)
			columns = max(columns, len(cells))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	// Rows are filled up to the number of columns, which must not make a table
	// many times as large as its text.
	if in != document || columns*len(rows) > maxFill*cellsOf(rows)+maxCells {
		var all []*Node
		for _, cells := range rows {
			var line []*Node
			for i, cell := range cells {
				if i > 0 {
					line = append(line, text(" | "))
				}
				line = append(line, cell...)
			}
			all = append(all, c.paragraphs(line)...)
		}
		return all
	}
	made := &Node{Type: "table"}
	for i, cells := range rows {
		kind := "tableCell"
		if i == 0 {
			kind = "tableHeader"
		}
		row := &Node{Type: "tableRow"}
		for column := range columns {
			content := paragraph()
			if column < len(cells) {
				content = paragraph(cells[column]...)
			}
			row.Content = append(row.Content, &Node{Type: kind, Content: []*Node{content}})
		}
		made.Content = append(made.Content, row)
	}
	return []*Node{made}
}

// cellsIn are the cells of a row. What is no row, or no cell, lies in one.
func cellsIn(row *Node) []*Node {
	if row.Type != "tableRow" {
		return []*Node{{Type: "tableCell", Content: []*Node{row}}}
	}
	cells := make([]*Node, 0, len(row.Content))
	for _, cell := range row.Content {
		if cell.Type != "tableCell" && cell.Type != "tableHeader" {
			cell = &Node{Type: "tableCell", Content: []*Node{cell}}
		}
		cells = append(cells, cell)
	}
	return cells
}

// Bounds of a table that is filled up: cells for each cell that there is, and
// of a small one.
const (
	maxFill  = 16
	maxCells = 4096
)

func cellsOf(rows [][][]*Node) int {
	n := 0
	for _, cells := range rows {
		n += len(cells)
	}
	return n
}

// cellContent is all that lies in a cell, in one line.
func (c codec) cellContent(cell *Node) []*Node {
	var line []*Node
	var walk func([]*Node)
	walk = func(blocks []*Node) {
		for _, b := range blocks {
			if len(line) > 0 && b.Type != "bulletList" && b.Type != "orderedList" && b.Type != "listItem" {
				line = append(line, text(" "))
			}
			switch b.Type {
			case "codeBlock":
				line = append(line, text(strings.ReplaceAll(flat(b), "\n", " "), Mark{Type: "code"}))
			case "paragraph", "heading":
				line = append(line, b.Content...)
			default:
				walk(b.Content)
			}
		}
	}
	walk(c.normalBlocks(cell.Content, item, 0))
	return c.oneLine(line)
}

// day is the day that a date node names in milliseconds.
func day(milliseconds string) string {
	ms, err := strconv.ParseInt(milliseconds, 10, 64)
	if err != nil {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format(time.DateOnly)
}
