package plan

import (
	"fmt"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// ending plans for a link that rests or ends: a side is not found, or it was parted
// from its ticket.
type ending struct{ *Observation }

// rest looks at the privacy of a record whose link is not carried out any more:
// what is kept of it goes when it turns private.
func (o ending) rest(reason string) (Plan, Needs) {
	record := o.Endpoints.Source.Record
	switch {
	case o.SourceStatus == Unread:
		return Plan{}, Needs{Read: links.Source}
	case o.SourceStatus == NotFound:
		return forgetGone(o.Route, o.MayBePrivate)
	case record.Private == o.Stored.Private:
		return nothing(reason), Needs{}
	}
	next := o.Stored.Clone()
	next.Private = record.Private
	next.NameSource(record, o.Route.Admits(record))
	return only(Operation{Kind: KindNone, Reason: reason, Link: next, Purge: !o.Route.Admits(record)}), Needs{}
}

// restLost rests a link of which a side is gone. It is read again a few times, ever
// less often, and then with every sweep.
func (o ending) restLost() (Plan, Needs) {
	p, needs := o.rest(string(o.Stored.Phase))
	if !needs.None() || o.Tries >= fewMisses {
		return p, needs
	}
	op := &p.Operations[0]
	if op.Link == nil && !op.Purge {
		*op = o.readAgain(op.Reason)
	}
	return p, needs
}

// readAgain looks again at a link of which a side is gone.
func (o ending) readAgain(reason string) Operation {
	return Operation{Kind: KindWait, Counted: true, Until: o.Now.Add(GoneAfter << (o.Tries + 1)), Reason: reason}
}

// stop ends everything that was derived from a record that turned private
// (rule 8.3).
func stop(link *links.Link) Operation {
	next := link.Clone()
	next.Phase, next.Private = links.Stopped, true
	next.DropContents()
	next.NameSource(connectors.Record{}, false)
	if link.Opened != nil { // where to look for the ticket when it is public again
		next.Opened = &links.Opened{Into: link.Opened.Into, Since: link.Opened.Since, Unsettled: link.Opened.Unsettled}
	}
	return Operation{Kind: KindStop, Reason: "private", Link: next, Purge: true}
}

// miss takes note that a side was not found, for the so many-th time.
func (o ending) miss(side links.Side, times int, reason string) Plan {
	next := o.Stored.Clone()
	next.Missing = &links.Missing{Side: string(side), Times: times, At: o.Now.UTC()}
	pause := MissWait(next.Missing)
	if times == 1 {
		pause = firstMissWait
	}
	return only(Operation{Kind: KindWait, Side: side, Until: o.Now.Add(pause), Link: next, Reason: reason})
}

// await looks for a side that was not found a few times before it may count as deleted:
// most permissions that were taken by mistake are soon given back.
func (o ending) await(side links.Side) Plan {
	m := o.Stored.Missing
	until := MissDue(m)
	if soon := o.Now.Add(max(o.Now.Sub(m.At), firstMissWait)); m.Times == 1 && soon.Before(until) {
		until = soon
	}
	return only(Operation{Kind: KindWait, Side: side, Until: until, Reason: "it was not found, and is read again"})
}

// lose ends a link of which a side was deleted (rule 8.1). The digests of what was
// agreed stay, which are no contents: if the record reads again after all, what was
// edited meanwhile is merged as ever (rule 8.5).
func (o ending) lose(side links.Side) (Plan, Needs) {
	if side == links.Target {
		next := o.Link.Clone()
		next.Phase, next.Missing = links.Gone, nil
		op := Operation{Kind: KindGone, Side: side, Until: o.Now.Add(2 * GoneAfter), Reason: "target is gone", Link: next}
		if !o.MovedTo.IsZero() {
			op.Reason = "target is " + o.MovedTo.String() + " now"
			op.Failed = []Failure{Fail("", deadletter.ReasonMoved, fmt.Sprintf("the ticket %s %s is %s now, of which this link's template writes nothing: the two are not kept in step any more, and no other ticket is opened. "+
				"They go on by themselves if it is moved back; if a template of the route writes there, run: lockstep links adopt %s %s %s",
				o.Stored.Number, o.Stored.Target, o.MovedTo, o.Stored.Route, o.Stored.Source, o.MovedTo))}
		}
		return only(op), Needs{}
	}
	if !o.MovedTo.IsZero() { // it lives on, and so does its ticket
		op := Operation{Kind: KindGone, Side: side, Until: o.Now.Add(2 * GoneAfter), Reason: "source is " + o.MovedTo.String() + " now"}
		op.Failed = []Failure{Fail("", deadletter.ReasonMoved, fmt.Sprintf("the record %s is %s now, of which route %s knows nothing: it and its ticket %s are not kept in step any more, and the ticket is left as it is. They go on by themselves if it is moved back",
			o.Stored.Source, o.MovedTo, o.Stored.Route, o.Stored.Target))}
		op.Link = o.Link.Clone()
		op.Link.Phase, op.Link.Missing = links.Detached, o.Stored.Missing
		return only(op), Needs{}
	}
	if !o.Route.Private && o.MayBePrivate == Unknown {
		return Plan{}, Needs{ParentPrivacy: true}
	}
	op := Operation{Kind: KindGone, Side: side, Until: o.Now.Add(2 * GoneAfter), Reason: "source is gone"}
	switch o.MayBePrivate {
	case Yes:
		op.Purge = true
	case Maybe: // the milder of the two is done
		op.Purge = !o.Template.Lifecycle.KeepPrivate
		op.Reason = "source was not found: it was deleted, or is private and hidden from these credentials"
	default:
		if p, needs, closes := o.close(); closes {
			return p, needs
		}
	}
	op.Link = o.Link.Clone()
	op.Link.Phase, op.Link.Missing = links.Detached, o.Stored.Missing
	if o.MayBePrivate == Yes {
		op.Link.DropContents()
		op.Link.NameSource(connectors.Record{}, false)
	}
	return only(op), Needs{}
}
