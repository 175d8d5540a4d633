package reconcile

import (
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// mayTake returns how long after it was saved an intent or claim may still take
// effect; with search, until a search would show it. The lease's time falls
// away where the store's lock proves that its owner is dead (rule 3.3).
func (w *session) mayTake(l links.Stored, own, search bool) time.Duration {
	wait := leaseTime
	if w.engine.Alone && !own && l.At.Before(w.engine.Started) {
		wait = 0
	}
	name := ""
	switch {
	case l.Intent != nil && links.Side(l.Intent.Side) == links.Source:
		name = l.Source.Connector
	case l.Target != nil:
		name = l.Target.Connector
	case l.Opened != nil:
		name = connectorOf(l.Opened.Into)
	}
	if c := w.config.Set.Connectors[name]; c != nil {
		wait += c.Common.Settle
		if search {
			wait += c.Common.IndexLag
		}
	}
	return wait
}

// connectorOf returns the connector of a collection; empty if it is not one.
func connectorOf(collection string) string {
	c, err := connectors.ParseCollection(collection)
	if err != nil {
		return ""
	}
	return c.Connector
}

// left returns how long what is under way may still take effect; with search, until a
// search would show it. It is not more than zero when that is over.
func (w *session) left(l links.Stored, search bool) time.Duration {
	age, own := w.engine.Repo.Age(l)
	return w.mayTake(l, own, search) - age
}

// pauseAfterLost returns how long after a request whose answer was lost, again and
// again, another may follow.
func (w *session) pauseAfterLost() time.Duration {
	if w.tries == 0 {
		return 0
	}
	return breaker.Backoff(w.tries - 1)
}
