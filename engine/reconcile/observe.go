package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// planned asks a plan what to do until it has the evidence that it asks for.
// There is no other way to one.
func planned(ask func() (plan.Plan, plan.Needs), gather func(plan.Needs) error) (plan.Plan, error) {
	for {
		p, needs := ask()
		if needs.None() {
			return p, nil
		}
		if err := gather(needs); err != nil {
			return plan.Plan{}, err
		}
	}
}

// opening is what is known at first of a record without a ticket.
func (w observer) opening(ctx context.Context, link links.Stored) (*plan.Opening, error) {
	before, err := w.engine.Repo.Unlinked(ctx, w.route.Name, w.source)
	if err != nil {
		return nil, err
	}
	if w.again {
		before.Version = ""
	}
	o := &plan.Opening{
		Route: w.route, Set: w.config.Set, LinkID: w.linkID, N: w.n, Commit: w.config.Commit, Digest: w.engine.Digest, Now: w.engine.Clock.Now(),
		Decide: w.askRules, Before: before, Claim: link.Link, Source: w.endpoint(w.source), Tries: w.tries,
	}
	if w.n > 1 {
		last, err := w.engine.Repo.Load(ctx, links.ID(w.route.Name, w.source, w.n-1))
		if err != nil {
			return nil, err
		}
		o.Inherited = last.Fields
	}
	if link.Link == nil {
		return o, nil
	}
	into, err := connectors.ParseCollection(link.Opened.Into)
	if err != nil {
		return nil, err
	}
	if o.Keyless, err = w.engine.Repo.Keyless(ctx, into); err != nil {
		return nil, err
	}
	o.Into = w.endpoint(connectors.Ref{Collection: into})
	o.Rests, o.Target, o.Left = !w.config.Has(into), o.Into, w.left(link, true)
	return o, nil
}

// gatherOpening reads the evidence that the plan of an opening asks for.
func (w observer) gatherOpening(ctx context.Context, o *plan.Opening, needs plan.Needs) (err error) {
	switch {
	case needs.Read != "":
		if o.Source.Record, err = w.readSource(ctx); err == nil {
			o.SourceStatus = plan.Found
		} else if isGone(err) {
			o.SourceStatus, err = plan.NotFound, nil
		}
		if err == nil { // somebody else may have decided meanwhile
			o.Before, err = w.engine.Repo.Unlinked(ctx, w.route.Name, w.source)
		}
		if err == nil && o.SourceStatus == plan.Found {
			if err = w.lookAtParent(ctx, o.Source.Record); err == nil {
				o.ParentToken = w.parentToken
				o.ChildrenBehind, err = w.childrenBehind(ctx, o.Source.Record)
			}
		}
	case needs.ParentPrivacy:
		o.MayBePrivate, err = w.mayBePrivate(ctx, o.Before.Parent)
	case needs.Decision:
		var d rules.Decision
		if d, o.Parent, err = w.decide(ctx, o.Source.Record, "", nil); err == nil {
			o.Decision, o.ParentKnown, o.Target = &d, true, w.endpoint(connectors.Ref{Collection: d.Target})
			if o.Claim == nil {
				o.Into = o.Target
			}
		}
		if err == nil && d.Action == rules.Create {
			o.Keyless, err = w.engine.Repo.Keyless(ctx, d.Target)
		}
	case needs.Parent:
		o.Parent, err = w.parent(ctx, o.Source.Record)
		o.ParentKnown = err == nil
	case needs.ParentTicket:
		o.ParentTicket, o.ParentPaused, err = w.parentMayGetTicket(ctx, o.Source.Record.Parent, o.Parent, o.Decision.Target.Connector)
	case needs.Tickets:
		o.Tickets, err = w.lookUpClaimed(ctx, o.Target.Ref.Collection, o.Claim)
	case needs.Unkeyed:
		o.Unkeyed, err = w.findUnkeyed(ctx, &o.Into, o.Claim.Opened.Since)
		o.UnkeyedRead = err == nil
	default:
		err = w.resolve(ctx, &o.Target, links.Target, needs.Resolve[links.Target], &o.Resolutions)
	}
	return err
}

// observation is what is known at first of a link.
func (w observer) observation(link links.Stored) *plan.Observation {
	o := &plan.Observation{
		Route: w.route, Stored: link.Link, Link: link.Clone(), NextID: links.ID(w.route.Name, w.source, w.n+1),
		Digest: w.engine.Digest, Now: w.engine.Clock.Now(), Verify: w.verifies, Decide: w.askRules, Tries: w.tries,
		Endpoints: plan.Endpoints{Source: w.endpoint(w.source)},
	}
	switch {
	case link.Target == nil, link.Phase == links.Detached && !link.Lost(): // until a person changes that
		o.Rests = plan.Detached
		return o
	case w.config.Orphaned(link.Link):
		o.Rests = "its route, template or connector is not configured"
		return o
	}
	o.Template, o.Endpoints.Target = w.config.Set.Templates[link.Template], w.endpoint(*link.Target)
	if link.Intent != nil {
		o.Age, _ = w.engine.Repo.Age(link)
		o.Left = max(w.left(link, false), w.pauseAfterLost()-o.Age)
	}
	return o
}

// gather reads the evidence that the plan of a link asks for.
func (w observer) gather(ctx context.Context, o *plan.Observation, needs plan.Needs) (err error) {
	switch {
	case needs.Read == links.Target:
		o.TargetStatus, err = statusOf(&o.Endpoints.Target, func() (connectors.Record, error) { return w.readTicket(ctx, o.Endpoints.Target.Ref) })
		w.noteAbsence(o, links.Target, o.TargetStatus)
	case needs.Read == links.Source:
		o.SourceStatus, err = statusOf(&o.Endpoints.Source, func() (connectors.Record, error) { return w.readSource(ctx) })
		w.noteAbsence(o, links.Source, o.SourceStatus)
		if o.SourceStatus == plan.Found {
			o.ChildrenBehind, err = w.childrenBehind(ctx, o.Endpoints.Source.Record)
		}
	case needs.ParentPrivacy:
		o.MayBePrivate, err = w.mayBePrivate(ctx, o.Stored.Parent)
	case needs.Decision:
		if err := bounded(o.Endpoints.Target.Record); err != nil {
			return err
		}
		var d rules.Decision
		if d, o.Parent, err = w.decide(ctx, o.Endpoints.Source.Record, o.Link.Template, &o.Endpoints.Target.Record); err == nil {
			o.Decision = &d
		}
	case needs.Tickets:
		o.Tickets, err = w.lookUp(ctx, o.Link.Target.Collection, o.Link.Key)
	default:
		err = w.gatherMore(ctx, o, needs)
	}
	return err
}

// gatherMore reads the evidence about fields and items, of which several pieces
// may be asked for at once.
func (w observer) gatherMore(ctx context.Context, o *plan.Observation, needs plan.Needs) error {
	for _, n := range needs.Lists {
		list, err := w.list(ctx, o.Endpoints.Of(n.Side), n)
		if w.postpones(o, n.Transfer, err) {
			continue
		}
		if err != nil {
			return err
		}
		o.Items.SetList(n, list)
	}
	for _, n := range needs.Media {
		media, err := w.mediaOf(ctx, o.Endpoints.Of(n.Side), n.File)
		if w.postpones(o, n.Transfer, err) {
			continue
		}
		if err != nil {
			return err
		}
		o.Items.SetMedia(n, media)
	}
	for _, to := range []links.Side{links.Target, links.Source} {
		if err := w.resolve(ctx, o.Endpoints.Of(to), to, needs.Resolve[to], &o.Resolutions); err != nil {
			return err
		}
	}
	if !needs.Histories {
		return nil
	}
	changes := map[links.Side][]connectors.FieldChange{}
	for _, of := range []links.Side{links.Source, links.Target} {
		all, _, err := w.history(ctx, o.Endpoints.Of(of), time.Time{})
		if err != nil {
			return err
		}
		changes[of] = all
	}
	o.SetHistories(changes)
	return nil
}

// statusOf reads the record of one side.
func statusOf(e *plan.Endpoint, read func() (connectors.Record, error)) (plan.ReadStatus, error) {
	record, err := read()
	switch {
	case isGone(err):
		return plan.NotFound, nil
	case err != nil:
		return plan.Unread, err
	}
	e.Record = record
	return plan.Found, nil
}

// noteAbsence takes note of whether a record is there whose link is carried out.
func (w *session) noteAbsence(o *plan.Observation, side links.Side, status plan.ReadStatus) {
	switch ref := o.Stored.Ref(side); {
	case status == plan.Found:
		w.engine.Absent.Found(ref)
	case status == plan.NotFound && o.Rests == "" && o.Stored.Phase == links.Active:
		w.engine.Absent.Missed(ref, w.engine.Clock.Now())
	}
}

// readSource reads the record.
func (w observer) readSource(ctx context.Context) (connectors.Record, error) {
	g := w.config.Breakers[w.source.Connector]
	if g == nil {
		return connectors.Record{}, fmt.Errorf("connector %s is not configured", w.source.Connector)
	}
	record, err := g.Read(ctx, w.source)
	if err != nil {
		return connectors.Record{}, err
	}
	w.record, w.readAt = &record, w.engine.Clock.Now()
	w.budget.saw(func(v *links.Versions) { v.Source = record.Version })
	return record, bounded(record)
}

// readTicket reads the ticket of a link.
func (w observer) readTicket(ctx context.Context, ref connectors.Ref) (connectors.Record, error) {
	g, err := w.breakerFor(ref.Collection)
	if err != nil {
		return connectors.Record{}, err
	}
	ticket, err := g.Read(ctx, ref)
	if err != nil {
		return connectors.Record{}, err
	}
	w.budget.saw(func(v *links.Versions) { v.Target = ticket.Version })
	return ticket, nil
}

func isGone(err error) bool {
	class, known := connectors.ClassOf(err)
	return known && class == connectors.ClassGone
}

// breakerFor is the way to a system in which tickets are opened.
func (w *session) breakerFor(c connectors.Collection) (*breaker.Breaker, error) {
	if !w.config.Has(c) {
		return nil, fmt.Errorf("connector %s.%s is not configured", c.Type, c.Connector)
	}
	return w.config.Breakers[c.Connector], nil
}

func (w *session) breakerOf(e *plan.Endpoint) *breaker.Breaker {
	return w.config.Breakers[e.Ref.Connector]
}

// endpoint is one side of a link, without its record.
func (w *session) endpoint(ref connectors.Ref) plan.Endpoint {
	e := plan.Endpoint{Ref: ref, Schema: w.schema(ref)}
	if g := w.config.Breakers[ref.Connector]; g != nil {
		e.System, e.Takes = g.Connector, abilitiesOf(g.Connector)
	}
	return e
}

func (w *session) schema(ref connectors.Ref) *connectors.Schema {
	block := w.config.Set.Connectors[ref.Connector]
	if block == nil {
		return nil
	}
	schema, ok := block.System.Schema(ref.Record)
	if !ok {
		return nil
	}
	return schema
}

// decide asks the rules. linked is the template of the link, empty for none,
// and ticket what the link leads to.
func (w observer) decide(ctx context.Context, record connectors.Record, linked string, ticket *connectors.Record) (rules.Decision, *rules.Parent, error) {
	parent, err := w.parent(ctx, record)
	if err != nil {
		return rules.Decision{}, nil, err
	}
	in := rules.Input{Record: record, Linked: linked, LinkID: w.linkID, Parent: parent, Ticket: ticket}
	if linked == "" {
		if in.Ancestors, err = w.ancestors(ctx, record); err != nil {
			return rules.Decision{}, nil, err
		}
	}
	d := w.askRules(in)
	if d.Err != nil {
		return rules.Decision{}, nil, d.Err
	}
	if w.snapshot, err = journal.NewSnapshot(in, d, w.config.Set.Terms(d.Route, d.Template)); err != nil {
		return rules.Decision{}, nil, fmt.Errorf("snapshot for the journal: %w", err)
	}
	return d, parent, nil
}

// ancestors are the connectors of the records that one was opened for, over any number
// of links. Where only the mark in it is left, they are those that it may have been
// opened for.
func (w observer) ancestors(ctx context.Context, record connectors.Record) ([]string, error) {
	var all []string
	seen := map[connectors.Ref]bool{}
	for at, key := record.Ref, record.Key; !seen[at]; {
		seen[at] = true
		link, err := w.engine.Repo.Opener(ctx, at, key)
		switch {
		case errors.Is(err, store.ErrNotFound) && at == record.Ref && (links.IsKey(record.Key) || record.Own):
			return w.config.Set.Openers(record.Ref.Collection), nil
		case errors.Is(err, store.ErrNotFound):
			return all, nil
		case err != nil:
			return nil, err
		}
		all = append(all, link.Source.Connector)
		at, key = link.Source, ""
	}
	return all, nil
}

// askRules decides, until the work is given up.
func (w *session) askRules(in rules.Input) rules.Decision {
	in.Done = w.done
	return w.config.Set.Decide(w.route.Name, in)
}

// resolve asks a system what it makes of values.
func (w observer) resolve(ctx context.Context, e *plan.Endpoint, side links.Side, values []rules.Value, into *plan.Resolutions) error {
	if len(values) == 0 {
		return nil
	}
	g, err := w.breakerFor(e.Ref.Collection)
	if err != nil {
		return err
	}
	resolver, ok := e.System.(connectors.Resolver)
	if !ok {
		return &connectors.Error{Class: connectors.ClassRejected, Op: "write", Record: e.Ref.Collection.String(), Message: "nothing can be written to this system"}
	}
	fields := map[string]any{}
	for _, v := range values {
		fields[v.Field] = v.Value
	}
	type resolution struct {
		fields map[string]any
		failed map[string]*connectors.Error
	}
	r, err := breaker.Ask(ctx, g, breaker.OpResolve, func() (resolution, error) {
		fields, failed, err := resolver.Resolve(connectors.ResolvingFor(ctx, e.Record), e.Ref.Record, fields)
		return resolution{fields, failed}, err
	})
	if err != nil {
		return err
	}
	for _, v := range values {
		into.Set(side, v, w.engine.Digest, plan.Resolution{Value: r.fields[v.Field], Failure: r.failed[v.Field]})
	}
	return nil
}

// history asks for the changes of a record, if its system remembers them.
func (w observer) history(ctx context.Context, e *plan.Endpoint, since time.Time) ([]connectors.FieldChange, bool, error) {
	h, ok := e.System.(connectors.HistoryReader)
	if !ok {
		return nil, false, nil
	}
	changes, err := breaker.Ask(ctx, w.breakerOf(e), breaker.Kind(breaker.OpHistory, e.Ref.Record), func() ([]connectors.FieldChange, error) { return h.History(ctx, e.Record, since) })
	if _, refused := notReadable(err); refused {
		return nil, false, nil
	}
	return changes, err == nil, err
}
