package engine

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// The parts of an engine beside its reconciles.
type (
	// losses notices what the store has lost.
	losses struct{ *reconcile.Core }

	// daemons tells other daemons on the store of this one, and hears of them.
	daemons struct {
		*reconcile.Core
		id, host string
		present  atomic.Bool // the others were told
		differs  time.Time   // since when another has run another configuration
	}

	// subscriptions keep where each route and each poll is in what it reads, and
	// where hints go.
	subscriptions struct {
		*reconcile.Core
		lastPlaces atomic.Pointer[[]byte] // as they were stored last
		// candidates are cursors that are to be kept when what they have passed is
		// done; of keepPlaces alone.
		candidates map[string]candidate
	}

	// poller asks connectors for changes.
	poller struct {
		*reconcile.Core
		*background
		subscriptions *subscriptions
		waiting       *breaker.Waiters
		cursors       sync.Map                      // as they were stored last, by key
		pollers       map[string]context.CancelFunc // by name of the polling
	}

	// operations are what people and status pages ask for.
	operations struct {
		core    *reconcile.Core
		workers *reconcile.Workers
	}

	// background are the loops that wait for the clock.
	background struct {
		loops     context.Context
		stopLoops context.CancelFunc
		running   sync.WaitGroup
		lasting   int // loops that run as long as the engine
	}
)

func newBackground() *background {
	b := &background{}
	b.loops, b.stopLoops = context.WithCancel(context.Background())
	return b
}

// goLoop starts a loop that waits for the clock until the engine is drained. It
// is not called at the same time as itself.
func (b *background) goLoop(loop func()) {
	b.lasting++
	b.running.Go(loop)
}

func newDaemons(c *reconcile.Core, host string) *daemons {
	return &daemons{Core: c, id: rand.Text(), host: host}
}

func newSubscriptions(c *reconcile.Core) *subscriptions {
	return &subscriptions{Core: c, candidates: map[string]candidate{}}
}

func newPoller(c *reconcile.Core, b *background, s *subscriptions, waiting *breaker.Waiters) *poller {
	return &poller{Core: c, background: b, subscriptions: s, waiting: waiting, pollers: map[string]context.CancelFunc{}}
}
