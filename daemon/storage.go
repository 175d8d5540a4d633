package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	natsjetstream "github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/daemon/embed"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/jetstream"
	"github.com/lockstep-sync/lockstep/rules"
)

// How long a cluster may take to answer, and how long to wait before it is
// asked again.
const (
	openPatience = 20 * time.Second
	openAgain    = 3 * time.Second
)

// a store is the engine's store on an open connection.
type store struct {
	engine engine.Store
	// alone says that no other daemon can be using it.
	alone bool
	conn  *nats.Conn
}

func (s *store) connected() bool { return s.conn.IsConnected() }

// openStore opens the embedded server's store in dir, or the cluster's. A
// cluster that does not answer is waited for: until then the daemon is up and
// not ready.
func (p *process) openStore(ctx context.Context, set *rules.Set, dir string, running *steps) (*store, error) {
	cluster := rules.NATS{}
	if set.Daemon.NATS != nil {
		cluster = *set.Daemon.NATS
	}
	cluster.URL = firstOf(p.o.NATSURL, cluster.URL)

	var opened *store
	var err error
	if cluster.URL == "" {
		opened, err = p.openEmbedded(ctx, set, dir, cluster, running)
	} else {
		opened, err = p.openCluster(ctx, cluster, running)
	}
	if err != nil {
		return nil, err
	}
	p.store.Store(opened)
	return opened, nil
}

func (p *process) openEmbedded(ctx context.Context, set *rules.Set, dir string, names rules.NATS, running *steps) (*store, error) {
	server, err := embed.Start(embed.Options{Dir: dir, EncryptionKey: set.Daemon.EncryptionKey, Logger: p.log})
	if err != nil {
		return nil, fmt.Errorf("embedded server: %w", err)
	}
	running.started("embedded server", func(context.Context) error { server.Close(); return nil })
	conn, err := server.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("embedded server: %w", err)
	}
	running.started("connection to the embedded server", func(context.Context) error { conn.Close(); return nil })
	opened, err := jetstream.Open(ctx, conn, jetstream.Options{Prefix: names.Prefix, Logger: p.log})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return &store{engine: opened.Engine(), alone: true, conn: conn}, nil
}

func (p *process) openCluster(ctx context.Context, cluster rules.NATS, running *steps) (*store, error) {
	dial := embed.DialOptions{URL: cluster.URL, Creds: cluster.Creds, CA: cluster.CA, Cert: cluster.Cert, Key: cluster.Key, Logger: p.log}
	for {
		opened, err := p.tryCluster(ctx, dial, cluster)
		if err == nil {
			running.started("connection to nats", func(context.Context) error { opened.conn.Close(); return nil })
			return opened, nil
		}
		if ctx.Err() != nil || !worthWaiting(err) {
			return nil, fmt.Errorf("nats: %w", err)
		}
		p.log.Warn("nats does not answer; waiting for it", "error", err, "again_in", openAgain)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(openAgain):
		}
	}
}

func (p *process) tryCluster(ctx context.Context, dial embed.DialOptions, cluster rules.NATS) (*store, error) {
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	conn, err := embed.Dial(ctx, dial)
	if err != nil {
		return nil, err
	}
	opened, err := jetstream.Open(ctx, conn, jetstream.Options{Replicas: cluster.Replicas, Prefix: cluster.Prefix, Logger: p.log})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &store{engine: opened.Engine(), conn: conn}, nil
}

// worthWaiting tells an outage, which passes, from a mistake, which does not.
func worthWaiting(err error) bool {
	var api *natsjetstream.APIError
	if errors.As(err, &api) {
		return api.Code == http.StatusServiceUnavailable // no leader yet
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	for _, passing := range []error{nats.ErrNoServers, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrConnectionClosed} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}
