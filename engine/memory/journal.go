package memory

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

type journal struct {
	clock store.Clock

	mu      sync.Mutex
	entries []journalEntry // oldest first
	follow  map[*follower]bool
}

// A follower is told of what is appended.
type follower struct {
	ref  connectors.Ref
	wake chan struct{} // holds one while something waits

	waiting [][]byte // guarded by the journal's lock
}

type journalEntry struct {
	ref   connectors.Ref
	at    time.Time
	entry []byte
}

func (j *journal) Append(ctx context.Context, ref connectors.Ref, entry []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, journalEntry{ref: ref, at: j.clock.Now(), entry: bytes.Clone(entry)})
	for f := range j.follow {
		if f.ref.IsZero() || f.ref == ref {
			f.waiting = append(f.waiting, bytes.Clone(entry))
			select {
			case f.wake <- struct{}{}:
			default:
			}
		}
	}
	return nil
}

func (j *journal) Read(ctx context.Context, ref connectors.Ref, since time.Time, limit int) ([][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var newest [][]byte
	for _, e := range slices.Backward(j.entries) {
		if limit > 0 && len(newest) == limit {
			break
		}
		if (ref.IsZero() || e.ref == ref) && !e.at.Before(since) {
			newest = append(newest, bytes.Clone(e.entry))
		}
	}
	return newest, nil
}

func (j *journal) Scan(ctx context.Context, since time.Time, f func(entry []byte) error) error {
	j.mu.Lock()
	entries := slices.Clone(j.entries) // of which the contents are shared
	j.mu.Unlock()
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.at.Before(since) {
			continue
		}
		if err := f(bytes.Clone(e.entry)); err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) Follow(ctx context.Context, ref connectors.Ref, begun func(), take func([]byte) error) error {
	f := &follower{ref: ref, wake: make(chan struct{}, 1)}
	j.mu.Lock()
	if j.follow == nil {
		j.follow = map[*follower]bool{}
	}
	j.follow[f] = true
	j.mu.Unlock()
	defer func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.follow, f)
	}()
	begun()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.wake:
		}
		j.mu.Lock()
		waiting := f.waiting
		f.waiting = nil
		j.mu.Unlock()
		for _, entry := range waiting {
			if err := take(entry); err != nil {
				return err
			}
		}
	}
}

func (j *journal) Purge(ctx context.Context, ref connectors.Ref) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = slices.DeleteFunc(j.entries, func(e journalEntry) bool { return e.ref == ref })
	return nil
}
