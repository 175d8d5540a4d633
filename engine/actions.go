package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/queue"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// actions are what people have done, and wait for.
type actions struct {
	*inquiries
	adopting lock
}

func newActions(q *inquiries) *actions { return &actions{q, make(lock, 1)} }

// What became of a record that somebody has looked at.
const (
	Written = "written" // this was written
	InStep  = "in_step" // there was nothing to write
	Nothing = "nothing" // nothing is kept in step, and Reason says why
	Waits   = "waits"   // for what Reason says
	Failed  = "failed"  // Dead, or Reason, says why
)

// An Outcome says what became of a record on a route when somebody had it looked at.
type Outcome struct {
	WhyRoute
	Record connectors.Ref `json:"record"`
	Named
	Result string `json:"result"`
	// Wrote are the fields that were written, as dead letters call them, and the
	// transfers by which something was carried, once for each item.
	Wrote  []string   `json:"wrote"`
	Opened bool       `json:"opened"` // its ticket was
	Reason string     `json:"reason"`
	Until  *time.Time `json:"until,omitempty"` // when what waits is looked at next, if it is known
	// Failed is true where not all of it went well.
	Failed bool `json:"failed"`
}

// A NoRouteOfError says that no route takes a record.
type NoRouteOfError struct{ Record connectors.Ref }

func (e *NoRouteOfError) Error() string {
	return fmt.Sprintf("no route begins with records of %s, and no record has the ticket %s", e.Record.Collection, e.Record)
}

// looksAhead is how soon a record must be looked at again for Sync to wait for it that has
// already been looked at: it was written, and something of it is to follow.
const looksAhead = 10 * time.Second

// Sync looks at the records that a name means now, on every route that takes them, those
// too of before a route began, and waits for what becomes of that: at most for timeout
// where it has to be looked at again. What was decided is decided again; what a system
// refused is not tried again, for that is a retry of its dead letter.
func (a *actions) Sync(ctx context.Context, name string, timeout time.Duration) ([]Outcome, error) {
	m, err := a.names.One(ctx, name)
	if err != nil {
		return nil, err
	}
	subjects, err := a.subjects(ctx, m)
	if err != nil {
		return nil, err
	}
	outcomes := []Outcome{}
	for _, ref := range subjects {
		for _, route := range a.core.Config.Load().Set.Routes {
			if route.Source != ref.Collection {
				continue
			}
			if err := a.core.Repo.DecideAgain(ctx, route.Name, ref); err != nil && !errors.Is(err, store.ErrUnreadable) {
				return nil, err
			}
			// Where the store fails in the midst of it, somebody looks again all the same.
			safe := a.core.Clock.Now().Add(timeout)
			if err := a.core.Store.Hints.AddAt(ctx, "sync/"+route.Name+"/"+ref.String(), ref, safe, 0); err != nil {
				return nil, err
			}
			o, err := a.look(ctx, route.Name, ref, a.core.Clock.Now(), timeout)
			if err != nil {
				return nil, err
			}
			o.Failed = o.Failed || len(o.Dead) > 0
			outcomes = append(outcomes, o)
		}
	}
	if len(outcomes) == 0 {
		return nil, &NoRouteOfError{m.Record}
	}
	return outcomes, nil
}

// Retry is RetryDead that waits for what becomes of the record.
func (a *actions) Retry(ctx context.Context, id string, timeout time.Duration) (Outcome, error) {
	d, _, err := a.core.Letters.Get(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	began := a.core.Clock.Now()
	if err := a.RetryDead(ctx, id); err != nil {
		return Outcome{}, err
	}
	o, err := a.look(ctx, d.Route, d.Record, began, timeout)
	if err != nil {
		return Outcome{}, err
	}
	// The others wait for retries of their own.
	o.Dead = slices.DeleteFunc(o.Dead, func(other LetterView) bool { return other.ID != id && other.At.Before(began) })
	if len(o.Dead) > 0 {
		o.Result, o.Failed = Failed, true
	}
	return o, nil
}

// look has a record looked at, again until that is over, and says what became of it since
// it was begun.
func (a *actions) look(ctx context.Context, route string, ref connectors.Ref, began time.Time, timeout time.Duration) (Outcome, error) {
	answer, err := a.settle(ctx, queue.Key{Route: route, Source: ref}, began.Add(timeout))
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{Record: ref, Wrote: []string{}, Reason: answer.Reason}
	w := Why{Record: ref}
	if err := a.why(ctx, &w); err != nil {
		return Outcome{}, err
	}
	if i := slices.IndexFunc(w.Routes, func(r WhyRoute) bool { return r.Route == route }); i >= 0 {
		o.WhyRoute = w.Routes[i]
	} else {
		o.WhyRoute = WhyRoute{Route: route, Waits: []string{}, Dead: []LetterView{}}
	}
	if o.Named, _, err = a.caller()(ctx, route, ref); err != nil {
		return Outcome{}, err
	}
	entries, err := a.core.Journal.Since(ctx, route, ref, began)
	if err != nil {
		return Outcome{}, err
	}
	for _, entry := range slices.Backward(entries) {
		o.Wrote = append(o.Wrote, entry.Writes...)
		o.Opened = o.Opened || entry.Action == string(rules.Create) && len(entry.Writes) > 0
	}
	o.conclude(answer, began)
	if answer.Paused {
		if o.Reason, err = a.pausedReason(ctx, route); err != nil {
			return Outcome{}, err
		}
	}
	return o, nil
}

// conclude finds what it came to.
func (o *Outcome) conclude(answer reconcile.Answer, began time.Time) {
	isNew := func(d LetterView) bool { return !d.At.Before(began) }
	switch {
	case answer.Failed != nil:
		o.Result, o.Reason, o.Failed = Failed, answer.Failed.Error(), true
	case answer.Paused, answer.Parked:
		o.Result, o.Failed = Waits, true
		if !answer.Again.IsZero() {
			until := answer.Again.UTC()
			o.Until = &until
		}
	case slices.ContainsFunc(o.Dead, isNew):
		o.Result, o.Reason, o.Failed = Failed, "", true // Dead says it
	case len(o.Wrote) > 0:
		o.Result = Written
	case o.Link != nil && o.Link.State == "active":
		o.Result = InStep
	default:
		o.Result = Nothing
	}
}

// pausedReason says why nothing is written on a route for now.
func (a *actions) pausedReason(ctx context.Context, route string) (string, error) {
	if a.core.Config.Load().Set.Route(route) == nil {
		return fmt.Sprintf("there is no route %q any more", route), nil
	}
	p, err := a.core.Pauses.Of(ctx, route)
	if err != nil || p == nil {
		return fmt.Sprintf("route %s was paused a moment ago", route), err
	}
	text := fmt.Sprintf("route %s is paused", route)
	if !p.Since.IsZero() {
		text += " since " + instant(p.Since)
	}
	if p.By != "" {
		text += " by " + p.By
	}
	return text, nil
}

// settle looks at a record until it is not to be looked at again soon, or not before the
// deadline.
func (a *actions) settle(ctx context.Context, key queue.Key, deadline time.Time) (reconcile.Answer, error) {
	for {
		answer, err := a.workers.Look(ctx, key)
		if err != nil || answer.Again.IsZero() {
			return answer, err
		}
		wait := max(answer.Again.Sub(a.core.Clock.Now()), 0)
		if !answer.Parked && wait > looksAhead || answer.Again.After(deadline) {
			return answer, nil
		}
		select {
		case <-ctx.Done():
			return reconcile.Answer{}, context.Cause(ctx)
		case <-a.core.Clock.After(wait):
		}
	}
}
