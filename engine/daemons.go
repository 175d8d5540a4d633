package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// How often a daemon says that it lives and notes how far it has come, how long
// it counts as living after it said so, and how long two daemons may differ in
// their configuration, as they do while a change of it is rolled out.
const (
	presentEvery = time.Minute
	presentFor   = 3 * time.Minute
	differFor    = 10 * time.Minute
	daemonsKey   = "daemons"
	daemonTries  = 20
)

// A presence says that a daemon lives and what it carries out.
type presence struct {
	Host       string    `json:"host,omitempty"`
	Generation string    `json:"generation"`
	Routes     []string  `json:"routes"` // places
	Polls      []string  `json:"polls"`  // keys of cursors
	At         time.Time `json:"at"`
}

// keepPlaces notes every minute how far this daemon has come, and puts right
// what others, or nobody, carry on.
func (e *Engine) keepPlaces() {
	for {
		select {
		case <-e.loops.Done():
			return
		case <-e.core.Clock.After(presentEvery):
		}
		if err := e.tendPlaces(e.loops); err != nil && e.loops.Err() == nil {
			e.core.Log.Warn("where routes are was not noted; it is tried again", "error", err)
		}
	}
}

func (e *Engine) tendPlaces(ctx context.Context) error {
	config := e.core.Config.Load()
	others, err := e.daemons.renewPresence(ctx, config)
	if err != nil {
		return err
	}
	e.daemons.compare(config, others)
	reached, err := e.subscriptions.keepCheckpoints(ctx, config)
	if err != nil {
		return err
	}
	known, err := e.subscriptions.markPlaces(ctx, config, others, reached)
	if err != nil {
		return err
	}
	if err := e.losses.keepEnds(ctx); err != nil {
		return err
	}
	return e.subscriptions.forgetOverdue(ctx, known, e.core.Clock.Now())
}

// renewPresence says that this daemon lives, and returns what the others that live
// have said. Where no other can live there is nothing to say.
func (e *daemons) renewPresence(ctx context.Context, config *reconcile.Running) ([]presence, error) {
	if e.Alone {
		return nil, nil
	}
	now := e.Clock.Now().UTC()
	mine := presence{Host: e.host, Generation: config.Set.Generation, At: now, Routes: []string{}, Polls: slices.Sorted(maps.Keys(asked(config)))}
	for _, route := range config.Set.Routes {
		mine.Routes = append(mine.Routes, placeOf(route))
	}
	all, err := e.changePresences(ctx, func(all map[string]presence) {
		maps.DeleteFunc(all, func(_ string, l presence) bool { return now.Sub(l.At) > presentFor })
		all[e.id] = mine
	})
	if err != nil {
		return nil, err
	}
	e.present.Store(true)
	delete(all, e.id)
	others := slices.SortedFunc(maps.Values(all), func(a, b presence) int { return cmp.Compare(a.Host, b.Host) })
	return others, nil
}

// endPresence says that this daemon lives no more.
func (e *daemons) endPresence(ctx context.Context) error {
	if !e.present.Load() {
		return nil
	}
	_, err := e.changePresences(ctx, func(all map[string]presence) { delete(all, e.id) })
	return err
}

func (e *daemons) changePresences(ctx context.Context, change func(map[string]presence)) (map[string]presence, error) {
	for range daemonTries {
		all := map[string]presence{}
		entry, err := e.Store.Marks.Get(ctx, daemonsKey)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("daemons that live: %w", err)
		}
		if err != nil || json.Unmarshal(entry.Value, &all) != nil || all == nil {
			all = map[string]presence{} // each says so again within the minute
		}
		change(all)
		value, err := json.Marshal(all)
		switch {
		case err != nil:
		case entry.Revision == 0:
			_, err = e.Store.Marks.Create(ctx, daemonsKey, value)
		default:
			_, err = e.Store.Marks.Update(ctx, daemonsKey, value, entry.Revision)
		}
		if err == nil {
			return all, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, fmt.Errorf("daemons that live: %w", err)
		}
	}
	return nil, fmt.Errorf("daemons that live: %w", store.ErrConflict)
}

// compare says so when another daemon has been running another configuration
// for longer than it takes to roll one out.
func (e *daemons) compare(config *reconcile.Running, others []presence) {
	var differ, mine []string
	for _, route := range config.Set.Routes {
		mine = append(mine, placeOf(route))
	}
	for _, other := range others {
		if other.Generation == config.Set.Generation {
			continue
		}
		what := "none of this daemon's routes"
		if both := slices.DeleteFunc(slices.Clone(mine), func(r string) bool { return !slices.Contains(other.Routes, r) }); len(both) > 0 {
			for i, name := range both {
				both[i] = routeAt(name)
			}
			what = "also " + strings.Join(both, ", ")
		}
		differ = append(differ, fmt.Sprintf("%s runs generation %.12s, with %s", cmp.Or(other.Host, "one"), other.Generation, what))
	}
	if len(differ) == 0 {
		e.differs = time.Time{}
		e.Reports.Report("daemons", "")
		return
	}
	now := e.Clock.Now().UTC()
	if e.differs.IsZero() {
		e.differs = now
	}
	if now.Sub(e.differs) < differFor {
		return
	}
	e.Reports.Report("daemons", fmt.Sprintf("daemons with different configurations use one store (prefix) since %s: %s. Routes of one alone are carried out by it; a route of both by whichever takes a record. Give both the same configuration, or each its own nats { prefix }",
		e.differs.Format(time.RFC3339), strings.Join(differ, "; ")))
}
