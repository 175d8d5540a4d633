package intake

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
	PresentEvery = time.Minute
	presentFor   = 3 * time.Minute
	differFor    = 10 * time.Minute
	daemonsKey   = "daemons"
	daemonTries  = 20
)

// A Presence says that a daemon lives and what it carries out.
type Presence struct {
	Host       string    `json:"host,omitempty"`
	Generation string    `json:"generation"`
	Routes     []string  `json:"routes"` // consumers
	Polls      []string  `json:"polls"`  // keys of cursors
	At         time.Time `json:"at"`
}

// A presencesDocument is how it is stored which daemons live.
type presencesDocument struct {
	V       int                 `json:"v"`
	Daemons map[string]Presence `json:"daemons"`
}

const presencesVersion = 1

// decodePresences returns none where they cannot be read: each says so again within
// the minute.
func decodePresences(value []byte) map[string]Presence {
	var d presencesDocument
	if json.Unmarshal(value, &d) != nil || d.V != presencesVersion || d.Daemons == nil {
		return map[string]Presence{}
	}
	return d.Daemons
}

// Renew says that this daemon lives, and returns what the others that live
// have said. Where no other can live there is nothing to say.
func (e *Daemons) Renew(ctx context.Context, config *reconcile.Running) ([]Presence, error) {
	if e.Alone {
		return nil, nil
	}
	now := e.Clock.Now().UTC()
	mine := Presence{Host: e.host, Generation: config.Set.Generation, At: now, Routes: []string{}, Polls: slices.Sorted(maps.Keys(asked(config)))}
	for _, route := range config.Set.Routes {
		mine.Routes = append(mine.Routes, ConsumerOf(route))
	}
	all, err := e.changePresences(ctx, func(all map[string]Presence) {
		maps.DeleteFunc(all, func(_ string, l Presence) bool { return now.Sub(l.At) > presentFor })
		all[e.id] = mine
	})
	if err != nil {
		return nil, err
	}
	e.present.Store(true)
	delete(all, e.id)
	others := slices.SortedFunc(maps.Values(all), func(a, b Presence) int { return cmp.Compare(a.Host, b.Host) })
	return others, nil
}

// End says that this daemon lives no more.
func (e *Daemons) End(ctx context.Context) error {
	if !e.present.Load() {
		return nil
	}
	_, err := e.changePresences(ctx, func(all map[string]Presence) { delete(all, e.id) })
	return err
}

func (e *Daemons) changePresences(ctx context.Context, change func(map[string]Presence)) (map[string]Presence, error) {
	for range daemonTries {
		entry, err := e.Store.State.Get(ctx, daemonsKey)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("daemons that live: %w", err)
		}
		all := decodePresences(entry.Value)
		change(all)
		value, err := json.Marshal(presencesDocument{V: presencesVersion, Daemons: all})
		switch {
		case err != nil:
		case entry.Revision == 0:
			_, err = e.Store.State.Create(ctx, daemonsKey, value)
		default:
			_, err = e.Store.State.Update(ctx, daemonsKey, value, entry.Revision)
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

// Compare says so when another daemon has been running another configuration
// for longer than it takes to roll one out.
func (e *Daemons) Compare(config *reconcile.Running, others []Presence) {
	var differ, mine []string
	for _, route := range config.Set.Routes {
		mine = append(mine, ConsumerOf(route))
	}
	for _, other := range others {
		if other.Generation == config.Set.Generation {
			continue
		}
		what := "none of this daemon's routes"
		if both := slices.DeleteFunc(slices.Clone(mine), func(r string) bool { return !slices.Contains(other.Routes, r) }); len(both) > 0 {
			for i, name := range both {
				both[i] = routeOf(name)
			}
			what = "also " + strings.Join(both, ", ")
		}
		differ = append(differ, fmt.Sprintf("%s runs generation %.12s, with %s", cmp.Or(other.Host, "one"), other.Generation, what))
	}
	if len(differ) == 0 {
		e.differs = time.Time{}
		e.Warnings.Report("daemons", "")
		return
	}
	now := e.Clock.Now().UTC()
	if e.differs.IsZero() {
		e.differs = now
	}
	if now.Sub(e.differs) < differFor {
		return
	}
	e.Warnings.Report("daemons", fmt.Sprintf("daemons with different configurations use one store (prefix) since %s: %s. Routes of one alone are carried out by it; a route of both by whichever takes a record. Give both the same configuration, or each its own nats { prefix }",
		e.differs.Format(time.RFC3339), strings.Join(differ, "; ")))
}
