package rules

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A step is a mapping as a part of a circle: what it reads and what it writes.
type step struct {
	template *template
	routes   []string // those that list the template
	name     string   // in messages: "outbound.summary", "state"
	at       hcl.Range
	reads    []spot
	writes   []spot
	next     []int
}

// A spot is a field of a record, or a part of one: the source record, or the
// ticket of one template.
type spot struct {
	ticket *template // nil: the source record
	path   []string
}

// feeds reports whether writing one spot changes the other.
func (s spot) feeds(other spot) bool {
	if s.ticket != other.ticket {
		return false
	}
	n := min(len(s.path), len(other.path))
	return slices.Equal(s.path[:n], other.path[:n])
}

// checkCircles reports mappings that feed each other in a circle longer than a
// pair: an edit would go round and never come to rest. Mappings of one record
// meet in a template, and through the record in templates of other routes; two
// templates of one route never have the same record.
func (l *loader) checkCircles(routes []*routeDecl, compiled map[compiledKey]*candidate, templates map[string]*template) {
	var sources []connectors.Collection
	steps := map[connectors.Collection][]*step{}
	for _, r := range routes {
		names := make([]templateRef, 0, len(r.templates)+1)
		names = append(names, r.templates...)
		if r.noMatch != nil {
			names = append(names, *r.noMatch)
		}
		if !slices.Contains(sources, r.source) {
			sources = append(sources, r.source)
		}
		for _, ref := range names {
			t := templates[ref.name]
			c := compiled[compiledKey{t, r.source}]
			if t == nil || c == nil {
				continue
			}
			if known := stepsOfTemplate(steps[r.source], t); len(known) > 0 {
				for _, s := range known {
					s.routes = append(s.routes, r.name)
				}
				continue
			}
			steps[r.source] = append(steps[r.source], stepsOf(t, c, r)...)
		}
	}
	for _, source := range sources {
		l.findCircles(steps[source])
	}
}

func stepsOfTemplate(all []*step, t *template) []*step {
	var own []*step
	for _, s := range all {
		if s.template == t {
			own = append(own, s)
		}
	}
	return own
}

// stepsOf are the mappings of a template that act on edits, its state block
// included.
func stepsOf(t *template, c *candidate, r *routeDecl) []*step {
	var all []*step
	state := strings.Split(c.state, ".")[:1]
	add := func(name string, at hcl.Range, reads, writes []spot) {
		all = append(all, &step{template: t, routes: []string{r.name}, name: name, at: at, reads: reads, writes: writes})
	}
	for _, m := range slices.Concat(c.values, c.inbound) {
		if m.section == onceSection {
			continue
		}
		var reads []spot
		for _, path := range m.reads {
			switch path[0] {
			case r.source.Record:
				reads = append(reads, spot{nil, path[1:]})
			case ticketName:
				reads = append(reads, spot{t, path[1:]})
			case stateName:
				if c.state != "" {
					reads = append(reads, spot{nil, state})
				}
			}
		}
		to := t
		if m.section == inboundSection {
			to = nil
		}
		var writes []spot
		for _, path := range m.value.paths([]string{m.field}) {
			writes = append(writes, spot{to, path})
		}
		add(string(m.section)+"."+m.field, m.at, reads, writes)
	}
	if s := t.made.State; s != nil && c.state != "" && s.TargetField != "" {
		target := strings.Split(s.TargetField, ".")[:1]
		here, there := []spot{{nil, state}}, []spot{{t, target}}
		at := t.decl.blockAt["state"]
		if s.Direction != Inbound {
			add("state", at, here, there)
		}
		if s.Direction != Outbound {
			add("state", at, there, here)
		}
	}
	return all
}

// paths are the parts of a field that a value writes: of an object each of its
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

// mostSteps bounds the search: configurations that need more are not written
// by people.
const mostSteps = 200_000

// findCircles reports each set of mappings that make a circle of three or more,
// once, at the last of them in the files. No two of a circle write one field:
// where they do, as where one field of the record is kept in step with two
// tickets, a shorter circle is in it, and pairs come to rest.
func (l *loader) findCircles(steps []*step) {
	for i, from := range steps {
		if l.givenUp() {
			return
		}
		for j, to := range steps {
			if i != j && meet(from, to) && feedsAny(from.writes, to.reads) {
				from.next = append(from.next, j)
			}
		}
	}
	reported := map[string]bool{}
	budget := mostSteps
	var path []int
	var visit func(start, at int)
	visit = func(start, at int) {
		if budget--; budget < 0 {
			return
		}
		path = append(path, at)
		defer func() { path = path[:len(path)-1] }()
		for _, next := range steps[at].next {
			switch {
			case next == start && len(path) > 2:
				l.reportCircle(steps, path, reported)
			case next > start && !slices.Contains(path, next) && joins(steps, path, next):
				visit(start, next)
			}
		}
	}
	for start := range steps {
		visit(start, start)
	}
}

// meet reports whether one record can have the tickets of both.
func meet(a, b *step) bool {
	if a.template == b.template {
		return true
	}
	// One of the routes of each must be another than the other's.
	return len(a.routes) > 1 || len(b.routes) > 1 || a.routes[0] != b.routes[0]
}

// joins reports whether a step can be part of a circle with those of a path.
func joins(steps []*step, path []int, next int) bool {
	return !slices.ContainsFunc(path, func(i int) bool {
		return !meet(steps[i], steps[next]) || feedsAny(steps[i].writes, steps[next].writes)
	})
}

func feedsAny(writes, reads []spot) bool {
	return slices.ContainsFunc(writes, func(w spot) bool {
		return slices.ContainsFunc(reads, func(r spot) bool { return w.feeds(r) })
	})
}

func (l *loader) reportCircle(steps []*step, path []int, reported map[string]bool) {
	last := steps[path[0]]
	names := make([]string, 0, len(path)+1)
	members := make([]string, 0, len(path))
	for _, i := range path {
		s := steps[i]
		name := s.name + " (" + place(s.at) + ")"
		names, members = append(names, name), append(members, name)
		if s.at.Filename > last.at.Filename || s.at.Filename == last.at.Filename && s.at.Start.Byte > last.at.Start.Byte {
			last = s
		}
	}
	slices.Sort(members)
	key := strings.Join(members, "\x00")
	if reported[key] {
		return
	}
	reported[key] = true
	names = append(names, names[0])
	l.err(last.at, "mappings that feed each other in a circle",
		"An edit would go round and never come to rest: "+strings.Join(names, " → ")+". Only two mappings may feed each other; leave one of these out.")
}
