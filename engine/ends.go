package engine

import (
	"maps"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// An end is one side of a link, as it was read and as it was written since.
type end struct {
	guard  *guard
	writer connectors.Writer // nil: nothing can be written to this system
	ref    connectors.Ref
	record connectors.Record
}

// ends are both sides of a link.
type ends struct{ source, target end }

func (e *ends) of(s links.Side) *end {
	if s == links.Source {
		return &e.source
	}
	return &e.target
}

// have is what the field of a mapping holds.
func (e *ends) have(m mapping) any { return fieldAt(e.of(m.side).record, m.path) }

// fieldPath is the path of a field's name: an entry of a map is FIELD/ENTRY.
func fieldPath(field string) []string { return strings.SplitN(field, "/", 2) }

// with is the end with one field replaced. What else the record may hold by
// now is not taken over: that would swallow an edit made in between.
func (e end) with(path []string, value any) end {
	e.record.Fields = replaced(e.record.Fields, path, value)
	return e
}

// replaced copies what changes.
func replaced(fields map[string]any, path []string, value any) map[string]any {
	out := maps.Clone(fields)
	if out == nil {
		out = map[string]any{}
	}
	if len(path) > 1 {
		inner, _ := out[path[0]].(map[string]any)
		value = replaced(inner, path[1:], value)
	}
	out[path[0]] = value
	return out
}

// standings are the states of both ends.
func (w *work) standings(e *ends, sync rules.StateSync) (source, target standing) {
	return standingOf(e.source.record, sync.SourceField, w.schema(e.source.ref)), standingOf(e.target.record, sync.TargetField, w.schema(e.target.ref))
}

func (w *work) schema(ref connectors.Ref) *connectors.Schema {
	block := w.config.Set.Connectors[ref.Connector]
	if block == nil {
		return nil
	}
	schema, ok := block.System.Schema(ref.Record)
	if !ok {
		return nil
	}
	return schema
}
