package plan

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// FirstVerify is when the key of a new ticket is looked up again: the search must
// have caught up by then (rule 7.6).
const FirstVerify = 15 * time.Minute

// Opened is what follows from a ticket that was created or found.
type Opened struct {
	Link   *links.Link
	Wrote  []string
	Failed []Failure
	// Keyless says whether the system drops keys, where that is news.
	Keyless Answer
	// Again is true where there is more to do at once: what the ticket gives the
	// source, what hangs on either, or what was edited since.
	Again bool
}

// confirming makes the link of a claim with its ticket.
type confirming struct{ *Opening }

// adopt agrees on what a ticket that was found by its key was about to be opened
// with, so that an edit made meanwhile is later, not a conflict (rule 7.4).
func (o confirming) adopt() (Plan, Needs) {
	ticket := o.Tickets.Own[0]
	if o.readsBack() && !o.ParentKnown {
		return Plan{}, Needs{Parent: true}
	}
	next := o.confirmed(ticket)
	failed := AgreeFound(next, o.Claim.Opened, ticket, o.Now, o.Digest)
	next.State = BaseState(o.state(), o.Claim.Opened.State, ticket, ticket.Pristine, o.Target.Schema)
	o.agreePairs(next, ticket)
	if len(o.Tickets.Taken) > 0 {
		failed = append(failed, Fail("", deadletter.ReasonKeyTaken, keyTaken(o.Claim, o.Tickets.Taken, &ticket.Ref)))
	}
	for _, other := range o.Tickets.Own[1:] {
		failed = append(failed, Fail("", deadletter.ReasonDuplicate, fmt.Sprintf("%s carries the key of %s as well; the oldest is kept, this one is not written again", other.Ref, ticket.Ref)))
	}
	op := Operation{
		Kind: KindAdopt, Side: links.Target, Reason: "it carries the key of the record",
		Link: next, Found: o.Tickets, Failed: failed, Notes: []Note{{What: "found"}},
	}
	if o.Claim.Opened.Told {
		op.Ended = []Failure{{Reason: deadletter.ReasonUnknownTicket}}
	}
	return only(op), Needs{}
}

// Created takes the answer to the creation as agreed (rule 3.8).
func (o *Opening) Created(op Operation, ticket connectors.Record) Opened {
	once := onceFor(&o.Target) > 0
	if once && o.Claim.Opened.Lost > 0 {
		return o.createdBefore(op, ticket)
	}
	next := confirming{o}.confirmed(ticket)
	_, left, _ := o.draft(o.values(), &Needs{})
	wrote, failed := AgreeCreated(next, o.values(), op.Draft.Fields, left, ticket, o.Now, o.Digest)
	keyless := ticket.Key != op.Draft.Key && !once
	if keyless && !o.Keyless {
		failed = append(failed, keyDropped(ticket, op.Draft.Key))
	}
	next.State = BaseState(o.state(), o.Claim.Opened.State, ticket, true, o.Target.Schema)
	if once {
		o.doubt(next, op, ticket)
	}
	confirming{o}.agreePairs(next, ticket)
	t := o.template()
	news := Unknown
	if keyless != o.Keyless {
		news = AnswerOf(keyless)
	}
	return Opened{Link: next, Wrote: wrote, Failed: failed, Keyless: news, Again: t != nil && (t.WritesBack || hasItems(o, t, ticket) || o.leavesForLater())}
}

// createdBefore takes the answer to a creation that may have been carried out before:
// what the ticket was opened with is what the first request carried, and what was
// edited since is later (rule 7.4).
func (o *Opening) createdBefore(op Operation, ticket connectors.Record) Opened {
	next := confirming{o}.confirmed(ticket)
	failed := AgreeFound(next, o.Claim.Opened, ticket, o.Now, o.Digest)
	next.State = BaseState(o.state(), o.Claim.Opened.State, ticket, ticket.Pristine, o.Target.Schema)
	confirming{o}.agreePairs(next, ticket)
	return Opened{Link: next, Wrote: slices.Sorted(maps.Keys(op.Draft.Fields)), Failed: failed, Again: true}
}

// doubt takes what a ticket does not hold as it was sent for something that is still to
// follow: where a key is an idempotency key, and the store was lost, the answer may be
// of a ticket that was opened long ago.
func (o *Opening) doubt(next *links.Link, op Operation, ticket connectors.Record) {
	for name, agreement := range next.Fields {
		field := links.FieldOf(name)
		if sent := op.Draft.Fields[field]; links.SideOf(name) == links.Target && sent != nil && !o.Target.Same(field, sent, sentTo(ticket, field)) {
			agreement.From = ""
			next.Fields[name] = agreement
		}
	}
	sync := o.state()
	if next.State == nil || op.Draft.Fields[sync.TargetField] == nil {
		return
	}
	now := StateOf(ticket, sync.TargetField, o.Target.Schema)
	if label, known := sync.Table.Label(ticket.Ref.Collection, now.Raw, now.Category); known && label != o.Decision.State {
		next.State.Source, next.State.SourceCategory = "", ""
	}
}

// leavesForLater reports whether something is to be written that a creation does not
// take.
func (o *Opening) leavesForLater() bool {
	later := o.stateComesLater() && o.state().Table != nil && o.state().Direction != rules.Inbound
	return later || slices.ContainsFunc(o.Decision.Values, func(v rules.Value) bool { return o.comesLater(v.Field) })
}

// hasItems reports whether a new ticket may have items at once: what the source
// holds already, or the one on the other's page.
func hasItems(o *Opening, t *rules.Template, ticket connectors.Record) bool {
	return len(t.Comments.Outbound) > 0 || len(t.Files.Outbound) > 0 || o.Source.shows(ticket) || o.Target.shows(o.Source.Record)
}

// readsBack reports whether what the ticket gives its source is to be agreed on.
func (o confirming) readsBack() bool {
	t := o.template()
	return t != nil && t.WritesBack && o.SourceStatus == Found
}

// agreePairs sets the agreements of what is read back from the fields that the
// ticket was opened with.
func (o confirming) agreePairs(next *links.Link, ticket connectors.Record) {
	if !o.readsBack() {
		return
	}
	d := o.Decide(rules.Input{Record: o.Source.Record, Linked: next.Template, LinkID: o.LinkID, Parent: o.Parent, Ticket: &ticket})
	AgreePairs(next, o.Source.Record, ticket, d.Inbound, o.Digest)
}

// confirmed returns the link of the claim with its ticket, without agreements yet.
func (o confirming) confirmed(ticket connectors.Record) *links.Link {
	next := o.Claim.Clone()
	ref := ticket.Ref
	next.Phase, next.Target, next.Number, next.URL = links.Active, &ref, ticket.Number, ticket.URL
	next.OpenedAt = o.Now.UTC()
	verify := next.OpenedAt.Add(FirstVerify)
	next.VerifyAfter = &verify
	next.Opened, next.Aside = nil, nil
	next.Fields = writtenBack(o.Claim.Fields)
	if t := o.template(); t != nil {
		next.Items = NewItems(t)
	}
	return next
}

// writtenBack returns the agreements of what the ticket gives its source. The next
// ticket goes on from them: its number takes the place of the old one's, unless
// somebody typed something else there.
func writtenBack(fields map[string]links.Agreement) map[string]links.Agreement {
	kept := map[string]links.Agreement{}
	for name, agreement := range fields {
		if links.SideOf(name) == links.Source {
			kept[name] = agreement
		}
	}
	return kept
}
