// Package jetstream keeps the engine's state on NATS JetStream: hints in one
// stream, documents in KV buckets, the journal in another stream. It works the
// same on the embedded server and on a cluster.
//
// It knows refs and bytes. What a link or a journal entry says is the
// engine's; where things lie on the server, and for how long, is topology.go's.
package jetstream

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/engine"
)

// Options of a Store.
type Options struct {
	Replicas int    // of every stream; 0: one, and on an existing stream as it is
	Prefix   string // of every name and subject; empty: "lockstep"
	Logger   *slog.Logger
}

// A Store is the engine's store on one connection, which stays the caller's.
type Store struct {
	engine engine.Store
	hints  jetstream.Stream
}

// Open creates what is missing on the server, brings what is there into shape,
// and refuses with an error what cannot be.
func Open(ctx context.Context, nc *nats.Conn, opts Options) (*Store, error) {
	topology, err := newTopology(opts.Prefix, opts.Replicas)
	if err != nil {
		return nil, err
	}
	logger := opts.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	s := &Store{}
	if s.hints, err = ensure(ctx, js, topology.hintsStream()); err != nil {
		return nil, err
	}
	s.engine.Hints = &hints{topology: topology, js: js, stream: s.hints, logger: logger}
	for _, b := range []struct {
		name, description string
		into              *engine.Bucket
	}{
		{"links", "pairs of records that are kept in step", &s.engine.Links},
		{"targets", "index from target to link", &s.engine.Targets},
		{"dead", "what could not be carried out", &s.engine.Dead},
		{"marks", "poll cursors and decided versions", &s.engine.Marks},
	} {
		stream, err := ensure(ctx, js, topology.bucketStream(b.name, b.description))
		if err != nil {
			return nil, err
		}
		*b.into = &bucket{name: b.name, subjects: "$KV." + topology.bucket(b.name) + ".", js: js, stream: stream}
	}
	entries, err := ensure(ctx, js, topology.journalStream())
	if err != nil {
		return nil, err
	}
	s.engine.Journal = &journal{topology: topology, js: js, stream: entries}
	return s, nil
}

// Engine is the store as the engine sees it.
func (s *Store) Engine() engine.Store { return s.engine }

// Check reports whether the server answers for the stream of hints, which is
// what accepting a webhook needs.
func (s *Store) Check(ctx context.Context) error {
	if _, err := s.hints.Info(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}
