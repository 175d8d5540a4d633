package daemon

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/daemon/embed"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/jetstream"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// How long a cluster may take to answer, and how long to wait before it is
// asked again.
const (
	openTimeout = 20 * time.Second
	openAgain   = 3 * time.Second
)

// A storage is the engine's store on an open connection.
type storage struct {
	engine store.Store
	// alone says that no other daemon can be using it.
	alone  bool
	opened *jetstream.Store
	watch  jetstream.Watch

	mu   sync.Mutex
	lost []admin.Loss
}

// openEngine opens the embedded server's store in dir, or the cluster's, and
// starts the engine on it. A store that is away, or that goes away meanwhile, is
// waited for: until then the daemon is up and not ready.
func (p *process) openEngine(ctx context.Context, c engine.Config, dir string, lock *embed.DirLock, running *steps) (*storage, *engine.Engine, error) {
	cluster := rules.NATS{}
	if c.Set.Daemon.NATS != nil {
		cluster = *c.Set.Daemon.NATS
	}
	cluster.URL = firstOf(p.o.NATSURL, cluster.URL)
	open := func() (*storage, func(), error) {
		dial := embed.DialOptions{URL: cluster.URL, Creds: cluster.Creds, CA: cluster.CA, Cert: cluster.Cert, Key: cluster.Key, Logger: p.log}
		return p.openCluster(ctx, dial, cluster)
	}
	if cluster.URL == "" {
		embedded := embed.Options{Dir: dir, Lock: lock, EncryptionKey: c.Set.Daemon.EncryptionKey, Logger: p.log}
		open = func() (*storage, func(), error) { return p.openEmbedded(ctx, embedded, cluster.Prefix) }
	}
	var opened *storage
	var e *engine.Engine
	err := p.insist(ctx, func() error {
		next, end, err := open()
		if err != nil {
			return err
		}
		opened = next
		p.store.Store(opened)
		e, err = p.startEngine(ctx, opened, c)
		if err != nil {
			p.store.Store(nil)
			end()
			return fmt.Errorf("engine: %w", err)
		}
		running.started("store", func(context.Context) error { end(); return nil })
		running.started("engine", e.Drain)
		return nil
	})
	return opened, e, err
}

// startEngine starts an engine, or leaves nothing of it behind.
func (p *process) startEngine(ctx context.Context, s *storage, c engine.Config) (*engine.Engine, error) {
	e := engine.New(engine.Options{
		Store: s.engine, Logger: p.log, Metrics: p.metrics, Alone: s.alone, Host: hostname(), OnStep: p.o.OnStep, Computing: processors,
	})
	err := e.Start(ctx, c)
	if err == nil {
		return e, nil
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTimeout)
	defer cancel()
	if failed := e.Drain(drain); failed != nil {
		p.log.Debug("an engine that did not start was not ended", "error", failed)
	}
	return nil, err
}

// insist opens the store, however long an outage keeps it from being opened.
func (p *process) insist(ctx context.Context, open func() error) error {
	said := ""
	for {
		err := open()
		if err == nil || ctx.Err() != nil || !passes(err) {
			return err
		}
		p.waiting.Store(&err)
		if said != err.Error() {
			p.log.Warn("the store cannot be opened; waiting for it", "error", err, "again_in", openAgain)
		}
		said = err.Error()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(openAgain):
		}
	}
}

func (p *process) openEmbedded(ctx context.Context, embedded embed.Options, prefix string) (_ *storage, end func(), err error) {
	var server *embed.Server
	var conn *nats.Conn
	stop := func() {
		if conn != nil {
			conn.Close()
		}
		if server != nil {
			server.Close()
		}
	}
	defer func() {
		if err == nil {
			return
		}
		stop()
		// The server does not always say what was wrong with its files.
		if full := embed.Writable(embedded.Dir); full != nil {
			err = fmt.Errorf("data directory %s: %w", embedded.Dir, full)
		}
	}()
	if server, err = embed.Start(embedded); err != nil {
		return nil, nil, fmt.Errorf("embedded server: %w", err)
	}
	if conn, err = server.Connect(ctx); err != nil {
		return nil, nil, fmt.Errorf("embedded server: %w", err)
	}
	opened, err := jetstream.Open(ctx, conn, jetstream.Options{Prefix: prefix, Logger: p.log, Kept: server.Kept})
	if err != nil {
		return nil, nil, fmt.Errorf("store: %w", err)
	}
	return &storage{engine: opened.Engine(), alone: true, opened: opened, watch: jetstream.Watch{
		Host: server.Check, Trouble: server.Trouble(), Dial: server.Connect,
	}}, func() { opened.Close(); stop() }, nil
}

func (p *process) openCluster(ctx context.Context, dial embed.DialOptions, cluster rules.NATS) (_ *storage, end func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	conn, err := embed.Dial(ctx, dial)
	if err != nil {
		return nil, nil, err
	}
	opened, err := jetstream.Open(ctx, conn, jetstream.Options{Replicas: cluster.Replicas, Prefix: cluster.Prefix, Logger: p.log})
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("nats: %w", err)
	}
	return &storage{engine: opened.Engine(), opened: opened, watch: jetstream.Watch{
		Dial: func(ctx context.Context) (*nats.Conn, error) { return embed.Dial(ctx, dial) },
	}}, func() { opened.Close(); conn.Close() }, nil
}

// run watches the store until ctx ends. What was lost on the server is shown
// by status, and e puts right what follows from it.
func (s *storage) run(ctx context.Context, e *engine.Engine) {
	w := s.watch
	w.Lost = func(ctx context.Context, held []string) error {
		if err := e.Restore(ctx); err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, what := range held {
			s.lost = append(s.lost, admin.Loss{At: time.Now().UTC(), What: what})
		}
		return nil
	}
	s.opened.Watch(ctx, w)
}

func (s *storage) losses() []admin.Loss {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lost)
}
