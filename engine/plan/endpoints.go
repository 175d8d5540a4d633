package plan

import (
	"maps"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// An Endpoint is one side of a link, as it was read and as it was written since.
type Endpoint struct {
	Ref    connectors.Ref
	Record connectors.Record
	// System is asked only for what it knows without asking anybody: whether two
	// values are the same to it, which moves it takes, how its versions follow.
	System connectors.Connector
	Takes  Abilities
	Schema *connectors.Schema // of the record's type; nil: none is known
}

// Abilities are what can be written to a system.
type Abilities struct {
	Fields   bool // of records that exist
	Comments bool
	// CommentsOnce says that a comment may be sent again: it is added once.
	CommentsOnce bool
	Files        bool
}

// Same reports whether two values of a field are one to the system.
func (e *Endpoint) Same(field string, want, have any) bool {
	resolver, ok := e.System.(connectors.Resolver)
	return ok && resolver.Same(e.Ref.Record, field, want, have)
}

// CanTransition reports whether the record can be moved to a state.
func (e *Endpoint) CanTransition(to string) bool {
	if checker, ok := e.System.(connectors.TransitionChecker); ok && !checker.CanTransition(e.Record, to) {
		return false
	}
	return e.Takes.Fields
}

// State returns the state of the record at a dotted path.
func (e *Endpoint) State(path string) StateValue { return StateOf(e.Record, path, e.Schema) }

// With returns the endpoint with one field replaced. What else the record may hold by
// now is not taken over: that would swallow an edit made in between.
func (e Endpoint) With(path []string, value any) Endpoint {
	e.Record.Fields = replaced(e.Record.Fields, path, value)
	return e
}

// Endpoints are both sides of a link.
type Endpoints struct{ Source, Target Endpoint }

// Of returns one of the two.
func (e *Endpoints) Of(s links.Side) *Endpoint {
	if s == links.Source {
		return &e.Source
	}
	return &e.Target
}

// Have returns what the field of a mapping holds.
func (e *Endpoints) Have(m Mapping) any { return FieldAt(e.Of(m.Side).Record, m.Path) }

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

// FieldPath returns the path of a field's name: an entry of a map is FIELD/ENTRY.
func FieldPath(field string) []string { return strings.SplitN(field, "/", 2) }
