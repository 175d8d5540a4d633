package reconcile

import (
	"context"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// awaits has a record that was parked under its link's id looked at as soon as
// the connector that is away answers again.
func (e *Workers) awaits(ctx context.Context, id string, ref connectors.Ref, v result) error {
	if v.awaits == nil {
		return nil
	}
	wake := func(ctx context.Context) error {
		return e.Store.Hints.AddAt(ctx, id, ref, e.Clock.Now().Add(-time.Second), v.tries) // a store may know seconds only
	}
	if e.waiting.Add(id, v.awaits, wake) {
		return nil
	}
	return wake(ctx) // it ended meanwhile
}
