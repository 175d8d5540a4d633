package cycles

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// fields reads "a.b t:c": paths of the record, and of the ticket t.
func fields(s string) []Field {
	var all []Field
	for one := range strings.FieldsSeq(s) {
		ticket, path, found := strings.Cut(one, ":")
		if !found {
			ticket, path = "", one
		}
		all = append(all, Field{ticket, strings.Split(path, ".")})
	}
	return all
}

// mapping reads "READS -> WRITES".
func mapping(template, routes, s string) Mapping {
	reads, writes, _ := strings.Cut(s, "->")
	return Mapping{template, strings.Fields(routes), fields(reads), fields(writes)}
}

func TestFind(t *testing.T) {
	of := func(all ...string) []Mapping {
		var mappings []Mapping
		for _, s := range all {
			mappings = append(mappings, mapping("t", "r", s))
		}
		return mappings
	}
	for name, test := range map[string]struct {
		mappings []Mapping
		want     string
	}{
		"none":     {of("a -> t:a", "b -> t:b"), "[]"},
		"itself":   {of("a -> a"), "[]"},
		"pair":     {of("a -> t:a", "t:a -> a"), "[]"},
		"pairs":    {of("a -> t:a", "t:a -> a", "b -> t:b", "t:b -> b"), "[]"},
		"three":    {of("a -> t:a", "t:a -> b", "b a -> t:b", "t:b -> a"), "[[0 1 2 3]]"},
		"part":     {of("a.b -> t:a", "t:a -> c", "c -> a"), "[[0 1 2]]"},
		"whole":    {of("a -> t:a", "t:a -> c", "c -> a.b"), "[[0 1 2]]"},
		"sibling":  {of("a.c -> t:a", "t:a -> c", "c -> a.b"), "[]"},
		"prefix":   {of("a -> t:a", "t:a -> c", "c -> ab"), "[]"},
		"two":      {of("a -> b", "b -> c", "c -> a", "x -> y", "y -> z", "z -> x"), "[[0 1 2] [3 4 5]]"},
		"one set":  {of("a b -> c", "a c -> b", "b c -> a"), "[[0 1 2]]"},
		"same":     {of("a -> t:a", "t:a -> b", "b -> t:a"), "[]"},
		"other":    {[]Mapping{mapping("t", "r", "a -> b"), mapping("u", "r", "b -> c"), mapping("u", "r", "c -> a")}, "[]"},
		"routes":   {[]Mapping{mapping("t", "r", "a -> b"), mapping("u", "s", "b -> c"), mapping("u", "s", "c -> a")}, "[[0 1 2]]"},
		"ticket's": {[]Mapping{mapping("t", "r", "a -> t:b"), mapping("u", "s", "u:b -> c"), mapping("u", "s", "c -> a")}, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fmt.Sprint(Find(test.mappings)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestFindsAsPlainSearch compares random graphs with a search that follows every
// path.
func TestFindsAsPlainSearch(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "b", "c", "a.x", "a.y", "t:a", "t:b", "t:b.x", "u:a"}
	pick := func() string { return names[random.IntN(len(names))] }
	for range 2000 {
		var mappings []Mapping
		for range 2 + random.IntN(5) {
			template, route := []string{"t", "u"}[random.IntN(2)], []string{"r", "s", "r s"}[random.IntN(3)]
			mappings = append(mappings, mapping(template, route, pick()+" "+pick()+" -> "+pick()))
		}
		want := plainSearch(mappings)
		var got []string
		for _, cycle := range Find(mappings) {
			got = append(got, fmt.Sprint(slices.Sorted(slices.Values(cycle))))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%+v: got %v, want %v", mappings, got, want)
		}
	}
}

func plainSearch(mappings []Mapping) []string {
	var sets []string
	var follow func(path []int)
	follow = func(path []int) {
		last := &mappings[path[len(path)-1]]
		for next := range mappings {
			to := &mappings[next]
			if !last.meet(to) || !slices.ContainsFunc(last.Writes, func(w Field) bool { return slices.ContainsFunc(to.Reads, w.feeds) }) {
				continue
			}
			if next == path[0] && len(path) > 2 {
				sets = append(sets, fmt.Sprint(slices.Sorted(slices.Values(path))))
			}
			if !slices.Contains(path, next) && !slices.ContainsFunc(path, func(i int) bool { return !mappings[i].meet(to) || writesSame(&mappings[i], to) }) {
				follow(append(slices.Clone(path), next))
			}
		}
	}
	for start := range mappings {
		follow([]int{start})
	}
	slices.Sort(sets)
	return slices.Compact(sets)
}

// TestGraphIsLinear: neither the graph nor the search grows with the product of
// readers and writers.
func TestGraphIsLinear(t *testing.T) {
	const n = 5_000
	var mappings []Mapping
	for i := range n {
		mappings = append(mappings, mapping("t", "r", fmt.Sprintf("m -> t:f%d", i)), mapping("t", "r", fmt.Sprintf("t:f%d -> m.e%d", i, i)))
	}
	f := newFinder(mappings, maxWork)
	edges := 0
	for v := range f.graph.size() {
		edges += len(f.graph.successors(v))
	}
	// Two for each write and for each read, and two for each field to those around it.
	if most := 2*len(mappings) + 2*len(mappings) + 2*len(f.graph.fields); edges > most {
		t.Errorf("%d edges, want at most %d", edges, most)
	}
	f.find()
	if apart := newFinder(mappings[:2], maxWork); apart.find() != nil || apart.work != maxWork {
		t.Errorf("a pair takes %d comparisons", maxWork-apart.work)
	}
}
