package reconcile

import (
	"context"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/rules"
)

// closeTicket moves the ticket of a source that is gone to the last state of
// its table. done is false while nobody knows what became of the request.
func (w lifecycle) closeTicket(ctx context.Context, link links.Stored) (s *sending, v *result, err error) {
	template := w.config.Set.Templates[link.Template]
	if template == nil || template.Lifecycle.OnDelete != "close" || template.State == nil || link.Phase != links.Active {
		return nil, nil, nil
	}
	guard, _, err := w.targetOf(link.Target.Collection)
	if err != nil {
		return nil, nil, err
	}
	ticket, err := w.readTicket(ctx, guard, link)
	if isGone(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	w.sourceGone = true
	next := link.Clone()
	next.Intent = nil
	s = &sending{link: link, entry: w.entry(), revision: link.Revision, Observation: &plan.Observation{
		Ends: plan.Ends{Source: plan.End{Ref: w.source}, Target: w.end(*link.Target, ticket)},
		Link: next, Template: template, Now: w.engine.Clock.Now(), Digest: w.engine.Digest, Decide: w.askRules,
	}}
	s.entry.Template, s.entry.Action, s.entry.Reason, s.entry.Target = link.Template, string(rules.Update), "source is gone", *link.Target
	writes, err := w.closingWrites(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	v, err = w.sendTo(ctx, s, links.Target, writes)
	return s, v, err
}

// closingWrites are the last state of the table, where the ticket is not in it, and
// what the template says only then: a resolution's code and notes.
func (w lifecycle) closingWrites(ctx context.Context, s *sending) ([]plan.Write, error) {
	sync, e, d := s.Template.State, &s.Ends.Target, w.engine.Digest
	last := plan.LastLabel(sync.Table)
	now := e.State(sync.TargetField)
	to := plan.FirstOf(sync.Table, last, e.Ref.Collection)
	if label, known := sync.Table.Label(e.Ref.Collection, now.Raw, now.Category); to == "" || known && label == last {
		return nil, nil
	}
	if mover, ok := e.System.(connectors.Mover); ok && !mover.MayMove(e.Record, to) {
		s.entry.Notes = append(s.entry.Notes, plan.Note{Field: "state", What: plan.NoteMoveNotTaken})
		return nil, nil
	}
	values := []rules.Value{{Field: sync.TargetField, Value: to}}
	decision := w.askRules(rules.Input{
		Record: connectors.Record{Ref: w.source}, Linked: s.link.Template, LinkID: w.linkID, State: last,
	})
	for _, v := range decision.Values {
		agreed, known := s.Link.Fields[links.Outbound(v.Field)]
		if !v.Once && v.Err == nil && v.Value != nil && known && agreed.From == d.Of(nil) && plan.Empty(plan.FieldAt(e.Record, plan.FieldPath(v.Field))) {
			values = append(values, v)
		}
	}
	send, failed, err := w.resolve(ctx, w.breakerOf(e), e.Writer(), e.Ref.Record, values)
	if err != nil {
		return nil, err
	}
	for _, f := range failed {
		if err := w.giveUp(ctx, f.Reason, f.Field, f.Message); err != nil {
			return nil, err
		}
	}
	var writes []plan.Write
	for _, v := range values {
		if send[v.Field] == nil {
			continue
		}
		m := plan.Mapping{Name: links.Outbound(v.Field), Side: links.Target, Field: v.Field, Path: plan.FieldPath(v.Field), Expr: v.Expr, Want: v.Value}
		f := plan.Write{Mapping: m, Value: send[v.Field], Was: s.Ends.Have(m)}
		if v.Field == sync.TargetField {
			f.Mapping.State, f.Mapping.Path = true, plan.StatePath(sync.TargetField)
			f.Mapping.Pair = d.Pair(last, now.Raw)
			f.Agreed = &links.StatePair{}
		}
		writes = append(writes, f)
	}
	return writes, nil
}
