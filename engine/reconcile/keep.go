package reconcile

import (
	"context"
	"errors"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/rules"
)

// An exchange is a link on its way: what is known of both records, and how far
// it has come. Its Link is the link as it will be.
type exchange struct {
	*plan.Observation
	link  links.Stored // as loaded
	entry journal.Entry
	begun bool // the entry was begun

	saved    *links.Intent
	carried  bool // a comment or attachment went out
	refused  bool
	diverged bool // something stands on one side alone, and is left there
}

// keep carries out what is planned for a link: both sides are kept in step.
func (w work) keep(ctx context.Context, link links.Stored) (result, error) {
	x := &exchange{Observation: w.observation(link), link: link, entry: w.entry()}
	if x.Rests != "" && x.Rests != plan.Detached {
		w.log.Warn("its template or connector is not configured; the link rests until it comes back", "template", link.Template, "target", link.Target.String())
	}
	for {
		x.Now = w.engine.Clock.Now()
		p, err := planned(x.Plan, func(needs plan.Needs) error {
			if needs.Judge != "" {
				return w.judge(ctx, x.Observation, needs.Judge)
			}
			err := w.gather(ctx, x.Observation, needs)
			if err == nil && needs.Decision {
				w.engine.step(ctx, StepDecided)
			}
			return err
		})
		switch {
		case err != nil && x.Decision == nil:
			return result{}, err
		case err != nil:
			return w.unsent(ctx, x, err)
		case x.carried && writes(p):
			// What was read is old by now: a write would span a longer time than it
			// has to. The fields have their turn at once.
			x.diverged = true
			v, err := w.finish(ctx, x)
			v.again = w.engine.Clock.Now()
			return v, err
		}
		v, err := w.carryOut(ctx, x, p)
		switch {
		case err != nil:
			return w.unsent(ctx, x, err)
		case v != nil:
			return *v, nil
		case !p.Again:
			x.diverged = x.diverged || w.postponed != nil
			v, err := w.finish(ctx, x)
			if err == nil && w.postponed != nil {
				return result{}, w.postponed
			}
			return v, err
		}
	}
}

// writes reports whether fields would be written.
func writes(p plan.Plan) bool {
	for _, op := range p.Operations {
		if len(op.Writes) > 0 {
			return true
		}
	}
	return false
}

// carryOut carries the operations of a plan out. A result ends the reconcile.
func (w work) carryOut(ctx context.Context, x *exchange, p plan.Plan) (*result, error) {
	if err := w.commit(ctx, change{recovered: p.Recovered, ended: p.Ended, letters: p.Failed}); err != nil {
		return nil, err
	}
	x.take(w, p)
	for len(p.Operations) > 0 {
		op := p.Operations[0]
		if op.Item != nil {
			n := itemsOf(p.Operations)
			if err := w.carry(ctx, x, p.Operations[:n]); err != nil && !w.postpones(x.Observation, op.Item.Transfer, err) {
				return nil, err
			}
			p.Operations = p.Operations[n:]
			continue
		}
		p.Operations = p.Operations[1:]
		var err error
		switch op.Kind {
		case plan.KindGiveUp: // its dead letter is there
		case plan.KindTell:
			x.Told, err = true, w.commit(ctx, change{turned: true, purge: op.Purge})
		case plan.KindChange:
			x.ChildrenBehind, err = false, w.commit(ctx, change{changed: true})
		case plan.KindUpdate, plan.KindTransition:
			err = w.write(ctx, x, op)
		default:
			return w.end(ctx, x, op)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// itemsOf counts the first operations that carry items of one transfer.
func itemsOf(all []plan.Operation) (n int) {
	for n < len(all) && all[n].Item != nil && all[n].Item.Transfer == all[0].Item.Transfer {
		n++
	}
	return n
}

// take takes over what a plan says before its operations are carried out.
func (x *exchange) take(w work, p plan.Plan) {
	x.Accept(p)
	x.refused, x.diverged = x.refused || p.Refused, p.Diverged
	switch {
	case x.begun:
	case x.Decision != nil:
		x.entry, x.begun = w.entryOf(*x.Decision), true
		x.entry.Target = *x.link.Target
	case len(p.Operations) > 0 && p.Operations[0].Kind == plan.KindTransition: // of a source that is gone
		x.entry.Template, x.entry.Action, x.entry.Reason, x.entry.Target = x.link.Template, string(rules.Update), p.Operations[0].Reason, *x.link.Target
		x.begun, x.Closed, w.sourceGone = true, true, true
	}
	x.entry.Notes = append(x.entry.Notes, p.Notes...)
}

// end carries out an operation after which nothing else is done about the link.
func (w work) end(ctx context.Context, x *exchange, op plan.Operation) (*result, error) {
	w.say(op.Reason)
	switch op.Kind {
	case plan.KindStop:
		v, err := w.stop(ctx, x.link.Link, op)
		return &v, err
	case plan.KindWait:
		v := w.requeueAt(op.Until)
		if op.Counted {
			v.tries++
		}
		return &v, w.commit(ctx, change{link: op.Link})
	case plan.KindGone:
		return &result{outcome: resultNone.outcome, again: op.Until}, w.lose(ctx, x, op)
	case plan.KindReopen:
		w.log.Info("the record came back after its ticket was closed; it gets a new one", "target", x.link.Target.String())
		x.entry.Notes = append(x.entry.Notes, op.Notes...)
		return &result{outcome: resultOK.outcome, again: w.engine.Clock.Now()}, w.commit(ctx, change{link: op.Link, entry: &x.entry})
	}
	if x.Decision != nil {
		w.log.Warn("link skipped: its template no longer applies to the record", "template", x.link.Template, "reason", op.Reason)
	}
	return &result{outcome: resultNone.outcome}, w.commit(ctx, change{turned: op.Link != nil, purge: op.Purge, link: op.Link})
}

// judge finds out whether the record of a side, which was not found, was deleted.
func (w work) judge(ctx context.Context, o *plan.Observation, side links.Side) error {
	e := o.Endpoints.Of(side)
	if tracer, ok := e.System.(connectors.MoveTracer); ok {
		to, err := breaker.Ask(ctx, w.breakerOf(e), breaker.Kind("trace", e.Ref.Record), func() (connectors.Ref, error) { return tracer.MovedTo(ctx, e.Ref) })
		if err != nil && !connectors.IsRefusal(err) {
			return err
		}
		if err == nil && !to.IsZero() {
			o.MovedTo, o.Judged = to, plan.Deleted
			w.engine.Absent.Found(e.Ref)
			return nil
		}
	}
	deleted, err := w.engine.Absent.Judge(ctx, w.breakerOf(e), e.Ref)
	if o.Judged = plan.Hidden; deleted {
		o.Judged = plan.Deleted
	}
	return err
}

// lose ends a link of which a side is gone.
func (w work) lose(ctx context.Context, x *exchange, op plan.Operation) error {
	if x.Closed {
		if err := w.commit(ctx, change{entry: &x.entry}); err != nil {
			return err
		}
	}
	if x.MovedTo.IsZero() {
		w.engine.Absent.Lost(x.link.Ref(op.Side))
	}
	w.log.Warn("a side of the link is gone", "side", string(op.Side), "phase", string(op.Link.Phase))
	entry := w.entry()
	entry.Template, entry.Action, entry.Reason, entry.Target = x.link.Template, string(rules.None), op.Reason, *x.link.Target
	return w.commit(ctx, change{letters: op.Failed, purge: op.Purge, link: op.Link, entry: &entry})
}

// finish saves what was agreed, and journals what was done (rules 3.9 and 3.10).
func (w work) finish(ctx context.Context, x *exchange) (result, error) {
	if !x.diverged && !x.refused {
		x.see()
	}
	follows := change{link: w.agreed(x), step: StepAgreed, joins: x.Link.Parent != x.link.Parent, whole: w.postponed == nil}
	outcome := resultNone
	if x.refused {
		outcome = resultDead
	}
	if len(x.entry.Writes) > 0 || len(x.entry.Notes) > 0 || x.refused {
		follows.entry = &x.entry
	}
	if len(x.entry.Writes) > 0 {
		outcome = resultOK
		w.log.Info("synced", "template", x.link.Template, "target", x.link.Target.String(), "fields", x.entry.Writes)
	}
	if err := w.commit(ctx, follows); err != nil {
		return result{}, err
	}
	if at, paused := x.Link.Resumes(w.engine.Clock.Now()); paused {
		w.resumes = at
	}
	return outcome, nil
}

// agreed is the link as it is to be saved; nil: it is stored like that.
func (w work) agreed(x *exchange) *links.Link {
	if w.revision == x.link.Revision && sameLink(x.Link, x.link.Link) {
		return nil
	}
	return x.Link
}

// see keeps the versions that the link was last in step with, where a conflict
// may ask for them.
func (x *exchange) see() {
	x.Link.Seen = nil
	if x.Template.Conflict == rules.LatestWins {
		x.Link.Seen = map[links.Side]string{links.Source: x.Endpoints.Source.Record.Version, links.Target: x.Endpoints.Target.Record.Version}
	}
}

// unsent ends a reconcile in which a request to one side was not done, or its
// answer was lost. What the other side was sent before is in the journal.
func (w work) unsent(ctx context.Context, x *exchange, failure error) (result, error) {
	var said *connectors.Error
	unknown, isLost := errors.AsType[*lostError](failure)
	switch {
	case isLost:
	case !errors.As(failure, &said) && !errors.Is(failure, errNotAllowed):
		return result{}, failure // the store's
	case isGone(failure):
		failure = &connectors.Error{Class: connectors.ClassRetry, Op: "update", Record: said.Record, Message: "the record was gone between read and write", Err: failure}
	}
	follows := change{}
	if !isLost { // certainly not done: nothing is under way
		follows.link, follows.step = w.agreed(x), StepAgreed
	}
	if len(x.entry.Writes) > 0 {
		follows.entry = &x.entry
	}
	if err := w.commit(ctx, follows); err != nil {
		return result{}, err
	}
	if isLost {
		return w.answerLost(ctx, unknown.verb)
	}
	return result{}, failure
}
