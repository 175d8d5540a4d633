package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// A Planned is what a reconcile of a record on one route would do now.
type Planned struct {
	Record     connectors.Ref   `json:"record"`
	Name       string           `json:"name"` // that people use; empty of a private record that the route does not take
	Route      string           `json:"route"`
	Link       string           `json:"link"`
	Template   string           `json:"template,omitempty"`
	Target     *connectors.Ref  `json:"target,omitempty"`
	Operations []plan.Operation `json:"operations"`
	// Error is why it is not known, where many are asked for at once.
	Error string `json:"error,omitempty"`
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
		planned, err := e.dryRun(ctx, config, route, ref, false)
		if err != nil {
			return nil, err
		}
		all = append(all, planned)
	}
	return all, nil
}

// DryRunAgain says what would be done about a record on a route if it were decided
// again although it did not change.
func (e *Core) DryRunAgain(ctx context.Context, route string, ref connectors.Ref) (Planned, error) {
	config := e.Config.Load()
	r := config.Set.Route(route)
	if r == nil {
		return Planned{Record: ref, Route: route}, fmt.Errorf("there is no route %q any more", route)
	}
	return e.dryRun(ctx, config, r, ref, true)
}

func (e *Core) dryRun(ctx context.Context, config *Running, route *rules.Route, ref connectors.Ref, again bool) (Planned, error) {
	planned := Planned{Record: ref, Route: route.Name}
	link, id, n, err := e.Repo.Current(ctx, route.Name, ref)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return planned, err
	}
	w := observer{&session{
		engine: e, budget: &budget{}, config: config, route: route, source: ref, linkID: id, n: n, again: again,
		log: e.Log.With("route", route.Name, "link", id, "record", ref.String()),
	}}
	planned.Link = id
	if link.Link != nil {
		planned.Template, planned.Target = link.Template, link.Target
	}
	err = w.planLink(ctx, link, &planned)
	if w.record != nil && route.Admits(*w.record) {
		planned.Name = w.record.Number
	}
	if err != nil {
		return planned, fmt.Errorf("route %s: %w", route.Name, err)
	}
	return planned, nil
}

// DryRunLink says what the first reconcile of a link would do that is not stored.
func (e *Core) DryRunLink(ctx context.Context, link *links.Link) (Planned, error) {
	config := e.Config.Load()
	w := observer{&session{
		engine: e, budget: &budget{}, config: config, route: config.Set.Route(link.Route), source: link.Source, linkID: link.ID, n: link.N,
		log: e.Log.With("route", link.Route, "link", link.ID, "record", link.Source.String()),
	}}
	planned := Planned{Record: link.Source, Route: link.Route, Link: link.ID, Template: link.Template, Target: link.Target}
	return planned, w.planLink(ctx, links.Stored{Link: link}, &planned)
}

// DecideNow says what the rules say of a record on a route now, as of one without a link.
func (e *Core) DecideNow(ctx context.Context, route string, ref connectors.Ref) (rules.Decision, error) {
	config := e.Config.Load()
	r := config.Set.Route(route)
	if r == nil {
		return rules.Decision{}, fmt.Errorf("there is no route %q any more", route)
	}
	w := observer{&session{
		engine: e, budget: &budget{}, config: config, route: r, source: ref, linkID: links.ID(route, ref, 1), n: 1,
		log: e.Log.With("route", route, "record", ref.String()),
	}}
	record, err := w.readSource(ctx)
	if err != nil {
		return rules.Decision{}, err
	}
	d, _, err := w.decide(ctx, record, "", nil)
	return d, err
}

func (p *Planned) add(all plan.Plan) {
	for _, op := range all.Operations {
		if op.Kind != plan.KindTell && op.Kind != plan.KindChange && op.Kind != plan.KindClaim { // which are no one's business
			p.Operations = append(p.Operations, op)
		}
	}
}

// planLink goes the way of work.run, and supposes what that carries out.
func (w observer) planLink(ctx context.Context, link links.Stored, out *Planned) error {
	switch {
	case link.Link != nil && link.AsideAt(links.Versions{}):
		out.Operations = append(out.Operations, plan.Operation{Kind: plan.KindNone, Reason: "set aside until someone retries its dead letter"})
		return nil
	case link.Link == nil, link.Opened != nil:
		return w.planOpening(ctx, link, out)
	}
	o := w.observation(link)
	for {
		p, err := planned(o.Plan, func(needs plan.Needs) error {
			if needs.Judge != "" { // which would have others looked at
				o.Judged = plan.Deleted
				return nil
			}
			return w.gather(ctx, o, needs)
		})
		if err != nil {
			return err
		}
		if out.add(p); !p.Again {
			break
		}
		o.Suppose(p)
	}
	if len(out.Operations) == 0 {
		out.Operations = append(out.Operations, plan.Operation{Kind: plan.KindNone, Reason: "in sync"})
	}
	return nil
}

// planOpening plans for a record without a ticket.
func (w observer) planOpening(ctx context.Context, link links.Stored, out *Planned) error {
	o, err := w.opening(ctx, link)
	if err != nil {
		return err
	}
	for {
		p, err := planned(o.Plan, func(needs plan.Needs) error { return w.gatherOpening(ctx, o, needs) })
		if err != nil {
			return err
		}
		if o.Decision != nil {
			out.Template = o.Decision.Template
		}
		if out.add(p); !p.Again {
			return nil
		}
		o.Suppose(p)
	}
}
