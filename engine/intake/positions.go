package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// keptFor is how long the consumer of a route is kept that no daemon has any
// more, and the cursor of a poll that none makes.
const keptFor = 24 * time.Hour

// ConsumerOf names the durable consumer of a route. A route that reads another
// source has another consumer: what waits at the old one is not its business.
func ConsumerOf(r *rules.Route) string { return r.Name + " " + r.Source.String() }

func routeOf(consumer string) string {
	name, _, _ := strings.Cut(consumer, " ")
	return name
}

func sourceOf(consumer string) string {
	_, source, _ := strings.Cut(consumer, " ")
	return source
}

// positions is the durable record of where routes and polls are, one for all
// daemons. A route is new if it is not in it, and for no other reason.
type positions struct {
	V      int                       `json:"v"`
	Routes map[string]*routePosition `json:"routes"` // by consumer
	Polls  map[string]*pollPosition  `json:"polls"`  // by key of the cursor

	unrecorded bool   // there is no record, or none that can be read
	stored     []byte // the document as it was read
}

// A routePosition is where a route is in the sequence of hints.
type routePosition struct {
	Since time.Time `json:"since"`          // when the route began
	Gone  time.Time `json:"gone,omitzero"`  // since when no daemon has it; zero: one does
	Made  bool      `json:"made,omitempty"` // the store has been seen to have a consumer of that name
	// At is a position before which all was acknowledged, not long ago.
	At store.Position `json:"at"`
}

// A poll is one that some daemon makes, or made less than keptFor ago.
type pollPosition struct {
	Gone time.Time `json:"gone,omitzero"`
}

const (
	positionsKey     = "places"
	positionsVersion = 1
)

// load returns the positions that are stored, with their revision, 0 where
// none are. A record that was lost while the daemon ran is as it was read last.
func (e *Positions) load(ctx context.Context) (*positions, uint64, error) {
	entry, err := e.Store.State.Get(ctx, positionsKey)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, 0, fmt.Errorf("positions of routes: %w", err)
	}
	if p := decode(entry.Value); p != nil {
		e.last.Store(&entry.Value)
		p.stored = entry.Value
		return p, entry.Revision, nil
	}
	if last := e.last.Load(); last != nil {
		e.Warnings.Report("places", "the record of where routes are was lost or damaged while the daemon ran, and is written again from memory: nothing is passed over")
		return decode(*last), entry.Revision, nil
	}
	if entry.Revision != 0 {
		e.Warnings.Report("places", "the record of where routes are cannot be read, and is written again: what changed while no daemon ran may have been passed over")
	}
	return &positions{V: positionsVersion, Routes: map[string]*routePosition{}, Polls: map[string]*pollPosition{}, unrecorded: true}, entry.Revision, nil
}

// decode returns nil where the document is not a record of positions.
func decode(document []byte) *positions {
	var p positions
	if json.Unmarshal(document, &p) != nil || p.V != positionsVersion || p.Routes == nil || p.Polls == nil {
		return nil
	}
	maps.DeleteFunc(p.Routes, func(_ string, p *routePosition) bool { return p == nil })
	maps.DeleteFunc(p.Polls, func(_ string, p *pollPosition) bool { return p == nil })
	return &p
}

// change changes the positions, whatever other daemons change meanwhile, and
// returns them as they are then.
func (e *Positions) change(ctx context.Context, change func(*positions)) (*positions, error) {
	for range 20 {
		p, revision, err := e.load(ctx)
		if err != nil {
			return nil, err
		}
		change(p)
		after, err := json.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("positions of routes: %w", err)
		}
		switch {
		case revision == 0:
			_, err = e.Store.State.Create(ctx, positionsKey, after)
		case !bytes.Equal(p.stored, after):
			_, err = e.Store.State.Update(ctx, positionsKey, after, revision)
		}
		if err == nil {
			e.last.Store(&after)
			return p, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, fmt.Errorf("positions of routes: %w", err)
		}
	}
	return nil, fmt.Errorf("positions of routes: %w", store.ErrConflict)
}

// Take gives every route of a configuration its consumer, and every poll its
// cursor, before anything is read: a new one begins here and now, one that was
// there goes on.
func (e *Positions) Take(ctx context.Context, config *reconcile.Running) error {
	now := e.Clock.Now().UTC()
	known, _, err := e.load(ctx)
	if err != nil {
		return err
	}
	if err := e.ForgetOverdue(ctx, known, now); err != nil {
		return err
	}
	end, err := e.Store.Hints.End(ctx)
	if err != nil {
		return fmt.Errorf("end of hints: %w", err)
	}
	if err := e.recoverHints(ctx, known, end); err != nil {
		return err
	}
	found := map[string]store.Position{}
	if known.unrecorded {
		if found, err = e.findConsumers(ctx, config.Set); err != nil {
			return err
		}
	}
	if err := e.beginPolls(ctx, config, known, now); err != nil {
		return err
	}
	_, err = e.change(ctx, func(p *positions) {
		for _, route := range config.Set.Routes {
			switch at := p.Routes[ConsumerOf(route)]; {
			case at != nil:
				at.Gone = time.Time{}
			default:
				at, made := found[ConsumerOf(route)]
				if !made {
					at = end
				}
				p.Routes[ConsumerOf(route)] = &routePosition{Since: now, Made: made, At: at}
			}
		}
		for key := range asked(config) {
			p.Polls[key] = &pollPosition{}
		}
	})
	return err
}

// findConsumers returns the positions of the consumers that a store has of which nothing is recorded: it
// is one of an older build, or the record was lost.
func (e *Positions) findConsumers(ctx context.Context, set *rules.Set) (map[string]store.Position, error) {
	names, err := e.Store.Hints.Names(ctx)
	if err != nil {
		return nil, fmt.Errorf("positions of routes: %w", err)
	}
	found := map[string]store.Position{}
	for _, name := range names {
		at, err := e.Store.Hints.Position(ctx, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("positions of routes: %w", err)
		}
		if err == nil {
			found[name] = at
		}
	}
	linked := map[string]bool{}
	if err := e.Repo.Each(ctx, func(l links.Stored) error {
		linked[l.Route+" "+l.Source.Collection.String()] = true
		return nil
	}); err != nil {
		return nil, err
	}
	for _, route := range set.Routes {
		if _, there := found[ConsumerOf(route)]; !there && linked[ConsumerOf(route)] {
			e.Warnings.Report("route "+route.Name, fmt.Sprintf("route %s has links, and the record of where it was is lost: it starts from now; what changed while no daemon ran may have been passed over, and comes by an edit", route.Name))
		}
	}
	return found, nil
}

// Mark notes which routes and polls no daemon has any more, and since
// when, and how far those of the configuration, which have been made, have come.
func (e *Positions) Mark(ctx context.Context, config *reconcile.Running, others []Presence, reached map[string]store.Position) (*positions, error) {
	now := e.Clock.Now().UTC()
	routes, polls := map[string]bool{}, asked(config)
	mine := map[string]bool{}
	for _, route := range config.Set.Routes {
		routes[ConsumerOf(route)], mine[ConsumerOf(route)] = true, true
	}
	for _, other := range others {
		for _, name := range other.Routes {
			routes[name] = true
		}
		for _, key := range other.Polls {
			polls[key] = true
		}
	}
	return e.change(ctx, func(p *positions) {
		p.recordReached(reached)
		for name, at := range p.Routes {
			at.Made = at.Made || mine[name]
			at.Gone = goneSince(at.Gone, routes[name], now)
		}
		for key, of := range p.Polls {
			of.Gone = goneSince(of.Gone, polls[key], now)
		}
	})
}

func goneSince(gone time.Time, there bool, now time.Time) time.Time {
	switch {
	case there:
		return time.Time{}
	case gone.IsZero():
		return now
	}
	return gone
}

// ForgetOverdue ends consumers and cursors that no daemon has had for keptFor.
// Hints that were pending there become dead letters.
func (e *Positions) ForgetOverdue(ctx context.Context, known *positions, now time.Time) error {
	overdue := func(gone time.Time) bool { return !gone.IsZero() && now.Sub(gone) >= keptFor }
	var routes, polls []string
	for name, at := range known.Routes {
		if overdue(at.Gone) {
			routes = append(routes, name)
		}
	}
	for key, of := range known.Polls {
		if overdue(of.Gone) {
			polls = append(polls, key)
		}
	}
	if len(routes)+len(polls) == 0 {
		return nil
	}
	for _, name := range routes {
		if err := e.Store.Hints.Forget(ctx, name, func(ref connectors.Ref) error { return e.deadLetterPending(ctx, name, ref) }); err != nil {
			return fmt.Errorf("consumer of route %s, which is gone: %w", routeOf(name), err)
		}
	}
	for _, key := range polls {
		for _, mark := range []string{key, checkpointsKey(key)} {
			if err := e.Store.State.Delete(ctx, mark, 0); err != nil {
				return fmt.Errorf("%s, which nobody polls any more: %w", key, err)
			}
		}
	}
	_, err := e.change(ctx, func(p *positions) {
		maps.DeleteFunc(p.Routes, func(name string, at *routePosition) bool { return slices.Contains(routes, name) && overdue(at.Gone) })
		maps.DeleteFunc(p.Polls, func(key string, of *pollPosition) bool { return slices.Contains(polls, key) && overdue(of.Gone) })
	})
	for _, name := range routes {
		delete(known.Routes, name)
	}
	for _, key := range polls {
		delete(known.Polls, key)
	}
	return err
}

func (e *Positions) deadLetterPending(ctx context.Context, name string, ref connectors.Ref) error {
	return e.Letters.Put(ctx, deadletter.Letter{
		Route: routeOf(name), Record: ref, Reason: deadletter.ReasonRouteGone,
		Message: "the route was removed, or given another source, a day ago, while the record waited; retry to reconcile the record again",
	}, false)
}

// Begin says where to make the consumer of a route that the store does not have:
// where it is known to have been.
func (e *Positions) Begin(name string) func(context.Context) (store.Position, error) {
	return func(ctx context.Context) (store.Position, error) {
		end, err := e.Store.Hints.End(ctx)
		if err != nil {
			return store.Position{}, fmt.Errorf("end of hints: %w", err)
		}
		known, _, err := e.load(ctx)
		if err != nil {
			return store.Position{}, err
		}
		at := known.Routes[name]
		if at == nil { // the record was lost while the daemon ran
			e.Warnings.Report("route "+routeOf(name), fmt.Sprintf("the record of where route %s was, and its consumer, are lost: every hint that is stored is looked at again", routeOf(name)))
			return store.Position{Log: end.Log}, nil
		}
		if at.At.In(end) {
			if at.Made {
				e.Warnings.Report("route "+routeOf(name), fmt.Sprintf("the consumer of route %s was missing (it was deleted on the server, or the store is an older copy); it was made again where it had been: nothing is passed over", routeOf(name)))
			}
			return at.At, nil
		}
		if err := e.recoverHints(ctx, known, end); err != nil {
			return store.Position{}, err
		}
		return store.Position{Log: end.Log}, nil
	}
}

// readBy reports whether some route, of this daemon, of another, or one that
// may come back, begins with the records of a collection.
func (p *positions) readBy(c connectors.Collection) bool {
	for name := range p.Routes {
		if sourceOf(name) == c.String() {
			return true
		}
	}
	return false
}
