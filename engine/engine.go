package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/backfill"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/intake"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// Options are what an engine is made of.
type Options struct {
	Store   store.Store
	Clock   store.Clock // nil: SystemClock
	Logger  *slog.Logger
	Metrics reconcile.Metrics // nil: nobody watches

	// Alone says that the store's lock proves that no other daemon lives: what
	// an earlier one left under way has only its requests to wait for.
	Alone bool

	// Still says that the clock moves only while no record is in work, as a
	// rule test's does: then no hint gets old, and none is kept.
	Still bool

	// Host names the machine to those who run several daemons on one store.
	Host string

	// Computing, if set, is told how many computations take long, whenever that
	// changes. One that was given up counts for as long as it runs.
	Computing func(n int)

	// OnStep, if set, is called at every step; tests crash there.
	// What it does counts as computing, but for what it says it waits for.
	OnStep func(context.Context, reconcile.Step)
}

// An Engine keeps records in step. Its methods are safe for concurrent use,
// after Start.
type Engine struct {
	*actions
	core *reconcile.Core
	*background
	losses    *losses
	daemons   *intake.Daemons
	positions *intake.Positions
	poller    *intake.Poller
	workers   *reconcile.Workers
	waiting   *breaker.Waiters
	backfills *backfill.Runner

	still   bool
	ready   atomic.Bool
	drained atomic.Bool

	// applying serialises Start, Apply and Drain; it guards what follows.
	applying  lock
	consumers *consumers
}

// A Config is what the engine runs. It is replaced as a whole.
type Config = reconcile.Config

// New makes an engine. It starts nothing and touches no store.
func New(o Options) *Engine {
	c, b := reconcile.NewCore(o.Store, o.Clock, o.Logger, o.Metrics, o.Alone, o.OnStep), newBackground()
	waiting := breaker.NewWaiters(c.Clock, c.Log)
	workers, positions := reconcile.NewWorkers(c, waiting, o.Computing), intake.NewPositions(c)
	return &Engine{
		core: c, background: b, waiting: waiting, workers: workers, positions: positions,
		losses: &losses{c}, daemons: intake.NewDaemons(c, o.Host),
		poller:  intake.NewPoller(b.loops, c, &b.running, positions, waiting),
		actions: newActions(newInquiries(&operations{core: c, workers: workers})), backfills: backfill.New(c, workers),
		still: o.Still, applying: make(lock, 1),
		consumers: &consumers{core: c, queue: workers.Queue, positions: positions, reading: map[string]func(){}},
	}
}

// Start begins to carry out c. The engine goes on when ctx ends; Drain ends it.
func (e *Engine) Start(ctx context.Context, c Config) error {
	e.applying.Lock()
	defer e.applying.Unlock()
	if err := e.losses.lookForLosses(ctx); err != nil {
		return err
	}
	digest, err := links.Installation(ctx, e.core.Store, e.core.Warnings)
	if err != nil {
		return err
	}
	e.core.Digest = digest
	e.core.Started = e.core.Clock.Now()
	e.waiting.Start(e.loops, &e.running)
	// Before the first poll, which passes over what it cannot tell the link of.
	if err := e.core.Repo.RebuildIndex(ctx); err != nil {
		return err
	}
	if err := e.apply(ctx, c); err != nil {
		return err
	}
	if err := e.losses.lookForLostLinks(ctx); err != nil {
		return err
	}
	e.workers.Queue.Open()
	if !e.still {
		e.running.Go(e.extendLeases)
		e.running.Go(func() { e.backfills.Run(e.loops) })
	}
	e.running.Go(e.obeyOthers)
	e.goLoop(e.runSweeps)
	e.goLoop(e.keepPositions)
	e.ready.Store(true)
	return nil
}

// Apply replaces what the engine runs. A reconcile under way keeps the
// configuration it began with. On an error the current one is kept.
func (e *Engine) Apply(ctx context.Context, c Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.workers.Work, cancel)()
	if err := e.applying.lock(ctx); err != nil {
		return err
	}
	defer e.applying.Unlock()
	return e.apply(ctx, c)
}

func (e *Engine) apply(ctx context.Context, c Config) error {
	if e.drained.Load() {
		return errors.New("the engine is stopping")
	}
	next := &reconcile.Running{Config: c, Breakers: map[string]*breaker.Breaker{}}
	before := e.core.Config.Load()
	for name, connector := range c.Connectors {
		if before != nil && before.Breakers[name] != nil && before.Breakers[name].Connector == connector {
			next.Breakers[name] = before.Breakers[name]
			continue
		}
		kind := ""
		if block := c.Set.Connectors[name]; block != nil {
			kind = block.System.Type
		}
		g := breaker.New(name, kind, connector, e.core.Clock, e.waiting)
		g.Admit(func(ctx context.Context) error { return e.core.Absent.CheckAccount(ctx, g, e.core.Store.State) })
		next.Breakers[name] = g
	}

	// What can fail comes first: consumers for new routes. They deliver when the
	// configuration knows the route, or, if it never will, nothing.
	if err := e.positions.Take(ctx, next); err != nil {
		return err
	}
	readers, err := e.consumers.begin(ctx, c.Set)
	if err != nil {
		return err
	}

	// From here on nothing fails the change.
	e.core.Config.Store(next)
	readers.deliver(c.Set)
	if before != nil {
		for name, g := range before.Breakers {
			if next.Breakers[name] != g {
				g.Retire()
			}
		}
	}
	e.noteRoutes(ctx, next)
	e.poller.Set(c.Set)
	e.resumePending(ctx, before, next)
	return nil
}

// noteRoutes notes which routes are configured no more. Their positions are kept for a
// while.
func (e *Engine) noteRoutes(ctx context.Context, config *reconcile.Running) {
	others, err := e.daemons.Renew(ctx, config)
	if err == nil {
		_, err = e.positions.Mark(ctx, config, others, nil)
	}
	if err != nil {
		e.core.Log.Warn("which routes are gone was not noted; it is tried again", "error", err)
	}
}

// resumePending goes through all links when a configuration begins to run. It hints
// what is under way: its own hint comes back only later, or went off while
// its route was not configured; and what was an orphan under the configuration
// before, of which nothing was carried since. And it says which links are
// orphans now.
func (e *Engine) resumePending(ctx context.Context, before, config *reconcile.Running) {
	orphans := map[[2]string]int{}
	err := e.core.Repo.Each(ctx, func(l links.Stored) error {
		if config.Orphaned(l.Link) {
			orphans[[2]string{l.Route, l.Template}]++
			return nil
		}
		if m := l.Missing; m != nil && before == nil {
			e.core.Absent.Missed(l.Ref(links.Side(m.Side)), m.At)
		}
		back := before != nil && before.Orphaned(l.Link)
		if l.Phase == links.Claim || l.Intent != nil || back {
			return e.core.Store.Hints.Add(ctx, l.Source, "")
		}
		return nil
	})
	if err != nil {
		e.core.Log.Error("what is under way was not all taken up; it goes on when its own hints come", "error", err)
	}
	for of, n := range orphans {
		e.core.Log.Warn("links are orphans: their route, template or connector is gone; they are kept, and rest until it comes back",
			"route", of[0], "template", of[1], "links", n)
	}
}

// Warnings are what is to be said of the store, oldest first.
func (e *operations) Warnings() []store.Warning { return e.core.Warnings.All() }

// Hint stores that the records may have changed; it is durable on return.
// delivery is the id of the webhook that said so, empty for none.
func (e *Engine) Hint(ctx context.Context, refs []connectors.Ref, delivery string) error {
	return e.positions.Hint(ctx, refs, delivery)
}

// Restore puts right what follows from parts of the store that were lost and
// are empty again. It may be called at any time: where nothing was lost it
// changes nothing, and has every link looked at.
func (e *Engine) Restore(ctx context.Context) error { return e.losses.Restore(ctx) }

// Plan says what would be done about a record on every route that begins with
// it, and does nothing: it is observe and plan, without apply. Values are not in
// it, only the names of fields; comments and attachments are named by their ids.
func (e *Engine) Plan(ctx context.Context, ref connectors.Ref) ([]reconcile.Planned, error) {
	return e.core.DryRun(ctx, ref)
}

// Backfill begins to bring in records that were there before, behind all that happens
// now; backfill.ErrUnderWay where it does already. It is durable on return.
func (e *Engine) Backfill(ctx context.Context, request backfill.Request) (backfill.Job, error) {
	return e.backfills.Start(ctx, request)
}

// BackfillJob returns the newest backfill; store.ErrNotFound where there was none.
func (e *Engine) BackfillJob(ctx context.Context) (backfill.Job, error) { return e.backfills.Job(ctx) }

// StopBackfill ends the backfill that is under way.
func (e *Engine) StopBackfill(ctx context.Context) (backfill.Job, error) {
	return e.backfills.Stop(ctx)
}

// BackfillDryRun tells what a backfill would do, record by record, and does nothing.
func (e *Engine) BackfillDryRun(ctx context.Context, request backfill.Request, tell func(reconcile.Planned) error) error {
	return e.backfills.DryRun(ctx, request, tell)
}

// Ready reports whether the engine carries out a configuration.
func (e *Engine) Ready() bool { return e.ready.Load() }

// extendLeases tells the store, three times within HintWait, that the hints
// in the queue are still wanted. It waits for the clock only while there are
// any, and so is not one of the Loops.
func (e *Engine) extendLeases() {
	for {
		select {
		case <-e.loops.Done():
			return
		case <-e.workers.Queue.Occupied:
		}
		for kept := true; kept; {
			select {
			case <-e.loops.Done():
				return
			case <-e.core.Clock.After(store.HintWait / 3):
				kept = e.workers.Queue.KeepHints()
			}
		}
	}
}
