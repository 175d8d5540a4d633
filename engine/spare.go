package engine

import (
	"context"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/rules"
)

// spare are the once values of a template whose fields are empty: a system may
// ask for them when the ticket's state changes, and then they travel along. A
// value that fails is none.
func (w *work) spare(ctx context.Context, s *sending, to links.Side, writes []plan.Write) (map[string]any, error) {
	moves := false
	for _, f := range writes {
		moves = moves || f.Mapping.State
	}
	if to != links.Target || !moves {
		return nil, nil
	}
	e := s.ends.Of(to)
	decision := w.askRules(rules.Input{
		Record: s.ends.Source.Record, Linked: s.link.Template, LinkID: w.linkID, Parent: s.parent, WithOnce: true,
	})
	var wanted []rules.Value
	for _, v := range decision.Values {
		if v.Once && v.Err == nil && v.Value != nil && plan.Empty(plan.FieldAt(e.Record, plan.FieldPath(v.Field))) {
			wanted = append(wanted, v)
		}
	}
	send, _, err := w.resolve(ctx, w.guardOf(e), e.Writer(), e.Ref.Record, wanted)
	return send, err
}

// onMove takes the fields off that can only be written together with a state.
func onMove(schema *connectors.Schema, fields map[string]any) (rest, moving map[string]any) {
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
