package reconcile

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/queue"
	"github.com/lockstep-sync/lockstep/engine/store"
)

const (
	// maxRecord bounds what the fields of one record hold, in bytes: whatever is
	// worked out of them is bounded by it.
	maxRecord = 8 << 20
	// asideFor is when a record is looked at again whose last computation was
	// given up and still runs.
	asideFor = 10 * time.Minute
)

// runaways are the computations that were given up and still run: nothing can
// end them. A record is not computed twice at a time.
type runaways struct {
	load *queue.Load

	mu sync.Mutex
	of map[queue.Key]int
}

func (r *runaways) count(k queue.Key, n int) {
	r.load.Add(n)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[queue.Key]int{}
	}
	if r.of[k] += n; r.of[k] == 0 {
		delete(r.of, k)
	}
}

func (r *runaways) has(k queue.Key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[k] > 0
}

// On counts those of a route.
func (r *runaways) On(route string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k := range r.of {
		if k.Route == route {
			n++
		}
	}
	return n
}

// takeTurn is one worker's work on one key.
func (e *Workers) takeTurn(t *queue.Turn) {
	ctx, b := startBudget(e.Work, t.StepAside, func(b *budget) { e.giveUp(t, b) })
	defer func() {
		if failure := recover(); failure != nil {
			e.broke(t, b, failure)
			return
		}
		if b.end() {
			t.Done()
			return
		}
		e.Runaways.count(t.Key, -1)
	}()
	e.reconcile(ctx, t, b)
}

// giveUp lets another key have the worker of a reconcile that computes for too
// long, and sets its record aside.
func (e *Workers) giveUp(t *queue.Turn, b *budget) {
	e.Runaways.count(t.Key, 1)
	e.Log.Error("a record computes for too long; it is given up, and its computation may go on for as long as this process runs",
		"route", t.Key.Route, "record", t.Key.Source.String(), "running", e.Runaways.On(t.Key.Route))
	e.putAside(t, b, deadletter.ReasonTooCostly, fmt.Sprintf("working out what to do took more than %v of computing, and had no end", computeTime))
}

// broke sets a record aside whose reconcile met a mistake in the program: it
// would meet it again, and take everything else down with it.
func (e *Workers) broke(t *queue.Turn, b *budget, failure any) {
	kept := b.end()
	message := "lockstep met a mistake of its own while it worked on this record"
	if err, ok := failure.(interface{ RuntimeError() }); ok { // which quotes no contents
		message += fmt.Sprintf(": %v", err)
	}
	e.Log.Error("a reconcile panicked", "route", t.Key.Route, "record", t.Key.Source.String(), "stack", string(debug.Stack()))
	if !kept {
		e.Runaways.count(t.Key, -1)
		return
	}
	e.putAside(t, b, deadletter.ReasonInternal, message)
}

// putAside sets the record of a turn aside and ends the turn, as soon as the
// store takes it.
func (e *Workers) putAside(t *queue.Turn, b *budget, reason, message string) {
	t.Leave() // whoever drains does not wait for what cannot end
	message += "; it is not looked at again until the record or its ticket changes, or someone retries this"
	letter := deadletter.Letter{Route: t.Key.Route, Record: t.Key.Source, Reason: reason, Message: message}
	for pause := breaker.FirstBackoff; ; pause = min(2*pause, time.Minute) {
		err := e.setAside(e.Work, letter, b.versions(), false)
		if err == nil {
			break
		}
		if e.Work.Err() != nil {
			return // the hints come again
		}
		e.Log.Error("a record was not set aside yet", "route", t.Key.Route, "record", t.Key.Source.String(), "error", err)
		select {
		case <-e.Work.Done():
			return
		case <-time.After(pause):
		}
	}
	for _, h := range t.Hints {
		h.Ack()
	}
	e.askers.tell(t.Hints, Answer{Reason: message})
	e.Metrics.Reconciled(t.Key.Route, resultDead.outcome, computeTime)
	t.Done()
}

// setAside keeps a dead letter of a record, and what it takes that the record is
// not looked at again until a version changes or someone retries the letter.
func (e *Core) setAside(ctx context.Context, letter deadletter.Letter, at links.Versions, private bool) error {
	if err := e.Letters.Put(ctx, letter, private); err != nil {
		return err
	}
	_, id, _, err := e.Repo.Current(ctx, letter.Route, letter.Record)
	if err == nil {
		return e.Repo.Change(ctx, id, func(l *links.Link) error {
			l.Aside = &at
			return nil
		})
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	m, err := e.Repo.Unlinked(ctx, letter.Route, letter.Record)
	if err != nil {
		return err
	}
	m.Version, m.Failed, m.Unread, m.Waiting = at.Source, true, at.Source == "", time.Time{}
	m.Private = m.Private && m.Unread
	if private {
		m.Number, m.URL = "", ""
	}
	return e.Repo.SaveUnlinked(ctx, letter.Route, letter.Record, m)
}

// costs ends a reconcile that found out by itself that it is too costly. Where
// that was while reading, it is cheap to find out again.
func (w work) costs(ctx context.Context, failure error) (result, error) {
	letter := deadletter.Letter{Route: w.route.Name, Record: w.source, Reason: deadletter.ReasonTooCostly, Message: w.describe(failure)}
	if said, ok := errors.AsType[*connectors.Error](failure); ok {
		letter.Field = said.Field
	}
	at := w.budget.versions()
	if at.Source == "" {
		return resultDead, w.engine.Letters.Put(ctx, letter, w.private())
	}
	return resultDead, w.engine.setAside(ctx, letter, at, w.private())
}

// bounded fails where a record holds more than may be worked on.
func bounded(record connectors.Record) error {
	if size := sizeOf(record.Fields, maxRecord); size > maxRecord {
		return &connectors.Error{
			Class: connectors.ClassRejected, Op: "read", Record: record.Ref.String(), Code: connectors.CodeTooCostly, Err: connectors.ErrTooCostly,
			Message: fmt.Sprintf("its fields hold more than %d MiB", maxRecord>>20),
		}
	}
	return nil
}

// sizeOf is about what a value holds, in bytes; it stops counting beyond a most.
func sizeOf(v any, most int) (size int) {
	switch v := v.(type) {
	case string:
		return len(v)
	case []any:
		for i := 0; i < len(v) && size <= most; i++ {
			size += 8 + sizeOf(v[i], most-size)
		}
	case map[string]any:
		for name, member := range v {
			if size > most {
				break
			}
			size += 8 + len(name) + sizeOf(member, most-size)
		}
	default:
		return 8
	}
	return size
}
