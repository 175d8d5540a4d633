package reconcile

import (
	"context"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/rules"
)

// missing handles a side that could not be found.
func (w lifecycle) missing(ctx context.Context, link links.Stored, step plan.Step, side links.Side) (result, error) {
	now := w.engine.Clock.Now()
	next, revision := link.Clone(), link.Revision
	switch step {
	case plan.Rest:
		return w.resting(ctx, link)
	case plan.AwaitMiss:
		return w.requeueAt(link.Missing.At.Add(plan.GoneAfter)), nil
	case plan.NoteMiss:
		next.Missing = &links.Missing{Side: string(side), Times: 1, At: now.UTC()}
		return w.requeueAt(now.Add(plan.GoneAfter)), w.commit(ctx, change{link: next, revision: revision})
	}
	then := links.Gone
	if side == links.Source {
		then = links.Detached
		s, v, err := w.closeTicket(ctx, link)
		if s != nil && (v != nil || err != nil) {
			return w.unsent(ctx, s, v, err)
		}
		if err != nil {
			return result{}, err
		}
		if s != nil {
			revision = s.revision
			if err := w.commit(ctx, change{entry: &s.entry}); err != nil {
				return result{}, err
			}
		}
	}
	next.Phase, next.Missing = then, nil
	next.DropContents()
	purge := false
	if side == links.Source {
		var err error
		if purge, err = w.orphanIsPrivate(ctx, link.Parent); err != nil {
			return result{}, err
		}
	}
	w.log.Warn("a side of the link is gone", "side", string(side), "phase", string(then))
	entry := w.entry()
	entry.Template, entry.Action, entry.Reason, entry.Target = link.Template, string(rules.None), string(side)+" is gone", *link.Target
	return resultNone, w.commit(ctx, change{purge: purge, link: next, revision: revision, entry: &entry})
}
