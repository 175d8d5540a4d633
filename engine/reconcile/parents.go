package reconcile

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// parent reads the record's parent, if the rules look at it, and finds the
// parent's oldest ticket in each connector.
func (w observer) parent(ctx context.Context, record connectors.Record) (*rules.Parent, error) {
	if !w.route.NeedsParent || record.Parent.IsZero() {
		return nil, nil
	}
	g := w.config.Breakers[record.Parent.Connector]
	parent, err := g.Read(ctx, record.Parent)
	if isGone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tickets := map[string]rules.Ticket{}
	opened := map[string]time.Time{}
	for _, route := range w.config.Set.Routes {
		if route.Source != record.Parent.Collection {
			continue
		}
		link, _, _, err := w.engine.Repo.Current(ctx, route.Name, record.Parent)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrUnreadable) { // which is said of that record
			continue
		}
		if err != nil {
			return nil, err
		}
		if link.Target == nil || link.Phase != links.Active {
			continue
		}
		in := link.Target.Connector
		if at, known := opened[in]; !known || link.OpenedAt.Before(at) {
			opened[in] = link.OpenedAt
			tickets[in] = rules.Ticket{ID: link.Target.ID, Number: link.Number, URL: link.URL}
		}
	}
	return &rules.Parent{Record: parent, Tickets: tickets}, nil
}

// mayBePrivate reports whether a record that is not found is private: because what
// it belonged to is by now, or maybe, because private records are hidden from these
// credentials.
func (w observer) mayBePrivate(ctx context.Context, parent connectors.Ref) (plan.Answer, error) {
	hidden := plan.No
	if g := w.config.Breakers[w.source.Connector]; g != nil {
		if hider, ok := g.Connector.(connectors.Hider); ok && hider.Hides(w.source) {
			hidden = plan.Maybe
		}
	}
	g := w.config.Breakers[parent.Connector]
	if g == nil {
		return hidden, nil
	}
	record, err := g.Read(ctx, parent)
	switch {
	case isGone(err):
		return hidden, nil
	case err != nil:
		return plan.Unknown, err
	}
	return plan.AnswerOf(record.Private), nil
}

// parentMayGetTicket reports whether some route may still open a ticket for
// the parent in the connector, and whether all of them that may are paused.
func (w observer) parentMayGetTicket(ctx context.Context, ref connectors.Ref, parent *rules.Parent, connector string) (may plan.Answer, paused bool, err error) {
	if parent == nil {
		return plan.No, false, nil
	}
	may = plan.No
	for _, route := range w.config.Set.Routes {
		if route.Source != ref.Collection || !writesTo(route, connector) {
			continue
		}
		yes, err := w.mayOpenTicket(ctx, route, ref, parent, connector)
		if err != nil {
			return plan.Unknown, false, err
		}
		if yes && !w.engine.Pauses.Known(route.Name) {
			return plan.Yes, false, nil
		}
		if yes {
			may, paused = plan.Yes, true
		}
	}
	return may, paused, nil
}

// mayOpenTicket reports whether a route may still open a ticket for the parent in the
// connector.
func (w observer) mayOpenTicket(ctx context.Context, route *rules.Route, ref connectors.Ref, parent *rules.Parent, connector string) (bool, error) {
	link, _, _, err := w.engine.Repo.Current(ctx, route.Name, ref)
	switch {
	case err == nil:
		// Also a ticket that was confirmed since the parent was looked at.
		return link.Phase == links.Claim || link.Phase == links.Active && link.Target.Connector == connector, nil
	case errors.Is(err, store.ErrUnreadable):
		return true, nil // it may have one, which is waited for as long as for any
	case !errors.Is(err, store.ErrNotFound):
		return false, err
	}
	u, err := w.engine.Repo.Unlinked(ctx, route.Name, ref)
	if errors.Is(err, store.ErrUnreadable) {
		return true, nil
	}
	decided := u.Private || !u.ForNow && u.Version != "" && u.Version == parent.Record.Version
	return err == nil && route.Create && !decided && route.Admits(parent.Record), err
}

func writesTo(r *rules.Route, connector string) bool {
	return slices.ContainsFunc(TemplatesOf(r), func(t *rules.Template) bool { return t.Target.Connector == connector })
}
