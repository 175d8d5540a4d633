package jetstream

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// A bucket is a KV bucket of history one, used through its stream: a revision
// is the sequence of the key's message, and a delete removes that message.
type bucket struct {
	name     string
	stream   string
	subjects string // "$KV.BUCKET."
	server   *backend
}

func (b *bucket) Get(ctx context.Context, key string) (store.Entry, error) {
	msg, err := b.server.last(ctx, b.stream, b.subjects+token(key))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return store.Entry{}, store.ErrNotFound
	case err != nil:
		return store.Entry{}, b.failed("get", err)
	case removed(msg.Header):
		return store.Entry{}, store.ErrNotFound
	}
	entry := store.Entry{Revision: msg.Sequence, Stored: msg.Time}
	entry.Key, entry.Value, err = unpack(token(key), msg.Data)
	if err != nil {
		return store.Entry{}, b.failed("get", err)
	}
	return entry, nil
}

func (b *bucket) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	revision, err := b.put(ctx, key, value, jetstream.WithExpectLastSequencePerSubject(0))
	if !errors.Is(err, store.ErrConflict) {
		return revision, err
	}
	// A marker left by another client's delete is in the way and nothing else.
	msg, getErr := b.server.last(ctx, b.stream, b.subjects+token(key))
	if getErr == nil && removed(msg.Header) {
		return b.put(ctx, key, value, jetstream.WithExpectLastSequencePerSubject(msg.Sequence))
	}
	return 0, err
}

func (b *bucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if revision == 0 {
		return 0, store.ErrConflict // to the server, zero is "there is none"
	}
	return b.put(ctx, key, value, jetstream.WithExpectLastSequencePerSubject(revision))
}

func (b *bucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	return b.put(ctx, key, value)
}

func (b *bucket) put(ctx context.Context, key string, value []byte, opts ...jetstream.PublishOpt) (uint64, error) {
	ack, err := b.server.publish(ctx, &nats.Msg{Subject: b.subjects + token(key), Data: pack(key, value)}, opts...)
	if wrongRevision(err) {
		return 0, store.ErrConflict
	}
	if err != nil {
		return 0, b.failed("write", err)
	}
	return ack.Sequence, nil
}

// Delete removes and overwrites the message of the revision, which is
// compare-and-set by itself: a newer value is another message.
func (b *bucket) Delete(ctx context.Context, key string, revision uint64) error {
	var tried uint64
	var failure error
	for {
		msg, err := b.server.last(ctx, b.stream, b.subjects+token(key))
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			return nil
		case err != nil:
			return b.failed("delete", err)
		case removed(msg.Header):
			return nil
		case revision != 0 && msg.Sequence != revision:
			return store.ErrConflict
		case msg.Sequence == tried:
			return b.failed("delete", failure)
		}
		if failure = b.server.erase(ctx, b.stream, msg.Sequence); failure == nil {
			return nil
		}
		tried = msg.Sequence // or somebody replaced or removed it in between: look again
	}
}

// Each calls f once for a key, also if the key is written meanwhile.
func (b *bucket) Each(ctx context.Context, f func(store.Entry) error) error {
	seen := map[string]bool{}
	err := b.server.scan(ctx, b.stream, scanned{filter: b.subjects + "*", policy: jetstream.DeliverLastPerSubjectPolicy}, func(msg jetstream.Msg, md *jetstream.MsgMetadata) error {
		tok := strings.TrimPrefix(msg.Subject(), b.subjects)
		if seen[tok] || removed(msg.Headers()) {
			return nil
		}
		seen[tok] = true
		entry := store.Entry{Revision: md.Sequence.Stream, Stored: md.Timestamp}
		var err error
		if entry.Key, entry.Value, err = unpack(tok, msg.Data()); err != nil {
			entry.Key, entry.Value = tok, msg.Data() // damaged: its reader says so
		}
		return caller{f(entry)}.orNil()
	})
	var own caller
	switch {
	case errors.As(err, &own):
		return own.error
	case err != nil:
		return b.failed("list", err)
	}
	return nil
}

// caller is an error of the caller's own function, handed back as it is.
type caller struct{ error }

func (c caller) orNil() error {
	if c.error == nil {
		return nil
	}
	return c
}

func (b *bucket) failed(verb string, err error) error {
	return fmt.Errorf("store: %s %s: %w", verb, b.name, err)
}

// pack puts a key that its token does not tell in front of the value.
func pack(key string, value []byte) []byte {
	if _, told := untoken(token(key)); told {
		return value
	}
	packed := binary.AppendUvarint(nil, uint64(len(key)))
	return append(append(packed, key...), value...)
}

func unpack(tok string, data []byte) (key string, value []byte, err error) {
	if key, told := untoken(tok); told {
		return key, data, nil
	}
	length, n := binary.Uvarint(data)
	if n <= 0 || length > uint64(len(data)-n) || token(string(data[n:n+int(length)])) != tok {
		return "", nil, fmt.Errorf("the key of %s cannot be read", tok)
	}
	data = data[n:]
	return string(data[:length]), data[length:], nil
}

// removed reports whether a message is the marker of a delete, as the nats
// command leaves one.
func removed(header nats.Header) bool {
	return header.Get("KV-Operation") != "" || header.Get(jetstream.MarkerReasonHeader) != ""
}

// wrongRevision is code 10071, on a replicated stream also 10164.
func wrongRevision(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == 10071 || api.ErrorCode == 10164)
}
