package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A tableDecl is a state_table block with the places of what is in it.
type tableDecl struct {
	at       hcl.Range
	result   *StateTable
	unmapped bool // unmapped is written
	columns  map[string][]columnValue
	byValue  map[columnKey]columnValue // all of columns; a value is there once
	first    map[stateKey]hcl.Range    // where a state has its first value of a column
}

// A columnKey is a value of a column, a stateKey a state of one.
type (
	columnKey struct{ column, value string }
	stateKey  struct {
		column string
		state  int
	}
)

// A columnValue is one value of a column.
type columnValue struct {
	element
	state int // index of its state
}

// A tableReader reads the state_table blocks.
type tableReader struct {
	*findings
	read    *decoder
	catalog *catalog
	tables  map[string]*tableDecl
}

func (l *tableReader) decodeTables(blocks []*hclsyntax.Block) {
	for _, b := range blocks {
		name := b.Labels[0]
		if first, ok := l.tables[name]; ok {
			l.duplicate(b.LabelRanges[0], first.at, "state table "+quote(name), "A name stands for one table.")
			continue
		}
		l.tables[name] = l.decodeTable(b)
	}
}

func (l *tableReader) decodeTable(b *hclsyntax.Block) *tableDecl {
	t := &tableDecl{
		at: b.DefRange(), result: &StateTable{Name: b.Labels[0]}, columns: map[string][]columnValue{},
		byValue: map[columnKey]columnValue{}, first: map[stateKey]hcl.Range{},
	}
	var states []*hclsyntax.Block
	body := *b.Body
	body.Blocks = slices.DeleteFunc(slices.Clone(b.Body.Blocks), func(inner *hclsyntax.Block) bool {
		if inner.Type == "state" {
			states = append(states, inner)
		}
		return inner.Type == "state"
	})
	in := l.read.content(&body, b.DefRange(), "state_table", []string{"unmapped"}, []string{"state"})
	if a := in.attr("unmapped"); a != nil {
		t.unmapped = true
		t.result.UnmappedIsError = oneOf(l.read, a, "ignore", "ignore", "error") == "error"
	}
	if len(states) == 0 {
		l.err(b.DefRange(), "a state_table without states", `Write state "LABEL" { … } blocks, each with a list of values for every column.`)
	}
	labels := map[string]hcl.Range{}
	known := func(name string) bool {
		_, isType := l.catalog.systems[name]
		return isType || l.catalog.connectors[name] != nil
	}
	for _, s := range states {
		if len(s.Labels) != 1 || strings.TrimSpace(s.Labels[0]) == "" {
			l.err(s.TypeRange, "a state block has one label", `Write state "LABEL" { … }; the label is any text.`)
			continue
		}
		if first, ok := labels[s.Labels[0]]; ok {
			l.duplicate(s.LabelRanges[0], first, "state "+quote(s.Labels[0]), "Put the values of both into one block.")
			continue
		}
		labels[s.Labels[0]] = s.LabelRanges[0]
		l.decodeState(s, t, known)
	}
	l.checkOverride(t)
	return t
}

// decodeState reads one state of a table.
func (l *tableReader) decodeState(b *hclsyntax.Block, t *tableDecl, known func(column string) bool) {
	s := State{Label: b.Labels[0], Columns: map[string][]string{}}
	index := len(t.result.States)
	for _, inner := range b.Body.Blocks {
		l.err(inner.TypeRange, "unknown block "+quote(inner.Type)+" in a state", "A column is an attribute: "+inner.Type+" = [ … ].")
	}
	for _, a := range attributesOf(b.Body) {
		if !known(a.Name) {
			l.errAdvised(a.NameRange, "unknown column "+quote(a.Name), func() string {
				all := append(sortedKeys(l.catalog.systems), sortedKeys(l.catalog.connectors)...)
				return sentences("A column is a connector type or a connector's name.", suggest(a.Name, all, "connector"))
			})
			continue
		}
		values, ok := l.read.stringList(a)
		if !ok {
			continue
		}
		if len(values) == 0 {
			l.err(a.Expr.Range(), fmt.Sprintf("the column %s of state %q is empty", a.Name, s.Label),
				"List the values that mean this state, the one to write first; or leave the column out.")
			continue
		}
		if i := slices.IndexFunc(values, func(v element) bool { return v.Sensitive() }); i >= 0 {
			l.err(values[i].at, fmt.Sprintf("a sensitive value in state %q", s.Label), madeOfSecret+" Write the states themselves.")
			continue
		}
		for _, v := range values {
			other, twice := t.byValue[columnKey{a.Name, v.Reveal()}]
			if !twice {
				t.add(a.Name, columnValue{v, index})
				s.Columns[a.Name] = append(s.Columns[a.Name], v.Reveal())
				continue
			}
			if other.state != index {
				l.err(v.at, fmt.Sprintf("%s in two states of the column %s", v.Quote(), a.Name),
					fmt.Sprintf("It is already in state %q at %s. A value can mean only one state.", t.result.States[other.state].Label, position(other.at)))
			}
		}
	}
	t.result.States = append(t.result.States, s)
}

// add takes a value of a column, which is not there yet.
func (t *tableDecl) add(column string, v columnValue) {
	t.columns[column] = append(t.columns[column], v)
	t.byValue[columnKey{column, v.Reveal()}] = v
	if _, known := t.first[stateKey{column, v.state}]; !known {
		t.first[stateKey{column, v.state}] = v.at
	}
}

// checkOverride reports values that the column of a connector's name and the
// column of its type, which fills in where the name has none, both have.
func (l *tableReader) checkOverride(t *tableDecl) {
	for _, name := range sortedKeys(t.columns) {
		c := l.catalog.connectors[name]
		if c == nil || c.result == nil || c.result.System.Type == name {
			continue
		}
		kind := c.result.System.Type
		for _, v := range t.columns[name] {
			other, ok := t.byValue[columnKey{kind, v.Reveal()}]
			if !ok || other.state == v.state || t.result.States[other.state].Columns[name] != nil {
				continue
			}
			at, first := v.at, other.at
			if at.Filename == first.Filename && at.Start.Byte < first.Start.Byte {
				at, first = first, at
			}
			l.err(at, fmt.Sprintf("%s in two states of the column %s", v.Quote(), name),
				fmt.Sprintf("It is already at %s. State %q has no column %s of its own, so that of %s counts.",
					position(first), t.result.States[other.state].Label, name, kind))
		}
	}
}
