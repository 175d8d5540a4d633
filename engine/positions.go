package engine

import (
	"context"

	"github.com/lockstep-sync/lockstep/engine/intake"
)

// keepPositions notes every minute how far this daemon has come, and puts right
// what others, or nobody, carry on.
func (e *Engine) keepPositions() {
	for {
		select {
		case <-e.loops.Done():
			return
		case <-e.core.Clock.After(intake.PresentEvery):
		}
		if err := e.tendPositions(e.loops); err != nil && e.loops.Err() == nil {
			e.core.Log.Warn("where routes are was not noted; it is tried again", "error", err)
		}
	}
}

func (e *Engine) tendPositions(ctx context.Context) error {
	if err := e.obeyPauses(ctx); err != nil {
		return err
	}
	config := e.core.Config.Load()
	others, err := e.daemons.Renew(ctx, config)
	if err != nil {
		return err
	}
	e.daemons.Compare(config, others)
	reached, err := e.positions.KeepCheckpoints(ctx, config)
	if err != nil {
		return err
	}
	known, err := e.positions.Mark(ctx, config, others, reached)
	if err != nil {
		return err
	}
	if err := e.losses.keepEnds(ctx); err != nil {
		return err
	}
	return e.positions.ForgetOverdue(ctx, known, e.core.Clock.Now())
}
