package cycles

// A graph has a vertex for each mapping, and two for each field, so that it is no
// larger than what the mappings read and write: edges from each writer of a field
// to each reader would be as many as their product.
//
// What is written at a field reaches the readers of its parts (down), and those of
// what it is a part of (up).
type graph struct {
	mappings int
	fields   []*field
	writes   [][]*field // of each mapping
}

// A field is one step of a path, with those beneath it.
type field struct {
	id      int
	parent  *field
	parts   map[string]*field
	order   []*field // parts, as they came
	readers []int    // mappings that read it
}

func newGraph(mappings []Mapping) *graph {
	g := &graph{mappings: len(mappings), writes: make([][]*field, len(mappings))}
	records := map[string]*field{} // by ticket
	at := func(f Field) *field {
		if records[f.Ticket] == nil {
			records[f.Ticket] = g.add(nil)
		}
		node := records[f.Ticket]
		for _, name := range f.Path {
			if node.parts[name] == nil {
				part := g.add(node)
				node.parts[name] = part
				node.order = append(node.order, part)
			}
			node = node.parts[name]
		}
		return node
	}
	for i := range mappings {
		for _, read := range mappings[i].Reads {
			node := at(read)
			node.readers = append(node.readers, i)
		}
		for _, write := range mappings[i].Writes {
			g.writes[i] = append(g.writes[i], at(write))
		}
	}
	return g
}

func (g *graph) add(parent *field) *field {
	f := &field{id: len(g.fields), parent: parent, parts: map[string]*field{}}
	g.fields = append(g.fields, f)
	return f
}

// The vertices: mappings first, then up and down of each field.
func (g *graph) up(f *field) int   { return g.mappings + 2*f.id }
func (g *graph) down(f *field) int { return g.mappings + 2*f.id + 1 }
func (g *graph) size() int         { return g.mappings + 2*len(g.fields) }

// successors returns the vertices that the edges of one lead to.
func (g *graph) successors(v int) []int {
	if v < g.mappings {
		var all []int
		for _, f := range g.writes[v] {
			all = append(all, g.up(f), g.down(f))
		}
		return all
	}
	f := g.fields[(v-g.mappings)/2]
	all := append([]int(nil), f.readers...)
	if v == g.up(f) {
		if f.parent != nil {
			all = append(all, g.up(f.parent))
		}
		return all
	}
	for _, part := range f.order {
		all = append(all, g.down(part))
	}
	return all
}

// readers calls visit for each reader of what a mapping writes, until it says to
// stop. A reader of several fields comes several times.
func (g *graph) readers(mapping int, visit func(reader int) bool) {
	all := func(f *field) bool {
		for _, reader := range f.readers {
			if !visit(reader) {
				return false
			}
		}
		return true
	}
	for _, f := range g.writes[mapping] {
		for up := f.parent; up != nil; up = up.parent {
			if !all(up) {
				return
			}
		}
		for stack := []*field{f}; len(stack) > 0; {
			top := stack[len(stack)-1]
			if !all(top) {
				return
			}
			stack = append(stack[:len(stack)-1], top.order...)
		}
	}
}

// components returns Tarjan's strongly connected components: the component of each of
// the first n vertices, and how many of these each component has. It keeps its own
// stack, for paths are as long as a configuration.
func components(g *graph, n int) (of, sizes []int) {
	const unknown = -1
	of = make([]int, g.size())
	index, low := make([]int, g.size()), make([]int, g.size())
	for v := range of {
		of[v], index[v] = unknown, unknown
	}
	type frame struct {
		v    int
		next []int // successors that are not looked at yet
	}
	var open []int // vertices that have no component yet
	count := 0
	enter := func(v int) frame {
		index[v], low[v] = count, count
		count++
		open = append(open, v)
		return frame{v, g.successors(v)}
	}
	for root := range n {
		if index[root] != unknown {
			continue
		}
		for calls := []frame{enter(root)}; len(calls) > 0; {
			top := &calls[len(calls)-1]
			if len(top.next) > 0 {
				next := top.next[0]
				top.next = top.next[1:]
				switch {
				case index[next] == unknown:
					calls = append(calls, enter(next))
				case of[next] == unknown:
					low[top.v] = min(low[top.v], index[next])
				}
				continue
			}
			v := top.v
			if calls = calls[:len(calls)-1]; len(calls) > 0 {
				caller := calls[len(calls)-1].v
				low[caller] = min(low[caller], low[v])
			}
			if low[v] != index[v] {
				continue
			}
			sizes = append(sizes, 0)
			for of[v] == unknown {
				last := open[len(open)-1]
				open = open[:len(open)-1]
				of[last] = len(sizes) - 1
				if last < n {
					sizes[len(sizes)-1]++
				}
			}
		}
	}
	return of, sizes
}
