package engine

import "github.com/lockstep-sync/lockstep/engine/reconcile"

// runSweeps finds drift that no event announced: what it has to write was
// missed by webhooks and polls.
func (e *Engine) runSweeps() {
	for {
		select {
		case <-e.loops.Done():
			return
		case <-e.core.Clock.After(reconcile.ResyncEvery):
		}
		if err := e.workers.Resync(e.loops); err != nil && e.loops.Err() == nil {
			e.core.Log.Error("the sweep did not look at every link; the next one will", "error", err)
		}
	}
}
