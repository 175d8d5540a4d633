package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/queue"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// How often all links are looked at although nothing was heard of them, and
// how tickets are looked for that carry the key of another.
const (
	ResyncEvery   = 6 * time.Hour
	sweepPace     = 2 * time.Second // between two links, at the most
	firstVerify   = 15 * time.Minute
	verifyFor     = 7 * 24 * time.Hour
	noteDrift     = "drift"
	noteDuplicate = "duplicate"
	verifySuffix  = "/verify"
)

// Resync has every link looked at once, slowly.
func (e *Workers) Resync(ctx context.Context) error {
	var keys []queue.Key
	err := e.Repo.Each(ctx, func(l links.Stored) error {
		// What is under way is looked at when it is due.
		if l.Intent == nil && (l.Phase == links.Active || l.Phase == links.Gone) {
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

// verify looks for other tickets with the link's key: a request that took
// effect later than anything allows for has opened one (rule 7.6).
func (w lifecycle) verify(ctx context.Context, next *links.Link) error {
	now := w.engine.Clock.Now()
	if next.VerifyAfter == nil || !w.verifies && now.Before(*next.VerifyAfter) {
		return nil
	}
	g, target, err := w.targetOf(next.Target.Collection)
	if err != nil {
		return err
	}
	found, err := w.lookUp(ctx, g, target, next.Target.Collection, next.Key)
	if err != nil {
		return err
	}
	taken := slices.DeleteFunc(found.taken, func(t connectors.Record) bool { return t.Ref == *next.Target }) // it was adopted
	if len(taken) > 0 {
		if err := w.giveUp(ctx, deadletter.ReasonKeyTaken, "", w.keyTaken(taken, next.Key, next.Target)); err != nil {
			return err
		}
	}
	for _, other := range found.own {
		if other.Ref == *next.Target {
			continue
		}
		message := fmt.Sprintf("%s carries the key of %s as well; lockstep keeps %s in step and never writes the other: close it by hand", other.Ref, next.Target, next.Target)
		if err := w.giveUp(ctx, deadletter.ReasonDuplicate, "", message); err != nil {
			return err
		}
	}
	next.VerifyAfter = nil
	if now.Sub(next.OpenedAt) < verifyFor {
		at := now.Add(ResyncEvery).UTC()
		next.VerifyAfter = &at
	}
	return nil
}
