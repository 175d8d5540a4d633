package reconcile

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/queue"
	"github.com/lockstep-sync/lockstep/rules"
)

// create opens a ticket: claim, look the key up, create with the key inside,
// confirm. dead is the claim of an owner that is gone, if there is one; what it
// may have begun was waited for and not found (rules 7.1 and 7.2).
func (w opening) create(ctx context.Context, record connectors.Record, decision rules.Decision, before links.Unlinked, dead links.Stored) (result, error) {
	if err := w.moveTo(queue.Lane{Source: w.source.Connector, Target: decision.Target.Connector}); err != nil {
		return result{}, err
	}
	guard, target, err := w.targetOf(decision.Target)
	if err != nil {
		return result{}, err
	}
	decision.Values = w.withState(decision)
	send, failed, err := w.resolve(ctx, guard, target, decision.Target.Record, decision.Values)
	if err != nil {
		return result{}, err
	}
	if len(failed) > 0 {
		return w.refused(ctx, record, decision, dead, failed)
	}

	send, moving := withoutTransition(w.schema(connectors.Ref{Collection: decision.Target}), send)
	link := links.New(w.route.Name, w.source, w.n)
	link.Template, link.Phase = decision.Template, links.Claim
	link.Parent, link.Private = record.Parent, record.Private
	link.Generation, link.Commit = w.config.Set.Generation, w.config.Commit
	link.Opened = &links.Opened{Into: decision.Target.String(), Fields: map[string]links.Sent{}, State: w.initialState(record, decision, send)}
	for _, v := range decision.Values {
		if !v.Once {
			link.Opened.Fields[links.Outbound(v.Field)] = links.Sent{From: w.engine.Digest.Of(v.Value), Sent: w.engine.Digest.Of(send[v.Field]), Expr: v.Expr}
		}
	}
	if err := w.inherit(ctx, link); err != nil {
		return result{}, err
	}
	claim := links.Stored{Link: link, Revision: dead.Revision}
	lease := w.newLease(func(ctx context.Context) error {
		revision, err := w.engine.Repo.Save(ctx, link, claim.Revision)
		if err == nil {
			claim.Revision = revision
		}
		return err
	})
	if err := lease.take(ctx); err != nil {
		return result{}, err // somebody else's claim: look again
	}
	w.engine.step(ctx, StepClaimed)

	found, err := w.lookUp(ctx, guard, target, decision.Target, link.Key)
	if err != nil {
		return result{}, errors.Join(err, w.commit(ctx, change{unclaim: claim}))
	}
	w.engine.step(ctx, StepLookedUp)
	switch {
	case len(found.own) > 0:
		return w.adoptFound(ctx, claim, found, decision)
	case len(found.taken) > 0:
		failure := plan.Fail("", deadletter.ReasonKeyTaken, w.keyTaken(found.taken, link.Key, nil))
		return w.refused(ctx, record, decision, claim, []plan.Failure{failure})
	}
	draft := connectors.Draft{Collection: decision.Target, Key: link.Key, Stamp: newStamp(), Fields: send, TransitionFields: moving}
	ticket, err := breaker.Ask(guard, breaker.Kind("create", decision.Target.Record), func() (connectors.Record, error) {
		if err := lease.check(ctx); err != nil {
			return connectors.Record{}, err
		}
		return target.Create(connectors.WithLease(ctx, lease), draft)
	})
	if err != nil {
		return w.createFailed(ctx, record, decision, claim, err)
	}
	w.engine.step(ctx, StepCreated)
	w.engine.Metrics.Wrote(decision.Target.Connector, "create")
	return w.confirmCreated(ctx, claim, ticket, decision, send, before)
}

// initialState are the states that a new ticket begins with, the target's if it is
// sent.
func (w *session) initialState(record connectors.Record, decision rules.Decision, send map[string]any) *links.StatePair {
	sync := w.stateOf(decision)
	if sync.Table == nil {
		return nil
	}
	from := plan.StateOf(record, sync.SourceField, w.schema(record.Ref))
	pair := &links.StatePair{Source: from.Raw, SourceCategory: from.Category}
	if state := send[sync.TargetField]; state != nil {
		pair.Target = fmt.Sprint(state)
	}
	return pair
}

// withState adds the state that the table gives a new ticket, unless the
// template names one.
func (w *session) withState(decision rules.Decision) []rules.Value {
	sync := w.stateOf(decision)
	if sync.Table == nil || sync.Direction == rules.Inbound {
		return decision.Values
	}
	to := plan.FirstOf(sync.Table, decision.State, decision.Target)
	written := slices.ContainsFunc(decision.Values, func(v rules.Value) bool { return v.Field == sync.TargetField })
	if to == "" || written {
		return decision.Values
	}
	return append(slices.Clone(decision.Values), rules.Value{Field: sync.TargetField, Once: true, Value: to})
}

// createFailed decides what an error of the create call leaves behind.
func (w opening) createFailed(ctx context.Context, record connectors.Record, decision rules.Decision, claim links.Stored, failure error) (result, error) {
	var said *connectors.Error
	if !errors.As(failure, &said) {
		return w.unclear(ctx, claim)
	}
	switch said.Class {
	case connectors.ClassUnclear:
		w.log.Warn("create outcome unknown; the ticket is looked up by its key", "error", breaker.Redact(failure))
		return w.unclear(ctx, claim)
	case connectors.ClassRejected, connectors.ClassGone:
		return w.refused(ctx, record, decision, claim, []plan.Failure{plan.Fail(said.Field, plan.CodeOf(said, deadletter.ReasonRejected), said.Error())})
	default: // certainly not done
		return result{}, errors.Join(failure, w.commit(ctx, change{unclaim: claim}))
	}
}

// unclear comes back soon to look the key up; a hit needs no waiting.
func (w opening) unclear(ctx context.Context, claim links.Stored) (result, error) {
	now := w.engine.Clock.Now()
	again := now.Add(breaker.Jitter(breaker.Backoff(w.tries)))
	if left := w.left(claim, true); left > 0 && again.After(now.Add(left)) {
		again = now.Add(left)
	}
	return w.retryAt(ctx, again, "the answer to a create was lost; a ticket may have been opened all the same")
}

// refused gives a creation up until the record changes or someone retries.
func (w opening) refused(ctx context.Context, record connectors.Record, decision rules.Decision, claim links.Stored, failed []plan.Failure) (result, error) {
	entry := w.entryOf(decision)
	entry.Error = failed[len(failed)-1].Message
	return resultDead, w.commit(ctx, change{
		letters: failed, unclaim: claim,
		mark: &links.Unlinked{Version: record.Version, Failed: true}, early: true,
		decided: "refused", entry: &entry,
	})
}

// resolve renders values into what the target holds. Failures of fields come
// back as such.
func (w observer) resolve(ctx context.Context, g *breaker.Breaker, target connectors.Writer, record string, values []rules.Value) (map[string]any, []plan.Failure, error) {
	var failed []plan.Failure
	rendered := map[string]any{}
	for _, v := range values {
		switch {
		case v.Err != nil:
			failed = append(failed, plan.Fail(v.Field, plan.ReasonOf(v.Err), v.Err.Error()))
		case v.Value != nil:
			rendered[v.Field] = v.Value
		}
	}
	if len(rendered) == 0 {
		return rendered, failed, nil
	}
	resolved, refused, err := w.askResolve(ctx, g, target, record, rendered)
	if err != nil {
		return nil, nil, err
	}
	send := map[string]any{}
	for field := range rendered {
		if said := refused[field]; said != nil {
			failed = append(failed, plan.Fail(field, plan.CodeOf(said, deadletter.ReasonRejected), said.Error()))
		} else if resolved[field] != nil {
			send[field] = resolved[field]
		}
	}
	return send, failed, nil
}

// askResolve asks a system what it makes of values.
func (w observer) askResolve(ctx context.Context, g *breaker.Breaker, target connectors.Writer, record string, values map[string]any) (map[string]any, map[string]*connectors.Error, error) {
	type resolution struct {
		fields map[string]any
		failed map[string]*connectors.Error
	}
	r, err := breaker.Ask(g, breaker.OpResolve, func() (resolution, error) {
		fields, failed, err := target.Resolve(ctx, record, values)
		return resolution{fields, failed}, err
	})
	return r.fields, r.failed, err
}

// resumeClaim goes on where an owner of the claim stopped, or where the claim
// was stopped while its record was private: a ticket may exist (rule 3.3).
func (w opening) resumeClaim(ctx context.Context, claim links.Stored) (result, error) {
	record, err := w.readSource(ctx)
	if err != nil && !isGone(err) {
		return result{}, err
	}
	if err == nil && !w.route.Admits(record) {
		if claim.Phase == links.Stopped {
			return resultNone, nil
		}
		return w.stop(ctx, claim)
	}
	if err == nil && claim.AsideAt(links.Versions{Source: record.Version}) {
		return resultNone, nil
	}
	if err := w.clearAside(ctx, claim.Link); err != nil {
		return result{}, err
	}
	into, err := connectors.ParseCollection(claim.Opened.Into)
	if err != nil {
		return result{}, err
	}
	if !w.config.Has(into) {
		w.log.Warn("a claim rests: its connector is not configured", "target", claim.Opened.Into)
		return resultNone, nil
	}
	guard, target, err := w.targetOf(into)
	if err != nil {
		return result{}, err
	}
	found, err := w.lookUp(ctx, guard, target, into, claim.Key)
	if err != nil {
		return result{}, err
	}
	if len(found.own) > 0 {
		return w.adoptFound(ctx, claim, found, rules.Decision{Template: claim.Template, Target: into, Action: rules.Create})
	}
	// That somebody else's ticket carries the key says nothing of ours, which may
	// still come. An empty answer is believed only when no request can still take effect
	// and the search has caught up.
	if w.left(claim, true) > 0 {
		return w.unclear(ctx, claim)
	}
	if w.record == nil { // the source is gone, and no ticket was opened
		return resultNone, w.commit(ctx, change{unclaim: claim})
	}
	before, err := w.engine.Repo.Unlinked(ctx, w.route.Name, w.source)
	if err != nil {
		return result{}, err
	}
	return w.decideAndOpen(ctx, record, before, claim)
}

// mayTake is how long after it was saved an intent or claim may still take
// effect; with search, until a search would show it. The lease's time falls
// away where the store's lock proves that its owner is dead (rule 3.3).
func (w *session) mayTake(l links.Stored, own, search bool) time.Duration {
	wait := leaseTime
	if w.engine.Alone && !own && l.At.Before(w.engine.Started) {
		wait = 0
	}
	name := ""
	switch {
	case l.Intent != nil && links.Side(l.Intent.Side) == links.Source:
		name = l.Source.Connector
	case l.Target != nil:
		name = l.Target.Connector
	case l.Opened != nil:
		name = connectorOf(l.Opened.Into)
	}
	if c := w.config.Set.Connectors[name]; c != nil {
		wait += c.Common.Settle
		if search {
			wait += c.Common.IndexLag
		}
	}
	return wait
}

// connectorOf is the connector of a collection; empty if it is not one.
func connectorOf(collection string) string {
	c, err := connectors.ParseCollection(collection)
	if err != nil {
		return ""
	}
	return c.Connector
}

func (w *session) targetOf(c connectors.Collection) (*breaker.Breaker, connectors.Target, error) {
	g := w.config.Breakers[c.Connector]
	if !w.config.Has(c) {
		return nil, nil, fmt.Errorf("connector %s.%s is not configured", c.Type, c.Connector)
	}
	target, ok := g.Target()
	if !ok {
		return nil, nil, &connectors.Error{Class: connectors.ClassRejected, Op: "write", Record: c.String(), Message: "nothing can be written to this system"}
	}
	return g, target, nil
}

// newStamp is the id of one write, short enough for any system's field.
func newStamp() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails
	return "ls-" + hex.EncodeToString(b)
}

// left is how long what is under way may still take effect; with search, until a
// search would show it. It is not more than zero when that is over.
func (w *session) left(l links.Stored, search bool) time.Duration {
	age, own := w.engine.Repo.Age(l)
	return w.mayTake(l, own, search) - age
}
