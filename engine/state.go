package engine

import (
	"fmt"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// A standing is the state of one record: its raw value, the value's category
// where the system has categories, and where a table says what they mean.
type standing struct {
	collection connectors.Collection
	raw        string
	category   string
}

// Why states that differ are left as they are.
const (
	noteUnmapped     = "unmapped"
	noteMoveNotTaken = "move_not_taken"
)

// stateInput is all that the merge of states looks at.
type stateInput struct {
	sync     rules.StateSync
	conflict rules.Conflict
	source   standing
	target   standing
	agreed   *links.StatePair
	newest   links.Side // of a conflict by time: the side that moved last; empty: not known
	mayMove  func(s links.Side, to string) bool
	refused  func(pair string) bool // this very pair was refused
	digest   links.Digester
}

// stateResult is what should become of the states: at most one is written.
type stateResult struct {
	side   links.Side       // empty: none
	to     string           // the value to write
	then   *links.StatePair // what is agreed when it is written
	agreed *links.StatePair // what is agreed now
	pair   string           // digest of what was compared
	note   string           // "unmapped", "move_not_taken", "conflict", "differs"; empty: nothing to say
	wanted links.Side       // whose state is to follow the other's, also where it may not
	clash  bool             // both moved, to different classes
	lost   string           // the raw state that lost a conflict
}

// mergeState compares states through the table. A move within a class, or a
// new table, writes nothing; an unmapped value counts as unchanged; a move that
// the API does not take is not tried.
func mergeState(in stateInput) stateResult {
	now := &links.StatePair{Source: in.source.raw, SourceCategory: in.source.category, Target: in.target.raw, TargetCategory: in.target.category}
	out := stateResult{agreed: in.agreed, pair: in.digest.Pair(now.Source+"\x00"+now.SourceCategory, now.Target+"\x00"+now.TargetCategory)}
	from, fromKnown := in.sync.Table.Label(in.source.collection, in.source.raw, in.source.category)
	to, toKnown := in.sync.Table.Label(in.target.collection, in.target.raw, in.target.category)
	switch {
	case !fromKnown || !toKnown:
		out.note = noteUnmapped
		return out
	case from == to:
		out.agreed = now
		return out
	case in.agreed == nil:
		out.agreed, out.note = now, "differs"
		return out
	case in.refused(out.pair):
		return out
	}
	// What was agreed counts by what today's table says of it.
	lastFrom, _ := in.sync.Table.Label(in.source.collection, in.agreed.Source, in.agreed.SourceCategory)
	lastTo, _ := in.sync.Table.Label(in.target.collection, in.agreed.Target, in.agreed.TargetCategory)
	sourceMoved, targetMoved := from != lastFrom, to != lastTo
	conflict := sourceMoved && targetMoved
	// A move within the class is none, also after the table is changed.
	kept := *in.agreed
	if !sourceMoved {
		kept.Source, kept.SourceCategory = now.Source, now.SourceCategory
	}
	if !targetMoved {
		kept.Target, kept.TargetCategory = now.Target, now.TargetCategory
	}
	out.agreed = &kept
	if conflict {
		out.clash, out.note = true, noteConflict
		sourceMoved = wins(in.conflict, links.Target)
		if in.conflict == rules.LatestWins && in.newest != "" {
			sourceMoved = in.newest == links.Source
		}
		targetMoved = !sourceMoved
		if out.lost = now.Target; targetMoved {
			out.lost = now.Source
		}
	}
	switch {
	case sourceMoved && in.sync.Direction != rules.Inbound:
		out.side, out.to = links.Target, firstOf(in.sync.Table, from, in.target.collection)
	case targetMoved && in.sync.Direction != rules.Outbound:
		out.side, out.to = links.Source, firstOf(in.sync.Table, to, in.source.collection)
	case conflict: // the direction of the winner is off
		out.agreed = now
		return out
	default:
		return out // nobody moved since, or the direction is off
	}
	out.then, out.wanted = now.With(out.side, out.to), out.side
	switch {
	case out.to == "":
		out.side, out.note = "", noteUnmapped
	case !in.mayMove(out.side, out.to):
		out.side, out.note = "", noteMoveNotTaken
	}
	return out
}

// firstOf is the value that stands for a state in a collection's system; empty
// if the table has none.
func firstOf(t *rules.StateTable, label string, c connectors.Collection) string {
	for i := range t.States {
		if values := t.States[i].Column(c); t.States[i].Label == label && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

// standingOf reads the state of a record at a dotted path. The category is
// known where the path is the one that the record type's schema names.
func standingOf(r connectors.Record, path string, schema *connectors.Schema) standing {
	s := standing{collection: r.Ref.Collection, raw: rawState(r, path)}
	if schema != nil && schema.State != nil && schema.State.Field == path {
		s.category = rawState(r, schema.State.Category)
	}
	return s
}

// rawState is the raw value at a dotted path of a record, as text; empty where
// there is none.
func rawState(r connectors.Record, path string) string {
	if path == "" {
		return ""
	}
	v := fieldAt(r, statePath(path))
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// statePath is the path that a state's field is written as.
func statePath(field string) []string { return strings.Split(field, ".") }

// fieldAt is the value at a path within a record's fields, nil where there is
// none.
func fieldAt(r connectors.Record, path []string) any {
	var v any = r.Fields
	for _, name := range path {
		fields, _ := v.(map[string]any)
		v = fields[name]
	}
	return v
}
