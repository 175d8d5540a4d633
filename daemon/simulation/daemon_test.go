package simulation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/jetstream"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

var errKilled = errors.New("the process was killed")

// A daemon is one process: an engine with its connection to the store and its
// connectors. Once killed it is of no use; another takes its place.
type daemon struct {
	world *world
	name  string
	nc    *nats.Conn

	engine *engine.Engine
	dead   atomic.Bool

	mu         sync.Mutex // guards what follows
	connectors map[string]connectors.Connector
	blocks     map[string]*rules.Connector
	crashAt    reconcile.Step // the next time it comes there it dies
	stallAt    reconcile.Step // the next time it comes there it stands still
	stall      time.Duration
}

// start starts a daemon on the store that is there.
func (w *world) start(name string, set *rules.Set) (*daemon, error) {
	ctx := w.ctx
	nc, err := nats.Connect("", nats.InProcessServer(w.server), nats.MaxReconnects(-1))
	if err != nil {
		return nil, err
	}
	opened, err := jetstream.Open(ctx, nc, jetstream.Options{})
	if err != nil {
		nc.Close()
		return nil, err
	}
	d := &daemon{world: w, name: name, nc: nc, connectors: map[string]connectors.Connector{}, blocks: map[string]*rules.Connector{}}
	store := opened.Engine()
	store.Links = watched{store.Links, w}
	d.engine = engine.New(engine.Options{
		Store: store, Logger: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})).With("daemon", name),
		Metrics: metrics{w}, Alone: !w.shared, OnStep: d.onStep,
	})
	config, err := d.config(set)
	if err == nil {
		err = d.engine.Start(ctx, config)
	}
	if err != nil {
		d.kill()
		return nil, err
	}
	return d, nil
}

// config makes the connectors of a configuration; those whose block did not
// change stay.
func (d *daemon) config(set *rules.Set) (engine.Config, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := engine.Config{Set: set, Connectors: map[string]connectors.Connector{}}
	for name, block := range set.Connectors {
		old := d.blocks[name]
		if old == nil || old.Common != block.Common || !reflect.DeepEqual(old.Settings, block.Settings) {
			made, err := block.System.New(name, block.Settings, block.Common, connectors.Env{
				RoundTripper: &wire{daemon: d, connector: name}, Logger: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				return engine.Config{}, err
			}
			d.connectors[name], d.blocks[name] = made, block
		}
		c.Connectors[name] = d.connectors[name]
	}
	return c, nil
}

// apply reloads the configuration.
func (d *daemon) apply(set *rules.Set) error {
	config, err := d.config(set)
	if err != nil {
		return err
	}
	if err := d.engine.Apply(d.world.ctx, config); err != nil && !d.dead.Load() {
		return err
	}
	return nil
}

// onStep is where a daemon dies or stands still.
func (d *daemon) onStep(ctx context.Context, s reconcile.Step) {
	d.mu.Lock()
	crash := d.crashAt == s
	stall := time.Duration(0)
	if d.stallAt == s {
		stall, d.stallAt = d.stall, ""
	}
	d.mu.Unlock()
	if crash {
		d.die()
	}
	if stall > 0 {
		defer connectors.Waiting(ctx)() // a process that stands still computes nothing
		time.Sleep(stall)
	}
}

// die ends the process as kill -9 does: nothing it still does has an effect.
func (d *daemon) die() {
	if !d.dead.Swap(true) {
		d.nc.Close()
	}
}

// kill ends the process and waits until nothing of it runs.
func (d *daemon) kill() {
	d.die()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = d.engine.Drain(ctx) // it says that work was cut off, as it should be
}

// receive takes a webhook as the daemon's listener does.
func (d *daemon) receive(connector string, header http.Header, body []byte) error {
	d.mu.Lock()
	receiver, ok := d.connectors[connector].(connectors.WebhookReceiver)
	d.mu.Unlock()
	if !ok || d.dead.Load() {
		return errKilled
	}
	delivery, err := receiver.Receive(header, body, time.Now())
	if errors.Is(err, connectors.ErrSignature) && connector == "acme" {
		return nil // it came too late
	}
	if err != nil {
		return err
	}
	return d.engine.Hint(d.world.ctx, delivery.Refs, delivery.ID)
}

// metrics remembers what was found by a sweep alone.
type metrics struct{ w *world }

func (m metrics) Reconciled(string, string, time.Duration) {}
func (m metrics) Decided(string, string, string)           {}
func (m metrics) Wrote(string, string)                     {}
func (m metrics) DeadLettered(string, string)              {}
func (m metrics) Polled(string, string, int, error)        {}

func (m metrics) Noted(_, what string) {
	if what == "drift" {
		m.w.drift.Add(1)
	}
}

// watched sees the link documents that are stored.
type watched struct {
	store.Bucket
	w *world
}

func (b watched) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	revision, err := b.Bucket.Create(ctx, key, value)
	if err == nil {
		b.w.stored(value, revision)
	}
	return revision, err
}

func (b watched) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	revision, err := b.Bucket.Update(ctx, key, value, revision)
	if err == nil {
		b.w.stored(value, revision)
	}
	return revision, err
}

func (b watched) Delete(ctx context.Context, key string, revision uint64) error {
	err := b.Bucket.Delete(ctx, key, revision)
	if err == nil {
		b.w.removed(key)
	}
	return err
}

func (d *daemon) String() string { return fmt.Sprintf("daemon %s", d.name) }
