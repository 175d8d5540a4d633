package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/pauses"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/queue"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// A session is one reconcile: one record on one route, under the configuration
// that was current when it began. It does nothing by itself.
type session struct {
	engine *Core
	turn   *queue.Turn
	budget *budget
	done   <-chan struct{} // closed when the work is given up
	config *Running
	route  *rules.Route
	source connectors.Ref
	linkID string
	n      int // of the link
	tries  int
	again  bool // of a dry run: it is decided though it did not change
	log    *slog.Logger

	record *connectors.Record // the source, as read last; nil: not yet
	readAt time.Time          // when it was answered

	revision uint64 // of the link, as it is stored; 0: there is none
	aside    bool   // the link is set aside, as it is stored

	underWay   bool      // an intent was saved
	sent       bool      // a request went out
	verifies   bool      // it is time to look the key up again
	resumes    time.Time // when a field that is paused is written again
	sourceGone bool      // it was not found, and what is sent says so

	postponed   error  // why a transfer was left for later
	reason      string // why nothing was done, or what is waited for
	parentToken string // what is known of what the record belongs to

	snapshot *journal.Snapshot // what the rules were asked, for the journal
}

// A result is how a reconcile ended.
type result struct {
	outcome string    // for metrics
	again   time.Time // look again then; zero: when something changes
	tries   int
	awaits  *breaker.AwayError // or as soon as this outage is over
}

var (
	resultOK   = result{outcome: "ok"}
	resultNone = result{outcome: "none"}
	resultDead = result{outcome: "dead"}
)

// requeueAt looks again at t without counting a failure.
func (w *session) requeueAt(t time.Time) result {
	return result{outcome: "parked", again: t, tries: w.tries}
}

// reconcile brings one record in step, once, and parks or acknowledges the
// hints that asked for it.
func (e *Workers) reconcile(ctx context.Context, t *queue.Turn, b *budget) {
	key, hints := t.Key, t.Hints
	var answer *Answer // nil: another turn gives it
	defer func() {
		if answer != nil {
			e.askers.tell(hints, *answer)
		}
	}()
	began := e.Clock.Now()
	config := e.Config.Load()
	route := config.Set.Route(key.Route)
	if route == nil || route.Source != key.Source.Collection {
		answer = &Answer{Paused: true, Reason: "the route is not configured any more"}
		return // the route is being removed; its pending hints become dead letters
	}
	if e.Pauses.Known(route.Name) {
		answer = &Answer{Paused: true}
		return // with its hints, which are looked at when it goes on
	}
	w := newWork(&session{engine: e.Core, turn: t, budget: b, done: ctx.Done(), config: config, route: route, source: key.Source})
	link, id, n, err := e.Repo.Current(ctx, route.Name, key.Source)
	w.linkID, w.n, w.tries = id, n, queue.Tries(id, hints)
	w.verifies = slices.ContainsFunc(hints, func(h store.Hint) bool { return h.Slot == id+verifySuffix })
	e.waiting.Forget(id)
	if link.Link != nil {
		e.Repo.Seen(link)
		w.revision, w.aside = link.Revision, link.Aside != nil
	}
	w.log = e.Log.With("route", route.Name, "link", w.linkID, "record", key.Source.String(), "generation", config.Set.Generation)

	var v result
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
	case e.Runaways.has(key):
		v, err = w.requeueAt(began.Add(asideFor)), nil
	default:
		v, err = w.run(ctx, link)
	}
	if errors.Is(err, errNoWorker) {
		return // with its hints
	}
	if ctx.Err() != nil {
		return // cut off; the hints come again
	}
	if errors.Is(err, pauses.ErrPaused) {
		w.log.Debug("not written", "reason", err)
		if !queue.Stored(hints) && w.underWay {
			err = e.Store.Hints.Add(ctx, key.Source, "")
			w.log.Debug("hinted for when its route goes on", "error", err)
		}
		answer = &Answer{Paused: true}
		return // with its hints: none of this counts as a try
	}
	swept := queue.OnlyResync(hints)
	if err != nil {
		v, err = w.handleError(ctx, err)
	}
	if err == nil && v.again.IsZero() {
		v.again = w.resumes
	}
	// A retry that is parked already keeps its turn and its tries: a sweep that
	// fails before it sent anything leaves it to that, or to the next sweep.
	switch now := e.Clock.Now(); {
	case err != nil, v.again.IsZero(), swept && !w.underWay:
	case v.tries == 0 && !v.again.After(now):
		err = e.Store.Hints.Add(ctx, key.Source, "") // a store may schedule to the second only
	default:
		if err = e.Store.Hints.AddAt(ctx, w.linkID, key.Source, v.again, v.tries); err == nil {
			err = e.awaits(ctx, w.linkID, key.Source, v)
		}
	}
	if err != nil {
		// The store failed; the hints come again when it is back.
		w.log.Error("a reconcile was not finished", "error", err)
		answer = &Answer{Failed: err}
		e.Metrics.Reconciled(route.Name, "error", e.Clock.Now().Sub(began))
		return
	}
	for _, h := range hints {
		h.Ack()
	}
	answer = &Answer{Again: v.again, Parked: v.outcome == "parked", Reason: w.reason}
	if v.outcome == resultOK.outcome && swept {
		e.Metrics.Noted(route.Name, noteDrift)
		w.log.Warn("drift: a sweep found what no webhook or poll had told")
	}
	e.Metrics.Reconciled(route.Name, v.outcome, e.Clock.Now().Sub(began))
}

// handleError decides what a failed reconcile waits for.
func (w work) handleError(ctx context.Context, failure error) (result, error) {
	now := w.engine.Clock.Now()
	w.sayFailed(failure)
	if errors.Is(failure, store.ErrConflict) {
		// Somebody else moved: drop everything and look again.
		return w.requeueAt(now.Add(breaker.Jitter(breaker.FirstBackoff))), nil
	}
	if errors.Is(failure, store.ErrUnreadable) { // nor will it be the next time
		return resultDead, w.giveUp(ctx, deadletter.ReasonUnreadable, "", failure.Error())
	}
	if plan.TooCostly(failure) {
		return w.costs(ctx, failure)
	}
	var said *connectors.Error
	if !errors.As(failure, &said) {
		return result{}, failure
	}
	var away *breaker.AwayError
	if errors.As(failure, &away) && away.During { // which is not a failure of this record
		w.log.Debug("parked while a system is away", "connector", away.Breaker.Name, "reason", breaker.Redact(failure))
		v := w.requeueAt(now.Add(breaker.Jitter(away.Fallback())))
		v.awaits = away
		return v, nil
	}
	switch said.Class {
	case connectors.ClassThrottled:
		w.log.Debug("parked", "until", said.Until, "reason", breaker.Redact(failure))
		return w.requeueAt(said.Until.Add(breaker.Jitter(breaker.FirstBackoff))), nil
	case connectors.ClassRejected, connectors.ClassGone:
		err := w.giveUp(ctx, deadletter.ReasonRejected, said.Field, w.describe(failure))
		return resultDead, err
	}
	pause := breaker.Jitter(breaker.Backoff(w.tries))
	w.log.Warn("reconcile failed; retrying", "backoff", pause.Round(time.Millisecond), "tries", w.tries+1, "error", breaker.Redact(failure))
	v, err := w.retryAt(ctx, now.Add(pause), "the last time: "+w.describe(failure))
	if away != nil && v.tries <= breaker.FirstTries {
		v.awaits = away // if it turns out to be the system's
	}
	return v, err
}

// retryAt looks again at t after a failure, or gives up when a day went by.
func (w committer) retryAt(ctx context.Context, t time.Time, failure string) (result, error) {
	if breaker.Exhausted(w.tries) {
		return resultDead, w.giveUp(ctx, deadletter.ReasonGaveUp, "", "it failed for a day; "+failure)
	}
	return result{outcome: "parked", again: t, tries: w.tries + 1}, nil
}

// describe is what the system said, if the record that it may be quoting is known
// and so known not to be private.
func (w *session) describe(err error) string {
	if w.record == nil {
		return breaker.Redact(err)
	}
	return err.Error()
}

func (w committer) giveUp(ctx context.Context, reason, field, message string) error {
	return w.engine.Letters.Put(ctx, deadletter.Letter{Route: w.route.Name, Record: w.source, Reason: reason, Field: field, Message: message}, w.private())
}

// errNoWorker says that the record waits for a worker of another lane.
var errNoWorker = errors.New("no worker is free")

// moveTo goes on as a worker of the lane in which the ticket's system is called.
func (w *session) moveTo(l queue.Lane) error {
	if w.turn.MoveTo(l) {
		return nil
	}
	return errNoWorker
}

// run goes on with the link; one without a document: there is none.
func (w work) run(ctx context.Context, link links.Stored) (result, error) {
	if link.Link != nil && link.AsideAt(links.Versions{}) {
		w.say("set aside until someone retries its dead letter")
		return resultNone, nil
	}
	if err := w.moveTo(w.config.laneOf(w.turn, link)); err != nil {
		return result{}, err
	}
	if link.Link == nil || link.Opened != nil { // a claim, also one that was stopped
		return w.open(ctx, link)
	}
	return w.keep(ctx, link)
}
