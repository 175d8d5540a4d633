package deadletter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// Why something is a dead letter; stable, for alarms and people's scripts.
const (
	ReasonRejected      = "rejected"       // the system refused it
	ReasonDidNotStick   = "did_not_stick"  // it answered, and kept the old value
	ReasonValue         = "value"          // a mapping failed to evaluate
	ReasonNotFound      = "ref_not_found"  // a ref() names no active record
	ReasonGaveUp        = "gave_up"        // a day of trying
	ReasonRouteGone     = "route_gone"     // hints were pending on a route that was removed
	ReasonKeyTaken      = "key_taken"      // a ticket of somebody else's carries the record's key
	ReasonDuplicate     = "duplicate"      // two tickets carry one key
	ReasonContested     = "contested"      // somebody else writes a field over and over as well
	ReasonUnknownTicket = "unknown_ticket" // one was, or may have been, opened, and is not found
	ReasonUnknownItem   = "unknown_item"   // a comment was, or may have been, added, and is not shown
	ReasonKeyDropped    = "key_dropped"    // the system did not keep the key of a ticket
	ReasonMoved         = "moved"          // a side of the link is a record of another type now
	ReasonUnreadable    = "unreadable"     // what is stored of the record cannot be read
	ReasonInternal      = "internal"       // a mistake in this program

	// ReasonTooCostly: working it out takes too much time or memory.
	ReasonTooCostly = connectors.CodeTooCostly
)

// A Letter is something that cannot be carried out, kept until someone
// retries or drops it, as people and the admin API see it. It holds no contents
// of a private record.
type Letter struct {
	ID      string         `json:"id"`
	Route   string         `json:"route"`
	Record  connectors.Ref `json:"record"`
	Reason  string         `json:"reason"`
	Field   string         `json:"field"`
	Message string         `json:"message"`
	At      time.Time      `json:"at"`
}

// letterID returns the same for the same trouble, so that it is kept once.
func letterID(route string, record connectors.Ref, field, reason string) string {
	return links.Digest(route+"\x00"+field+"\x00"+reason, record, 0)[:16]
}

// withheld stands for what was said about a private record.
const withheld = "(the record is private; what was said about it is not kept)"

// Queue are the dead letters of a store.
type Queue struct {
	bucket   store.Bucket
	clock    store.Clock
	log      *slog.Logger
	metrics  Counter
	warnings *store.Warnings

	mu     sync.Mutex
	listed bool            // once at least
	seen   map[string]bool // ids of those that there are or were, as far as is known
}

// A Counter is told of new dead letters.
type Counter interface {
	DeadLettered(route, reason string)
}

// New returns the dead letters of a bucket. What cannot be read is reported.
func New(bucket store.Bucket, clock store.Clock, log *slog.Logger, metrics Counter, warnings *store.Warnings) *Queue {
	return &Queue{bucket: bucket, clock: clock, log: log, metrics: metrics, warnings: warnings, seen: map[string]bool{}}
}

// saysNothing reports whether the messages of a reason hold nothing of the record
// but references and keys.
func saysNothing(reason string) bool {
	return reason == ReasonMoved || reason == ReasonKeyTaken || reason == ReasonUnknownTicket || reason == ReasonKeyDropped
}

// Put keeps a dead letter. What it says of a private record is withheld.
func (l *Queue) Put(ctx context.Context, d Letter, private bool) error {
	d.ID = letterID(d.Route, d.Record, d.Field, d.Reason)
	d.At = l.clock.Now().UTC()
	if private && !saysNothing(d.Reason) {
		d.Message = withheld
	}
	for _, run := range []string{"lockstep dead retry", "lockstep dead drop"} { // as it is to be typed
		d.Message = strings.ReplaceAll(d.Message, run, run+" "+d.ID)
	}
	if err := l.save(ctx, d); err != nil {
		return err
	}
	l.see(d.ID)
	l.metrics.DeadLettered(d.Route, d.Reason)
	l.log.Warn("dead letter", "dead", d.ID, "route", d.Route, "record", d.Record.String(), "reason", d.Reason, "field", d.Field, "message", d.Message)
	return nil
}

// Redact withholds what was said about a record in its dead letters on a route.
func (l *Queue) Redact(ctx context.Context, route string, record connectors.Ref) error {
	letters, err := l.List(ctx)
	if err != nil {
		return err
	}
	for _, d := range letters {
		if d.Route != route || d.Record != record || d.Message == withheld {
			continue
		}
		d.Message = withheld
		if err := l.save(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// AllFields stands for every field in Resolve.
const AllFields = "*"

// Resolve removes the dead letters of a record on a route that have come true
// after all: those of the field and its entries, or of AllFields.
func (l *Queue) Resolve(ctx context.Context, route string, record connectors.Ref, field string) error {
	letters, err := l.List(ctx)
	if err != nil {
		return err
	}
	for _, d := range letters {
		if d.Route == route && d.Record == record && about(d.Field, field) {
			if err := l.bucket.Delete(ctx, d.ID, 0); err != nil {
				return fmt.Errorf("dead letter %s: %w", d.ID, err)
			}
		}
	}
	return nil
}

// about reports whether a dead letter of a field is one of another, or of all: of the
// same, or of an entry of that map. An item of a transfer is one by itself.
func about(of, field string) bool {
	if field == AllFields || of == field {
		return true
	}
	return strings.HasPrefix(of, field+"/") && !strings.HasPrefix(links.ParseLabel(of), links.ItemPrefix)
}

// Ended removes the dead letters about a record as a whole that were kept for one of
// these reasons. Where there are none it costs nothing.
func (l *Queue) Ended(ctx context.Context, route string, record connectors.Ref, reasons ...string) error {
	l.mu.Lock()
	listed := l.listed
	l.mu.Unlock()
	if !listed {
		if _, err := l.List(ctx); err != nil {
			return err
		}
	}
	for _, reason := range reasons {
		l.mu.Lock()
		seen := l.seen[letterID(route, record, "", reason)]
		l.mu.Unlock()
		if !seen {
			continue
		}
		if err := l.Remove(ctx, route, record, "", reason); err != nil {
			return err
		}
	}
	return nil
}

// see remembers that there are dead letters of these ids.
func (l *Queue) see(ids ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.seen[id] = true
	}
}

// Remove removes the dead letter about one trouble, if there is one.
func (l *Queue) Remove(ctx context.Context, route string, record connectors.Ref, field, reason string) error {
	id := letterID(route, record, field, reason)
	if err := l.bucket.Delete(ctx, id, 0); err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("dead letter %s: %w", id, err)
	}
	return nil
}

// List lists the dead letters, newest first.
func (l *Queue) List(ctx context.Context) ([]Letter, error) {
	letters := []Letter{}
	err := store.EachReadable(ctx, "dead letters", l.bucket, l.warnings, func(entry store.Entry) error {
		d, err := decode(entry)
		if err != nil {
			return err
		}
		letters = append(letters, d)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	ids := make([]string, len(letters))
	for i, d := range letters {
		ids[i] = d.ID
	}
	l.see(ids...)
	l.mu.Lock()
	l.listed = true
	l.mu.Unlock()
	sort.Slice(letters, func(i, j int) bool { return letters[i].At.After(letters[j].At) })
	return letters, nil
}

// Get returns a dead letter with its revision; store.ErrNotFound where there is
// none.
func (l *Queue) Get(ctx context.Context, id string) (d Letter, revision uint64, err error) {
	entry, err := l.bucket.Get(ctx, id)
	if err != nil {
		return Letter{}, 0, fmt.Errorf("dead letter %s: %w", id, err)
	}
	d, err = decode(entry)
	return d, entry.Revision, err
}

// Keep keeps a dead letter that is still at its revision, with what it says: a retry
// has found that it is true as before.
func (l *Queue) Keep(ctx context.Context, d Letter, revision uint64) error {
	d.At = l.clock.Now().UTC()
	value, err := encode(d)
	if err == nil {
		_, err = l.bucket.Update(ctx, d.ID, value, revision)
	}
	if err != nil && !errors.Is(err, store.ErrConflict) { // or somebody else was faster
		return fmt.Errorf("dead letter %s: %w", d.ID, err)
	}
	return nil
}

// Drop removes a dead letter; store.ErrNotFound where there is none.
func (l *Queue) Drop(ctx context.Context, id string) error {
	if _, _, err := l.Get(ctx, id); err != nil && !errors.Is(err, store.ErrUnreadable) {
		return err
	}
	return l.Delete(ctx, id, 0)
}

// Delete removes a dead letter that is still at its revision; 0 is any.
func (l *Queue) Delete(ctx context.Context, id string, revision uint64) error {
	if err := l.bucket.Delete(ctx, id, revision); err != nil {
		return fmt.Errorf("dead letter %s: %w", id, err)
	}
	return nil
}
