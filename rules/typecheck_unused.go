package rules

import (
	"fmt"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// sourcesOf returns the record types that routes read, and then all others that there
// are. Of the connectors of one system one stands for all: they have the same.
func (l *checker) sourcesOf(routes []*routeDecl) (all recordTypes) {
	seen := map[[2]string]bool{}
	add := func(c connectors.Collection) {
		if key := [2]string{c.Type, c.Record}; !seen[key] {
			seen[key] = true
			all.known = append(all.known, c)
		}
	}
	for _, r := range routes {
		if r.sourceOK {
			add(r.source)
		}
	}
	all.read = len(all.known)
	for _, name := range sortedKeys(l.decl.catalog.connectors) {
		made := l.decl.catalog.connectors[name].result
		if made == nil {
			continue
		}
		for _, record := range made.System.Records {
			if _, ok := made.System.Schema(record); ok {
				add(connectors.Collection{Type: made.System.Type, Connector: name, Record: record})
			}
		}
	}
	return all
}

// recordTypes are the record types of a configuration; routes read the first of
// them.
type recordTypes struct {
	known []connectors.Collection
	read  int
}

// stateOfUnlisted names the state field of the source for a template that no route
// lists: links that it has made may be there still.
func (l *checker) stateOfUnlisted(t *template, sources recordTypes) {
	s := t.result.State
	if s == nil || s.SourceField != "" {
		return
	}
	for _, c := range sources.known[:sources.read] {
		if state := l.decl.catalog.schema(c).State; state != nil {
			s.SourceField = state.Field
			return
		}
	}
}

// checkUnused warns of a template that no route uses. Its expressions are
// checked against the source that they fit best.
func (l *checker) checkUnused(t *template, sources recordTypes) {
	l.warn(t.decl.at, fmt.Sprintf("no route uses template %q", t.decl.name),
		"List it in a route's templates, let another template extend it, or delete it.")
	// A source whose record is not even named fits less than one with a
	// misspelled field.
	misfit := func(f *findings) int {
		n := 0
		for _, d := range f.list {
			if d.severity == SeverityError {
				n++
			}
			if strings.HasPrefix(d.summary, "unknown name") {
				n += len(t.fields) + 1
			}
		}
		return n
	}
	var best *findings
	for _, source := range sources.known {
		if source == t.result.Target {
			continue
		}
		f := &findings{}
		l.compiler.compile(t, source, f, &uses{})
		if best == nil || misfit(f) < misfit(best) {
			best = f
		}
		if best.errors() == 0 {
			break
		}
	}
	if best != nil {
		l.add(best)
	}
}
