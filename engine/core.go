package engine

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/queue"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// core is what every part of the engine stands on: the store and what is kept
// in it, the time, and the configuration that runs.
type core struct {
	store   store.Store
	clock   store.Clock
	log     *slog.Logger
	metrics Metrics
	alone   bool
	onStep  func(context.Context, Step)

	findings *store.Findings
	links    *links.Repository
	dead     *deadletter.Queue
	journal  *journal.Journal
	config   atomic.Pointer[running]

	// Set by Start.
	digest  links.Digester
	started time.Time
}

func newCore(o Options) *core {
	c := &core{store: store.Awaited(o.Store), clock: o.Clock, log: o.Logger, metrics: o.Metrics, alone: o.Alone, onStep: o.OnStep}
	if c.clock == nil {
		c.clock = store.SystemClock{}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.metrics == nil {
		c.metrics = noMetrics{}
	}
	c.findings = store.NewFindings(c.clock, c.log)
	c.links = links.NewRepository(c.store, c.clock, c.findings)
	c.dead = deadletter.New(c.store.Dead, c.clock, c.log, c.metrics, c.findings)
	c.journal = &journal.Journal{
		Log: c.store.Journal, Logger: c.log, Metrics: c.metrics, Letters: c.dead,
		Appended: func(ctx context.Context) { c.step(ctx, StepJournaled) },
	}
	return c
}

// The parts of an engine beside its reconciles.
type (
	// losses notices what the store has lost.
	losses struct{ *core }

	// daemons tells other daemons on the store of this one, and hears of them.
	daemons struct {
		*core
		id, host string
		present  atomic.Bool // the others were told
		differs  time.Time   // since when another has run another configuration
	}

	// subscriptions keep where each route and each poll is in what it reads, and
	// where hints go.
	subscriptions struct {
		*core
		lastPlaces atomic.Pointer[[]byte] // as they were stored last
		// candidates are cursors that are to be kept when what they have passed is
		// done; of keepPlaces alone.
		candidates map[string]candidate
	}

	// poller asks connectors for changes.
	poller struct {
		*core
		*background
		subscriptions *subscriptions
		waiting       *breaker.Waiters
		cursors       sync.Map                      // as they were stored last, by key
		pollers       map[string]context.CancelFunc // by name of the polling
	}

	// workers reconcile what is queued.
	workers struct {
		*core
		queue    *queue.Queue
		runaways runaways
		waiting  *breaker.Waiters
		work     context.Context // of reconciles; cancelled when draining takes too long
		stopWork context.CancelFunc
	}

	// operations are what people and status pages ask for.
	operations struct {
		*core
		workers *workers
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

func newDaemons(c *core, host string) *daemons {
	return &daemons{core: c, id: rand.Text(), host: host}
}

func newSubscriptions(c *core) *subscriptions {
	return &subscriptions{core: c, candidates: map[string]candidate{}}
}

func newPoller(c *core, b *background, s *subscriptions, waiting *breaker.Waiters) *poller {
	return &poller{core: c, background: b, subscriptions: s, waiting: waiting, pollers: map[string]context.CancelFunc{}}
}

func newWorkers(c *core, waiting *breaker.Waiters, computing func(int)) *workers {
	w := &workers{core: c, waiting: waiting}
	w.work, w.stopWork = context.WithCancel(context.Background())
	w.queue = queue.New(w.takeTurn)
	w.queue.Load.Tell = computing
	w.runaways.load = w.queue.Load
	return w
}

func (e *core) step(ctx context.Context, s Step) {
	if e.onStep != nil {
		e.onStep(ctx, s)
	}
}
