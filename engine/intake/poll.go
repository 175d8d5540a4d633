package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// defaultPollInterval is for connectors whose block was not decoded with one.
const defaultPollInterval = time.Minute

// A polling asks a connector for one kind of change, at its interval.
type polling struct {
	connector string
	record    string                // for logs and metrics
	cursor    string                // where its cursor is kept
	of        connectors.Collection // zero: of items
	// with is how the connector is asked; nil: it cannot tell.
	with func(connectors.Connector) question
}

// question asks for what changed since the cursor, as connectors.Poller says.
type question func(ctx context.Context, cursor []byte) (changed []connectors.Ref, next []byte, err error)

// ask asks as question does. A poll that has not begun yet begins at the moment
// that its cursor says, if the connector can.
func (q question) ask(ctx context.Context, c connectors.Connector, polled polling, cursor []byte) (changed []connectors.Ref, next []byte, err error) {
	since, begins := beginOf(cursor)
	if !begins {
		return q(ctx, cursor)
	}
	if p, ok := c.(connectors.PollBeginner); ok && polled.of != (connectors.Collection{}) {
		return p.PollSince(ctx, polled.of, since)
	}
	return q(ctx, nil)
}

// pollings returns the changes to ask for: of every route's source, of every
// collection of tickets from which something is written back, and of what
// hangs on either where it is carried. The connectors say what they can tell.
func pollings(set *rules.Set) map[string]polling {
	wanted := map[string]polling{}
	add := func(c connectors.Collection) {
		wanted[cursorKey(c)] = polling{c.Connector, c.Record, cursorKey(c), c, func(made connectors.Connector) question {
			poller, ok := made.(connectors.Poller)
			if !ok {
				return nil
			}
			return func(ctx context.Context, cursor []byte) ([]connectors.Ref, []byte, error) {
				return poller.Poll(ctx, c, cursor)
			}
		}}
	}
	for _, route := range set.Routes {
		add(route.Source)
		for _, t := range reconcile.TemplatesOf(route) {
			if t.WritesBack {
				add(t.Target)
			}
		}
	}
	for of, records := range polledItems(set) {
		key := fmt.Sprintf("cursor/%s.%s/%s", of.kind, of.connector, of.items)
		// The records are part of what is polled: another list is another poll.
		wanted[key+"?"+strings.Join(records, ",")] = polling{of.connector, string(of.items), key, connectors.Collection{}, func(made connectors.Connector) question {
			poller, ok := made.(connectors.ItemPoller)
			if !ok {
				return nil
			}
			return func(ctx context.Context, cursor []byte) ([]connectors.Ref, []byte, error) {
				return poller.PollItems(ctx, of.items, records, cursor)
			}
		}}
	}
	return wanted
}

// Set starts and stops pollers so that each polling has one.
func (e *Poller) Set(set *rules.Set) {
	wanted := pollings(set)
	for name, stop := range e.pollers {
		if _, ok := wanted[name]; !ok {
			stop()
			delete(e.pollers, name)
		}
	}
	for name, p := range wanted {
		if e.pollers[name] == nil {
			ctx, stop := context.WithCancel(e.loops)
			e.pollers[name] = stop
			e.running.Go(func() { e.runPolls(ctx, p) })
		}
	}
}

func (e *Poller) runPolls(ctx context.Context, p polling) {
	lastError, failures := "", 0
	key, back := "poll "+p.cursor, make(chan struct{}, 1)
	defer e.waiting.Forget(key)
	wake := func(context.Context) error {
		select {
		case back <- struct{}{}:
		default:
		}
		return nil
	}
	for {
		config := e.Config.Load()
		e.waiting.Forget(key)
		found, err := e.poll(ctx, config, p)
		if ctx.Err() != nil {
			return
		}
		e.Metrics.Polled(p.connector, p.record, found, err)
		if err != nil && breaker.Redact(err) != lastError {
			e.Log.Warn("poll failed; webhooks go on, and the next poll takes up where the last one ended", "connector", p.connector, "polled", p.record, "error", breaker.Redact(err))
		}
		lastError, failures = "", failures+1
		if err != nil {
			lastError = breaker.Redact(err)
		} else {
			failures = 0
		}
		interval := defaultPollInterval
		if block := config.Set.Connectors[p.connector]; block != nil && block.Common.PollInterval > 0 {
			interval = block.Common.PollInterval
		}
		var away *breaker.AwayError
		switch {
		case !errors.As(err, &away):
		case !away.During:
			interval = min(interval, breaker.Jitter(breaker.Backoff(failures-1)))
		case !e.waiting.Add(key, away, wake):
			continue // it ended meanwhile
		}
		select {
		case <-ctx.Done():
			return
		case <-back:
		case <-e.Clock.After(interval):
		}
	}
}

func cursorKey(c connectors.Collection) string { return "cursor/" + c.String() }

// poll hints what changed since the cursor, then moves the cursor.
func (e *Poller) poll(ctx context.Context, config *reconcile.Running, polled polling) (int, error) {
	g := config.Breakers[polled.connector]
	if g == nil {
		return 0, nil
	}
	question := polled.with(g.Connector)
	if question == nil {
		return 0, nil
	}
	entry, err := e.Store.State.Get(ctx, polled.cursor)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, fmt.Errorf("poll %s: cursor: %w", polled.cursor, err)
	}
	if last, known := e.cursors.Load(polled.cursor); err != nil && known {
		e.Warnings.Report(polled.cursor, fmt.Sprintf("the cursor of the poll of %s was lost while the daemon ran; it goes on from where it was", polledBy(polled.cursor)))
		entry.Value = last.([]byte)
	}
	type page struct {
		changed []connectors.Ref
		next    []byte
	}
	p, err := breaker.Ask(ctx, g, breaker.Kind(breaker.OpPoll, polled.record), func() (page, error) {
		changed, next, err := question.ask(ctx, g.Connector, polled, entry.Value)
		return page{changed, next}, err
	})
	if err != nil {
		return 0, err
	}
	if err := e.positions.Hint(ctx, p.changed, ""); err != nil {
		return 0, err
	}
	if entry.Revision != 0 && string(p.next) == string(entry.Value) {
		e.cursors.Store(polled.cursor, p.next)
		return len(p.changed), nil
	}
	if entry.Revision == 0 {
		_, err = e.Store.State.Create(ctx, polled.cursor, p.next)
	} else {
		_, err = e.Store.State.Update(ctx, polled.cursor, p.next, entry.Revision)
	}
	// Another daemon has moved it, or it was set back: the next poll goes on
	// from there.
	if errors.Is(err, store.ErrConflict) {
		return len(p.changed), nil
	}
	if err != nil {
		return 0, fmt.Errorf("poll %s: cursor: %w", polled.cursor, err)
	}
	e.cursors.Store(polled.cursor, p.next)
	return len(p.changed), nil
}

// polledItems returns the record types whose items are to be polled for, by
// connector.
func polledItems(set *rules.Set) map[itemSource][]string {
	wanted := map[itemSource][]string{}
	add := func(n int, c connectors.Collection, items connectors.Items) {
		of := itemSource{c.Type, c.Connector, items}
		if n > 0 && !slices.Contains(wanted[of], c.Record) {
			wanted[of] = append(wanted[of], c.Record)
		}
	}
	for _, r := range set.Routes {
		for _, t := range reconcile.TemplatesOf(r) {
			add(len(t.Comments.Inbound), t.Target, connectors.CommentItems)
			add(len(t.Comments.Outbound), r.Source, connectors.CommentItems)
			add(len(t.Files.Inbound), t.Target, connectors.AttachmentItems)
			add(len(t.Files.Outbound), r.Source, connectors.AttachmentItems)
		}
	}
	for _, records := range wanted {
		slices.Sort(records)
	}
	return wanted
}

// An itemSource is where items are polled for.
type itemSource struct {
	kind, connector string
	items           connectors.Items
}
