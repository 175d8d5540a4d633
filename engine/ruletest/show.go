package ruletest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A written is one write by lockstep.
type written struct {
	ref    connectors.Ref
	verb   string
	fields map[string]any
	what   string // of what hangs on the record
}

// wrote takes note of a write. w.mu is held.
func (w *world) wrote(ref connectors.Ref, verb string, fields map[string]any, what string) {
	w.writes = append(w.writes, written{ref, verb, fields, what})
}

// takeWrites returns the writes since the last time.
func (w *world) takeWrites() []written {
	w.mu.Lock()
	defer w.mu.Unlock()
	writes := w.writes
	w.writes = nil
	return writes
}

// line returns a write as the command writes prints it.
func (w *world) line(wrote written) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	what := wrote.what
	if what == "" {
		what = w.assignments(wrote.fields)
	}
	return strings.TrimSpace(wrote.ref.String() + " " + wrote.verb + " " + what)
}

// assignments returns the fields of a write, name=VALUE, sorted. Entries of a map
// stand together under its name. w.mu is held.
func (w *world) assignments(fields map[string]any) string {
	byName := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if field, entry, isEntry := strings.Cut(name, "/"); isEntry {
			entries, _ := byName[field].(map[string]any)
			byName[field] = replacedEven(entries, entry, fields[name])
			continue
		}
		byName[name] = fields[name]
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		parts = append(parts, name+"="+w.text(byName[name]))
	}
	return strings.Join(parts, " ")
}

// replacedEven returns a map with one more entry, also an empty one.
func replacedEven(entries map[string]any, name string, value any) map[string]any {
	out := maps.Clone(entries)
	if out == nil {
		out = map[string]any{}
	}
	out[name] = value
	return out
}

// lines returns a record as ticket and source print it. Of a ticket the fields are
// shown that somebody wrote, of a source all that it has.
func (w *world) lines(ref connectors.Ref, all bool) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.things[ref]
	lines := []string{"id  " + jsonOf(ref.ID)}
	names := t.written
	if all {
		names = map[string]bool{}
		for name := range t.record.Fields {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		value, ok := t.record.Fields[name]
		switch {
		case name == "id":
		case ok || !all:
			lines = append(lines, name+"  "+w.text(value))
		}
	}
	for _, c := range t.comments {
		lines = append(lines, "comment "+c.Kind+" "+jsonOf(c.Text))
	}
	for _, f := range t.files {
		lines = append(lines, "attachment "+jsonOf(f.Name))
	}
	for _, link := range t.links {
		lines = append(lines, "attachment "+jsonOf(link.Title))
	}
	return lines
}

// text returns a value as JSON, with look-ups as they are written in a
// configuration. w.mu is held.
func (w *world) text(value any) string {
	switch v := value.(type) {
	case string:
		if _, ok := w.lookups[v]; ok {
			return v
		}
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = w.text(v[i])
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, jsonOf(name)+":"+w.text(v[name]))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case time.Time:
		return jsonOf(v.UTC().Format(time.RFC3339Nano))
	}
	return jsonOf(value)
}

// jsonOf returns a scalar as JSON, readable.
func jsonOf(value any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprintf("%q", fmt.Sprint(value))
	}
	return strings.TrimSuffix(b.String(), "\n")
}
