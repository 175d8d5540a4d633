package rules

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/cycles"
)

// proveCycles reports mappings that feed each other in a cycle longer than a pair,
// each once, at the last of them in the files. Mappings of one record meet in a
// template, and through the record in templates of other routes.
func proveCycles(m *model, f *findings) {
	var sources []connectors.Collection
	bySource := map[connectors.Collection]*mappingGraph{}
	for _, r := range m.routes {
		g := bySource[r.source]
		if g == nil {
			g = &mappingGraph{of: map[*template][2]int{}}
			bySource[r.source] = g
			sources = append(sources, r.source)
		}
		for _, ref := range r.refs() {
			t := m.templates[ref.name]
			c := m.compiled[compiledKey{t, r.source}]
			if t == nil || c == nil {
				continue
			}
			if known, ok := g.of[t]; ok {
				for i := known[0]; i < known[1]; i++ {
					g.mappings[i].Routes = append(g.mappings[i].Routes, r.name)
				}
				continue
			}
			from := len(g.mappings)
			g.addTemplate(t, c, r)
			g.of[t] = [2]int{from, len(g.mappings)}
		}
	}
	for _, source := range sources {
		g := bySource[source]
		for _, cycle := range cycles.Find(g.mappings) {
			g.report(cycle, f)
		}
	}
}

// A mappingGraph is the mappings of the records of one source that act on edits.
type mappingGraph struct {
	mappings []cycles.Mapping
	labels   []mappingLabel
	of       map[*template][2]int // first of a template, and the one after its last
}

// A mappingLabel is how messages name a mapping.
type mappingLabel struct {
	name string // "outbound.summary", "state"
	at   hcl.Range
}

// addTemplate adds the mappings of a template, its state block included.
func (g *mappingGraph) addTemplate(t *template, c *compiledTemplate, r *routeDecl) {
	name := t.decl.name
	add := func(label string, at hcl.Range, reads, writes []cycles.Field) {
		g.mappings = append(g.mappings, cycles.Mapping{Template: name, Routes: []string{r.name}, Reads: reads, Writes: writes})
		g.labels = append(g.labels, mappingLabel{label, at})
	}
	state := strings.Split(c.state, ".")[:1]
	for _, m := range slices.Concat(c.values, c.inbound) {
		if m.section == onceSection {
			continue
		}
		var reads []cycles.Field
		for _, path := range m.reads {
			switch path[0] {
			case r.source.Record:
				reads = append(reads, cycles.Field{Path: path[1:]})
			case ticketName:
				reads = append(reads, cycles.Field{Ticket: name, Path: path[1:]})
			case stateName:
				if c.state != "" {
					reads = append(reads, cycles.Field{Path: state})
				}
			}
		}
		to := name
		if m.section == inboundSection {
			to = ""
		}
		var writes []cycles.Field
		for _, path := range m.value.paths([]string{m.field}) {
			writes = append(writes, cycles.Field{Ticket: to, Path: path})
		}
		add(string(m.section)+"."+m.field, m.at, reads, writes)
	}
	if s := t.result.State; s != nil && c.state != "" && s.TargetField != "" {
		here := []cycles.Field{{Path: state}}
		there := []cycles.Field{{Ticket: name, Path: strings.Split(s.TargetField, ".")[:1]}}
		at := t.decl.blockAt["state"]
		if s.Direction != Inbound {
			add("state", at, here, there)
		}
		if s.Direction != Outbound {
			add("state", at, there, here)
		}
	}
}

// paths returns the parts of a field that a value writes: of an object each of its
// names.
func (v *value) paths(at []string) [][]string {
	if v.kind != objectValue || len(v.members) == 0 {
		return [][]string{at}
	}
	var all [][]string
	for _, m := range v.members {
		all = append(all, m.value.paths(append(slices.Clone(at), m.name))...)
	}
	return all
}

// report reports a cycle, at the last of its mappings in the files.
func (g *mappingGraph) report(cycle []int, f *findings) {
	last := g.labels[cycle[0]].at
	names := make([]string, 0, len(cycle)+1)
	for _, i := range cycle {
		label := g.labels[i]
		names = append(names, label.name+" ("+position(label.at)+")")
		if label.at.Filename > last.Filename || label.at.Filename == last.Filename && label.at.Start.Byte > last.Start.Byte {
			last = label.at
		}
	}
	names = append(names, names[0])
	f.err(last, "mappings that feed each other in a cycle",
		"An edit would go round and never converge: "+strings.Join(names, " → ")+". Only two mappings may feed each other; leave one of these out.")
}
