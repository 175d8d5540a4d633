// Package cycles finds mappings that feed each other in a cycle: where an edit
// would go round and never converge.
//
// It knows mappings only as what they read and write. Which of them there are, and
// how a cycle is reported, is the business of package rules.
package cycles

import (
	"slices"
)

// A Mapping is a node of the graph.
type Mapping struct {
	Template string   // that it is part of
	Routes   []string // those that list the template, at least one
	Reads    []Field
	Writes   []Field
}

// A Field is a field of a record, or a part of one: of the ticket of a template, or
// of the source record, where Ticket is empty.
type Field struct {
	Ticket string
	Path   []string
}

// feeds reports whether writing one field changes the other: they are the same, or
// one is a part of the other.
func (f Field) feeds(other Field) bool {
	n := min(len(f.Path), len(other.Path))
	return f.Ticket == other.Ticket && slices.Equal(f.Path[:n], other.Path[:n])
}

// meet reports whether one record can have the tickets of both. Two templates of
// one route never have the same record.
func (m *Mapping) meet(other *Mapping) bool {
	return m.Template == other.Template ||
		len(m.Routes) > 1 || len(other.Routes) > 1 || m.Routes[0] != other.Routes[0]
}

// maxWork bounds the search within the sets of mappings that can reach each other,
// in comparisons. Configurations that need more are not written by people.
const maxWork = 20_000_000

// Find returns the cycles of three mappings or more, each set of mappings once, as
// indexes in the order in which they feed each other. Pairs converge. No two
// mappings of a cycle write one field: where they do, as where one field of the
// record is kept in step with two tickets, a shorter cycle is in it.
//
// It takes time in proportion to what the mappings read and write, and up to a
// fixed amount more where many of them can reach each other.
func Find(mappings []Mapping) [][]int {
	f := newFinder(mappings, maxWork)
	return f.find()
}

// A finder searches one graph.
type finder struct {
	mappings []Mapping
	graph    *graph
	of       []int   // the component of each mapping
	next     [][]int // what each mapping feeds, once it is known
	known    []bool
	onPath   []bool
	path     []int
	found    [][]int
	seen     map[string]bool // sets of mappings that are found
	work     int             // left
}

func newFinder(mappings []Mapping, work int) *finder {
	return &finder{
		mappings: mappings, graph: newGraph(mappings),
		next: make([][]int, len(mappings)), known: make([]bool, len(mappings)), onPath: make([]bool, len(mappings)),
		seen: map[string]bool{}, work: work,
	}
}

func (f *finder) find() [][]int {
	var sizes []int
	f.of, sizes = components(f.graph, len(f.mappings))
	const least = 3
	for start := range f.mappings {
		if sizes[f.of[start]] >= least {
			f.visit(start, start)
		}
	}
	return f.found
}

// visit follows every path from start that goes through later mappings alone, so
// that each cycle is found from its first mapping.
func (f *finder) visit(start, at int) {
	f.path = append(f.path, at)
	f.onPath[at] = true
	for _, next := range f.feeds(at) {
		if f.work--; f.work < 0 {
			break
		}
		switch {
		case next == start && len(f.path) > 2:
			f.report()
		case next > start && !f.onPath[next] && f.joins(next):
			f.visit(start, next)
		}
	}
	f.onPath[at] = false
	f.path = f.path[:len(f.path)-1]
}

// feeds returns the mappings of its component that read what one writes, in order.
func (f *finder) feeds(at int) []int {
	if f.known[at] || f.work < 0 {
		return f.next[at]
	}
	f.known[at] = true
	var all []int
	f.graph.readers(at, func(reader int) bool {
		if reader != at && f.of[reader] == f.of[at] && f.mappings[at].meet(&f.mappings[reader]) {
			all = append(all, reader)
		}
		f.work--
		return f.work >= 0
	})
	slices.Sort(all)
	f.next[at] = slices.Compact(all)
	return f.next[at]
}

// joins reports whether a mapping can be part of a cycle with those of the path.
func (f *finder) joins(next int) bool {
	m := &f.mappings[next]
	return !slices.ContainsFunc(f.path, func(i int) bool {
		other := &f.mappings[i]
		f.work -= 1 + len(other.Writes)*len(m.Writes)
		return !other.meet(m) || writesSame(other, m)
	})
}

func writesSame(a, b *Mapping) bool {
	return slices.ContainsFunc(a.Writes, func(w Field) bool { return slices.ContainsFunc(b.Writes, w.feeds) })
}

func (f *finder) report() {
	members := slices.Sorted(slices.Values(f.path))
	key := make([]byte, 0, len(members)*4)
	for _, i := range members {
		key = append(key, byte(i), byte(i>>8), byte(i>>16), byte(i>>24))
	}
	if !f.seen[string(key)] {
		f.seen[string(key)] = true
		f.found = append(f.found, slices.Clone(f.path))
	}
}
