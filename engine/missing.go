package engine

import (
	"context"
	"time"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// goneAfter is when a side that was not found is read again (rule 8.1).
const goneAfter = 10 * time.Minute

// missing handles a side that could not be found: after two reads, ten minutes
// apart, it is gone.
func (w lifecycle) missing(ctx context.Context, link links.Stored, side string, then links.Phase) (verdict, error) {
	if link.Phase == then {
		return w.resting(ctx, link)
	}
	now := w.engine.clock.Now()
	next, revision := link.Clone(), link.Revision
	if m := link.Missing; m == nil || m.Side != side || m.At.After(now) { // by a clock that was set back since
		next.Missing = &links.Missing{Side: side, Times: 1, At: now.UTC()}
	} else if wait := m.At.Add(goneAfter); now.Before(wait) {
		return w.waitUntil(wait), nil
	} else {
		if side == "source" {
			s, v, err := w.closeTicket(ctx, link)
			if s != nil && (v != nil || err != nil) {
				return w.unsent(ctx, s, v, err)
			}
			if err != nil {
				return verdict{}, err
			}
			if s != nil {
				revision = s.revision
				if err := w.journal(ctx, s.entry); err != nil {
					return verdict{}, err
				}
			}
		}
		next.Phase = then
		next.DropContents()
		next.Missing = nil
	}
	if next.Phase != then {
		return w.waitUntil(now.Add(goneAfter)), w.commit(ctx, change{link: next, revision: revision})
	}
	purge := false
	if side == "source" {
		var err error
		if purge, err = w.orphanIsPrivate(ctx, link.Parent); err != nil {
			return verdict{}, err
		}
	}
	w.log.Warn("a side of the link is gone", "side", side, "phase", string(then))
	entry := w.entry()
	entry.Template, entry.Action, entry.Reason, entry.Target = link.Template, string(rules.None), side+" is gone", *link.Target
	return nothing, w.commit(ctx, change{purge: purge, link: next, revision: revision, entry: &entry})
}
