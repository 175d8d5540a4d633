package engine

import (
	"context"

	"github.com/lockstep-sync/lockstep/rules"
)

// stop ends everything that was derived from a record that turned private.
func (w *work) stop(ctx context.Context, link stored) (verdict, error) {
	// First what the link does not hold: a stopped one is not looked at again.
	if err := w.forget(ctx); err != nil {
		return verdict{}, err
	}
	next := link.clone()
	next.Phase = Stopped
	next.withoutContents()
	if link.Opened != nil { // where to look for the ticket when it is public again
		next.Opened = &Opened{Into: link.Opened.Into}
	}
	if _, err := w.engine.saveLink(ctx, next, link.revision); err != nil {
		return verdict{}, err
	}
	w.log.Info("stopped: the record turned private")
	entry := w.entry()
	entry.Template, entry.Action, entry.Reason = link.Template, string(rules.None), "private"
	return nothing, w.journal(ctx, entry)
}

// missing handles a side that could not be found: after two reads, ten minutes
// apart, it is gone.
func (w *work) missing(ctx context.Context, link stored, side string, then Phase) (verdict, error) {
	now := w.engine.clock.Now()
	next := link.clone()
	if m := link.Missing; m == nil || m.Side != side {
		next.Missing = &Missing{Side: side, Times: 1, At: now.UTC()}
	} else if wait := m.At.Add(goneAfter); now.Before(wait) {
		return w.waitUntil(wait), nil
	} else {
		next.Phase = then
		next.withoutContents()
		next.Missing = nil
	}
	if _, err := w.engine.saveLink(ctx, next, link.revision); err != nil {
		return verdict{}, err
	}
	if next.Phase != then {
		return w.waitUntil(now.Add(goneAfter)), nil
	}
	w.log.Warn("a side of the link is gone", "side", side, "phase", string(then))
	entry := w.entry()
	entry.Template, entry.Action, entry.Reason, entry.Target = link.Template, string(rules.None), side+" is gone", *link.Target
	return nothing, w.journal(ctx, entry)
}

// orphan rests a link whose template or connector is not configured, or whose
// template opens its tickets elsewhere now.
func (w *work) orphan(ctx context.Context, link stored) (verdict, error) {
	if link.Phase != Active {
		return nothing, nil
	}
	next := link.clone()
	next.Phase = Orphan
	if _, err := w.engine.saveLink(ctx, next, link.revision); err != nil {
		return verdict{}, err
	}
	w.log.Warn("its template or connector is not configured; the link rests until it comes back", "template", link.Template, "target", link.Target.String())
	return nothing, nil
}
