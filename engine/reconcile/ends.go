package reconcile

import (
	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/plan"
)

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

// end is one side of a link, as it was read.
func (w *session) end(ref connectors.Ref, record connectors.Record) plan.End {
	e := plan.End{Ref: ref, Record: record, Schema: w.schema(ref)}
	if g := w.config.Breakers[ref.Connector]; g != nil {
		e.System = g.Connector
	}
	return e
}

func (w *session) breakerOf(e *plan.End) *breaker.Breaker { return w.config.Breakers[e.Ref.Connector] }
