package reconcile

import (
	"context"
	"errors"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// Inputs are what the rules would be asked about a record now, by route, with what
// they say. It is read afresh, and nothing is done about it.
func (e *Core) Inputs(ctx context.Context, ref connectors.Ref) (connectors.Record, map[string]*journal.Snapshot, error) {
	config := e.Config.Load()
	all := map[string]*journal.Snapshot{}
	var record *connectors.Record
	for _, route := range config.Set.Routes {
		if route.Source != ref.Collection {
			continue
		}
		link, id, n, err := e.Repo.Current(ctx, route.Name, ref)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return connectors.Record{}, nil, err
		}
		w := observer{&session{
			engine: e, budget: &budget{}, config: config, route: route, source: ref, linkID: id, n: n,
			log: e.Log.With("route", route.Name, "link", id, "record", ref.String()),
		}}
		if record == nil {
			read, err := w.readSource(ctx)
			if err != nil {
				return connectors.Record{}, nil, err
			}
			record = &read
		}
		w.record = record
		if !route.Admits(*record) {
			continue // of this route nothing may be told
		}
		linked := ""
		if link.Link != nil && link.Phase != links.Claim {
			linked = link.Template
		}
		if _, _, err := w.decide(ctx, *record, linked, nil); err != nil {
			return connectors.Record{}, nil, err
		}
		if s := w.snapshot; s.Parent == nil || !s.Parent.Private || route.Private {
			all[route.Name] = s
		}
	}
	if record != nil {
		return *record, all, nil
	}
	g := config.Breakers[ref.Connector]
	if !config.Has(ref.Collection) {
		return connectors.Record{}, nil, &connectors.Error{Class: connectors.ClassGone, Op: "read", Record: ref.String(), Message: "its connector is not configured", Own: true}
	}
	read, err := g.Read(ctx, ref)
	if err != nil {
		return connectors.Record{}, nil, err
	}
	// Of no route here; rules that are not running yet may have one.
	alone, err := journal.NewSnapshot(rules.Input{Record: read}, rules.Decision{Record: read.Ref, Action: rules.None}, nil)
	if err == nil {
		all[""] = alone
	}
	return read, all, err
}
