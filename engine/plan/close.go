package plan

import (
	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// close moves the ticket of a source that is gone to the last state of its
// table, once; false: it has not to be.
func (o ending) close() (p Plan, needs Needs, closes bool) {
	t := o.Template
	if o.Closed || t.Lifecycle.OnDelete != "close" || t.State == nil || o.Stored.Phase != links.Active || o.TargetStatus != Found {
		return Plan{}, Needs{}, false
	}
	sync, e, d := t.State, &o.Endpoints.Target, o.Digest
	last, now := LastLabel(sync.Table), e.State(sync.TargetField)
	to := FirstOf(sync.Table, last, e.Ref.Collection)
	if label, known := sync.Table.Label(e.Ref.Collection, now.Raw, now.Category); to == "" || known && label == last {
		if i := o.Stored.Intent; i != nil && i.State != nil && i.StateWas != now.Raw { // closed by a request whose answer was lost
			o.Link.State, o.Link.Intent = i.State, nil
		}
		return Plan{}, Needs{}, false
	}
	p.Link, p.Again = o.Link.Clone(), true
	p.Link.Intent = nil
	if checker, ok := e.System.(connectors.TransitionChecker); ok && !checker.CanTransition(e.Record, to) {
		p.Notes = []Note{{Field: "state", What: NoteMoveNotTaken}}
		p.Operations = []Operation{{Kind: KindTransition, Side: links.Target, Reason: "source is gone"}}
		return p, needs, true
	}
	values := o.closingValues(last, to)
	send, failed := o.resolve(links.Target, values, d, &needs)
	if !needs.None() {
		return Plan{}, needs, true
	}
	p.Failed = failed
	var writes []Write
	for _, v := range values {
		if send[v.Field] == nil {
			continue
		}
		m := Mapping{Name: links.Outbound(v.Field), Side: links.Target, Field: v.Field, Path: FieldPath(v.Field), Expr: v.Expr, Want: v.Value}
		f := Write{Mapping: m, Value: send[v.Field], Was: o.Endpoints.Have(m)}
		if v.Field == sync.TargetField {
			f.Mapping.State, f.Mapping.Path = true, StatePath(sync.TargetField)
			f.Mapping.Pair = d.Pair(last, now.Raw)
			f.Agreed = links.StatePair{}.With(links.Target, to)
		}
		writes = append(writes, f)
	}
	op := writing(links.Target, writes)
	op.Reason = "source is gone"
	op.Moving, _ = o.resolve(links.Target, updating(o).onceValues(writes), d, &needs)
	p.Operations = []Operation{op}
	return p, needs, true
}

// closingValues are the last state, and what the template says only then: a
// resolution's code and notes.
func (o ending) closingValues(last, to string) []rules.Value {
	values := []rules.Value{{Field: o.Template.State.TargetField, Value: to}}
	decision := o.Decide(rules.Input{
		Record: connectors.Record{Ref: o.Stored.Source}, Linked: o.Stored.Template, LinkID: o.Stored.ID, State: last,
	})
	for _, v := range decision.Values {
		agreed, known := o.Stored.Fields[links.Outbound(v.Field)]
		if !v.Once && v.Err == nil && v.Value != nil && known && agreed.From == o.Digest.Of(nil) && Empty(FieldAt(o.Endpoints.Target.Record, FieldPath(v.Field))) {
			values = append(values, v)
		}
	}
	return values
}
