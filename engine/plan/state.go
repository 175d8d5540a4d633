package plan

import (
	"fmt"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// A StateValue is the state of one record: its raw value, the value's category
// where the system has categories, and where a table says what they mean.
type StateValue struct {
	collection connectors.Collection
	Raw        string
	Category   string
}

// Why states that differ are left as they are.
const (
	NoteUnmapped     = "unmapped"
	NoteMoveNotTaken = "move_not_taken"
)

// StateInput is all that the merge of states looks at.
type StateInput struct {
	Sync          rules.StateSync
	Conflict      rules.Conflict
	Source        StateValue
	Target        StateValue
	Agreed        *links.StatePair
	Newest        links.Side // of a conflict by time: the side that moved last; empty: not known
	CanTransition func(s links.Side, to string) bool
	Refused       func(pair string) bool // this very pair was refused
	Digest        links.Digester
}

// StateResult is what should become of the states: at most one is written.
type StateResult struct {
	Side     links.Side       // empty: none
	To       string           // the value to write
	Then     *links.StatePair // what is agreed when it is written
	Agreed   *links.StatePair // what is agreed now
	Pair     string           // digest of what was compared
	Note     string           // "unmapped", "move_not_taken", "conflict", "differs"; empty: nothing to say
	Wanted   links.Side       // whose state is to follow the other's, also where it may not
	Conflict bool             // both moved, to different classes
	Lost     string           // the raw state that lost a conflict
}

// MergeState compares states through the table. A move within a class, or a
// new table, writes nothing; an unmapped value counts as unchanged; a move that
// the API does not take is not tried (rule 4.6).
func MergeState(in StateInput) StateResult {
	now := &links.StatePair{Source: in.Source.Raw, SourceCategory: in.Source.Category, Target: in.Target.Raw, TargetCategory: in.Target.Category}
	out := StateResult{Agreed: in.Agreed, Pair: in.Digest.Pair(now.Source+"\x00"+now.SourceCategory, now.Target+"\x00"+now.TargetCategory)}
	from, fromKnown := in.Sync.Table.Label(in.Source.collection, in.Source.Raw, in.Source.Category)
	to, toKnown := in.Sync.Table.Label(in.Target.collection, in.Target.Raw, in.Target.Category)
	switch {
	case !fromKnown || !toKnown:
		out.Note = NoteUnmapped
		return out
	case from == to:
		out.Agreed = now
		return out
	case in.Agreed == nil:
		out.Agreed, out.Note = now, "differs"
		return out
	case in.Refused(out.Pair):
		return out
	}
	// What was agreed counts by what today's table says of it.
	lastFrom, _ := in.Sync.Table.Label(in.Source.collection, in.Agreed.Source, in.Agreed.SourceCategory)
	lastTo, _ := in.Sync.Table.Label(in.Target.collection, in.Agreed.Target, in.Agreed.TargetCategory)
	sourceMoved, targetMoved := from != lastFrom, to != lastTo
	conflict := sourceMoved && targetMoved
	// A move within the class is not one, also after the table is changed.
	kept := *in.Agreed
	if !sourceMoved {
		kept.Source, kept.SourceCategory = now.Source, now.SourceCategory
	}
	if !targetMoved {
		kept.Target, kept.TargetCategory = now.Target, now.TargetCategory
	}
	out.Agreed = &kept
	if conflict {
		out.Conflict, out.Note = true, noteConflict
		sourceMoved = wins(in.Conflict, links.Target)
		if in.Conflict == rules.LatestWins && in.Newest != "" {
			sourceMoved = in.Newest == links.Source
		}
		targetMoved = !sourceMoved
		if out.Lost = now.Target; targetMoved {
			out.Lost = now.Source
		}
	}
	switch {
	case sourceMoved && in.Sync.Direction != rules.Inbound:
		out.Side, out.To = links.Target, FirstOf(in.Sync.Table, from, in.Target.collection)
	case targetMoved && in.Sync.Direction != rules.Outbound:
		out.Side, out.To = links.Source, FirstOf(in.Sync.Table, to, in.Source.collection)
	case conflict: // the direction of the winner is off
		out.Agreed = now
		return out
	default:
		return out // nobody moved since, or the direction is off
	}
	out.Then, out.Wanted = now.With(out.Side, out.To), out.Side
	switch {
	case out.To == "":
		out.Side, out.Note = "", NoteUnmapped
	case !in.CanTransition(out.Side, out.To):
		out.Side, out.Note = "", NoteMoveNotTaken
	}
	return out
}

// FirstOf returns the value that stands for a state in a collection's system; empty
// if the table has none.
func FirstOf(t *rules.StateTable, label string, c connectors.Collection) string {
	for i := range t.States {
		if values := t.States[i].Column(c); t.States[i].Label == label && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

// StateOf reads the state of a record at a dotted path. The category is
// known where the path is the one that the record type's schema names.
func StateOf(r connectors.Record, path string, schema *connectors.Schema) StateValue {
	s := StateValue{collection: r.Ref.Collection, Raw: RawState(r, path)}
	if schema != nil && schema.State != nil && schema.State.Field == path {
		s.Category = RawState(r, schema.State.Category)
	}
	return s
}

// RawState returns the raw value at a dotted path of a record, as text; empty where
// there is none.
func RawState(r connectors.Record, path string) string {
	if path == "" {
		return ""
	}
	v := FieldAt(r, StatePath(path))
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// StatePath returns the path that a state's field is written as.
func StatePath(field string) []string { return strings.Split(field, ".") }

// FieldAt returns the value at a path within a record's fields, nil where there is
// none.
func FieldAt(r connectors.Record, path []string) any {
	var v any = r.Fields
	for _, name := range path {
		fields, _ := v.(map[string]any)
		v = fields[name]
	}
	return v
}
