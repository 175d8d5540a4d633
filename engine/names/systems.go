package names

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// answerTimeout is how long the systems may take to say whether they know a name.
const answerTimeout = 20 * time.Second

// searchSystems asks the systems for what is not stored: each connector that may know
// the name, but of whose records one is found already. failed are those that could
// not be asked.
func (r *Resolver) searchSystems(ctx context.Context, s *search) (failed map[string]error) {
	if s.name == "" {
		return nil
	}
	running := r.Running()
	// Ended, not failed: that somebody was tired of waiting says nothing of the system.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(answerTimeout, cancel).Stop()
	type answer struct {
		connector string
		found     []connectors.Record
		err       error
	}
	known := map[string]bool{}
	for ref := range s.refs {
		known[ref.Connector] = true
	}
	ref, errRef := connectors.ParseRef(s.name)
	isRef := errRef == nil && running.Has(ref.Collection)
	var mu sync.Mutex
	var answers []answer
	var asking sync.WaitGroup
	for name, in := range collections(running) {
		g := running.Breakers[name]
		if g == nil || known[name] || isRef && name != ref.Connector {
			continue
		}
		asking.Go(func() {
			found, err := ask(ctx, g, s.name, in, ref, isRef)
			mu.Lock()
			defer mu.Unlock()
			answers = append(answers, answer{name, found, err})
		})
	}
	asking.Wait()
	slices.SortFunc(answers, func(a, b answer) int { return cmp.Compare(a.connector, b.connector) })
	failed = map[string]error{}
	for _, a := range answers {
		switch {
		case errors.Is(a.err, context.Canceled):
			failed[a.connector] = fmt.Errorf("no answer within %s", answerTimeout)
			continue
		case a.err != nil:
			failed[a.connector] = errors.New(breaker.Redact(a.err))
			continue
		}
		for _, record := range a.found {
			s.add(r.match(running, record))
		}
	}
	return failed
}

// ask asks one system, under its breaker.
func ask(ctx context.Context, g *breaker.Breaker, name string, in []connectors.Collection, ref connectors.Ref, isRef bool) ([]connectors.Record, error) {
	if isRef {
		record, err := g.Read(ctx, ref)
		if connectors.IsClass(err, connectors.ClassGone) {
			return nil, nil
		}
		return []connectors.Record{record}, err
	}
	finder, ok := g.Connector.(connectors.NameFinder)
	if !ok {
		return nil, nil
	}
	return breaker.Ask(ctx, g, breaker.OpFind, func() ([]connectors.Record, error) { return finder.FindByName(ctx, name, in) })
}

// match is a record as it may be shown.
func (r *Resolver) match(running *reconcile.Running, record connectors.Record) Match {
	m := Match{Record: record.Ref}
	if Admits(running.Set, record) {
		m.Name, m.URL = record.Number, record.URL
	}
	return m
}

// collections are the record types of which records or tickets may be meant, by
// connector: those that routes name.
func collections(running *reconcile.Running) map[string][]connectors.Collection {
	all := map[string][]connectors.Collection{}
	add := func(c connectors.Collection) {
		if !slices.Contains(all[c.Connector], c) {
			all[c.Connector] = append(all[c.Connector], c)
		}
	}
	for _, route := range running.Set.Routes {
		add(route.Source)
		for _, template := range reconcile.TemplatesOf(route) {
			add(template.Target)
		}
	}
	return all
}

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

func sortedKeys(m map[string]error) []string { return slices.Sorted(maps.Keys(m)) }
