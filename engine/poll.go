package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
)

// defaultPollInterval is for connectors whose block was not decoded with one.
const defaultPollInterval = time.Minute

// setPollers starts and stops pollers so that every route's source has one,
// and every collection of tickets from which something is written back.
func (e *Engine) setPollers(set *rules.Set) {
	wanted := map[connectors.Collection]bool{}
	for _, route := range set.Routes {
		wanted[route.Source] = true
		for _, t := range templatesOf(route) {
			if t.WritesBack {
				wanted[t.Target] = true
			}
		}
	}
	for collection, stop := range e.pollers {
		if !wanted[collection] {
			stop()
			delete(e.pollers, collection)
		}
	}
	for collection := range wanted {
		if e.pollers[collection] == nil {
			ctx, stop := context.WithCancel(e.loops)
			e.pollers[collection] = stop
			e.running.Go(func() { e.pollForever(ctx, collection) })
		}
	}
}

func (e *Engine) pollForever(ctx context.Context, c connectors.Collection) {
	lastError := ""
	for {
		config := e.config.Load()
		found, err := e.poll(ctx, config, c)
		if ctx.Err() != nil {
			return
		}
		e.metrics.Polled(c.Connector, c.Record, found, err)
		if err != nil && plain(err) != lastError {
			e.log.Warn("poll failed; webhooks go on, and the next poll takes up where the last one ended", "source", c.String(), "error", plain(err))
		}
		if lastError = ""; err != nil {
			lastError = plain(err)
		}
		interval := defaultPollInterval
		if block := config.Set.Connectors[c.Connector]; block != nil && block.Common.PollInterval > 0 {
			interval = block.Common.PollInterval
		}
		select {
		case <-ctx.Done():
			return
		case <-e.clock.After(interval):
		}
	}
}

func cursorKey(c connectors.Collection) string { return "cursor/" + c.String() }

// poll hints what changed since the cursor, then moves the cursor.
func (e *Engine) poll(ctx context.Context, config *running, c connectors.Collection) (int, error) {
	g := config.guards[c.Connector]
	if g == nil {
		return 0, nil
	}
	poller, ok := g.connector.(connectors.Poller)
	if !ok {
		return 0, nil
	}
	key := cursorKey(c)
	entry, err := e.store.Marks.Get(ctx, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, fmt.Errorf("poll %s: cursor: %w", c, err)
	}
	type page struct {
		changed []connectors.Ref
		next    []byte
	}
	p, err := ask(g, "poll", func() (page, error) {
		changed, next, err := poller.Poll(ctx, c, entry.Value)
		return page{changed, next}, err
	})
	if err != nil {
		return 0, err
	}
	if err := e.Hint(ctx, p.changed, ""); err != nil {
		return 0, err
	}
	if string(p.next) == string(entry.Value) {
		return len(p.changed), nil
	}
	if _, err := e.store.Marks.Put(ctx, key, p.next); err != nil {
		return 0, fmt.Errorf("poll %s: cursor: %w", c, err)
	}
	return len(p.changed), nil
}
