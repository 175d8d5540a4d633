package reconcile

import (
	"context"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
)

// supersede lets another link take the place of one whose ticket stays closed.
// The record is then decided again.
func (w lifecycle) supersede(ctx context.Context, s *sending) (result, error) {
	next := s.link.Clone()
	next.Phase, next.Then = links.Detached, w.n+1
	next.DropContents()
	next.Fields = writtenBack(s.link.Fields)
	w.log.Info("the record came back after its ticket was closed; it gets a new one", "target", s.link.Target.String())
	s.entry.Notes = append(s.entry.Notes, plan.Note{Field: "state", What: "reopened"})
	return result{outcome: resultOK.outcome, again: w.engine.Clock.Now()}, w.commit(ctx, change{link: next, revision: s.revision, entry: &s.entry})
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
func (w opening) inherit(ctx context.Context, link *links.Link) error {
	if w.n == 1 {
		return nil
	}
	last, err := w.engine.Repo.Load(ctx, links.ID(w.route.Name, w.source, w.n-1))
	if err != nil {
		return err
	}
	link.Fields = writtenBack(last.Fields)
	return nil
}
