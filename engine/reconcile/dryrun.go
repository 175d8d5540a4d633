package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
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
