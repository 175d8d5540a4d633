package reconcile

import (
	"context"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/plan"
)

// transitionFields are what travels along with a state change whose screen may
// ask for it (rule 4.4). A value that fails is left out.
func (w sender) transitionFields(ctx context.Context, s *sending, writes []plan.Write) (map[string]any, error) {
	e := &s.Ends.Target
	send, _, err := w.resolve(ctx, w.breakerOf(e), e.Writer(), e.Ref.Record, s.OnceValues(writes))
	return send, err
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
