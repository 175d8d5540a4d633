package connectors

import (
	"fmt"
	"maps"
	"slices"
)

// Missing returns the fields that a record needs, as far as the vendor is known to refuse
// one without them, and that are empty in what is written to it and in what it has. opening
// is true for a record that is not there yet.
func (s *Schema) Missing(write, have map[string]any, opening bool) []string {
	empty := func(name string) bool {
		v := write[name]
		if v == nil {
			v = have[name]
		}
		return v == nil || v == ""
	}
	var missing []string
	if opening {
		for _, name := range slices.Sorted(maps.Keys(s.Fields)) {
			if s.Fields[name].Mandatory && empty(name) {
				missing = append(missing, name)
			}
		}
	}
	if s.State == nil || s.State.Demands == nil || write[s.State.Field] == nil {
		return missing
	}
	for _, name := range s.State.Demands(fmt.Sprint(write[s.State.Field])) {
		if empty(name) {
			missing = append(missing, name)
		}
	}
	return missing
}
