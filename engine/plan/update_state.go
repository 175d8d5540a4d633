package plan

import (
	"slices"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// state adds to an update what becomes of the states (rule 4.6), and returns the
// pairs by which a refusal of theirs is remembered.
func (o updating) state(u *Update, needs *Needs) map[string]string {
	pairs := map[string]string{}
	sync := o.Template.State
	if sync == nil || sync.Table == nil {
		return pairs
	}
	names := StateNames(*sync)
	in := u.stateInput(o, *sync, names)
	result := MergeState(in)
	if result.Conflict && in.Conflict == rules.LatestWins {
		if o.histories == nil {
			needs.Histories = true
			return pairs
		}
		newest := Newest(&o.Endpoints, u.Link.Seen, o.histories, []Conflict{{
			Name: names[links.Target], To: links.Target, Read: [][]string{StatePath(sync.SourceField)}, Wrote: StatePath(sync.TargetField),
		}})
		if in.Newest = newest[names[links.Target]]; in.Newest == "" {
			u.Notes = append(u.Notes, Note{Field: "state", What: NoteTimeUnknown})
		}
		result = MergeState(in)
	}
	if o.reopens(result, in.Target.Raw) {
		u.Supersede = true
		return pairs
	}
	u.Link.State = result.Agreed
	for _, name := range names {
		pairs[name] = result.Pair
	}
	if result.Note == NoteUnmapped || result.Note == NoteMoveNotTaken {
		u.notMoved(o, result, names[links.Target])
		return pairs
	}
	if result.Note != "" {
		said := Note{Field: "state", What: result.Note}
		if result.Lost != "" {
			said.Lost = result.Lost
		}
		u.Notes = append(u.Notes, said)
	}
	if result.Side == "" {
		return pairs
	}
	m := Mapping{Name: names[result.Side], Side: result.Side, Field: sync.TargetField, Path: StatePath(sync.TargetField), State: true, Pair: result.Pair, Want: result.To}
	if result.Side == links.Source {
		m.Field, m.Path = sync.SourceField, StatePath(sync.SourceField)
	}
	send, failed := o.resolve(result.Side, []rules.Value{{Field: m.Field, Value: result.To}}, o.Digest, needs)
	if len(failed) > 0 {
		u.reject(o.Observation, m.Name, result.Pair, failed[0])
		return pairs
	}
	u.Writes = append(u.Writes, Write{Mapping: m, Value: send[m.Field], Was: o.Endpoints.Have(m), Agreed: result.Then})
	return pairs
}

func (u *Update) stateInput(o updating, sync rules.StateSync, names map[links.Side]string) StateInput {
	paused := len(o.paused(u.Link, []Mapping{{Name: names[links.Target], Pair: names[links.Source]}})) > 0
	return StateInput{
		Sync: sync, Conflict: o.Template.Conflict, Agreed: u.Link.State,
		Source: o.Endpoints.Source.State(sync.SourceField), Target: o.Endpoints.Target.State(sync.TargetField),
		CanTransition: func(to links.Side, value string) bool { return o.Endpoints.Of(to).CanTransition(value) },
		Refused: func(pair string) bool {
			for _, name := range names {
				if r, ok := u.Link.Refusal(name); ok && r.Pair == pair && r.Stands(o.Now) {
					return true
				}
			}
			return paused
		},
		Digest: o.Digest,
	}
}

// notMoved says once, for a pair of states, that the table does not relate
// them or that the system does not take the move; where the table asks for it,
// that is a dead letter.
func (u *Update) notMoved(o updating, result StateResult, name string) {
	if r, ok := u.Link.Refusal(name); ok && r.Pair == result.Pair && r.Stands(o.Now) {
		return
	}
	u.Notes = append(u.Notes, Note{Field: "state", What: result.Note})
	if !o.Template.State.Table.UnmappedIsError {
		o.Reject(u.Link, name, result.Pair, Failure{Reason: result.Note})
		return
	}
	u.reject(o.Observation, name, result.Pair, Fail(links.FieldOf(name), result.Note,
		"the state table does not relate the states of the two sides, or the system does not take the move; both were left as they are"))
}

// reopens reports whether the source came back after its ticket was closed, and
// is to get a new ticket: because the template says so, or because the system
// cannot reopen the old one.
func (o updating) reopens(result StateResult, target string) bool {
	cannot := result.Note == NoteMoveNotTaken
	if result.Wanted != links.Target || !cannot && o.Template.Lifecycle.OnReopen != "new" {
		return false
	}
	if !o.closed(target) || o.closed(result.To) {
		return false
	}
	// What would become of it now: where no ticket may be opened, none is.
	d := o.Decide(rules.Input{Record: o.Endpoints.Source.Record, LinkID: o.NextID, Parent: o.Parent})
	return d.Action == rules.Create
}

// closed reports whether a ticket is closed in a state.
func (o updating) closed(raw string) bool {
	sync, e := o.Template.State, &o.Endpoints.Target
	if e.Schema != nil && e.Schema.State != nil && e.Schema.State.Closed != nil && e.Schema.State.Field == sync.TargetField {
		return slices.Contains(e.Schema.State.Closed, raw)
	}
	label, known := sync.Table.Label(e.Ref.Collection, raw, e.State(sync.TargetField).Category)
	return known && label == LastLabel(sync.Table)
}

// LastLabel returns the last state of a table, in which a record is done.
func LastLabel(t *rules.StateTable) string { return t.States[len(t.States)-1].Label }
