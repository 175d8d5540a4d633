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
func (w opening) confirmCreated(ctx context.Context, claim links.Stored, ticket connectors.Record, decision rules.Decision, send map[string]any, before mark) (result, error) {
	next := w.confirmed(claim, ticket)
	entry := w.entryOf(decision)
	entry.Target = ticket.Ref
	var lost []plan.Failure
	for _, v := range decision.Values {
		sent, have := send[v.Field], ticket.Fields[v.Field]
		if sent != nil {
			entry.Writes = append(entry.Writes, v.Field)
		}
		stuck := plan.Empty(sent) || !plan.Empty(have)
		if !stuck {
			lost = append(lost, plan.Fail(v.Field, deadletter.ReasonDidNotStick, plan.DidNotStick(ticket, v.Field)))
		}
		now := links.Agreement{From: w.engine.Digest.Of(v.Value), Have: w.engine.Digest.Of(have), Expr: v.Expr}
		switch {
		case v.Once:
		case stuck:
			next.Fields[links.Outbound(v.Field)] = now
		default: // never agreed, so that a retry writes it
			next.Refuse(links.Refusal{What: links.Outbound(v.Field), Pair: w.engine.Digest.Pair(now.From, now.Have), Code: deadletter.ReasonDidNotStick, At: w.engine.Clock.Now().UTC()})
		}
	}
	next.State = w.begun(claim.Opened.State, ticket, true, decision)
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
	var letters []plan.Failure
	for name, opened := range claim.Opened.Fields {
		now := links.Agreement{From: opened.From, Have: w.haveOfFound(ticket, name, opened), Expr: opened.Expr}
		field := links.FieldOf(name)
		if !ticket.Pristine || opened.Sent == w.engine.Digest.Of(nil) || !plan.Empty(ticket.Fields[field]) {
			next.Fields[name] = now
			continue
		}
		failure := plan.Fail(field, deadletter.ReasonDidNotStick, plan.DidNotStick(ticket, field))
		next.Refuse(links.Refusal{What: name, Pair: w.engine.Digest.Pair(now.From, now.Have), Code: failure.Reason, At: w.engine.Clock.Now().UTC()})
		letters = append(letters, failure)
	}
	next.State = w.begun(claim.Opened.State, ticket, ticket.Pristine, decision)
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
	d := w.engine.Digest
	decision := w.askRules(rules.Input{
		Record: *w.record, Linked: next.Template, LinkID: w.linkID, Parent: w.parents, Ticket: &ticket,
	})
	for _, v := range decision.Inbound {
		partner, agreed := next.Fields[links.Outbound(v.Pair)]
		if v.Pair == "" || v.Err != nil || !agreed || partner.Have != d.Of(plan.FieldAt(ticket, plan.FieldPath(v.Pair))) {
			continue
		}
		next.Fields[links.Inbound(v.Field)] = links.Agreement{From: d.Of(v.Value), Have: d.Of(plan.FieldAt(*w.record, plan.FieldPath(v.Field))), Expr: v.Expr}
	}
	return nil
}

// begun are the states that a link begins with. A ticket is pristine where
// nobody wrote it since it was opened.
func (w *session) begun(source *links.StatePair, ticket connectors.Record, pristine bool, decision rules.Decision) *links.StatePair {
	sync := w.stateOf(decision)
	if source == nil || sync.Table == nil {
		return nil
	}
	both := *source
	if !pristine && both.Target != "" {
		return &both // what stands there now may be a later edit
	}
	to := plan.StateOf(ticket, sync.TargetField, w.schema(ticket.Ref))
	both.Target, both.TargetCategory = to.Raw, to.Category
	return &both
}

// haveOfFound is the digest of a field as it was when the ticket was opened:
// what the system made of what was sent, where nobody wrote since, else what
// was sent.
func (w *session) haveOfFound(ticket connectors.Record, name string, opened links.Sent) string {
	if ticket.Pristine || opened.Sent == w.engine.Digest.Of(nil) {
		return w.engine.Digest.Of(ticket.Fields[links.FieldOf(name)])
	}
	return opened.Sent
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
