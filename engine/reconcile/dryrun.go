package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// A Planned is what a reconcile of a record on one route would do now.
type Planned struct {
	Route      string           `json:"route"`
	Link       string           `json:"link"`
	Template   string           `json:"template,omitempty"`
	Target     *connectors.Ref  `json:"target,omitempty"`
	Operations []plan.Operation `json:"operations"`
}

// DryRun says what would be done about a record on every route that begins with
// it, and does nothing.
func (e *Core) DryRun(ctx context.Context, ref connectors.Ref) ([]Planned, error) {
	config := e.Config.Load()
	all := []Planned{}
	for _, route := range config.Set.Routes {
		if route.Source != ref.Collection {
			continue
		}
		link, id, n, err := e.Repo.Current(ctx, route.Name, ref)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		w := observer{&session{
			engine: e, budget: &budget{}, config: config, route: route, source: ref, linkID: id, n: n,
			log: e.Log.With("route", route.Name, "link", id, "record", ref.String()),
		}}
		planned := Planned{Route: route.Name, Link: id}
		if link.Link != nil {
			planned.Template, planned.Target = link.Template, link.Target
		}
		if err := w.planLink(ctx, link, &planned); err != nil {
			return nil, fmt.Errorf("route %s: %w", route.Name, err)
		}
		all = append(all, planned)
	}
	return all, nil
}

func (p *Planned) nothing(reason string) { p.add(plan.Operation{Kind: plan.KindNone, Reason: reason}) }

func (p *Planned) add(all ...plan.Operation) { p.Operations = append(p.Operations, all...) }

// planLink goes the way of work.run as far as it only reads.
func (w observer) planLink(ctx context.Context, link links.Stored, out *Planned) error {
	switch {
	case link.Link == nil:
		return w.planOpening(ctx, out)
	case link.AsideAt(links.Versions{}):
		out.nothing("set aside until someone retries its dead letter")
	case link.Opened != nil:
		out.add(plan.Operation{Kind: plan.KindAdopt, Reason: "a ticket may have been opened; it is looked for by its key"})
	case link.Target == nil, link.Phase == links.Detached:
		out.nothing("detached")
	case w.config.Orphaned(link.Link):
		out.nothing("its route, template or connector is not configured")
	default:
		return w.planUpdate(ctx, link, out)
	}
	return nil
}

// planOpening plans for a record without a link.
func (w observer) planOpening(ctx context.Context, out *Planned) error {
	before, err := w.engine.Repo.Unlinked(ctx, w.route.Name, w.source)
	if err != nil {
		return err
	}
	record, err := w.readSource(ctx)
	switch {
	case isGone(err):
		out.nothing("the record is gone")
		return nil
	case err != nil:
		return err
	case before.Version != "" && before.Version == record.Version:
		out.nothing("decided already in this version")
		return nil
	}
	decision, parent, err := w.decide(ctx, record, "", nil)
	if err != nil {
		return err
	}
	out.Template = decision.Template
	if decision.Action != rules.Create {
		out.nothing(decision.Reason)
		return nil
	}
	if decision.AwaitsParent {
		may, err := w.parentMayGetTicket(ctx, record.Parent, parent, decision.Target.Connector)
		if err != nil {
			return err
		}
		if may {
			out.add(plan.Operation{Kind: plan.KindWait, Reason: "for the ticket of its parent"})
			return nil
		}
	}
	g, target, err := w.targetOf(decision.Target)
	if err != nil {
		return err
	}
	send, failed, err := w.resolve(ctx, g, target, decision.Target.Record, w.withState(decision))
	if err != nil {
		return err
	}
	if len(failed) > 0 {
		out.add(plan.GivenUp(failed)...)
		return nil
	}
	out.add(plan.Operation{Kind: plan.KindCreate, Side: links.Target, Fields: slices.Sorted(maps.Keys(send)), Reason: decision.Reason})
	return nil
}

// planUpdate plans for both records of a link.
func (w observer) planUpdate(ctx context.Context, link links.Stored, out *Planned) error {
	now := w.engine.Clock.Now()
	if link.Intent != nil {
		if left := w.left(link, false); left > 0 {
			out.add(plan.Operation{Kind: plan.KindWait, Until: now.Add(left).UTC(), Reason: "a request may still take effect"})
			return nil
		}
	}
	template := w.config.Set.Templates[link.Template]
	g, _, err := w.targetOf(link.Target.Collection)
	if err != nil {
		return err
	}
	ticket, step, side, err := w.look(ctx, g, link, template)
	if err != nil {
		return err
	}
	switch step {
	case plan.Stop:
		out.add(plan.Operation{Kind: plan.KindStop, Reason: "private"})
		return nil
	case plan.Rest:
		out.nothing(string(link.Phase))
		return nil
	case plan.NoteMiss, plan.AwaitMiss:
		out.add(plan.Operation{Kind: plan.KindWait, Side: side, Reason: "it was not found, and is read again"})
		return nil
	case plan.Lose:
		out.add(plan.Operation{Kind: plan.KindGone, Side: side})
		return nil
	}
	return w.planFields(ctx, link, ticket, template, out)
}

func (w observer) planFields(ctx context.Context, link links.Stored, ticket connectors.Record, template *rules.Template, out *Planned) error {
	decision, parent, err := w.decide(ctx, *w.record, link.Template, &ticket)
	if err != nil {
		return err
	}
	if decision.Action != rules.Update {
		out.nothing(decision.Reason)
		return nil
	}
	o := w.observed(link.Clone(), ticket, template, parent)
	if o.Link.Intent != nil {
		if _, err := planned(ctx, w, o, func() ([]plan.Note, plan.Needs) { return o.Settle(decision) }); err != nil {
			return err
		}
	}
	u, err := planned(ctx, w, o, func() (plan.Update, plan.Needs) { return o.Update(decision) })
	if err != nil {
		return err
	}
	if out.add(u.Operations()...); len(out.Operations) == 0 {
		out.nothing("in sync")
	}
	return nil
}
