package reconcile

import (
	"context"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/rules"
)

// overlapped looks for what somebody wrote between the read of a side and the
// write that answer is the answer to (section 6 of the protocol).
func (w observer) overlapped(ctx context.Context, e *plan.End, writes []plan.Write, answer connectors.Record) ([]plan.Note, error) {
	next, known := e.Follows(answer)
	if known && next {
		return nil, nil
	}
	changes, remembers, err := w.history(ctx, e, e.Record.UpdatedAt)
	if err != nil {
		return nil, err
	}
	return plan.Overlaps(writes, changes, remembers, known, w.engine.Clock.Now(), w.engine.Digest), nil
}

// history asks for the changes of a record, if its system remembers them.
func (w observer) history(ctx context.Context, e *plan.End, since time.Time) ([]connectors.FieldChange, bool, error) {
	h, ok := e.System.(connectors.Historian)
	if !ok {
		return nil, false, nil
	}
	changes, err := breaker.Ask(w.breakerOf(e), breaker.Kind(breaker.OpHistory, e.Ref.Record), func() ([]connectors.FieldChange, error) { return h.History(ctx, e.Record, since) })
	if class, known := connectors.ClassOf(err); known && (class == connectors.ClassRejected || class == connectors.ClassForbidden) {
		return nil, false, nil // it may not be read
	}
	return changes, err == nil, err
}

// see keeps the versions that the link was last in step with, where a conflict
// may ask for them.
func (s *sending) see() {
	s.Link.Seen = nil
	if s.Template.Conflict == rules.LatestWins {
		s.Link.Seen = map[links.Side]string{links.Source: s.Ends.Source.Record.Version, links.Target: s.Ends.Target.Record.Version}
	}
}
