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

// proveWriters warns of fields of a source that the tickets of two routes write:
// a record that has both tickets holds what was written last, and neither owns
// it. Templates of one route never have the same record.
func proveWriters(m *model, f *findings) {
	first := map[connectors.Collection]map[string]entryWriter{}
	for _, r := range m.routes {
		if first[r.source] == nil {
			first[r.source] = map[string]entryWriter{}
		}
		for _, ref := range r.refs() {
			t := m.templates[ref.name]
			c := m.compiled[compiledKey{t, r.source}]
			if t == nil || c == nil {
				continue
			}
			for _, entry := range c.entries {
				of, known := first[r.source][entry.field]
				if !known {
					first[r.source][entry.field] = entryWriter{r.name, ref.name, entry.at}
					continue
				}
				if of.route == r.name {
					continue
				}
				at, twice := entry.at, fmt.Sprintf("template %q of route %q writes it at %s", of.template, of.route, position(of.at))
				if of.template == ref.name {
					at, twice = ref.at, fmt.Sprintf("route %q lists the same template", of.route)
				}
				f.warn(at, fmt.Sprintf("two tickets write %s of one %s", entry.field, r.source.Record),
					fmt.Sprintf("A record that has a ticket on both routes holds what was written last: %s. Write it from one of them, or write another field.", twice))
			}
		}
	}
}
