package backfill

import (
	"context"

	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// DryRun says of each record what a job would do, and does nothing. A record that cannot
// be read is told with its error, and the rest goes on.
func (r *Runner) DryRun(ctx context.Context, request Request, tell func(reconcile.Planned) error) error {
	routes, err := r.routes(request)
	if err != nil {
		return err
	}
	return r.each(ctx, routes, request.Since, func(i item) error {
		planned, err := r.core.DryRunAgain(ctx, i.Route, i.Ref)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			planned.Error = err.Error()
		}
		return tell(planned)
	})
}
