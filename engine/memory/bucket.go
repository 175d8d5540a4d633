package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/lockstep-sync/lockstep/engine"
)

// A bucket counts revisions over all keys, as a stream does.
type bucket struct {
	clock engine.Clock

	mu       sync.Mutex
	entries  map[string]engine.Entry
	revision uint64
}

func newBucket(clock engine.Clock) *bucket {
	return &bucket{clock: clock, entries: map[string]engine.Entry{}}
}

func (b *bucket) Get(ctx context.Context, key string) (engine.Entry, error) {
	if err := ctx.Err(); err != nil {
		return engine.Entry{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	entry, ok := b.entries[key]
	if !ok {
		return engine.Entry{}, engine.ErrNotFound
	}
	entry.Value = bytes.Clone(entry.Value)
	return entry, nil
}

func (b *bucket) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	return b.put(ctx, key, value, func(_ engine.Entry, ok bool) bool { return !ok })
}

func (b *bucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return b.put(ctx, key, value, func(e engine.Entry, ok bool) bool { return ok && e.Revision == revision })
}

func (b *bucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	return b.put(ctx, key, value, func(engine.Entry, bool) bool { return true })
}

func (b *bucket) put(ctx context.Context, key string, value []byte, may func(engine.Entry, bool) bool) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if entry, ok := b.entries[key]; !may(entry, ok) {
		return 0, engine.ErrConflict
	}
	b.revision++
	b.entries[key] = engine.Entry{Key: key, Value: bytes.Clone(value), Revision: b.revision, Stored: b.clock.Now().Round(0)} // as of any store that is not in this process
	return b.revision, nil
}

func (b *bucket) Delete(ctx context.Context, key string, revision uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	entry, ok := b.entries[key]
	if ok && revision != 0 && entry.Revision != revision {
		return engine.ErrConflict
	}
	delete(b.entries, key)
	return nil
}

// Each calls f without the lock, so that f may use the bucket, and in the order
// of the keys, so that tests go the same way every time.
func (b *bucket) Each(ctx context.Context, f func(engine.Entry) error) error {
	b.mu.Lock()
	entries := make([]engine.Entry, 0, len(b.entries))
	for _, entry := range b.entries {
		entry.Value = bytes.Clone(entry.Value)
		entries = append(entries, entry)
	}
	b.mu.Unlock()
	slices.SortFunc(entries, func(a, b engine.Entry) int { return cmp.Compare(a.Key, b.Key) })
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(entry); err != nil {
			return err
		}
	}
	return nil
}
