package engine

import (
	"context"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// spare are the once values of a template whose fields are empty: a system may
// ask for them when the ticket's state changes, and then they travel along. A
// value that fails is none.
func (w *work) spare(ctx context.Context, s *sending, to links.Side, writes []write) (map[string]any, error) {
	moves := false
	for _, f := range writes {
		moves = moves || f.mapping.state
	}
	if to != links.Target || !moves {
		return nil, nil
	}
	e := s.ends.of(to)
	decision := w.askRules(rules.Input{
		Record: s.ends.source.record, Linked: s.link.Template, LinkID: w.linkID, Parent: s.parent, WithOnce: true,
	})
	var wanted []rules.Value
	for _, v := range decision.Values {
		if v.Once && v.Err == nil && v.Value != nil && empty(fieldAt(e.record, fieldPath(v.Field))) {
			wanted = append(wanted, v)
		}
	}
	send, _, err := w.resolve(ctx, e.guard, e.writer, e.ref.Record, wanted)
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
