package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/queue"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// A creation is an opening on its way.
type creation struct {
	*plan.Opening
	lease *lease // of the claim
	again bool   // something was refused, and is left out of the next try
}

// open carries out what is planned for a record that has no ticket on the route:
// a claim is the intent of a creation (rule 7.1).
func (w work) open(ctx context.Context, link links.Stored) (result, error) {
	o, err := w.opening(ctx, link)
	if err != nil {
		return result{}, err
	}
	c := &creation{Opening: o}
	for {
		p, err := planned(o.Plan, func(needs plan.Needs) error { return w.gatherFor(ctx, o, needs) })
		if err != nil {
			return result{}, w.abandon(ctx, c, err)
		}
		o.Now = w.engine.Clock.Now()
		v, err := w.carryOutOpening(ctx, c, p.Operations[0])
		if err != nil || !p.Again && !c.again {
			return v, err
		}
	}
}

// gatherFor reads what an opening asks for, as a worker of the lane in which the
// ticket's system is called.
func (w work) gatherFor(ctx context.Context, o *plan.Opening, needs plan.Needs) error {
	if o.Decision != nil && o.Decision.Action == rules.Create && !needs.ParentTicket {
		if err := w.moveTo(queue.Lane{Source: w.source.Connector, Target: o.Decision.Target.Connector}); err != nil {
			return err
		}
	}
	if err := w.gatherOpening(ctx, o, needs); err != nil {
		return err
	}
	switch {
	case needs.Decision:
		w.engine.step(ctx, StepDecided)
	case needs.Tickets && o.Claimed:
		w.engine.step(ctx, StepLookedUp)
	}
	return nil
}

// abandon takes back a claim under which certainly nothing was sent.
func (w work) abandon(ctx context.Context, c *creation, failure error) error {
	switch {
	case !c.Claimed:
		return failure
	case c.Claim.Opened.Lost > 0: // an earlier request may have opened one
		return errors.Join(failure, w.commit(ctx, change{link: c.Sending(false)}))
	}
	return errors.Join(failure, w.commit(ctx, change{unclaim: true}))
}

// carryOutOpening carries one operation out.
func (w work) carryOutOpening(ctx context.Context, c *creation, op plan.Operation) (result, error) {
	w.say(op.Reason)
	switch op.Kind {
	case plan.KindTell:
		c.Told = true
		return result{}, w.commit(ctx, change{turned: true})
	case plan.KindChange:
		c.ChildrenBehind = false
		return result{}, w.commit(ctx, change{changed: true})
	case plan.KindStop:
		return w.stop(ctx, c.Claim, op)
	case plan.KindWait:
		return w.wait(ctx, op)
	case plan.KindGiveUp:
		return w.giveUpOpening(ctx, c, op)
	case plan.KindClaim:
		return result{}, w.claim(ctx, c, op)
	case plan.KindAdopt:
		return w.adopt(ctx, c, op)
	case plan.KindCreate:
		return w.create(ctx, c, op)
	}
	return w.decline(ctx, c, op)
}

// recovered are the dead letters that are over with a decision about a record: those
// of its creation, where there are some.
func (c *creation) recovered() []string {
	if c.Before.Failed {
		return []string{deadletter.AllFields}
	}
	return nil
}

// decline keeps that the record gets no ticket.
func (w work) decline(ctx context.Context, c *creation, op plan.Operation) (result, error) {
	follows := change{purge: op.Purge, unclaim: op.Unclaim, mark: op.Remember}
	if op.Remember != nil {
		entry := w.entryOf(*c.Decision)
		follows.early = op.Remember.Private != c.Before.Private
		follows.decided, follows.entry = string(c.Decision.Action), &entry
		follows.recovered = c.recovered() // of a ticket that nobody wants any more
		w.log.Info("no ticket", "template", c.Decision.Template, "reason", op.Reason)
	}
	return resultNone, w.commit(ctx, follows)
}

// wait looks again later.
func (w work) wait(ctx context.Context, op plan.Operation) (result, error) {
	now := w.engine.Clock.Now()
	if op.Retry {
		again := now.Add(breaker.Jitter(breaker.Backoff(w.tries)))
		if op.Until.After(now) && again.After(op.Until) {
			again = op.Until
		}
		return w.retryAt(ctx, again, op.Reason)
	}
	err := w.commit(ctx, change{mark: op.Remember, early: true})
	v := w.requeueAt(now.Add(breaker.Jitter(op.Until.Sub(now)))) // which is not a failure
	if op.Counted {
		v.tries++
	}
	return v, err
}

// giveUpOpening gives a creation up until the record changes or someone retries.
func (w work) giveUpOpening(ctx context.Context, c *creation, op plan.Operation) (result, error) {
	if op.Link != nil { // the claim stays
		return resultDead, w.commit(ctx, change{letters: op.Failed, link: op.Link})
	}
	return resultDead, w.commit(ctx, w.givenUp(c, op))
}

func (w work) givenUp(c *creation, op plan.Operation) change {
	entry := w.entryOf(*c.Decision)
	entry.Error = op.Failed[len(op.Failed)-1].Message
	return change{
		letters: op.Failed, unclaim: op.Unclaim,
		mark: op.Remember, early: true,
		decided: "refused", entry: &entry,
	}
}

// claim says that a ticket is about to be opened. Somebody else's claim fails it:
// then everything is looked at again.
func (w work) claim(ctx context.Context, c *creation, op plan.Operation) error {
	c.lease = w.newLease(func(ctx context.Context) error { return w.commit(ctx, change{link: c.Claim}) })
	c.lease.before = func() { c.Claim = c.Sending(true) }
	earlier := c.Claim
	c.Claim = op.Link
	if err := c.lease.take(ctx); err != nil {
		c.Claim = earlier
		return err
	}
	c.Claimed, c.Tickets = true, nil
	w.engine.step(ctx, StepClaimed)
	return nil
}

// create opens the ticket that was claimed.
func (w work) create(ctx context.Context, c *creation, op plan.Operation) (result, error) {
	to, err := w.breakerFor(op.Draft.Collection)
	if err != nil {
		return result{}, w.abandon(ctx, c, err)
	}
	op.Draft.Stamp, c.again = newStamp(), false
	var opened plan.Opened
	what, err := w.apply(ctx, request{
		to: to, verb: "create", record: op.Draft.Collection.Record, step: StepCreated, lease: c.lease, draft: op.Draft,
		answered: func(_ context.Context, got answer) (change, error) {
			c.Now = w.engine.Clock.Now()
			opened = c.Created(op, got.record)
			entry := w.entryOf(*c.Decision)
			entry.Target, entry.Writes = got.record.Ref, append(entry.Writes, opened.Wrote...)
			follows := openedAs(opened.Link, opened.Failed, entry)
			follows.recovered = c.recovered()
			return follows, w.noteKeyless(ctx, op.Draft.Collection, opened.Keyless)
		},
		refused: func(said *connectors.Error) change {
			if c.again = c.LeaveOut(op.Draft, said); c.again {
				c.Claim = c.Without()
				c.lease.used = false // what is about to be sent is another draft
				return change{}
			}
			return w.givenUp(c, c.GiveUp([]plan.Failure{plan.Fail(said.Field, plan.CodeOf(said, deadletter.ReasonRejected), said.Error())}))
		},
	})
	switch what {
	case answered:
		if err != nil {
			return w.notConfirmed(ctx, opened.Link, err)
		}
		w.log.Info("opened a ticket", "template", c.Decision.Template, "target", opened.Link.Target.String(), "number", opened.Link.Number)
		v := resultOK
		if opened.Again {
			v.again = w.engine.Clock.Now()
		}
		return v, nil
	case refused:
		return resultDead, err
	case lost: // a hit needs no waiting
		said, _ := errors.AsType[*connectors.Error](err)
		c.Claim = c.Lost(said)
		if err := w.commit(ctx, change{link: c.Claim}); err != nil {
			return result{}, err
		}
		return w.retryAt(ctx, w.engine.Clock.Now(), lostCreate)
	}
	return result{}, w.abandon(ctx, c, err)
}

// noteKeyless keeps whether a system drops keys, where that is news.
func (w work) noteKeyless(ctx context.Context, c connectors.Collection, keyless plan.Answer) error {
	if keyless == plan.Unknown {
		return nil
	}
	if err := w.engine.Repo.SetKeyless(ctx, c, keyless == plan.Yes, w.engine.Clock.Now()); err != nil || keyless == plan.Yes {
		return err
	}
	return w.engine.keepsKeys(ctx, c)
}

// keepsKeys removes the dead letters that say of a collection that its system drops
// keys.
func (e *Core) keepsKeys(ctx context.Context, c connectors.Collection) error {
	letters, err := e.Letters.List(ctx)
	if err != nil {
		return err
	}
	for _, d := range letters {
		if d.Reason != deadletter.ReasonKeyDropped {
			continue
		}
		into, err := e.OpenedIn(ctx, d.Route, d.Record)
		if err != nil {
			return err
		}
		if into != c {
			continue
		}
		if err := e.Letters.Remove(ctx, d.Route, d.Record, d.Field, d.Reason); err != nil {
			return err
		}
	}
	return nil
}

// OpenedIn returns the collection that the ticket of a record on a route is, or may
// be, in; the zero value where there is none.
func (e *Core) OpenedIn(ctx context.Context, route string, record connectors.Ref) (connectors.Collection, error) {
	link, _, _, err := e.Repo.Current(ctx, route, record)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrUnreadable):
		return connectors.Collection{}, nil
	case err != nil:
		return connectors.Collection{}, err
	case link.Target != nil:
		return link.Target.Collection, nil
	case link.Opened != nil:
		return connectors.ParseCollection(link.Opened.Into)
	}
	return connectors.Collection{}, nil
}

// lostCreate is why a creation is looked at again.
const lostCreate = "the answer to a create was lost; a ticket may have been opened all the same"

// adopt makes a link of a claim whose ticket was found by its key.
func (w work) adopt(ctx context.Context, c *creation, op plan.Operation) (result, error) {
	d := rules.Decision{Template: c.Claim.Template, Target: op.Link.Target.Collection, Action: rules.Create}
	if c.Decision != nil {
		d = *c.Decision
	}
	entry := w.entryOf(d)
	entry.Target, entry.Notes = *op.Link.Target, op.Notes
	follows := openedAs(op.Link, op.Failed, entry)
	follows.ended, follows.recovered = op.Ended, c.recovered()
	if err := w.commit(ctx, follows); err != nil {
		return w.notConfirmed(ctx, op.Link, err)
	}
	w.log.Info("found its ticket by its key", "template", d.Template, "target", op.Link.Target.String(), "number", op.Link.Number)
	// The source may have changed since the ticket was opened.
	return result{outcome: resultOK.outcome, again: w.engine.Clock.Now()}, nil
}

// openedAs is what confirms the link of a claim with its ticket.
func openedAs(next *links.Link, failed []plan.Failure, entry journal.Entry) change {
	return change{letters: failed, link: next, step: StepConfirmed, opened: true, decided: string(rules.Create), entry: &entry}
}

// notConfirmed reports a ticket as a duplicate where somebody else confirmed
// another one meanwhile (rule 7.5).
func (w work) notConfirmed(ctx context.Context, next *links.Link, failure error) (result, error) {
	if !errors.Is(failure, store.ErrConflict) {
		return result{}, failure
	}
	other, err := w.engine.Repo.Load(ctx, next.ID)
	if err == nil && other.Target != nil && *other.Target != *next.Target {
		duplicate := plan.Fail("", deadletter.ReasonDuplicate, fmt.Sprintf("%s was opened although %s is the ticket of this record; close it by hand", next.Target, other.Target))
		return resultDead, w.commit(ctx, change{letters: []plan.Failure{duplicate}})
	}
	return result{}, failure
}

// stop ends everything that was derived from a record that turned private.
func (w work) stop(ctx context.Context, link *links.Link, op plan.Operation) (result, error) {
	entry := w.entry()
	entry.Template, entry.Action, entry.Reason = link.Template, string(rules.None), cmp.Or(op.Reason, "private")
	w.log.Info("stopped: the record turned private")
	return resultNone, w.commit(ctx, change{
		purge: op.Purge, turned: !link.Private, predecessors: true,
		link: op.Link, entry: &entry,
	})
}
