package rules

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
)

// An entryWriter is a mapping that writes a field of a source.
type entryWriter struct {
	route    string
	template string
	at       hcl.Range
}

// checkWriters warns of fields of a source that the tickets of two routes write:
// a record that has both tickets holds what was written last, and neither owns
// it. Templates of one route never have the same record.
func (l *loader) checkWriters(routes []*routeDecl, compiled map[compiledKey]*candidate, templates map[string]*template) {
	first := map[connectors.Collection]map[string]entryWriter{}
	for _, r := range routes {
		if first[r.source] == nil {
			first[r.source] = map[string]entryWriter{}
		}
		for _, ref := range r.refs() {
			t := templates[ref.name]
			c := compiled[compiledKey{t, r.source}]
			if t == nil || c == nil {
				continue
			}
			for _, m := range c.entries {
				of, known := first[r.source][m.field]
				if !known {
					first[r.source][m.field] = entryWriter{r.name, ref.name, m.at}
					continue
				}
				if of.route == r.name {
					continue
				}
				at, twice := m.at, fmt.Sprintf("template %q of route %q writes it at %s", of.template, of.route, place(of.at))
				if of.template == ref.name {
					at, twice = ref.at, fmt.Sprintf("route %q lists the same template", of.route)
				}
				l.warn(at, fmt.Sprintf("two tickets write %s of one %s", m.field, r.source.Record),
					fmt.Sprintf("A record that has a ticket on both routes holds what was written last: %s. Write it from one of them, or write another field.", twice))
			}
		}
	}
}
