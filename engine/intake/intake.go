package intake

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// Positions keep where each route and each poll is in what it reads, and where
// hints go.
type Positions struct {
	*reconcile.Core
	last atomic.Pointer[[]byte] // as they were stored last
	// candidates are cursors that are to be kept when what they have passed is
	// done; of KeepCheckpoints alone.
	candidates map[string]candidate
}

// NewPositions makes the positions of an engine.
func NewPositions(c *reconcile.Core) *Positions {
	return &Positions{Core: c, candidates: map[string]candidate{}}
}

// A Poller asks connectors for changes.
type Poller struct {
	*reconcile.Core
	positions *Positions
	waiting   *breaker.Waiters
	loops     context.Context // in which polls are made
	running   *sync.WaitGroup
	cursors   sync.Map                      // as they were stored last, by key
	pollers   map[string]context.CancelFunc // by name of the polling
}

// NewPoller makes the poller of an engine. It polls until loops ends; running
// counts its goroutines.
func NewPoller(loops context.Context, c *reconcile.Core, running *sync.WaitGroup, p *Positions, waiting *breaker.Waiters) *Poller {
	return &Poller{Core: c, positions: p, waiting: waiting, loops: loops, running: running, pollers: map[string]context.CancelFunc{}}
}

// Loops counts the goroutines that wait for the clock and then poll.
func (e *Poller) Loops() int { return len(e.pollers) }

// Daemons tells other daemons on the store of this one, and hears of them.
type Daemons struct {
	*reconcile.Core
	id, host string
	present  atomic.Bool // the others were told
	differs  time.Time   // since when another has run another configuration
}

// NewDaemons makes what this daemon is to others. host names its machine.
func NewDaemons(c *reconcile.Core, host string) *Daemons {
	return &Daemons{Core: c, id: rand.Text(), host: host}
}
