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

func (j *journal) Purge(ctx context.Context, ref connectors.Ref) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = slices.DeleteFunc(j.entries, func(e journalEntry) bool { return e.ref == ref })
	return nil
}
