package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// mostRepeats is how often a creation is repeated whose answer was lost, in the
// life of a link: absence seen through a filter is no absence (rule 3.3).
const mostRepeats = 1

// Lost returns the claim once the answer to its creation was lost. Where the system
// said that it opened a ticket, nothing that it shows later says otherwise.
func (o *Opening) Lost(said *connectors.Error) *links.Link {
	next := *o.Claim
	opened := *o.Claim.Opened
	opened.Lost++
	opened.Sent, opened.Status = false, 0
	if said != nil {
		opened.Status = said.Status
	}
	if said != nil && said.Made {
		opened.Made = true
		if ref := said.MadeRef; !ref.IsZero() {
			opened.MadeRef = &ref
		}
	}
	next.Opened = &opened
	return &next
}

// Sending returns the claim as it is saved directly before its request is sent, and,
// with false, once that was certainly not done: it counts for nothing then.
func (o *Opening) Sending(is bool) *links.Link {
	next := *o.Claim
	opened := *o.Claim.Opened
	opened.Sent = is
	next.Opened = &opened
	return &next
}

// lost is how many answers to creations of the record were lost. What became of the
// request of an owner that has ended is not known either.
func (o *Opening) lost() int {
	switch {
	case o.Claim == nil:
		return o.Before.Lost
	case o.Claim.Opened.Sent && !o.Claimed:
		return o.Claim.Opened.Lost + 1
	}
	return o.Claim.Opened.Lost
}

// findsUnkeyed reports whether the system that the claim names can be asked for tickets
// whose key it has dropped.
func (o *Opening) findsUnkeyed() bool {
	_, finds := o.Into.System.(connectors.UnkeyedFinder)
	return finds && !o.Claim.Opened.Made && !o.repeats()
}

// onceFor is how long a system takes the key of a creation for its idempotency key; 0:
// it does not.
func onceFor(e *Endpoint) time.Duration {
	once, ok := e.System.(connectors.OnceCreator)
	if !ok {
		return 0
	}
	return once.CreatesOnceFor(e.Ref.Collection)
}

// repeats reports whether the creation of a claim may simply be sent again: it goes to
// the same system, and its key, an idempotency key, was not sent too long ago.
func (o *Opening) repeats() bool {
	if d := o.Decision; d != nil && (d.Action != rules.Create || d.Target != o.Into.Ref.Collection) {
		return false
	}
	age := o.Now.Sub(o.Claim.Opened.Since)
	return age >= 0 && age < onceFor(&o.Into)
}

// keeping reports whether a new claim is of a creation that may have been carried out:
// its system answers then with what that one made.
func (o *Opening) keeping() bool { return o.Claim != nil && o.lost() > 0 && o.repeats() }

// spent reports whether no other creation may follow the claim's: one was
// answered as done, or the one repeat was lost as well, or a ticket without a key
// may be it, or the system drops keys. One that may simply be sent again is never spent.
func (o *Opening) spent() bool {
	opened := o.Claim.Opened
	return !o.repeats() && (opened.Made || o.lost() > mostRepeats || len(o.Unkeyed) > 0 || o.Keyless && o.lost() > 0)
}

// stale reports whether the key of a claim is an idempotency key that may be forgotten
// by now, and an earlier request may have opened a ticket.
func (o *Opening) stale() bool { return o.lost() > 0 && onceFor(&o.Into) > 0 && !o.repeats() }

// unknown gives the creation up until the ticket is found, or a person says what
// became of it. The claim stays.
func (o *Opening) unknown() Operation {
	next := *o.Claim
	opened := *o.Claim.Opened
	opened.Told = true
	next.Opened = &opened
	failed := []Failure{Fail("", deadletter.ReasonUnknownTicket, whatToLookFor(o))}
	return Operation{Kind: KindGiveUp, Failed: failed, Fields: namesOf(failed), Reason: failed[0].Reason, Link: &next}
}

// whatToLookFor says what is known of a ticket that is not found, and what to do.
func whatToLookFor(o *Opening) string {
	c := o.Claim
	adopt := fmt.Sprintf("run: lockstep links adopt %s %s ", c.Route, c.Source)
	switch opened := c.Opened; {
	case opened.MadeRef != nil:
		return fmt.Sprintf("%s answered that it opened %s for this record, and does not show it to lockstep's user (a rule, a domain or a missing role hides it); no second ticket is opened. "+
			"Let lockstep's user read it, then run: lockstep dead retry; or take another over: %sTICKET", o.Target.Ref.Connector, opened.MadeRef, adopt)
	case opened.Made:
		return fmt.Sprintf("%s answered that it opened a ticket for this record, and does not show it to lockstep's user (a rule, a domain or a missing role hides it); no second ticket is opened. "+
			"Look for the key %s, or for what lockstep's user opened at about %s; let that user read it, then run: lockstep dead retry; or %sTICKET",
			o.Target.Ref.Connector, c.Key, opened.Since.Format("2006-01-02 15:04 MST"), adopt)
	case len(o.Unkeyed) > 0:
		var named []string
		for _, t := range o.Unkeyed[:min(len(o.Unkeyed), mostNamed)] {
			named = append(named, strings.TrimSpace(t.Number+" "+t.Ref.String()))
		}
		return fmt.Sprintf("the answer to opening a ticket for this record was lost, and lockstep's user has opened tickets since that do not hold its key: %s; no second one is opened. "+
			"If one of them is the record's, %s%s; if not, run: lockstep dead retry. Let lockstep's user write the field that holds the key", strings.Join(named, ", "), adopt, o.Unkeyed[0].Ref)
	case o.Keyless:
		return fmt.Sprintf("the answer to opening a ticket for this record was lost, and %s does not keep lockstep's key, so that the ticket cannot be found; no second one is opened. "+
			"Look for what lockstep's user opened at about %s. If it is there, %sTICKET; if not, run: lockstep dead retry", o.Target.Ref.Connector, opened.Since.Format("2006-01-02 15:04 MST"), adopt)
	}
	last := ""
	if status := c.Opened.Status; status != 0 {
		last = fmt.Sprintf(", the last time with HTTP %d", status)
	}
	return fmt.Sprintf("the answer to opening a ticket for this record was lost twice (or the daemon ended before it came)%s, and no ticket with its key %s is found; it is not tried again. "+
		"Look in %s for the key, or for what lockstep's user opened since %s. If there is a ticket, %sTICKET; if not, run: lockstep dead retry. Where lockstep status says that creations fail, let that be over first",
		last, c.Key, o.Target.Ref.Connector, c.Opened.Since.Format("2006-01-02 15:04 MST"), adopt)
}

// keyDropped says, at the first ticket, that a system does not keep keys.
func keyDropped(ticket connectors.Record, key string) Failure {
	return Fail("", deadletter.ReasonKeyDropped, fmt.Sprintf("%s was opened without lockstep's key %s: a field-level rule or a missing permission drops it. Where an answer is lost, a ticket cannot be found, and none is opened again. "+
		"Let lockstep's user write the field that holds the key", ticket.Ref, key))
}

// mostNamed bounds the tickets that one dead letter names.
const mostNamed = 5

// keyTaken says which tickets carry the key of a link that somebody else created,
// and what to do. kept is the record's own ticket; nil: it has none, and gets none.
func keyTaken(link *links.Link, taken []connectors.Record, kept *connectors.Ref) string {
	var named []string
	for _, t := range taken[:min(len(taken), mostNamed)] {
		by := "created by " + t.CreatedBy
		if t.CreatedBy == "" {
			by = "whose creator cannot be told"
		}
		named = append(named, strings.TrimSpace(fmt.Sprintf("%s %s, %s", t.Number, t.Ref, by)))
	}
	if more := len(taken) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("%d more", more))
	}
	message := fmt.Sprintf("lockstep's key of this record, %s, stands in a ticket that lockstep's own user did not create: %s; it is neither taken over nor written", link.Key, strings.Join(named, "; "))
	if kept != nil {
		return message + fmt.Sprintf(". %s is the record's ticket and is kept in step; remove the key from the other", kept)
	}
	return message + fmt.Sprintf(", and no second ticket is opened. If it is the record's ticket (lockstep had another user then, or someone opened it for this record), "+
		"run: lockstep links adopt %s %s %s. If not, remove the key from it, then run: lockstep dead retry", link.Route, link.Source, taken[0].Ref)
}
