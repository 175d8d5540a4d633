package parse

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// definitions takes the definitions of links off the beginning of a paragraph,
// unless there are very many, each of which costs all lines.
type definitions struct{}

func (definitions) Transform(node *ast.Paragraph, reader text.Reader, pc parser.Context) {
	lines := node.Lines()
	found := 0
	for i := range lines.Len() {
		segment := lines.At(i)
		line := segment.Value(reader.Source())
		if i == 0 && !bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("[")) {
			return
		}
		found += bytes.Count(line, []byte("]:"))
	}
	if found <= maxDefinitions {
		stateOf(pc).budget.Spend(found * lines.Len())
		parser.LinkReferenceParagraphTransformer.Transform(node, reader, pc)
	}
}

// table makes tables. Rows are filled up to the number of columns, and bars
// that are escaped within code are looked up in a list of them all: a table that
// would be many times as large as its text, or has very many such bars, stays
// text.
type table struct{ parser.ParagraphTransformer }

func (t table) Transform(node *ast.Paragraph, reader text.Reader, pc parser.Context) {
	s := stateOf(pc)
	lines := node.Lines()
	size, bars, columns, rows := 0, 0, 0, 0
	for i := range lines.Len() {
		segment := lines.At(i)
		line := segment.Value(reader.Source())
		size += len(line)
		bars += bytes.Count(line, []byte(`\|`))
		if rows > 0 {
			rows++
		} else if i > 0 && len(bytes.Trim(line, "-|: \t\r\n\f\v")) == 0 {
			rows, columns = 1, bytes.Count(line, []byte("|"))+1
		}
	}
	s.budget.Spend(size)
	if rows == 0 || rows*columns > 4*size+atLeast {
		return
	}
	if s.bars += bars; s.bars > root(marksPerByte*(s.size+64)) {
		return
	}
	s.budget.Spend(rows * columns)
	t.ParagraphTransformer.Transform(node, reader, pc)
}
