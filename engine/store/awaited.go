package store

import (
	"context"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Awaited returns a store whose calls count as waiting, and which is not called any
// more for a reconcile that was given up.
func Awaited(s Store) Store {
	return Store{
		Hints: awaitedHints{s.Hints}, Journal: awaitedJournal{s.Journal},
		Links: awaitedBucket{s.Links}, Targets: awaitedBucket{s.Targets}, Dead: awaitedBucket{s.Dead}, State: awaitedBucket{s.State},
		Ends: s.Ends,
	}
}

// Await runs a call of the store.
func Await[T any](ctx context.Context, call func() (T, error)) (T, error) {
	defer connectors.Waiting(ctx)()
	if ctx.Err() != nil {
		var none T
		return none, context.Cause(ctx)
	}
	return call()
}

// awaitDone is await for a call that returns nothing but an error.
func awaitDone(ctx context.Context, call func() error) error {
	_, err := Await(ctx, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

type awaitedBucket struct{ Bucket }

func (b awaitedBucket) Get(ctx context.Context, key string) (Entry, error) {
	return Await(ctx, func() (Entry, error) { return b.Bucket.Get(ctx, key) })
}

func (b awaitedBucket) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	return Await(ctx, func() (uint64, error) { return b.Bucket.Create(ctx, key, value) })
}

func (b awaitedBucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return Await(ctx, func() (uint64, error) { return b.Bucket.Update(ctx, key, value, revision) })
}

func (b awaitedBucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	return Await(ctx, func() (uint64, error) { return b.Bucket.Put(ctx, key, value) })
}

func (b awaitedBucket) Delete(ctx context.Context, key string, revision uint64) error {
	return awaitDone(ctx, func() error { return b.Bucket.Delete(ctx, key, revision) })
}

func (b awaitedBucket) Each(ctx context.Context, f func(Entry) error) error {
	return awaitDone(ctx, func() error { return b.Bucket.Each(ctx, f) })
}

type awaitedHints struct{ Hints }

func (h awaitedHints) Add(ctx context.Context, ref connectors.Ref, delivery string) error {
	return awaitDone(ctx, func() error { return h.Hints.Add(ctx, ref, delivery) })
}

func (h awaitedHints) AddAt(ctx context.Context, slot string, ref connectors.Ref, at time.Time, tries int) error {
	return awaitDone(ctx, func() error { return h.Hints.AddAt(ctx, slot, ref, at, tries) })
}

type awaitedJournal struct{ Journal }

func (j awaitedJournal) Append(ctx context.Context, ref connectors.Ref, entry []byte) error {
	return awaitDone(ctx, func() error { return j.Journal.Append(ctx, ref, entry) })
}

func (j awaitedJournal) Read(ctx context.Context, ref connectors.Ref, since time.Time, limit int) ([][]byte, error) {
	return Await(ctx, func() ([][]byte, error) { return j.Journal.Read(ctx, ref, since, limit) })
}

func (j awaitedJournal) Scan(ctx context.Context, since time.Time, f func(entry []byte) error) error {
	var mu sync.Mutex
	over := false // nobody waits for more
	err := awaitDone(ctx, func() error {
		return j.Journal.Scan(ctx, since, func(entry []byte) error {
			mu.Lock()
			defer mu.Unlock()
			if over {
				return context.Canceled
			}
			return f(entry)
		})
	})
	mu.Lock()
	defer mu.Unlock()
	over = true
	return err
}

func (j awaitedJournal) Purge(ctx context.Context, ref connectors.Ref) error {
	return awaitDone(ctx, func() error { return j.Journal.Purge(ctx, ref) })
}
