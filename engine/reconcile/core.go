package reconcile

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/engine/absence"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/pauses"
	"github.com/lockstep-sync/lockstep/engine/queue"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// Core is what every part of the engine stands on: the store and what is kept
// in it, the time, and the configuration that runs.
type Core struct {
	Store   store.Store
	Clock   store.Clock
	Log     *slog.Logger
	Metrics Metrics
	Alone   bool
	onStep  func(context.Context, Step)

	Warnings *store.Warnings
	Repo     *links.Repository
	Letters  *deadletter.Queue
	Journal  *journal.Journal
	Absent   *absence.Watch // which linked records read as not found
	Pauses   *pauses.Pauses
	Config   atomic.Pointer[Running]

	// Set by Start.
	Digest  links.Digester
	Started time.Time
}

// NewCore makes a core. clock, logger and metrics may be nil.
func NewCore(s store.Store, clock store.Clock, logger *slog.Logger, metrics Metrics, alone bool, onStep func(context.Context, Step)) *Core {
	c := &Core{Store: store.Awaited(s), Clock: clock, Log: logger, Metrics: metrics, Alone: alone, onStep: onStep}
	if c.Clock == nil {
		c.Clock = store.SystemClock{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = noMetrics{}
	}
	c.Warnings = store.NewWarnings(c.Clock, c.Log)
	c.Repo = links.NewRepository(c.Store, c.Clock, c.Warnings)
	c.Absent = absence.NewWatch(c.Repo, c.Store.Hints, c.Clock)
	c.Pauses = pauses.New(c.Store.State)
	c.Letters = deadletter.New(c.Store.Dead, c.Clock, c.Log, c.Metrics, c.Warnings)
	c.Journal = &journal.Journal{
		Log: c.Store.Journal, Logger: c.Log, Metrics: c.Metrics, Letters: c.Letters, Warnings: c.Warnings,
		Appended: func(ctx context.Context) { c.step(ctx, StepJournaled) },
	}
	return c
}

// NewWorkers makes the workers of an engine. computing, if not nil, is told how
// many reconciles compute.
func NewWorkers(c *Core, waiting *breaker.Waiters, computing func(int)) *Workers {
	w := &Workers{Core: c, waiting: waiting}
	w.Work, w.StopWork = context.WithCancel(context.Background()) //nolint:gosec // the engine calls StopWork when it ends
	w.Queue = queue.New(w.takeTurn)
	w.Queue.Load.Tell = computing
	w.Runaways.load = w.Queue.Load
	return w
}

func (e *Core) step(ctx context.Context, s Step) {
	if e.onStep != nil {
		e.onStep(ctx, s)
	}
}

// Workers reconcile what is queued.
type Workers struct {
	*Core
	Queue    *queue.Queue
	Runaways runaways
	waiting  *breaker.Waiters
	askers   askers
	Work     context.Context // of reconciles; cancelled when draining takes too long
	StopWork context.CancelFunc
}
