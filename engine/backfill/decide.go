package backfill

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/queue"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// decide has a few records decided, and counts what came of them.
func (r *run) decide(ctx context.Context, items []item) error {
	if err := r.waitFor(ctx, items); err != nil {
		return err
	}
	began := r.core.Clock.Now()
	type underWay struct {
		item
		ticket bool // there was one
		done   chan struct{}
	}
	var all []underWay
	for _, i := range items {
		u := underWay{item: i, done: make(chan struct{})}
		var err error
		if u.ticket, _, err = r.stands(ctx, i); err != nil {
			return err
		}
		if err := r.core.Repo.DecideAgain(ctx, i.Route, i.Ref); err != nil {
			return err
		}
		done := sync.OnceFunc(func() { close(u.done) })
		r.workers.Queue.Add(queue.Key{Route: i.Route, Source: i.Ref}, store.Hint{Ref: i.Ref, At: began, Ack: done, Keep: func() {}, FromBackfill: true})
		all = append(all, u)
	}
	tooLong := r.core.Clock.After(recordLasts)
	late := false
	for _, u := range all {
		done := true
		if !late {
			select {
			case <-u.done:
			case <-tooLong:
				late = true
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case <-u.done:
		default: // its own hint outlives this daemon
			done = false
			if err := r.core.Store.Hints.Add(ctx, u.Ref, ""); err != nil {
				return err
			}
		}
		if err := r.count(ctx, u.item, u.ticket, done, began); err != nil {
			return err
		}
	}
	return r.save(ctx)
}

// stands reports whether a record has a ticket, and whether one is being opened.
func (r *run) stands(ctx context.Context, i item) (ticket, opening bool, err error) {
	link, _, _, err := r.core.Repo.Current(ctx, i.Route, i.Ref)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrUnreadable) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	return link.Target != nil, link.Phase == links.Claim, nil
}

// count counts what came of a record.
func (r *run) count(ctx context.Context, i item, hadTicket, done bool, began time.Time) error {
	ticket, opening, err := r.stands(ctx, i)
	if err != nil {
		return err
	}
	entries, err := r.core.Journal.Entries(ctx, i.Ref, 0)
	if err != nil {
		return err
	}
	failed, wrote := false, false
	for _, e := range entries {
		if e.Route == i.Route && !e.At.Before(began) {
			failed, wrote = failed || e.Error != "", wrote || len(e.Writes) > 0
		}
	}
	r.Done++
	switch {
	case ticket && !hadTicket:
		r.Opened++
	case failed:
		r.Failed++
	case !done || opening && !ticket:
		r.Later++
	case wrote:
		r.Updated++
	default:
		r.None++
	}
	return nil
}

// waitFor waits until nothing keeps the records' routes from writing: a pause, or a
// system that is not to be called.
func (r *run) waitFor(ctx context.Context, items []item) error {
	for {
		why := r.kept(items)
		if why != r.Waiting {
			r.Waiting = why
			if err := r.save(ctx); err != nil {
				return err
			}
		}
		if why == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.core.Clock.After(lookEvery):
		}
		if err := r.save(ctx); err != nil { // which notices that somebody stopped it
			return err
		}
	}
}

func (r *run) kept(items []item) string {
	config := r.core.Config.Load()
	for _, i := range items {
		route := config.Set.Route(i.Route)
		if route == nil {
			continue // it is passed over
		}
		if r.core.Pauses.Known(i.Route) {
			return fmt.Sprintf("route %s is paused", i.Route)
		}
		systems := map[connectors.Collection]bool{route.Source: true}
		for _, t := range reconcile.TemplatesOf(route) {
			systems[t.Target] = true
		}
		for c := range systems {
			g := config.Breakers[c.Connector]
			if g == nil {
				continue
			}
			if s := g.Status(); s.ThrottledUntil != nil {
				return fmt.Sprintf("connector %s is not called before %s: %s", s.Name, s.ThrottledUntil.UTC().Format(time.RFC3339), s.LastError)
			}
		}
	}
	return ""
}
