package backfill

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

const (
	// lookEvery is how often it is looked whether what a job waits for is over; ownedFor
	// how long one is its owner's that says nothing.
	lookEvery = 15 * time.Second
	ownedFor  = time.Minute
	// atOnce is how many records are under way: few, so that what happens meanwhile
	// shares the systems' rate budgets with few.
	atOnce = 16
	// recordLasts is how long a record is waited for. It is looked at none the less.
	recordLasts = 2 * time.Minute
)

// A Runner carries out jobs, one at a time. Its methods may be called by several
// goroutines; Run by one.
type Runner struct {
	core    *reconcile.Core
	workers *reconcile.Workers
	jobs    jobs
	owner   string
	wake    chan struct{}
}

// New makes a runner that starts nothing.
func New(core *reconcile.Core, workers *reconcile.Workers) *Runner {
	return &Runner{core: core, workers: workers, jobs: jobs{core.Store.State}, owner: rand.Text(), wake: make(chan struct{}, 1)}
}

// A RouteError says that there is no such route.
type RouteError struct{ Name string }

func (e *RouteError) Error() string { return fmt.Sprintf("there is no route %q", e.Name) }

// Start begins a job; ErrUnderWay, with the job, where one is. It goes on when ctx ends.
func (r *Runner) Start(ctx context.Context, request Request) (Job, error) {
	if _, err := r.routes(request); err != nil {
		return Job{}, err
	}
	before, revision, err := r.jobs.load(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrUnreadable):
	case err != nil:
		return Job{}, err
	case !before.Over():
		return before.Job, ErrUnderWay
	}
	d := document{Job: Job{Request: request, ID: rand.Text()[:8], StartedAt: r.core.Clock.Now().UTC()}, Owner: r.owner, SeenAt: r.core.Clock.Now().UTC()}
	if _, err := r.jobs.save(ctx, d, revision); err != nil {
		return Job{}, err
	}
	select {
	case r.wake <- struct{}{}:
	default: // it wakes already
	}
	return d.Job, nil
}

// Job returns the newest job, over or not; store.ErrNotFound where there was none.
func (r *Runner) Job(ctx context.Context) (Job, error) {
	d, _, err := r.jobs.load(ctx)
	return d.Job, err
}

// Stop ends the job that is under way. Records that are in work are finished.
func (r *Runner) Stop(ctx context.Context) (Job, error) {
	for range 10 {
		d, revision, err := r.jobs.load(ctx)
		if err != nil || d.Over() {
			return d.Job, err
		}
		d.EndedAt, d.Stopped, d.Waiting = r.core.Clock.Now().UTC(), true, ""
		if _, err = r.jobs.save(ctx, d, revision); !errors.Is(err, store.ErrConflict) {
			return d.Job, err
		}
	}
	return Job{}, fmt.Errorf("backfill: %w", store.ErrConflict)
}

// routes are those that decide.
func (r *Runner) routes(request Request) ([]*rules.Route, error) {
	set := r.core.Config.Load().Set
	if request.Route == "" {
		return set.Routes, nil
	}
	if route := set.Route(request.Route); route != nil {
		return []*rules.Route{route}, nil
	}
	return nil, &RouteError{request.Route}
}

// Run carries out what is started, here or elsewhere, until ctx ends. Where no other
// daemon can live it sleeps until it has something to do.
func (r *Runner) Run(ctx context.Context) {
	told := ""
	for {
		err := r.resumePending(ctx)
		if err != nil && ctx.Err() == nil && breaker.Redact(err) != told {
			told = breaker.Redact(err)
			r.core.Log.Warn("the backfill does not go on; it is tried again", "error", told)
		}
		var again <-chan time.Time
		switch {
		case err != nil:
			again = r.core.Clock.After(lookEvery)
		case !r.core.Alone:
			again = r.core.Clock.After(ownedFor)
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-again:
		}
	}
}

// resumePending carries out the job that nobody else does.
func (r *Runner) resumePending(ctx context.Context) error {
	d, revision, err := r.jobs.load(ctx)
	if errors.Is(err, store.ErrNotFound) || err == nil && d.Over() {
		return nil
	}
	if err != nil {
		return err
	}
	others := d.Owner != r.owner && !r.core.Alone && r.core.Clock.Now().Before(d.SeenAt.Add(ownedFor))
	if others {
		return nil
	}
	run := &run{Runner: r, document: d, revision: revision}
	err = run.carryOut(ctx)
	if errors.Is(err, store.ErrConflict) {
		return nil // an operator stopped it, or another daemon has taken it over
	}
	return err
}

// A run is a job under way on this daemon.
type run struct {
	*Runner
	document
	revision uint64
}

func (r *run) save(ctx context.Context) (err error) {
	r.Owner, r.SeenAt = r.owner, r.core.Clock.Now().UTC()
	r.revision, err = r.jobs.save(ctx, r.document, r.revision)
	return err
}

func (r *run) carryOut(ctx context.Context) error {
	if !r.Listed {
		if err := r.list(ctx); err != nil {
			return err
		}
	}
	r.core.Log.Info("backfill", "id", r.ID, "records", r.Total, "done", r.Done)
	for r.Done < r.Total {
		items, err := r.jobs.page(ctx, r.ID, r.Done/refsEach)
		if err != nil {
			return r.fail(ctx, err)
		}
		rest := items[min(r.Done%refsEach, len(items)):]
		if len(rest) == 0 {
			return r.fail(ctx, fmt.Errorf("the list of its records ends after %d of %d", r.Done, r.Total))
		}
		if err := r.decide(ctx, rest[:min(atOnce, len(rest))]); err != nil {
			return err
		}
	}
	r.EndedAt = r.core.Clock.Now().UTC()
	if err := r.save(ctx); err != nil {
		return err
	}
	r.core.Log.Info("backfill is over", "id", r.ID, "records", r.Done, "opened", r.Opened, "updated", r.Updated, "failed", r.Failed, "later", r.Later)
	return r.jobs.forgetPages(ctx, "")
}

// fail ends a job that cannot go on, unless it is the store's connection that is away.
func (r *run) fail(ctx context.Context, err error) error {
	if !errors.Is(err, store.ErrUnreadable) && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	r.Error, r.EndedAt = err.Error(), r.core.Clock.Now().UTC()
	return errors.Join(err, r.save(ctx), r.jobs.forgetPages(ctx, ""))
}

// list stores which records are to be decided.
func (r *run) list(ctx context.Context) error {
	if err := r.jobs.forgetPages(ctx, ""); err != nil {
		return err
	}
	routes, err := r.routes(r.Request)
	if err != nil { // it was there when the job was started
		r.Error, r.EndedAt = err.Error(), r.core.Clock.Now().UTC()
		return r.save(ctx)
	}
	var items []item
	n := 0
	err = r.each(ctx, routes, r.Since, func(i item) error {
		if items = append(items, i); len(items) < refsEach {
			return nil
		}
		err := r.jobs.putPage(ctx, r.ID, n, items)
		r.Total, n, items = r.Total+len(items), n+1, nil
		return err
	})
	if err == nil && len(items) > 0 {
		err = r.jobs.putPage(ctx, r.ID, n, items)
		r.Total += len(items)
	}
	if err != nil {
		r.Total, r.Waiting = 0, breaker.Redact(err)
		return errors.Join(err, r.save(ctx))
	}
	r.Listed, r.Waiting = true, ""
	return r.save(ctx)
}

// each calls f for each record of the routes' sources that changed since, the one that
// changed first at first, once for each of the routes.
func (r *Runner) each(ctx context.Context, routes []*rules.Route, since time.Time, f func(item) error) error {
	if since.IsZero() {
		since = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // before any of the systems was there
	}
	listed := map[connectors.Collection][]connectors.Ref{}
	config := r.core.Config.Load()
	for _, route := range routes {
		if _, ok := listed[route.Source]; !ok {
			g := config.Breakers[route.Source.Connector]
			if g == nil {
				return fmt.Errorf("connector %s is not configured", route.Source.Connector)
			}
			lister, ok := g.Connector.(connectors.PollBeginner)
			if !ok {
				return fmt.Errorf("connector %s cannot list what it has", route.Source.Connector)
			}
			refs, err := breaker.Ask(ctx, g, breaker.Kind(breaker.OpPoll, route.Source.Record), func() ([]connectors.Ref, error) {
				refs, _, err := lister.PollSince(ctx, route.Source, since)
				return refs, err
			})
			if err != nil {
				return err
			}
			listed[route.Source] = refs
		}
		for _, ref := range listed[route.Source] {
			if err := f(item{route.Name, ref}); err != nil {
				return err
			}
		}
	}
	return nil
}
