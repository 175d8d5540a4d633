package parse

import (
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// counted is a block parser whose calls are counted.
type counted struct{ parser.BlockParser }

func (c counted) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	stateOf(pc).budget.Spend(1)
	return c.BlockParser.Open(parent, reader, pc)
}

func (c counted) Continue(node ast.Node, reader text.Reader, pc parser.Context) parser.State {
	stateOf(pc).budget.Spend(1)
	return c.BlockParser.Continue(node, reader, pc)
}

// quote is a quote that does not lie too deep.
type quote struct{ parser.BlockParser }

func (q quote) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	if s := stateOf(pc); !s.budget.Spend(1) || tooDeep(parent) {
		return nil, parser.NoChildren
	}
	return q.BlockParser.Open(parent, reader, pc)
}

func (q quote) Continue(node ast.Node, reader text.Reader, pc parser.Context) parser.State {
	return counted(q).Continue(node, reader, pc)
}

// list is a list that does not lie too deep, and ends where nothing but empty
// lines follow, which cost as much as it is deep.
type list struct{ parser.BlockParser }

func (l list) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	s := stateOf(pc)
	if _, inList := parent.(*ast.List); !inList && (!s.budget.Spend(1) || tooDeep(parent)) {
		return nil, parser.NoChildren
	}
	return l.BlockParser.Open(parent, reader, pc)
}

func (l list) Continue(node ast.Node, reader text.Reader, pc parser.Context) parser.State {
	if line, _ := reader.PeekLine(); util.IsBlank(line) {
		number, _ := reader.Position()
		if stateOf(pc).blankLines(number)*len(pc.OpenedBlocks()) > maxBlank {
			return parser.Close
		}
	}
	return counted(l).Continue(node, reader, pc)
}

func tooDeep(parent ast.Node) bool { return depth(parent) >= maxDepth }

// depth is how many quotes and lists a node lies in, itself included.
func depth(n ast.Node) int {
	deep := 0
	for ; n != nil; n = n.Parent() {
		switch n.Kind() {
		case ast.KindBlockquote, ast.KindList:
			deep++
		}
	}
	return deep
}

// blankLines is how many empty lines there are in a row up to this one.
func (s *state) blankLines(number int) int {
	if number != s.blankAt {
		if number != s.blankAt+1 {
			s.blank = 0
		}
		s.blank++
		s.blankAt = number
	}
	return s.blank
}
