package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
)

// leaseTime is how long a saved intent is good for its owner (rule 3.7).
const leaseTime = 10 * time.Second

// renewFor bounds how old a lease may be that is renewed: what was decided
// longer ago is decided again. What a write has to ask for first, and a request
// that is repeated, fit into it on a system that takes a minute for each answer.
const renewFor = 6 * time.Minute

// A lease is the right of the owner of a saved intent to send it. It is counted
// from before the save, on the monotonic and the wall clock: the monotonic one
// stands still while a machine is suspended.
//
// Much may lie between the save and the send: a look-up, a turn in the rate
// budget, what a connector has to read first. So it is held again directly
// before every request; one that is not young any more is renewed, by saving the
// intent once more (rule 3.7).
type lease struct {
	w    applier
	save func(context.Context) error // compare-and-set
	// unchanged fails where what is written is no longer what was read. It is
	// asked before the first request only, for that one changes it. nil: there is
	// nothing to ask.
	unchanged func(context.Context) error
	// before changes what is saved when the first request is about to be sent; then
	// it is saved once more. nil: that stands in what is saved already.
	before func()

	from time.Time
	used bool // a request was begun
}

func (w applier) newLease(save func(context.Context) error) *lease { return &lease{w: w, save: save} }

// take saves for the first time.
func (l *lease) take(ctx context.Context) error {
	from := l.w.engine.Clock.Now()
	if err := l.save(ctx); err != nil {
		return err
	}
	l.from = from
	return nil
}

// Hold is called directly before every request. It fails as check does.
func (l *lease) Hold(ctx context.Context) error {
	begins := l.before != nil && !l.used
	if begins {
		l.before()
	}
	err := l.notSent(l.holdUnpaused(ctx, begins))
	l.used = l.used || err == nil
	return err
}

// check fails where nothing may be sent any more: the record may have turned
// private, or somebody else have acted. The failure is ClassRetry.
func (l *lease) check(ctx context.Context) error { return l.notSent(l.holdUnpaused(ctx, false)) }

// holdUnpaused looks last whether the route is paused, for what comes before may take
// long: whoever pauses it knows that no request begins from then on.
func (l *lease) holdUnpaused(ctx context.Context, changed bool) error {
	if err := l.hold(ctx, changed); err != nil {
		return err
	}
	return l.w.engine.Pauses.Check(ctx, l.w.route.Name)
}

func (l *lease) notSent(err error) error {
	if err == nil {
		return nil
	}
	return &connectors.Error{Class: connectors.ClassRetry, Op: "send", Record: l.w.source.String(), Message: "not sent", Err: breaker.NotSent(err)}
}

// hold saves again what is not young any more, or what has changed.
func (l *lease) hold(ctx context.Context, changed bool) error {
	if err := l.w.stillAllowed(ctx, false); err != nil {
		return err
	}
	if !changed && l.within(leaseTime/2) {
		return nil
	}
	if !l.within(renewFor) {
		return fmt.Errorf("%w: what was decided is too old", errNotAllowed)
	}
	if l.unchanged != nil && !l.used {
		if err := l.unchanged(ctx); err != nil {
			return err
		}
		if err := l.w.stillAllowed(ctx, false); err != nil { // the source is read last
			return err
		}
	}
	if err := l.take(ctx); err != nil {
		return err
	}
	if !l.within(leaseTime / 2) {
		return fmt.Errorf("%w: the store takes too long", errNotAllowed)
	}
	return nil
}

// taken reports whether the lease was taken.
func (l *lease) taken() bool { return !l.from.IsZero() }

// within reports whether the lease is younger than d by both clocks.
func (l *lease) within(d time.Duration) bool {
	now, until := l.w.engine.Clock.Now(), l.from.Add(d)
	return now.Before(until) && now.Round(0).Before(until.Round(0))
}
