package reconcile

import (
	"context"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/rules"
)

// update keeps both sides of a link in step: it reads them, plans, and carries
// the plan out.
func (w work) update(ctx context.Context, link links.Stored) (result, error) {
	template := w.config.Set.Templates[link.Template]
	guard, _, err := w.targetOf(link.Target.Collection)
	if err != nil {
		return result{}, err
	}
	if link.Intent != nil {
		if left := w.left(link, false); left > 0 {
			return w.requeueAt(w.engine.Clock.Now().Add(left)), nil // somebody may be at it
		}
	}

	ticket, step, side, err := w.look(ctx, guard, link, template)
	switch {
	case err != nil:
		return result{}, err
	case step == plan.Stop:
		return w.stop(ctx, link)
	case step == plan.Rest && side == links.Source && link.Phase == links.Stopped:
		return resultNone, nil
	case step != plan.Sync:
		return w.missing(ctx, link, step, side)
	}
	record := *w.record
	if link.AsideAt(links.Versions{Source: record.Version, Target: ticket.Version}) {
		return resultNone, nil
	}
	if err := bounded(ticket); err != nil {
		return result{}, err
	}
	next := link.Clone()
	if err := w.clearAside(ctx, next); err != nil {
		return result{}, err
	}
	next.Phase, next.Missing, next.Number, next.URL = links.Active, nil, ticket.Number, ticket.URL
	if next.Parent, next.Private = record.Parent, record.Private; link.Private != record.Private {
		// on_private keeps the ticket, not the contents
		if err := w.commit(ctx, change{turned: true, purge: !w.route.Admits(record)}); err != nil {
			return result{}, err
		}
	}

	return w.sync(ctx, link, next, ticket, template)
}

// sync decides what the fields, states, comments and attachments of both records
// should be, and writes the difference. next is the link as it will be.
func (w work) sync(ctx context.Context, link links.Stored, next *links.Link, ticket connectors.Record, template *rules.Template) (result, error) {
	decision, parent, err := w.decide(ctx, *w.record, link.Template, &ticket)
	if err != nil {
		return result{}, err
	}
	w.engine.step(ctx, StepDecided)
	entry := w.entryOf(decision)
	entry.Target = *link.Target
	if err := w.verify(ctx, next); err != nil {
		return result{}, err
	}
	if decision.Action != rules.Update {
		w.log.Warn("link skipped: its template no longer applies to the record", "template", link.Template, "reason", decision.Reason)
		return resultNone, nil
	}

	s := &sending{Observation: w.observed(next, ticket, template, parent), link: link, entry: entry, revision: link.Revision}
	if link.Intent != nil {
		notes, err := planned(ctx, w.observer, s.Observation, func() ([]plan.Note, plan.Needs) { return s.Settle(decision) })
		if err != nil {
			return result{}, err
		}
		s.entry.Notes = append(s.entry.Notes, notes...)
	}
	if err := w.clearPauses(ctx, s.Link); err != nil {
		return result{}, err
	}
	wanted := w.listTransfers(s)
	if err := w.settleLetters(ctx, s.ClearItems(), nil); err != nil {
		return result{}, err
	}
	if v, err := w.runTransfers(ctx, s, wanted); v != nil || err != nil {
		return w.unsent(ctx, s, v, err)
	}
	s.Now = w.engine.Clock.Now()
	u, err := planned(ctx, w.observer, s.Observation, func() (plan.Update, plan.Needs) { return s.Update(decision) })
	switch {
	case err != nil:
		return result{}, err
	case u.Supersede:
		return w.supersede(ctx, s)
	case s.carried && len(u.Writes) > 0:
		// What was read is old by now: a write would span a longer time than it
		// has to. The fields have their turn at once.
		s.diverged = true
		v, err := w.send(ctx, s)
		v.again = w.engine.Clock.Now()
		return v, err
	}
	if err := w.settleLetters(ctx, u.Recovered, u.Letters); err != nil {
		return result{}, err
	}
	s.Link, s.writes, s.diverged = u.Link, u.Writes, u.Diverged
	s.entry.Notes = append(s.entry.Notes, u.Notes...)
	return w.send(ctx, s)
}

// look reads both sides of a link, in the order that its life asks for, until it
// is known what is to become of it.
func (w observer) look(ctx context.Context, guard *breaker.Breaker, link links.Stored, template *rules.Template) (ticket connectors.Record, step plan.Step, side links.Side, err error) {
	life := plan.Life{
		Phase: link.Phase, Missing: link.Missing, Now: w.engine.Clock.Now(),
		TakesPrivate: w.route.Private, KeepsPrivate: template.Lifecycle.KeepPrivate,
	}
	for {
		step, side = life.Next()
		seen, of := plan.There, &life.Target
		switch step {
		case plan.ReadTarget:
			ticket, err = w.readTicket(ctx, guard, link)
		case plan.ReadSource:
			of = &life.Source
			_, err = w.readSource(ctx)
			life.Private = w.private()
		default:
			return ticket, step, side, nil
		}
		if isGone(err) {
			seen, err = plan.NotFound, nil
		}
		if err != nil {
			return ticket, step, side, err
		}
		*of = seen
	}
}

// observed is what was read of both records, for the plans.
func (w observer) observed(next *links.Link, ticket connectors.Record, template *rules.Template, parent *rules.Parent) *plan.Observation {
	return &plan.Observation{
		Ends:     plan.Ends{Source: w.end(w.source, *w.record), Target: w.end(*next.Target, ticket)},
		Link:     next,
		Template: template,
		Parent:   parent,
		NextID:   links.ID(w.route.Name, w.source, w.n+1),
		Now:      w.engine.Clock.Now(),
		Digest:   w.engine.Digest,
		Decide:   w.askRules,
	}
}

// planned asks a plan until it has the evidence that it needs.
func planned[T any](ctx context.Context, w observer, o *plan.Observation, ask func() (T, plan.Needs)) (T, error) {
	for {
		decided, needs := ask()
		if needs.None() {
			return decided, nil
		}
		if err := w.gather(ctx, o, needs); err != nil {
			return decided, err
		}
	}
}

// gather reads the evidence that a plan asks for.
func (w observer) gather(ctx context.Context, o *plan.Observation, needs plan.Needs) error {
	for _, to := range []links.Side{links.Target, links.Source} {
		values := needs.Resolve[to]
		if len(values) == 0 {
			continue
		}
		e, fields := o.Ends.Of(to), map[string]any{}
		for _, v := range values {
			fields[v.Field] = v.Value
		}
		resolved, failed, err := w.askResolve(ctx, w.breakerOf(e), e.Writer(), e.Ref.Record, fields)
		if err != nil {
			return err
		}
		for _, v := range values {
			o.SetResolution(to, v, plan.Resolution{Value: resolved[v.Field], Failure: failed[v.Field]})
		}
	}
	if !needs.Histories {
		return nil
	}
	changes := map[links.Side][]connectors.FieldChange{}
	for _, of := range []links.Side{links.Source, links.Target} {
		all, _, err := w.history(ctx, o.Ends.Of(of), time.Time{})
		if err != nil {
			return err
		}
		changes[of] = all
	}
	o.SetHistories(changes)
	return nil
}

// settleLetters removes dead letters that have come true, and keeps new ones.
func (w committer) settleLetters(ctx context.Context, recovered []string, letters []plan.Failure) error {
	for _, field := range recovered {
		if err := w.commit(ctx, change{resolve: field}); err != nil {
			return err
		}
	}
	return w.commit(ctx, change{letters: letters})
}

// readTicket reads the ticket of a link.
func (w observer) readTicket(ctx context.Context, g *breaker.Breaker, link links.Stored) (connectors.Record, error) {
	ticket, err := g.Read(ctx, *link.Target)
	if err != nil {
		return connectors.Record{}, err
	}
	w.budget.saw(func(v *links.Versions) { v.Target = ticket.Version })
	return ticket, nil
}
