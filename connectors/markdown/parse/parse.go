// Package parse reads Markdown with goldmark, in time and memory that are
// linear in the text.
//
// What goldmark would take quadratic time for, it is not given: containers
// nest some levels deep, and within one paragraph, links, code spans and
// emphasis are looked for as long as that costs a bounded number of steps for
// each of its bytes. Beyond, the signs are text, as they are where nothing
// matches them. No text that people write comes near the bounds.
package parse

import (
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/lockstep-sync/lockstep/connectors/markdown/steps"
)

// The bounds.
const (
	maxDepth       = 32   // of quotes and lists
	maxRun         = 32   // of stars or underlines in a row
	maxMarks       = 2000 // of stars and the like in one paragraph
	perByte        = 32   // steps in looking for the ends of links and code, for a byte of the paragraph
	marksPerByte   = 64   // steps in pairing marks, likewise
	maxDefinitions = 256  // of links, at the beginning of one paragraph
	maxBlank       = 2048 // empty lines in a row within a list, divided by how deep it lies
	atLeast        = 4096 // bytes that references may add to a small text, cells that a small table may have
)

// A Parser reads CommonMark with strikethrough, and with tables where they are
// asked for. It is safe for concurrent use.
type Parser struct{ parser parser.Parser }

// New makes a parser.
func New(tables bool) Parser {
	paragraphs := []util.PrioritizedValue{util.Prioritized(definitions{}, 100)}
	options := []parser.Option{
		parser.WithBlockParsers(
			util.Prioritized(parser.NewSetextHeadingParser(), 100),
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(list{parser.NewListParser()}, 300),
			util.Prioritized(counted{parser.NewListItemParser()}, 400),
			util.Prioritized(counted{parser.NewCodeBlockParser()}, 500),
			util.Prioritized(parser.NewATXHeadingParser(), 600),
			util.Prioritized(counted{parser.NewFencedCodeBlockParser()}, 700),
			util.Prioritized(quote{parser.NewBlockquoteParser()}, 800),
			util.Prioritized(counted{parser.NewHTMLBlockParser()}, 900),
			util.Prioritized(counted{parser.NewParagraphParser()}, 1000),
		),
		parser.WithInlineParsers(
			util.Prioritized(code{parser.NewCodeSpanParser()}, 100),
			util.Prioritized(link{parser.NewLinkParser()}, 200),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(rawHTML{parser.NewRawHTMLParser()}, 400),
			util.Prioritized(marks{parser.NewEmphasisParser()}, 500),
			util.Prioritized(marks{extension.NewStrikethroughParser()}, 500),
		),
	}
	if tables {
		paragraphs = append(paragraphs, util.Prioritized(table{extension.NewTableParagraphTransformer()}, 200))
		options = append(options, parser.WithASTTransformers(util.Prioritized(extension.NewTableASTTransformer(), 0)))
	}
	return Parser{parser.NewParser(append(options, parser.WithParagraphTransformers(paragraphs...))...)}
}

// Parse reads a document. What it costs is spent from the budget, without
// which no more markup is found in what is left of the text.
func (p Parser) Parse(source []byte, budget *steps.Budget) ast.Node {
	budget.Spend(len(source))
	pc := parser.NewContext()
	pc.Set(stateKey, &state{budget: budget, size: len(source), references: len(source) + atLeast})
	return p.parser.Parse(text.NewReader(source), parser.WithContext(pc))
}

// Renderer adds what renders the documents of a parser to one of goldmark's.
func Renderer(options ...goldmark.Option) goldmark.Markdown {
	return goldmark.New(append([]goldmark.Option{goldmark.WithExtensions(extension.Strikethrough, extension.Table)}, options...)...)
}

var stateKey = parser.NewContextKey()

// state is what has been spent on a document, and on the paragraph that is
// being read.
type state struct {
	budget     *steps.Budget
	size       int // of the document
	references int // bytes that references may still add to it
	bars       int // escaped bars of tables so far
	blank      int // empty lines in a row, the last of which is
	blankAt    int // this one

	block   ast.Node
	end     int   // of the paragraph in the source
	lines   int   // of the paragraph
	steps   int   // that are left for links and code
	marks   int   // that are left
	opened  []int // positions of brackets that are open
	uncoded map[int]bool
}

func stateOf(pc parser.Context) *state {
	s, _ := pc.Get(stateKey).(*state)
	return s
}

// in is the state for a paragraph.
func (s *state) in(block ast.Node) *state {
	if s.block == block {
		return s
	}
	s.block, s.opened, s.uncoded = block, s.opened[:0], nil
	lines := block.Lines()
	s.lines, s.end = lines.Len(), 0
	size := 0
	if s.lines > 0 {
		s.end = lines.At(s.lines - 1).Stop
		size = s.end - lines.At(0).Start
	}
	s.steps = perByte * (size + 64)
	s.marks = min(root(marksPerByte*(size+64)), maxMarks)
	s.budget.Spend(s.lines)
	return s
}

// spend takes steps of the paragraph.
func (s *state) spend(n int) {
	s.steps -= n
	s.budget.Spend(n)
}

// may reports whether the paragraph has steps left.
func (s *state) may() bool { return s.steps > 0 && !s.budget.Exceeded() }

// root is the whole part of a square root.
func root(n int) int {
	low, high := 0, 1<<24
	for low+1 < high {
		if middle := (low + high) / 2; middle*middle <= n {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}
