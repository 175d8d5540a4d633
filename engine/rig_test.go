package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// A rig is a world, a store and one daemon's engine at a time, in a bubble of
// simulated time.
type rig struct {
	t     *testing.T
	world *world
	store store.Store
	log   *logBuffer

	shared bool          // with another daemon
	clock  store.Clock   // of the daemon; nil: the system's
	lag    time.Duration // index_lag of the tickets' connector

	mayFail bool // the start
	refused error

	engine  *engine.Engine
	life    *life
	clients []*client
	crash   atomic.Value // the engine.Step at the next one of which it is killed, once
	crashed chan struct{}
	during  func(reconcile.Step) // nil: nothing happens at the steps

	mu   sync.Mutex
	told []int // how many computations take long
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// simulate runs a test in a bubble with a rig on a store in memory.
func simulate(t *testing.T, test func(r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, world: newWorld(), store: newStore(), log: &logBuffer{}}
		defer func() {
			r.kill()
			if t.Failed() {
				t.Log(r.log.String())
			}
			time.Sleep(48 * time.Hour) // what the store has scheduled goes off
		}()
		test(r)
	})
}

// seeds is how many random runs a test does: a tenth of them with -short.
func seeds(n uint64) uint64 {
	if testing.Short() {
		return max(n/10, 1)
	}
	return n
}

// shortStride is how many cases of an exhaustive test -short takes as one.
const shortStride = 5

// sample returns a function that reports whether the next case of an exhaustive
// test is run: all are, and with -short one of shortStride.
func sample() func() bool {
	n := -1
	return func() bool {
		n++
		return !testing.Short() || n%shortStride == 0
	}
}

// connectorBlocks go before every configuration of a test.
const connectorBlocks = `
connector "fake" "acme" { settle = "10m" }
connector "fake" "itsm" {}
connector "fake" "eng" {}
`

// loaded holds what configurations were loaded to, by their text: a set is never
// changed, and the same ones are started hundreds of times.
var loaded sync.Map

func (r *rig) load(hcl string) *rules.Set {
	r.t.Helper()
	type key struct {
		hcl string
		lag time.Duration
	}
	if set, ok := loaded.Load(key{hcl, r.lag}); ok {
		return set.(*rules.Set)
	}
	dir := r.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(connectorBlocks+hcl), 0o600); err != nil {
		r.t.Fatal(err)
	}
	set, found := rules.Load(context.Background(), dir, rules.Options{Systems: []connectors.System{fakeSystem()}, Offline: true})
	if set == nil {
		var b bytes.Buffer
		found.WriteText(&b, false)
		r.t.Fatalf("invalid configuration:\n%s", b.String())
	}
	set.Connectors["itsm"].Common.IndexLag = r.lag
	loaded.Store(key{hcl, r.lag}, set)
	return set
}

func (r *rig) config(set *rules.Set) engine.Config {
	c := engine.Config{Set: set, Commit: "c0ffee", Connectors: map[string]connectors.Connector{}}
	r.clients = nil
	for name := range set.Connectors {
		made := &client{w: r.world, name: name}
		r.clients = append(r.clients, made)
		c.Connectors[name] = made
		if r.world.masked {
			c.Connectors[name] = maskedClient{made}
		}
	}
	return c
}

// start starts a daemon's engine on the configuration.
func (r *rig) start(hcl string) {
	r.t.Helper()
	set := r.load(hcl)
	r.life = &life{}
	r.crashed = make(chan struct{})
	r.engine = engine.New(engine.Options{
		Store:  r.life.wrap(r.store),
		Clock:  r.clock,
		Logger: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Alone:  !r.shared,
		OnStep: r.onStep(r.life, r.crashed),
		Computing: func(n int) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.told = append(r.told, n)
		},
	})
	c := r.config(set)
	if err := r.engine.Start(r.t.Context(), c); err != nil {
		if r.refused = err; !r.mayFail {
			r.t.Fatal(err)
		}
	}
	synctest.Wait() // the first poll
}

// startAgain starts a daemon, again when that fails, as a service manager does.
func (r *rig) startAgain(hcl string) {
	r.t.Helper()
	r.mayFail = true
	defer func() { r.mayFail = false }()
	for range 3 {
		r.refused = nil
		if r.start(hcl); r.refused == nil {
			return
		}
		r.kill()
		r.pass(time.Second)
	}
	r.t.Fatalf("it does not start: %v", r.refused)
}

// onStep kills the daemon at the step that the test asked for: from there on
// neither its store nor its systems do anything for it.
func (r *rig) onStep(l *life, crashed chan struct{}) func(context.Context, reconcile.Step) {
	var once sync.Once
	clients := func() []*client { return r.clients }
	return func(ctx context.Context, s reconcile.Step) {
		defer connectors.Waiting(ctx)() // for what the test does
		if r.during != nil {
			r.during(s)
		}
		if r.crash.Load() != s || l.over.Load() {
			return
		}
		once.Do(func() {
			l.over.Store(true)
			for _, c := range clients() {
				c.kill()
			}
			close(crashed)
		})
	}
}

// apply reloads the configuration.
func (r *rig) apply(hcl string) {
	r.t.Helper()
	if err := r.engine.Apply(r.t.Context(), r.config(r.load(hcl))); err != nil {
		r.t.Fatal(err)
	}
}

// kill ends the daemon as kill -9 does.
func (r *rig) kill() {
	if r.engine == nil {
		return
	}
	r.life.over.Store(true)
	for _, c := range r.clients {
		c.kill()
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = r.engine.Drain(ctx) // it reports that work was cut off, as it should be
	r.engine = nil
}

// hint tells the daemon that a record may have changed and lets it finish what
// it can do at once.
func (r *rig) hint(ref connectors.Ref) {
	r.t.Helper()
	if err := r.engine.Hint(r.t.Context(), []connectors.Ref{ref}, ""); err != nil && !r.life.over.Load() {
		r.t.Fatal(err)
	}
	synctest.Wait()
}

// pass lets simulated time pass.
func (r *rig) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (r *rig) dead() []deadletter.Letter {
	r.t.Helper()
	letters, err := r.engine.Dead(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return letters
}

func (r *rig) links() []engine.LinkView {
	r.t.Helper()
	links, err := r.engine.Links(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return links
}

func (r *rig) decisions(ref connectors.Ref) []journal.Entry {
	r.t.Helper()
	raw, err := r.engine.Decisions(r.t.Context(), ref, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	entries := make([]journal.Entry, len(raw))
	for i, entry := range raw {
		if err := json.Unmarshal(entry, &entries[i]); err != nil {
			r.t.Fatal(err)
		}
	}
	return entries
}

// oneTicket fails unless there is exactly one ticket, and returns it.
func (r *rig) oneTicket() connectors.Ref {
	r.t.Helper()
	all := r.world.list(tickets)
	if len(all) != 1 {
		r.t.Fatalf("%d tickets, want 1", len(all))
	}
	return all[0]
}

// writes are the creates and updates since the last reset.
func (r *rig) writes() []string {
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.world.calls), func(c string) bool {
		return c[:2] != "cr" && c[:2] != "up"
	})
}

// A life is one process's access to the store: it ends all at once.
type life struct{ over atomic.Bool }

func (l *life) wrap(s store.Store) store.Store {
	return store.Store{
		Hints: mortalHints{s.Hints, l}, Links: mortalBucket{s.Links, l}, Targets: mortalBucket{s.Targets, l},
		Dead: mortalBucket{s.Dead, l}, State: mortalBucket{s.State, l}, Journal: mortalJournal{s.Journal, l}, Ends: s.Ends,
	}
}

type mortalBucket struct {
	store.Bucket
	l *life
}

func (b mortalBucket) Get(ctx context.Context, key string) (store.Entry, error) {
	if b.l.over.Load() {
		return store.Entry{}, errKilled
	}
	return b.Bucket.Get(ctx, key)
}

func (b mortalBucket) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	if b.l.over.Load() {
		return 0, errKilled
	}
	return b.Bucket.Create(ctx, key, value)
}

func (b mortalBucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if b.l.over.Load() {
		return 0, errKilled
	}
	return b.Bucket.Update(ctx, key, value, revision)
}

func (b mortalBucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	if b.l.over.Load() {
		return 0, errKilled
	}
	return b.Bucket.Put(ctx, key, value)
}

func (b mortalBucket) Delete(ctx context.Context, key string, revision uint64) error {
	if b.l.over.Load() {
		return errKilled
	}
	return b.Bucket.Delete(ctx, key, revision)
}

type mortalHints struct {
	store.Hints
	l *life
}

func (h mortalHints) Add(ctx context.Context, ref connectors.Ref, delivery string) error {
	if h.l.over.Load() {
		return errKilled
	}
	return h.Hints.Add(ctx, ref, delivery)
}

func (h mortalHints) AddAt(ctx context.Context, slot string, ref connectors.Ref, at time.Time, tries int) error {
	if h.l.over.Load() {
		return errKilled
	}
	return h.Hints.AddAt(ctx, slot, ref, at, tries)
}

func (h mortalHints) Consume(ctx context.Context, name string, source connectors.Collection, begin func(context.Context) (store.Position, error), deliver func(store.Hint)) (func(), error) {
	return h.Hints.Consume(ctx, name, source, begin, func(hint store.Hint) {
		ack, keep := hint.Ack, hint.Keep
		hint.Ack = func() {
			if !h.l.over.Load() {
				ack()
			}
		}
		hint.Keep = func() {
			if !h.l.over.Load() {
				keep()
			}
		}
		deliver(hint)
	})
}

type mortalJournal struct {
	store.Journal
	l *life
}

func (j mortalJournal) Append(ctx context.Context, ref connectors.Ref, entry []byte) error {
	if j.l.over.Load() {
		return errKilled
	}
	return j.Journal.Append(ctx, ref, entry)
}

// replaced is text with the first old in it replaced. A text that does not
// hold old would test something else than it says.
func replaced(t testing.TB, text, old, by string) string {
	t.Helper()
	mustContain(t, text, old)
	return strings.Replace(text, old, by, 1)
}

// replacedAll is text with pairs of old and new replaced everywhere.
func replacedAll(t testing.TB, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		mustContain(t, text, pairs[i])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func mustContain(t testing.TB, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Fatalf("there is no %q to replace in\n%s", part, text)
	}
}
