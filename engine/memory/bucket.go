package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// A bucket counts revisions over all keys, as a stream does.
type bucket struct {
	clock store.Clock

	mu       sync.Mutex
	entries  map[string]store.Entry
	revision uint64
}

func newBucket(clock store.Clock) *bucket {
	return &bucket{clock: clock, entries: map[string]store.Entry{}}
}

func (b *bucket) Get(ctx context.Context, key string) (store.Entry, error) {
	if err := ctx.Err(); err != nil {
		return store.Entry{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	entry, ok := b.entries[key]
	if !ok {
		return store.Entry{}, store.ErrNotFound
	}
	entry.Value = bytes.Clone(entry.Value)
	return entry, nil
}

func (b *bucket) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	return b.put(ctx, key, value, func(_ store.Entry, ok bool) bool { return !ok })
}

func (b *bucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return b.put(ctx, key, value, func(e store.Entry, ok bool) bool { return ok && e.Revision == revision })
}

func (b *bucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	return b.put(ctx, key, value, func(store.Entry, bool) bool { return true })
}

func (b *bucket) put(ctx context.Context, key string, value []byte, may func(store.Entry, bool) bool) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if entry, ok := b.entries[key]; !may(entry, ok) {
		return 0, store.ErrConflict
	}
	b.revision++
	b.entries[key] = store.Entry{Key: key, Value: bytes.Clone(value), Revision: b.revision, Stored: b.clock.Now().Round(0)} // as of any store that is not in this process
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
		return store.ErrConflict
	}
	delete(b.entries, key)
	return nil
}

// Each calls f without the lock, so that f may use the bucket, and in the order
// of the keys, so that tests go the same way every time.
func (b *bucket) Each(ctx context.Context, f func(store.Entry) error) error {
	b.mu.Lock()
	entries := make([]store.Entry, 0, len(b.entries))
	for _, entry := range b.entries {
		entry.Value = bytes.Clone(entry.Value)
		entries = append(entries, entry)
	}
	b.mu.Unlock()
	slices.SortFunc(entries, func(a, b store.Entry) int { return cmp.Compare(a.Key, b.Key) })
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
