package engine

import (
	"context"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// closeTicket moves the ticket of a source that is gone to the last state of
// its table. done is false while nobody knows what became of the request.
func (w *work) closeTicket(ctx context.Context, link links.Stored) (s *sending, v *verdict, err error) {
	template := w.config.Set.Templates[link.Template]
	if template == nil || template.Lifecycle.OnDelete != "close" || template.State == nil || link.Phase != links.Active {
		return nil, nil, nil
	}
	guard, target, err := w.targetOf(link.Target.Collection)
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
	both := &ends{source: end{ref: w.source}, target: end{guard: guard, writer: target, ref: *link.Target, record: ticket}}
	next := link.Clone()
	next.Intent = nil
	s = &sending{ends: both, link: link, next: next, entry: w.entry(), template: template, revision: link.Revision}
	s.entry.Template, s.entry.Action, s.entry.Reason, s.entry.Target = link.Template, string(rules.Update), "source is gone", *link.Target
	writes, err := w.closing(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	v, err = w.sendTo(ctx, s, links.Target, writes)
	return s, v, err
}

// closing are the last state of the table, where the ticket is not in it, and
// what the template says only then: a resolution's code and notes.
func (w *work) closing(ctx context.Context, s *sending) ([]write, error) {
	sync, e, d := s.template.State, &s.ends.target, w.engine.digest
	last := lastLabel(sync.Table)
	now := standingOf(e.record, sync.TargetField, w.schema(e.ref))
	to := firstOf(sync.Table, last, e.ref.Collection)
	if label, known := sync.Table.Label(e.ref.Collection, now.raw, now.category); to == "" || known && label == last {
		return nil, nil
	}
	if mover, ok := e.guard.connector.(connectors.Mover); ok && !mover.MayMove(e.record, to) {
		s.entry.Notes = append(s.entry.Notes, note{Field: "state", What: noteMoveNotTaken})
		return nil, nil
	}
	values := []rules.Value{{Field: sync.TargetField, Value: to}}
	decision := w.askRules(rules.Input{
		Record: connectors.Record{Ref: w.source}, Linked: s.link.Template, LinkID: w.linkID, State: last,
	})
	for _, v := range decision.Values {
		agreed, known := s.next.Fields[links.Outbound(v.Field)]
		if !v.Once && v.Err == nil && v.Value != nil && known && agreed.From == d.Of(nil) && empty(fieldAt(e.record, fieldPath(v.Field))) {
			values = append(values, v)
		}
	}
	send, failed, err := w.resolve(ctx, e.guard, e.writer, e.ref.Record, values)
	if err != nil {
		return nil, err
	}
	for _, f := range failed {
		if err := w.bury(ctx, f.reason, f.field, f.message); err != nil {
			return nil, err
		}
	}
	var writes []write
	for _, v := range values {
		if send[v.Field] == nil {
			continue
		}
		m := mapping{name: links.Outbound(v.Field), side: links.Target, field: v.Field, path: fieldPath(v.Field), expr: v.Expr, want: v.Value}
		f := write{mapping: m, value: send[v.Field], was: s.ends.have(m)}
		if v.Field == sync.TargetField {
			f.mapping.state, f.mapping.path = true, statePath(sync.TargetField)
			f.mapping.pair = d.Pair(last, now.raw)
			f.agreed = &links.StatePair{}
		}
		writes = append(writes, f)
	}
	return writes, nil
}
