package engine

import (
	"context"
	"slices"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/rules"
)

// reopens reports whether the source came back after its ticket was closed, and
// is to get a new ticket: because the template says so, or because the system
// cannot reopen the old one.
func (w *work) reopens(s *sending, result plan.StateResult, target plan.StateValue) bool {
	cannot := result.Note == plan.NoteMoveNotTaken
	if result.Wanted != links.Target || !cannot && s.template.Lifecycle.OnReopen != "new" {
		return false
	}
	if !w.closed(s, target.Raw) || w.closed(s, result.To) {
		return false
	}
	// What would become of it now: where no ticket may be opened, none is.
	d := w.askRules(rules.Input{Record: s.ends.Source.Record, LinkID: links.ID(w.route.Name, w.source, w.n+1), Parent: w.parents})
	return d.Action == rules.Create
}

// closed reports whether a ticket is closed in the state.
func (w *work) closed(s *sending, raw string) bool {
	sync, ref := s.template.State, s.ends.Target.Ref
	if schema := w.schema(ref); schema != nil && schema.State != nil && schema.State.Closed != nil && schema.State.Field == sync.TargetField {
		return slices.Contains(schema.State.Closed, raw)
	}
	label, known := sync.Table.Label(ref.Collection, raw, s.ends.Target.State(sync.TargetField).Category)
	return known && label == lastLabel(sync.Table)
}

func lastLabel(t *rules.StateTable) string { return t.States[len(t.States)-1].Label }

// supersede lets another link take the place of one whose ticket stays closed.
// The record is then decided anew.
func (w *work) supersede(ctx context.Context, s *sending) (verdict, error) {
	next := s.link.Clone()
	next.Phase, next.Then = links.Detached, w.n+1
	next.DropContents()
	next.Fields = writtenBack(s.link.Fields)
	w.log.Info("the record came back after its ticket was closed; it gets a new one", "target", s.link.Target.String())
	s.entry.Notes = append(s.entry.Notes, plan.Note{Field: "state", What: "reopened"})
	return verdict{outcome: settled.outcome, again: w.engine.clock.Now()}, w.commit(ctx, change{link: next, revision: s.revision, entry: &s.entry})
}

// writtenBack are the agreements of what the ticket gives its source. The next
// ticket goes on from them: its number takes the place of the old one's, unless
// somebody typed something else there.
func writtenBack(fields map[string]links.Agreement) map[string]links.Agreement {
	kept := map[string]links.Agreement{}
	for name, agreement := range fields {
		if links.SideOf(name) == links.Source {
			kept[name] = agreement
		}
	}
	return kept
}

// inherit takes over what the link before this one left.
func (w *work) inherit(ctx context.Context, link *links.Link) error {
	if w.n == 1 {
		return nil
	}
	last, err := w.engine.links.Load(ctx, links.ID(w.route.Name, w.source, w.n-1))
	if err != nil {
		return err
	}
	link.Fields = writtenBack(last.Fields)
	return nil
}
