package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// How often a record that waits for its parent's ticket is looked at.
const (
	firstParentPause   = 2 * time.Second
	longestParentPause = 30 * time.Second
)

// An Opening is what is known of a record that has no ticket on a route, or one
// that nobody has confirmed: plain data, and the rules. What is read only on
// demand is unknown until the plan has asked for it.
type Opening struct {
	Route  *rules.Route
	Set    *rules.Set
	LinkID string
	N      int // of the link
	Commit string
	Now    time.Time
	Digest links.Digester
	// Decide asks the rules, which ask nobody.
	Decide func(rules.Input) rules.Decision

	Before links.Unlinked // what is remembered of the record
	// Inherited is what the link before this one left agreed; nil: there was none.
	Inherited map[string]links.Agreement
	Claim     *links.Link // a ticket may have been opened; nil: none
	Claimed   bool        // by this reconcile
	// Left is how long the request behind an earlier claim may still take effect,
	// or not be found yet. Not more than zero: that is over.
	Left time.Duration
	// Rests is true where the connector that the claim names is not configured.
	Rests bool

	SourceStatus   ReadStatus
	Source         Endpoint
	Target         Endpoint // without a record
	Into           Endpoint // what the claim names, without a record
	Told           bool     // those that belong to the record were told of its privacy
	ChildrenBehind bool     // those that belong to the record were not told of this version
	MayBePrivate   Answer   // of a record that is not found
	Tries          int      // so far, of reading it
	ParentToken    string   // what is known of what the record belongs to (links.Children)
	ParentTicket   Answer   // what the record belongs to may still get one
	ParentPaused   bool     // but not before somebody resumes a route

	Decision    *rules.Decision
	Parent      *rules.Parent
	ParentKnown bool
	Tickets     *Tickets
	Keyless     bool                // the system drops keys
	Unkeyed     []connectors.Record // opened since the claim, without a key
	UnkeyedRead bool
	Resolutions
	// Refused are the fields that the system refused at a creation, by name.
	Refused map[string]Failure
}

// Tickets are those that carry a key, oldest first. Only lockstep's own are ever
// taken for a record's ticket: anybody can write a key into a ticket, and what is
// written into that ticket then is theirs to read (rule 7.3).
type Tickets struct {
	Own   []connectors.Record
	Taken []connectors.Record // created by somebody else
}

// Plan says what to do next: claim, look the key up, then adopt or create
// (rule 7.1). While needs is not empty, nothing is decided.
func (o *Opening) Plan() (Plan, Needs) {
	switch {
	case o.Claimed:
		return o.look()
	case o.Claim != nil:
		return o.resume()
	case o.Before.Unread:
		return nothing("reading the record costs too much; retry its dead letter"), Needs{}
	case o.SourceStatus == Unread:
		return Plan{}, Needs{Read: links.Source}
	case o.SourceStatus == NotFound:
		return o.notFound()
	}
	dropped := !o.Route.Admits(o.Source.Record)
	switch version := o.Source.Record.Version; {
	case o.ChildrenBehind:
		return then(Operation{Kind: KindChange}), Needs{}
	case o.Before != (links.Unlinked{}) && o.Before.Private != dropped && !o.Told:
		return then(Operation{Kind: KindTell}), Needs{}
	case o.Before.Private && dropped:
		return nothing("private"), Needs{}
	case !dropped && o.Before.Version != "" && o.Before.Version == version && o.Before.ParentToken == o.ParentToken:
		return nothing("decided already in this version"), Needs{}
	}
	return o.decide()
}

// notFound reads a record again for some time that was not found: a permission may
// be given back, and nobody tells of that.
func (o *Opening) notFound() (Plan, Needs) {
	p, needs := forgetGone(o.Route, o.MayBePrivate)
	if needs.None() && !p.Operations[0].Purge && o.Tries < mostMisses {
		return only(Operation{
			Kind: KindWait, Side: links.Source, Counted: true, Until: o.Now.Add(againAfter(o.Tries)),
			Reason: "it was not found, and is read again",
		}), Needs{}
	}
	return p, needs
}

// forgetGone is what to do about a record that is gone: what is kept of it goes
// where it belonged to one that is private by now, for it cannot say so itself.
func forgetGone(route *rules.Route, private Answer) (Plan, Needs) {
	if !route.Private && private == Unknown {
		return Plan{}, Needs{ParentPrivacy: true}
	}
	return only(Operation{Kind: KindNone, Reason: "the record is gone", Purge: private == Yes}), Needs{}
}

// resume goes on where an owner of the claim stopped, or where the claim was
// stopped while its record was private: a ticket may exist (rule 3.3).
func (o *Opening) resume() (Plan, Needs) {
	record := o.Source.Record
	switch {
	case o.SourceStatus == Unread:
		return Plan{}, Needs{Read: links.Source}
	case o.SourceStatus == Found && !o.Route.Admits(record) && o.Claim.Phase == links.Stopped:
		return nothing("private"), Needs{}
	case o.SourceStatus == Found && !o.Route.Admits(record):
		return only(stop(o.Claim)), Needs{}
	case o.SourceStatus == Found && o.Claim.AsideAt(links.Versions{Source: record.Version}):
		return nothing("set aside until the record changes"), Needs{}
	case o.Rests:
		return nothing("its connector is not configured"), Needs{}
	case o.Tickets == nil:
		return Plan{}, Needs{Tickets: true}
	case len(o.Tickets.Own) > 0:
		return confirming{o}.adopt()
	// That somebody else's ticket carries the key says nothing of ours, which may
	// still come. An empty answer is believed only when no request can still take
	// effect and the search has caught up.
	case o.Left > 0:
		return only(Operation{
			Kind: KindWait, Retry: true, Until: o.Now.Add(o.Left),
			Reason: "the answer to a create was lost; a ticket may have been opened all the same",
		}), Needs{}
	case o.findsUnkeyed() && !o.UnkeyedRead:
		return Plan{}, Needs{Unkeyed: true}
	case o.spent() && !o.Claim.Opened.Told:
		return only(o.unknown()), Needs{}
	case o.spent():
		return nothing("a ticket may have been opened, and is not found; its dead letter says what to look for"), Needs{}
	case o.SourceStatus == NotFound:
		return only(Operation{Kind: KindNone, Unclaim: true, Reason: "the record is gone, and no ticket was opened"}), Needs{}
	}
	return o.decide()
}

// decide decides, again where there is an earlier claim, and claims a ticket if
// the rules say so.
func (o *Opening) decide() (Plan, Needs) {
	if o.Decision == nil {
		return Plan{}, Needs{Decision: true}
	}
	d := *o.Decision
	if d.Action != rules.Create {
		return only(o.decline(d)), Needs{}
	}
	if d.AwaitsParent {
		if p, needs, waits := o.awaitParent(d); waits {
			return p, needs
		}
	}
	var needs Needs
	values := o.values()
	send, left, fatal := o.draft(values, &needs)
	switch {
	case !needs.None():
		return Plan{}, needs
	case len(fatal) > 0:
		return only(o.GiveUp(fatal)), Needs{}
	}
	fields, _ := withoutTransition(o.Target.Schema, send)
	return then(o.claim(values, fields, left)), Needs{}
}

// decline remembers that the record gets no ticket.
func (o *Opening) decline(d rules.Decision) Operation {
	dropped := !o.Route.Admits(o.Source.Record)
	m := links.Unlinked{Version: o.Source.Record.Version, ForNow: d.ForNow}
	if dropped {
		m = links.Unlinked{Private: true}
	}
	return Operation{
		Kind: KindNone, Reason: d.Reason,
		Purge:   dropped && !o.Before.Private, // it was public, and may have been decided
		Unclaim: o.Claim != nil, Remember: o.remember(m),
	}
}

// awaitParent waits a bounded time for the parent's ticket where the parent may
// still get one. While it may not because its route is paused, the time stands still.
func (o *Opening) awaitParent(d rules.Decision) (p Plan, needs Needs, waits bool) {
	wait := o.Set.Templates[d.Template].Lifecycle.ParentWait
	since := o.Before.Waiting
	began := since.IsZero() || since.After(o.Now) || o.ParentPaused // by a clock that was set back since
	if began {
		since = o.Now
	}
	waited := o.Now.Sub(since)
	switch {
	case o.ParentTicket == Unknown && wait > 0:
		return Plan{}, Needs{ParentTicket: true}, true
	case waited >= wait, o.ParentTicket == No:
		return Plan{}, Needs{}, false
	}
	op := Operation{Kind: KindWait, Reason: "for the ticket of its parent", Until: o.Now.Add(min(max(waited, firstParentPause), longestParentPause, wait))}
	if o.ParentPaused {
		op.Reason, op.Until = "for the ticket of its parent, whose route is paused", o.Now.Add(longestParentPause)
	}
	if began {
		op.Remember = o.remember(links.Unlinked{Waiting: since.UTC(), Failed: o.Before.Failed})
	}
	return only(op), Needs{}, true
}

// values are those that a ticket is opened with: the decision's, and the state
// that the table gives a new ticket, unless the template names one. What a creation
// does not take is written once the ticket is there.
func (o *Opening) values() []rules.Value {
	d, sync := *o.Decision, o.state()
	values := slices.DeleteFunc(slices.Clone(d.Values), func(v rules.Value) bool { return o.comesLater(v.Field) })
	if sync.Table == nil || sync.Direction == rules.Inbound || o.stateComesLater() {
		return values
	}
	to := FirstOf(sync.Table, d.State, d.Target)
	written := slices.ContainsFunc(values, func(v rules.Value) bool { return v.Field == sync.TargetField })
	if to == "" || written {
		return values
	}
	return append(values, rules.Value{Field: sync.TargetField, Once: true, Value: to})
}

// comesLater reports whether a creation does not take a field.
func (o *Opening) comesLater(name string) bool {
	field, _ := entryOf(name)
	return o.Target.Schema != nil && o.Target.Schema.Fields[field].Write == connectors.AfterCreation
}

// stateComesLater reports whether a creation takes no state.
func (o *Opening) stateComesLater() bool {
	s := o.Target.Schema
	return s != nil && s.State != nil && s.State.Begins != "" && o.state().TargetField == s.State.Field
}

// template is the one decided, else that of an earlier claim; nil: it is not
// configured any more.
func (o *Opening) template() *rules.Template {
	if o.Decision != nil {
		return o.Set.Templates[o.Decision.Template]
	}
	return o.Set.Templates[o.Claim.Template]
}

func (o *Opening) state() rules.StateSync {
	if t := o.template(); t != nil && t.State != nil {
		return *t.State
	}
	return rules.StateSync{}
}

// claim says, before anything is sent, what a ticket will be agreed on.
func (o *Opening) claim(values []rules.Value, send map[string]any, left []Failure) Operation {
	d := *o.Decision
	link := links.New(o.Route.Name, o.Source.Ref, o.N)
	link.Template, link.Phase = d.Template, links.Claim
	link.Parent, link.Private = o.Source.Record.Parent, o.Source.Record.Private
	link.NameSource(o.Source.Record, o.Route.Admits(o.Source.Record))
	link.Generation, link.Commit = o.Set.Generation, o.Commit
	link.Opened = &links.Opened{
		Into: d.Target.String(), Fields: map[string]links.Sent{}, State: o.initialState(send),
		Left: leftOut(values, left), Since: o.Now.UTC(), Unsettled: links.Unsettled{Lost: o.lost()},
	}
	if o.Claim == nil && o.lost() > 0 && !o.Before.Since.IsZero() {
		link.Opened.Since = o.Before.Since
	}
	for _, v := range values {
		if !v.Once {
			link.Opened.Fields[links.Outbound(v.Field)] = links.Sent{From: o.Digest.Of(v.Value), Sent: o.Digest.Of(send[v.Field]), Expr: v.Expr}
		}
	}
	if o.keeping() { // what the first request carried may be what is there
		opened := *o.Claim.Opened
		opened.Unsettled = links.Unsettled{Lost: o.lost()}
		link.Opened = &opened
	}
	if o.Inherited != nil {
		link.Fields = writtenBack(o.Inherited)
	}
	return Operation{Kind: KindClaim, Side: links.Target, Link: link}
}

// initialState are the states that a new ticket begins with, the target's if it is
// sent.
func (o *Opening) initialState(send map[string]any) *links.StatePair {
	sync := o.state()
	if sync.Table == nil {
		return nil
	}
	from := o.Source.State(sync.SourceField)
	if o.stateComesLater() && sync.Direction != rules.Inbound {
		from = StateValue{} // which the ticket is still to follow
	}
	pair := &links.StatePair{Source: from.Raw, SourceCategory: from.Category}
	if state := send[sync.TargetField]; state != nil {
		pair.Target = fmt.Sprint(state)
	}
	return pair
}

// remember keeps with what is remembered of the record how many answers were lost.
func (o *Opening) remember(u links.Unlinked) *links.Unlinked {
	if u.Lost = o.lost(); u.Lost > 0 {
		u.Since = o.Before.Since
		if o.Claim != nil {
			u.Since = o.Claim.Opened.Since
		}
	}
	return &u
}

// look decides between the ticket that is there and a new one, once it is claimed.
func (o *Opening) look() (Plan, Needs) {
	switch {
	case o.Tickets == nil:
		return Plan{}, Needs{Tickets: true}
	case len(o.Tickets.Own) > 0:
		return confirming{o}.adopt()
	case len(o.Tickets.Taken) > 0:
		return only(o.GiveUp([]Failure{Fail("", deadletter.ReasonKeyTaken, keyTaken(o.Claim, o.Tickets.Taken, nil))})), Needs{}
	case o.stale() && o.findsUnkeyed() && !o.UnkeyedRead:
		return Plan{}, Needs{Unkeyed: true}
	case o.stale() && len(o.Unkeyed) > 0:
		return only(o.unknown()), Needs{}
	}
	var needs Needs
	send, _, _ := o.draft(o.values(), &needs)
	if !needs.None() {
		return Plan{}, needs
	}
	fields, moving := withoutTransition(o.Target.Schema, send)
	return only(Operation{
		Kind: KindCreate, Side: links.Target, Fields: fieldsOf(fields, moving), Reason: o.Decision.Reason,
		Draft: &connectors.Draft{
			Collection: o.Decision.Target, Key: o.Claim.Key, Fields: fields, TransitionFields: moving, Private: o.Source.Record.Private,
		},
	}), Needs{}
}

// withoutTransition takes the fields off that can only be written together with a state.
func withoutTransition(schema *connectors.Schema, fields map[string]any) (rest, moving map[string]any) {
	rest, moving = map[string]any{}, map[string]any{}
	for name, v := range fields {
		if schema != nil && schema.Fields[name].OnMove {
			moving[name] = v
		} else {
			rest[name] = v
		}
	}
	return rest, moving
}

// GiveUp gives the creation up until the record changes or someone retries.
func (o *Opening) GiveUp(failed []Failure) Operation {
	return Operation{
		Kind: KindGiveUp, Failed: failed, Fields: namesOf(failed), Reason: failed[0].Reason,
		Unclaim: o.Claim != nil, Remember: o.remember(links.Unlinked{Version: o.Source.Record.Version, Failed: true}),
	}
}

// Suppose takes the operations of a plan as carried out, for one who only wants
// to know what comes next.
func (o *Opening) Suppose(p Plan) {
	for _, op := range p.Operations {
		switch op.Kind {
		case KindTell:
			o.Told = true
		case KindChange:
			o.ChildrenBehind = false
		case KindClaim:
			o.Claim, o.Claimed, o.Tickets = op.Link, true, nil
		}
	}
}

func namesOf(failed []Failure) (fields []string) {
	for _, f := range failed {
		fields = append(fields, f.Field)
	}
	return fields
}
