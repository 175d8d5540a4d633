package reconcile

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// longestParentPause bounds how often a record that waits for its parent's
// ticket is looked at.
const longestParentPause = 30 * time.Second

// open decides about a record that has no link on this route.
func (w opening) open(ctx context.Context) (result, error) {
	if aside, err := w.engine.Repo.Unlinked(ctx, w.route.Name, w.source); err != nil || aside.Unread {
		return resultNone, err
	}
	record, gone := w.readSource(ctx)
	if gone != nil && !isGone(gone) {
		return result{}, gone
	}
	before, err := w.engine.Repo.Unlinked(ctx, w.route.Name, w.source)
	if err != nil {
		return result{}, err
	}
	if gone != nil {
		return w.purgeGone(ctx, before.Parent)
	}
	dropped := !w.route.Admits(record)
	if before != (links.Unlinked{}) && before.Private != dropped {
		if err := w.commit(ctx, change{turned: true}); err != nil {
			return result{}, err
		}
	}
	if before.Private && dropped || !dropped && before.Version != "" && before.Version == record.Version {
		return resultNone, nil
	}
	return w.decideAndOpen(ctx, record, before, links.Stored{})
}

// decideAndOpen decides again and opens a ticket if the rules say so. dead is
// the claim of an owner that is gone, if there is one.
func (w opening) decideAndOpen(ctx context.Context, record connectors.Record, before links.Unlinked, dead links.Stored) (result, error) {
	decision, parent, err := w.decide(ctx, record, "", nil)
	if err != nil {
		return result{}, err
	}
	w.engine.step(ctx, StepDecided)
	if decision.Action != rules.Create {
		return w.declined(ctx, record, decision, before, dead)
	}
	if decision.AwaitsParent {
		if until, ok, err := w.awaitParent(ctx, record, decision, parent, before); err != nil || ok {
			return until, err
		}
	}
	return w.create(ctx, record, decision, before, dead)
}

// declined keeps the decision that a record gets no ticket.
func (w opening) declined(ctx context.Context, record connectors.Record, decision rules.Decision, before links.Unlinked, dead links.Stored) (result, error) {
	dropped := !w.route.Admits(record)
	m := links.Unlinked{Version: record.Version}
	if dropped {
		m = links.Unlinked{Private: true}
	}
	entry := w.entryOf(decision)
	w.log.Info("no ticket", "template", decision.Template, "reason", decision.Reason)
	return resultNone, w.commit(ctx, change{
		purge:   dropped && !before.Private, // it was public, and may have been decided
		unclaim: dead,
		mark:    &m, early: before.Private != dropped,
		decided: string(decision.Action), entry: &entry,
	})
}

// awaitParent waits a bounded time for the parent's ticket where the parent
// may still get one.
func (w opening) awaitParent(ctx context.Context, record connectors.Record, decision rules.Decision, parent *rules.Parent, before links.Unlinked) (result, bool, error) {
	template := w.config.Set.Templates[decision.Template]
	now := w.engine.Clock.Now()
	since := before.Waiting
	began := since.IsZero() || since.After(now) // by a clock that was set back since
	if began {
		since = now
	}
	if now.Sub(since) >= template.Lifecycle.ParentWait {
		return result{}, false, nil
	}
	may, err := w.parentMayGetTicket(ctx, record.Parent, parent, decision.Target.Connector)
	if err != nil || !may {
		return result{}, false, err
	}
	if began {
		if err := w.saveMark(ctx, links.Unlinked{Waiting: since.UTC(), Failed: before.Failed}); err != nil {
			return result{}, false, err
		}
	}
	pause := min(max(now.Sub(since), breaker.FirstBackoff), longestParentPause, template.Lifecycle.ParentWait)
	return w.requeueAt(now.Add(breaker.Jitter(pause))), true, nil // which is not a failure
}

// parentMayGetTicket reports whether some route may still open a ticket for
// the parent in the connector.
func (w observer) parentMayGetTicket(ctx context.Context, ref connectors.Ref, parent *rules.Parent, connector string) (bool, error) {
	if parent == nil {
		return false, nil
	}
	for _, route := range w.config.Set.Routes {
		if route.Source != ref.Collection || !writesTo(route, connector) {
			continue
		}
		link, _, _, err := w.engine.Repo.Current(ctx, route.Name, ref)
		if err == nil {
			// Also a ticket that was confirmed since the parent was looked at.
			if link.Phase == links.Claim || link.Phase == links.Active && link.Target.Connector == connector {
				return true, nil
			}
			continue
		}
		if !errors.Is(err, store.ErrNotFound) {
			return false, err
		}
		m, err := w.engine.Repo.Unlinked(ctx, route.Name, ref)
		if err != nil {
			return false, err
		}
		decided := m.Private || m.Version != "" && m.Version == parent.Record.Version
		if route.Create && !decided && route.Admits(parent.Record) {
			return true, nil
		}
	}
	return false, nil
}

func writesTo(r *rules.Route, connector string) bool {
	return slices.ContainsFunc(TemplatesOf(r), func(t *rules.Template) bool { return t.Target.Connector == connector })
}
