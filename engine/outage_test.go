package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/store"
)

var errOutage = errors.New("the store is out")

// An outage fails one call of a store, the nth after it was armed: before the
// store did it, or after, when only the answer is lost.
type outage struct {
	places bool // calls count by which daemons keep their places and obey pauses
	mu     sync.Mutex
	armed  bool
	n      int
	after  bool
	failed bool
}

func (o *outage) arm() { o.set(true) }

func (o *outage) disarm() { o.set(false) }

func (o *outage) set(armed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.armed = armed
}

// callPlaces runs a call that daemons make by the minute.
func (o *outage) callPlaces(do func() error) error {
	if !o.places {
		return do()
	}
	return o.call(do)
}

// callFor runs a call about a key.
func (o *outage) callFor(key string, do func() error) error {
	if key == "places" || key == "daemons" || strings.HasPrefix(key, "checkpoints/") || strings.HasPrefix(key, "paused/") {
		return o.callPlaces(do)
	}
	return o.call(do)
}

// call runs one call of the store.
func (o *outage) call(do func() error) error {
	o.mu.Lock()
	now := o.armed && o.n == 0
	if o.armed {
		o.n--
	}
	if now {
		o.failed = true
	}
	o.mu.Unlock()
	if now && !o.after {
		return errOutage
	}
	err := do()
	if now && err == nil {
		return errOutage
	}
	return err
}

func (o *outage) wrap(s store.Store) store.Store {
	return store.Store{
		Hints: outageHints{s.Hints, o}, Links: outageBucket{s.Links, o}, Targets: outageBucket{s.Targets, o},
		Dead: outageBucket{s.Dead, o}, State: outageBucket{s.State, o}, Journal: outageJournal{s.Journal, o},
	}
}

type outageBucket struct {
	store.Bucket
	o *outage
}

func (b outageBucket) Get(ctx context.Context, key string) (e store.Entry, err error) {
	err = b.o.callFor(key, func() error { e, err = b.Bucket.Get(ctx, key); return err })
	return e, err
}

func (b outageBucket) Create(ctx context.Context, key string, value []byte) (r uint64, err error) {
	err = b.o.callFor(key, func() error { r, err = b.Bucket.Create(ctx, key, value); return err })
	return r, err
}

func (b outageBucket) Update(ctx context.Context, key string, value []byte, revision uint64) (r uint64, err error) {
	err = b.o.callFor(key, func() error { r, err = b.Bucket.Update(ctx, key, value, revision); return err })
	return r, err
}

func (b outageBucket) Put(ctx context.Context, key string, value []byte) (r uint64, err error) {
	err = b.o.callFor(key, func() error { r, err = b.Bucket.Put(ctx, key, value); return err })
	return r, err
}

func (b outageBucket) Delete(ctx context.Context, key string, revision uint64) error {
	return b.o.callFor(key, func() error { return b.Bucket.Delete(ctx, key, revision) })
}

func (b outageBucket) Each(ctx context.Context, f func(store.Entry) error) error {
	return b.o.call(func() error { return b.Bucket.Each(ctx, f) })
}

type outageHints struct {
	store.Hints
	o *outage
}

func (h outageHints) Consume(ctx context.Context, name string, source connectors.Collection, begin func(context.Context) (store.Position, error), deliver func(store.Hint)) (stop func(), err error) {
	err = h.o.call(func() error { stop, err = h.Hints.Consume(ctx, name, source, begin, deliver); return err })
	if err != nil && stop != nil {
		// The answer is lost, not the connection. What is being delivered may wait
		// for this call to return, so nobody waits for it here.
		go stop()
	}
	return stop, err
}

func (h outageHints) End(ctx context.Context) (p store.Position, err error) {
	err = h.o.callPlaces(func() error { p, err = h.Hints.End(ctx); return err })
	return p, err
}

func (h outageHints) Position(ctx context.Context, name string) (p store.Position, err error) {
	err = h.o.callPlaces(func() error { p, err = h.Hints.Position(ctx, name); return err })
	return p, err
}

func (h outageHints) Names(ctx context.Context) (names []string, err error) {
	err = h.o.callPlaces(func() error { names, err = h.Hints.Names(ctx); return err })
	return names, err
}

func (h outageHints) Forget(ctx context.Context, name string, deadLetter func(connectors.Ref) error) error {
	return h.o.call(func() error { return h.Hints.Forget(ctx, name, deadLetter) })
}

func (h outageHints) Add(ctx context.Context, ref connectors.Ref, delivery string) error {
	return h.o.call(func() error { return h.Hints.Add(ctx, ref, delivery) })
}

func (h outageHints) AddAt(ctx context.Context, slot string, ref connectors.Ref, at time.Time, tries int) error {
	return h.o.call(func() error { return h.Hints.AddAt(ctx, slot, ref, at, tries) })
}

type outageJournal struct {
	store.Journal
	o *outage
}

func (j outageJournal) Append(ctx context.Context, ref connectors.Ref, entry []byte) error {
	return j.o.call(func() error { return j.Journal.Append(ctx, ref, entry) })
}

func (j outageJournal) Purge(ctx context.Context, ref connectors.Ref) error {
	return j.o.call(func() error { return j.Journal.Purge(ctx, ref) })
}

// everyOutage runs a test with the store failing at each of its calls in turn,
// until the outage comes after the end. The test arms it, and disarms it.
func everyOutage(t *testing.T, test func(t *testing.T, r *rig, o *outage)) {
	for _, after := range []bool{false, true} {
		stride := 1
		if testing.Short() {
			stride = shortStride
		}
		for n, hit := 0, true; hit; n += stride {
			if n >= 200 {
				t.Fatal("the outage always comes: the test does not end")
			}
			t.Run(fmt.Sprintf("call %d, done %t", n, after), func(t *testing.T) {
				simulate(t, func(r *rig) {
					o := &outage{n: n, after: after}
					r.store = o.wrap(r.store)
					test(t, r, o)
					hit = o.failed
				})
			})
		}
	}
}

func TestACreationSurvivesAnyOutageOfTheStore(t *testing.T) {
	everyOutage(t, func(t *testing.T, r *rig, o *outage) {
		r.world.drops["detail"] = true
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		o.arm()
		_ = r.engine.Hint(r.t.Context(), []connectors.Ref{ref}, "") // it may be the one that fails
		r.pass(time.Hour)
		o.disarm()
		ticket := r.oneTicket()
		if all := r.links(); len(all) != 1 || all[0].State != links.Active {
			t.Errorf("links: %+v", all)
		}
		if letters := r.dead(); len(letters) != 1 || letters[0].Field != "detail" {
			t.Errorf("nobody was told that a field did not stick: %+v", letters)
		}
		r.world.edit(ref, "title", "Database is back")
		r.pass(10 * time.Minute)
		if title := r.world.field(ticket, "title"); title != "Database is back" {
			t.Errorf("after an edit the ticket says %v", title)
		}
	})
}

func TestAnUpdateSurvivesAnyOutageOfTheStore(t *testing.T) {
	everyOutage(t, func(t *testing.T, r *rig, o *outage) {
		ref, ticket := opened(r, oneRoute)
		r.world.fail("itsm", "update", fault{class: connectors.ClassRejected, field: "detail"})
		r.world.edit(ticket, "title", "typed by hand")
		r.world.put(ref, false, map[string]any{"title": "Database is slow", "detail": "Refused"})
		o.arm()
		_ = r.engine.Hint(r.t.Context(), []connectors.Ref{ref}, "") // it may be the one that fails
		r.pass(time.Hour)
		o.disarm()
		if title := r.world.field(ticket, "title"); title != "Database is slow" {
			t.Errorf("the title is %v", title)
		}
		if detail := r.world.field(ticket, "detail"); detail != "Refused" { // taken when tried again, or refused and told
			if letters := r.dead(); len(letters) != 1 || letters[0].Field != "detail" {
				t.Errorf("dead letters: %+v", letters)
			}
		}
		r.lostInJournal(ref, "typed by hand")
	})
}

// lostInJournal fails unless the journal keeps a losing value.
func (r *rig) lostInJournal(ref connectors.Ref, value any) {
	r.t.Helper()
	for _, entry := range r.decisions(ref) {
		for _, n := range entry.Notes {
			if n.What == "conflict" && n.Lost == value {
				return
			}
		}
	}
	r.t.Errorf("%v is neither at the ticket nor in the journal", value)
}

func TestTurningPrivateSurvivesAnyOutageOfTheStore(t *testing.T) {
	everyOutage(t, func(t *testing.T, r *rig, o *outage) {
		ref, ticket := opened(r, oneRoute)
		r.world.edit(ticket, "title", canary)
		r.world.fail("itsm", "update", fault{class: connectors.ClassRejected, field: "detail"})
		r.world.put(ref, false, map[string]any{"title": "Database is slow", "detail": canary})
		r.hint(ref)
		r.world.put(ref, true, map[string]any{"detail": "and private"})
		o.arm()
		_ = r.engine.Hint(r.t.Context(), []connectors.Ref{ref}, "") // it may be the one that fails
		r.pass(time.Hour)
		o.disarm()
		if l := r.links(); l[0].State != links.Stopped {
			t.Errorf("links: %+v", l)
		}
		for _, entry := range r.decisions(ref) {
			if len(entry.Notes) > 0 || entry.Error != "" {
				t.Errorf("the journal still holds %+v", entry)
			}
		}
		for _, d := range r.dead() {
			if d.Message != "" && d.Message != "(the record is private; what was said about it is not kept)" {
				t.Errorf("a dead letter still says %q", d.Message)
			}
		}
	})
}
