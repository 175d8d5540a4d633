package reconcile

import (
	"context"
	"time"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/queue"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// How often all links are looked at although nothing was heard of them, and how
// the hint is called that has a ticket's key looked up again.
const (
	ResyncEvery  = plan.VerifyEvery
	sweepPace    = 2 * time.Second // between two links, at the most
	noteDrift    = "drift"
	verifySuffix = "/verify"
)

// Resync has every link looked at once, slowly.
func (e *Workers) Resync(ctx context.Context) error {
	var keys []queue.Key
	err := e.Repo.Each(ctx, func(l links.Stored) error {
		// What is under way is looked at when it is due; what was lost is not under way.
		if e.Pauses.Known(l.Route) {
			return nil
		}
		if l.Phase == links.Active && l.Intent == nil || l.Phase == links.Gone || l.Lost() {
			keys = append(keys, queue.Key{Route: l.Route, Source: l.Source})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		e.Queue.Add(key, store.Hint{Ref: key.Source, At: e.Clock.Now(), Ack: func() {}, Keep: func() {}, FromResync: true})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.Clock.After(min(sweepPace, ResyncEvery/time.Duration(2*len(keys)))):
		}
	}
	return nil
}
