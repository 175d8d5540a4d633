package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// confirmCreated makes a link of a claim whose ticket was just created.
func (w opening) confirmCreated(ctx context.Context, claim links.Stored, ticket connectors.Record, decision rules.Decision, send map[string]any, before links.Unlinked) (result, error) {
	next := w.confirmed(claim, ticket)
	entry := w.entryOf(decision)
	entry.Target = ticket.Ref
	wrote, lost := plan.AgreeCreated(next, decision.Values, send, ticket, w.engine.Clock.Now(), w.engine.Digest)
	entry.Writes = append(entry.Writes, wrote...)
	next.State = plan.BaseState(w.stateOf(decision), claim.Opened.State, ticket, true, w.schema(ticket.Ref))
	if err := w.beginPairs(ctx, next, ticket); err != nil {
		return result{}, err
	}
	c := change{letters: lost, entry: &entry}
	if before.Failed {
		c.resolve = deadletter.AllFields
	}
	if v, done, err := w.confirm(ctx, claim, next, c); done || err != nil {
		return v, err
	}
	w.log.Info("opened a ticket", "template", decision.Template, "target", ticket.Ref.String(), "number", ticket.Number)
	v := resultOK
	if t := w.config.Set.Templates[decision.Template]; t.WritesBack || w.mayTransfer(t, ticket) {
		v.again = w.engine.Clock.Now() // for what the new ticket gives the source, and what hangs on either
	}
	return v, nil
}

// adoptFound makes a link of a claim whose ticket was found by its key. What
// is agreed is what was about to be sent, so that an edit made meanwhile is
// later, not a conflict (rule 7.4).
func (w opening) adoptFound(ctx context.Context, claim links.Stored, found keyed, decision rules.Decision) (result, error) {
	ticket := found.own[0]
	next := w.confirmed(claim, ticket)
	letters := plan.AgreeFound(next, claim.Opened, ticket, w.engine.Clock.Now(), w.engine.Digest)
	next.State = plan.BaseState(w.stateOf(decision), claim.Opened.State, ticket, ticket.Pristine, w.schema(ticket.Ref))
	if err := w.beginPairs(ctx, next, ticket); err != nil {
		return result{}, err
	}
	if len(found.taken) > 0 {
		letters = append(letters, plan.Fail("", deadletter.ReasonKeyTaken, w.keyTaken(found.taken, claim.Key, &ticket.Ref)))
	}
	for _, other := range found.own[1:] {
		letters = append(letters, plan.Fail("", deadletter.ReasonDuplicate, fmt.Sprintf("%s carries the key of %s as well; the oldest is kept, this one is not written again", other.Ref, ticket.Ref)))
	}
	entry := w.entryOf(decision)
	entry.Target = ticket.Ref
	entry.Notes = []plan.Note{{What: "found"}}
	if v, done, err := w.confirm(ctx, claim, next, change{letters: letters, entry: &entry}); done || err != nil {
		return v, err
	}
	w.log.Info("found its ticket by its key", "template", decision.Template, "target", ticket.Ref.String(), "number", ticket.Number)
	// The source may have changed since the ticket was opened.
	return result{outcome: "ok", again: w.engine.Clock.Now()}, nil
}

// beginPairs sets the agreements of what is read back from the fields that the
// ticket was opened with, where they still hold what was agreed: what people
// type there from now on is an edit.
func (w opening) beginPairs(ctx context.Context, next *links.Link, ticket connectors.Record) error {
	if t := w.config.Set.Templates[next.Template]; t == nil || !t.WritesBack || w.record == nil {
		return nil
	}
	if !w.decided {
		parent, err := w.parent(ctx, *w.record)
		if err != nil {
			return err
		}
		w.decided, w.parents = true, parent
	}
	decision := w.askRules(rules.Input{
		Record: *w.record, Linked: next.Template, LinkID: w.linkID, Parent: w.parents, Ticket: &ticket,
	})
	plan.AgreePairs(next, *w.record, ticket, decision.Inbound, w.engine.Digest)
	return nil
}

// confirmed is the link of a claim with its ticket, without agreements yet.
func (w *session) confirmed(claim links.Stored, ticket connectors.Record) *links.Link {
	next := claim.Clone()
	ref := ticket.Ref
	next.Phase, next.Target, next.Number, next.URL = links.Active, &ref, ticket.Number, ticket.URL
	next.OpenedAt = w.engine.Clock.Now().UTC()
	verify := next.OpenedAt.Add(firstVerify)
	next.VerifyAfter = &verify
	next.Opened = nil
	next.Fields = writtenBack(claim.Fields)
	if t := w.config.Set.Templates[next.Template]; t != nil {
		next.Items = newItems(t)
	}
	return next
}

// confirm commits the link of a claim with its ticket. When somebody else
// confirmed another ticket meanwhile, done is true and ours is reported as a
// duplicate (rule 7.5).
func (w opening) confirm(ctx context.Context, claim links.Stored, next *links.Link, c change) (v result, done bool, err error) {
	c.link, c.revision, c.step, c.opened, c.decided = next, claim.Revision, StepConfirmed, true, string(rules.Create)
	err = w.commit(ctx, c)
	if !errors.Is(err, store.ErrConflict) {
		return result{}, err != nil, err
	}
	other, failed := w.engine.Repo.Load(ctx, next.ID)
	if failed == nil && other.Target != nil && *other.Target != *next.Target {
		duplicate := plan.Fail("", deadletter.ReasonDuplicate, fmt.Sprintf("%s was opened although %s is the ticket of this record; close it by hand", next.Target, other.Target))
		return resultDead, true, w.commit(ctx, change{letters: []plan.Failure{duplicate}})
	}
	return result{}, true, err
}

func (w *session) stateOf(d rules.Decision) rules.StateSync {
	if t := w.config.Set.Templates[d.Template]; t != nil && t.State != nil {
		return *t.State
	}
	return rules.StateSync{}
}
