package plan

import (
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// Detached is why a link rests that was parted from its ticket.
const Detached = "detached"

// How long, and how often, the key of a ticket is looked up again (rule 7.6).
const (
	verifyFor   = 7 * 24 * time.Hour
	VerifyEvery = 6 * time.Hour
)

// Plan says what to do about a link: first about its life as a whole, then about
// what hangs on both records, and last about their fields and states. While
// needs is not empty, nothing is decided.
func (o *Observation) Plan() (Plan, Needs) {
	if o.Rests != "" {
		return ending{o}.rest(o.Rests)
	}
	l := o.Stored
	step, side := Life{
		Phase: l.Phase, Missing: l.Missing, Target: o.TargetStatus, Source: o.SourceStatus, Judged: o.Judged, Now: o.Now,
		Private: o.Endpoints.Source.Record.Private, TakesPrivate: o.Route.Private, KeepsPrivate: o.Template.Lifecycle.KeepPrivate,
	}.Next()
	switch step {
	case ReadTarget, ReadSource:
		return Plan{}, Needs{Read: side}
	case Stop:
		return only(stop(l)), Needs{}
	case Sync:
	default:
		if o.underWay() {
			return only(o.lookAgain()), Needs{}
		}
	}
	switch step {
	case Rest:
		if side == links.Source && l.Phase == links.Stopped {
			return nothing("private"), Needs{}
		}
		return ending{o}.restLost()
	case AwaitMiss:
		return ending{o}.await(side), Needs{}
	case NoteMiss:
		return ending{o}.miss(side, 1, "it was not found, and is read again"), Needs{}
	case Judge:
		return Plan{}, Needs{Judge: side}
	case KeepMiss:
		return ending{o}.miss(side, l.Missing.Times+1, "it was not found, and does not count as deleted"), Needs{}
	case Lose:
		return ending{o}.lose(side)
	}
	switch {
	case l.AsideAt(links.Versions{Source: o.Endpoints.Source.Record.Version, Target: o.Endpoints.Target.Record.Version}):
		return nothing("set aside until either record changes"), Needs{}
	case l.Private != o.Endpoints.Source.Record.Private && !o.Told:
		// on_private keeps the ticket, not the contents.
		return then(Operation{Kind: KindTell, Purge: !o.Route.Admits(o.Endpoints.Source.Record)}), Needs{}
	case o.ChildrenBehind:
		return then(Operation{Kind: KindChange}), Needs{}
	case o.Decision == nil:
		return Plan{}, Needs{Decision: true}
	}
	return o.sync()
}

// sync decides what the fields, states, comments and attachments of both records
// should be.
func (o *Observation) sync() (p Plan, needs Needs) {
	source, ticket := o.Endpoints.Source.Record, o.Endpoints.Target.Record
	next := o.Link.Clone()
	next.Phase, next.Missing, next.Number, next.URL = links.Active, nil, ticket.Number, ticket.URL
	next.Parent, next.Private, next.Aside = source.Parent, source.Private, nil
	next.NameSource(source, o.Route.Admits(source))
	if o.verifies() && !o.underWay() {
		if o.Tickets == nil {
			return Plan{}, Needs{Tickets: true}
		}
		p.Failed = verify(next, o.Tickets, o.Now)
	}
	if o.Decision.Action != rules.Update {
		p.Operations = nothing(o.Decision.Reason).Operations
		return p, needs
	}
	on := *o // whatever moves in its link, moves in the plan's
	on.Link, p.Link = next, next
	if on.underWay() {
		done, needs := on.tookEffect()
		switch {
		case !needs.None():
			return Plan{}, needs
		case !done:
			return only(o.lookAgain()), Needs{}
		}
	}
	if next.Intent != nil {
		if p.Notes, needs = on.Settle(*o.Decision); !needs.None() {
			return Plan{}, needs
		}
	}
	p.Ended = endPauses(next, o.Now)
	on.items(&p, &needs)
	if !needs.None() {
		return Plan{}, needs
	}
	if len(p.Operations) > 0 || o.Items.sent != nil {
		p.Again, p.Operations = true, append(p.Operations, GivenUp(p.Failed)...)
		return p, needs
	}
	u, needs := on.Update(*o.Decision)
	if !needs.None() {
		return Plan{}, needs
	}
	if u.Supersede {
		p.Operations = []Operation{o.supersede()}
		return p, needs
	}
	p.Link, p.Notes, p.Failed = u.Link, append(p.Notes, u.Notes...), append(p.Failed, u.Letters...)
	p.Recovered, p.Diverged = append(p.Recovered, u.Recovered...), u.Diverged
	p.Operations = append(u.Operations(), GivenUp(p.Failed)...)
	return p, needs
}

// supersede lets another link take the place of one whose ticket stays closed.
// The record is then decided again.
func (o *Observation) supersede() Operation {
	next := o.Stored.Clone()
	next.Phase, next.Missing, next.Then = links.Detached, nil, next.N+1
	next.DropContents()
	next.Fields = writtenBack(o.Stored.Fields)
	return Operation{
		Kind: KindReopen, Side: links.Target, Reason: "the record came back after its ticket was closed",
		Link: next, Notes: []Note{{Field: "state", What: "reopened"}},
	}
}

// verifies reports whether it is time to look for other tickets with the link's
// key.
func (o *Observation) verifies() bool {
	due := o.Link.VerifyAfter
	return due != nil && (o.Verify || !o.Now.Before(*due))
}

// verify says which other tickets carry the link's key: a request that took
// effect later than anything allows for has opened one (rule 7.6).
func verify(next *links.Link, found *Tickets, now time.Time) (failed []Failure) {
	var taken []connectors.Record
	for _, t := range found.Taken {
		if t.Ref != *next.Target { // else it was adopted
			taken = append(taken, t)
		}
	}
	if len(taken) > 0 {
		failed = append(failed, Fail("", deadletter.ReasonKeyTaken, keyTaken(next, taken, next.Target)))
	}
	for _, other := range found.Own {
		if other.Ref != *next.Target {
			failed = append(failed, Fail("", deadletter.ReasonDuplicate,
				fmt.Sprintf("%s carries the key of %s as well; lockstep keeps %s in step and never writes the other: close it by hand", other.Ref, next.Target, next.Target)))
		}
	}
	next.VerifyAfter = nil
	if now.Sub(next.OpenedAt) < verifyFor {
		at := now.Add(VerifyEvery).UTC()
		next.VerifyAfter = &at
	}
	return failed
}

// Accept takes over what a plan makes of the link before its operations are
// carried out.
func (o *Observation) Accept(p Plan) {
	o.Verify, o.Items.sent = false, nil
	if p.Link != nil {
		o.Link = p.Link
	}
}

// Suppose takes the operations of a plan as carried out, for one who only wants
// to know what comes next.
func (o *Observation) Suppose(p Plan) {
	o.Accept(p)
	for _, op := range p.Operations {
		switch {
		case op.Kind == KindTell:
			o.Told = true
		case op.Kind == KindChange:
			o.ChildrenBehind = false
		case op.Item != nil:
			o.Carried(op.Item, connectors.CommentReceipt{ID: links.ItemSeen})
		}
	}
	o.Closed = o.SourceStatus == NotFound
}
