package engine

import (
	"context"
	"fmt"
	"maps"

	"github.com/lockstep-sync/lockstep/engine/intake"
	"github.com/lockstep-sync/lockstep/engine/queue"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// consumers read the hints of the routes that run and are not paused.
type consumers struct {
	core      *reconcile.Core
	queue     *queue.Queue
	positions *intake.Positions
	reading   map[string]func() // by name of the consumer: what stops reading it
}

// readers are consumers that are about to be read: what they deliver waits until the
// configuration knows their routes.
type readers struct {
	of    *consumers
	added map[string]func()
	known chan struct{}
	never bool // it never will
}

// begin makes the consumers that a set needs and that are not read, but for those of
// paused routes: their hints wait where they are stored.
func (c *consumers) begin(ctx context.Context, set *rules.Set) (*readers, error) {
	names := make([]string, len(set.Routes))
	for i, route := range set.Routes {
		names[i] = route.Name
	}
	if err := c.core.Pauses.Look(ctx, names); err != nil {
		return nil, err
	}
	r := &readers{of: c, added: map[string]func(){}, known: make(chan struct{})}
	for _, route := range set.Routes {
		consumer, name := intake.ConsumerOf(route), route.Name
		if c.core.Pauses.Known(name) || c.reading[consumer] != nil {
			continue
		}
		stop, err := c.core.Store.Hints.Consume(ctx, consumer, route.Source, c.positions.Begin(consumer), func(h store.Hint) {
			if <-r.known; !r.never {
				c.queue.Add(queue.Key{Route: name, Source: h.Ref}, h)
			}
		})
		if err != nil {
			r.abandon()
			return nil, fmt.Errorf("route %s: %w", name, err)
		}
		r.added[consumer] = stop
	}
	return r, nil
}

// abandon ends what was begun, of which nothing is delivered.
func (r *readers) abandon() {
	r.never = true
	close(r.known)
	for _, stop := range r.added {
		stop()
	}
}

// deliver lets them go, and stops reading for routes that the set does not have, or
// that are paused. Their positions are kept.
func (r *readers) deliver(set *rules.Set) {
	close(r.known)
	maps.Copy(r.of.reading, r.added)
	wanted := map[string]bool{}
	for _, route := range set.Routes {
		wanted[intake.ConsumerOf(route)] = !r.of.core.Pauses.Known(route.Name)
	}
	for consumer, stop := range r.of.reading {
		if !wanted[consumer] {
			stop()
			delete(r.of.reading, consumer)
		}
	}
}

// end stops reading.
func (c *consumers) end() {
	for _, stop := range c.reading {
		stop()
	}
	clear(c.reading)
}
