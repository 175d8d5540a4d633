package parse

import (
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// link looks for links and images as long as the paragraph has steps left.
type link struct{ parser.InlineParser }

func (l link) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	s := stateOf(pc).in(parent)
	if !s.may() {
		return nil
	}
	line, segment := block.PeekLine()
	if line[0] != ']' {
		node := l.InlineParser.Parse(parent, block, pc)
		if node != nil {
			s.opened = append(s.opened, segment.Start)
		}
		return node
	}
	if len(s.opened) == 0 {
		return l.InlineParser.Parse(parent, block, pc)
	}
	open := s.opened[len(s.opened)-1]
	s.opened = s.opened[:len(s.opened)-1]
	number, _ := block.Position()
	// The text within the brackets is read again, and the lines after it are
	// counted.
	s.spend(segment.Start - open + s.lines - number)
	node := l.InlineParser.Parse(parent, block, pc)
	_, after := block.Position()
	if reference := s.referred(node); (node == nil || reference) && len(line) > 1 && (line[1] == '(' || line[1] == '[') {
		s.spend(s.end - segment.Start) // it may have looked for an end up to the paragraph's
	} else if node != nil {
		s.spend(after.Start - segment.Start)
	}
	return node
}

// CloseBlock implements parser.CloseBlocker.
func (l link) CloseBlock(parent ast.Node, block text.Reader, pc parser.Context) {
	if closer, ok := l.InlineParser.(parser.CloseBlocker); ok {
		closer.CloseBlock(parent, block, pc)
	}
}

// referred reports whether a node takes its address from a definition. Where
// many take a long one, they would be many times as large as the text: what
// exceeds it has no address.
func (s *state) referred(n ast.Node) bool {
	var reference *ast.ReferenceLink
	var address, title *[]byte
	switch n := n.(type) {
	case *ast.Link:
		reference, address, title = n.Reference, &n.Destination, &n.Title
	case *ast.Image:
		reference, address, title = n.Reference, &n.Destination, &n.Title
	}
	if reference == nil {
		return false
	}
	if s.references -= len(*address) + len(*title); s.references < 0 {
		*address, *title = nil, nil
	}
	return true
}

// code looks for code spans. Where there is no end for backticks of one
// number, there is none for the same number after them.
type code struct{ parser.InlineParser }

func (c code) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	s := stateOf(pc).in(parent)
	line, segment := block.PeekLine()
	number := run(line)
	if s.uncoded[number] || !s.may() {
		return literal(block, segment, number)
	}
	node := c.InlineParser.Parse(parent, block, pc)
	_, after := block.Position()
	if _, ok := node.(*ast.CodeSpan); ok {
		s.spend(after.Start - segment.Start)
		return node
	}
	if s.uncoded == nil {
		s.uncoded = map[int]bool{}
	}
	s.uncoded[number] = true
	s.spend(s.end - segment.Start)
	return node
}

// run is how often the first character of a line is repeated.
func run(line []byte) int {
	n := 1
	for n < len(line) && line[n] == line[0] {
		n++
	}
	return n
}

// literal are the next characters as text.
func literal(block text.Reader, segment text.Segment, number int) ast.Node {
	block.Advance(number)
	return ast.NewTextSegment(segment.WithStop(segment.Start + number))
}

// marks looks for emphasis and strikethrough. Goldmark may compare each mark
// with all before it, so there are as many as that is linear for.
type marks struct{ parser.InlineParser }

func (m marks) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	s := stateOf(pc).in(parent)
	line, segment := block.PeekLine()
	number := run(line)
	if number > maxRun || s.marks < number || s.budget.Exceeded() {
		return literal(block, segment, number)
	}
	if line[0] == '~' && number > 2 {
		return literal(block, segment, number)
	}
	s.marks -= number
	s.budget.Spend(marksPerByte)
	return m.InlineParser.Parse(parent, block, pc)
}

// rawHTML counts what is read of tags.
type rawHTML struct{ parser.InlineParser }

func (r rawHTML) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	s := stateOf(pc).in(parent)
	if !s.may() {
		return nil
	}
	_, before := block.Position()
	node := r.InlineParser.Parse(parent, block, pc)
	if node != nil {
		_, after := block.Position()
		s.spend(after.Start - before.Start)
	}
	return node
}
