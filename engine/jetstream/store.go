// Package jetstream keeps the engine's state on NATS JetStream: hints in one
// stream, documents in KV buckets, the journal in another stream. It works the
// same on the embedded server and on a cluster.
//
// It knows refs and bytes. What a link or a journal entry says is the
// engine's; where things lie on the server, and for how long, is topology.go's.
package jetstream

import (
	"context"
	"log/slog"

	"github.com/nats-io/nats.go"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// Options of a Store.
type Options struct {
	Replicas int    // of every stream; 0: one, and on an existing stream as it is
	Prefix   string // of every name and subject; empty: "lockstep"
	Logger   *slog.Logger
	// Kept, if not nil, is asked after each message that the server has taken
	// whether its stream still lies where it will be looked for. What is not
	// kept is an error. It takes microseconds.
	Kept  func(stream string) error
	Clock store.Clock // that the times of scheduled hints are told by; nil: the machine's
}

// A Store is the engine's store on a connection, which stays the caller's.
type Store struct {
	engine store.Store
	server *backend
}

// Open creates what is missing on the server, brings what is there into shape,
// and refuses with an error what cannot be, and what the user may not do.
func Open(ctx context.Context, nc *nats.Conn, opts Options) (*Store, error) {
	topology, err := newTopology(opts.Prefix, opts.Replicas)
	if err != nil {
		return nil, err
	}
	logger := opts.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	clock := opts.Clock
	if clock == nil {
		clock = store.SystemClock{}
	}
	backend := newBackend(topology, logger)
	backend.kept = opts.Kept
	if _, err := backend.open(ctx, nc, false); err != nil {
		return nil, err
	}
	bucketOf := func(name string) store.Bucket {
		return &bucket{name: name, stream: topology.bucketStream(name), subjects: topology.key(name, ""), server: backend}
	}
	return &Store{
		server: backend,
		engine: store.Store{
			Hints:   &hints{topology: topology, server: backend, stream: topology.hints(), logger: logger, clock: clock},
			Links:   bucketOf(links),
			Targets: bucketOf(targets),
			Dead:    bucketOf(dead),
			State:   bucketOf(marks),
			Journal: &journal{topology: topology, server: backend, stream: topology.journals()},
			Ends:    backend.ends,
		},
	}, nil
}

// Engine is the store as the engine sees it.
func (s *Store) Engine() store.Store { return s.engine }
