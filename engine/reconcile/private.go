package reconcile

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
func (w *session) private() bool { return w.record != nil && w.record.Private }

// stillAllowed reads the source again before something is sent, if it was
// read some time ago or a request was sent since. Where it turned private or
// cannot be found, ErrConflict lets everything be decided again (rule 3.8).
func (w sender) stillAllowed(ctx context.Context, sent bool) error {
	if age := w.engine.Clock.Now().Sub(w.readAt); !sent && age >= 0 && age < freshFor {
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

// resting looks at the privacy of a record whose link is not carried out any
// more: what the journal holds of it goes when it turns private.
func (w lifecycle) resting(ctx context.Context, link links.Stored) (result, error) {
	record, err := w.readSource(ctx)
	switch {
	case isGone(err):
		return w.purgeGone(ctx, link.Parent)
	case err != nil:
		return result{}, err
	case record.Private == link.Private:
		return resultNone, nil
	}
	next := link.Clone()
	next.Private = record.Private
	return resultNone, w.commit(ctx, change{turned: true, purge: !w.route.Admits(record), link: next, revision: link.Revision})
}

// purgeGone removes what is kept of a record that is gone, if it has to.
func (w lifecycle) purgeGone(ctx context.Context, parent connectors.Ref) (result, error) {
	purge, err := w.orphanIsPrivate(ctx, parent)
	if err != nil || !purge {
		return resultNone, err
	}
	return resultNone, w.commit(ctx, change{purge: true})
}

// orphanIsPrivate reports whether a record that is gone belongs to one that is
// private by now: it cannot say so itself.
func (w observer) orphanIsPrivate(ctx context.Context, parent connectors.Ref) (bool, error) {
	g := w.config.Breakers[parent.Connector]
	if parent.IsZero() || g == nil || w.route.Private {
		return false, nil
	}
	record, err := g.Read(ctx, parent)
	if isGone(err) {
		return false, nil
	}
	return err == nil && record.Private, err
}

// stop ends everything that was derived from a record that turned private (rule 8.3).
func (w lifecycle) stop(ctx context.Context, link links.Stored) (result, error) {
	next := link.Clone()
	next.Phase, next.Private = links.Stopped, true
	next.DropContents()
	if link.Opened != nil { // where to look for the ticket when it is public again
		next.Opened = &links.Opened{Into: link.Opened.Into}
	}
	entry := w.entry()
	entry.Template, entry.Action, entry.Reason = link.Template, string(rules.None), "private"
	w.log.Info("stopped: the record turned private")
	return resultNone, w.commit(ctx, change{
		purge: true, turned: !link.Private, predecessors: true,
		link: next, revision: link.Revision, entry: &entry,
	})
}
