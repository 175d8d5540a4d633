package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// freshFor is how long a read of the source answers for its privacy. A save
// and a look-up fit into it; a wait for a rate limit or a slow system does not.
const freshFor = 2 * time.Second

// errNotAllowed says that nothing was sent although it was about to be.
var errNotAllowed = errors.New("not sent")

// private reports whether nothing of the record may be kept.
func (w *work) private() bool { return w.record != nil && w.record.Private }

// stillAllowed reads the source again before something is sent, if it was
// read some time ago or a request was sent since. Where it turned private or
// cannot be found, ErrConflict lets everything be decided anew.
func (w *work) stillAllowed(ctx context.Context, sent bool) error {
	if age := w.engine.clock.Now().Sub(w.readAt); !sent && age >= 0 && age < freshFor {
		return nil
	}
	was := w.private()
	if w.sourceGone {
		if _, err := w.readSource(ctx); isGone(err) {
			return nil
		} else if err != nil {
			return err
		}
		return fmt.Errorf("%w: record %s is there again: %w", errNotAllowed, w.source, store.ErrConflict)
	}
	if _, err := w.readSource(ctx); err != nil && !isGone(err) {
		return err
	} else if err != nil || w.private() != was {
		return fmt.Errorf("%w: record %s is no longer what it was: %w", errNotAllowed, w.source, store.ErrConflict)
	}
	return nil
}

// forget removes what is kept of a record that turned private: its journal,
// and what its dead letters quote.
func (w *work) forget(ctx context.Context) error {
	return w.engine.journal.Forget(ctx, w.route.Name, w.source)
}

// forgetAgain removes what somebody who stood still has journaled since forget:
// whoever journals later sees that the record is private.
func (w *work) forgetAgain(ctx context.Context) error {
	return w.engine.journal.Purge(ctx, w.source)
}

// resting looks at the privacy of a record whose link is not carried out any
// more: what the journal holds of it goes when it turns private.
func (w *work) resting(ctx context.Context, link links.Stored) (verdict, error) {
	record, err := w.readSource(ctx)
	switch {
	case isGone(err):
		return nothing, w.forgetGone(ctx, link.Parent)
	case err != nil:
		return verdict{}, err
	case record.Private == link.Private:
		return nothing, nil
	}
	if err := w.hintChildren(ctx); err != nil {
		return verdict{}, err
	}
	forgets := record.Private && !w.route.Private
	if forgets {
		if err := w.forget(ctx); err != nil {
			return verdict{}, err
		}
	}
	next := link.Clone()
	next.Private = record.Private
	if _, err := w.engine.links.Save(ctx, next, link.Revision); err != nil {
		return verdict{}, err
	}
	if forgets {
		return nothing, w.forgetAgain(ctx)
	}
	return nothing, nil
}

// forgetGone removes what is kept of a record that is gone and belongs to one
// that is private by now: it cannot say so itself.
func (w *work) forgetGone(ctx context.Context, parent connectors.Ref) error {
	g := w.config.guards[parent.Connector]
	if parent.IsZero() || g == nil || w.route.Private {
		return nil
	}
	record, err := g.Read(ctx, parent)
	if isGone(err) {
		return nil
	}
	if err != nil || !record.Private {
		return err
	}
	return w.forget(ctx)
}

// stop ends everything that was derived from a record that turned private.
func (w *work) stop(ctx context.Context, link links.Stored) (verdict, error) {
	// First what the link does not hold: a stopped one is not looked at again.
	if err := w.forget(ctx); err != nil {
		return verdict{}, err
	}
	if !link.Private {
		if err := w.hintChildren(ctx); err != nil {
			return verdict{}, err
		}
	}
	if err := w.forgetPredecessors(ctx); err != nil {
		return verdict{}, err
	}
	next := link.Clone()
	next.Phase, next.Private = links.Stopped, true
	next.DropContents()
	if link.Opened != nil { // where to look for the ticket when it is public again
		next.Opened = &links.Opened{Into: link.Opened.Into}
	}
	if _, err := w.engine.links.Save(ctx, next, link.Revision); err != nil {
		return verdict{}, err
	}
	if err := w.forgetAgain(ctx); err != nil {
		return verdict{}, err
	}
	w.log.Info("stopped: the record turned private")
	entry := w.entry()
	entry.Template, entry.Action, entry.Reason = link.Template, string(rules.None), "private"
	return nothing, w.journal(ctx, entry)
}
