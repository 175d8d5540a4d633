package journal

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// An Entry is one decision and what became of it, as the admin API shows it.
type Entry struct {
	At         time.Time      `json:"at"`
	Generation string         `json:"generation"`
	Commit     string         `json:"commit"`
	Route      string         `json:"route"`
	Record     connectors.Ref `json:"record"`
	Template   string         `json:"template"`
	Action     string         `json:"action"`
	Reason     string         `json:"reason"`
	Error      string         `json:"error"`
	Writes     []string       `json:"writes"`

	Link   string         `json:"link,omitempty"`
	Target connectors.Ref `json:"target,omitzero"`
	Notes  []plan.Note    `json:"notes,omitempty"`

	// Snapshot is what was decided by, in the first entry about it. Export
	// alone gives it away.
	Snapshot *Snapshot `json:"snapshot,omitempty"`
}

// hasContents reports whether an entry holds anything of the record but its
// reference.
func (j Entry) hasContents() bool {
	return j.Snapshot != nil || j.Error != "" || slices.ContainsFunc(j.Notes, func(n plan.Note) bool { return n.Lost != nil })
}

func (j Entry) withoutContents() Entry {
	j.Error, j.Snapshot = "", nil
	notes := make([]plan.Note, len(j.Notes))
	for i, n := range j.Notes {
		n.Lost = nil
		notes[i] = n
	}
	j.Notes = notes
	return j
}

// taken remembers which snapshots the journal holds, so that one is kept for
// a version of a record and not for each entry.
type taken struct {
	mu sync.Mutex
	of map[connectors.Ref]map[string][sha256.Size]byte // by route
}

func (t *taken) has(ref connectors.Ref, route string, sum [sha256.Size]byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	have, ok := t.of[ref][route]
	return ok && have == sum
}

func (t *taken) add(ref connectors.Ref, route string, sum [sha256.Size]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil || len(t.of) >= maxTaken {
		t.of = map[connectors.Ref]map[string][sha256.Size]byte{}
	}
	if t.of[ref] == nil {
		t.of[ref] = map[string][sha256.Size]byte{}
	}
	t.of[ref][route] = sum
}

func (t *taken) forget(ref connectors.Ref) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.of, ref)
}

// A Counter is told what is noted while records are kept in step.
type Counter interface {
	Noted(route, what string)
}

// A Redactor withholds what is kept of a record elsewhere: its dead letters.
type Redactor interface {
	Redact(ctx context.Context, route string, record connectors.Ref) error
}

// A Journal keeps the journal. Contents of a private record never stay in it,
// whoever journals them, and whenever the record turned private.
type Journal struct {
	Log      store.Journal
	Logger   *slog.Logger
	Metrics  Counter
	Letters  Redactor
	Warnings *store.Warnings
	Appended func(context.Context) // called after each entry

	taken taken
}

// A Subject is what an entry is about, and what may be kept of it.
type Subject struct {
	Private bool // the record, as it was read last
	Allowed bool // its route takes private records
	// TurnedPrivate reports whether somebody else has seen the record private
	// since: whoever stopped it may have purged the journal before.
	TurnedPrivate func(context.Context) (bool, error)
	Snapshot      *Snapshot // what was decided by; nil: the rules were not asked
}

// Append keeps an entry. Contents of a private record are left out, and taken
// out again where the record turned private meanwhile.
func (k *Journal) Append(ctx context.Context, entry Entry, about Subject) error {
	sort.Strings(entry.Writes)
	if about.Private {
		entry = entry.withoutContents()
	}
	for _, n := range entry.Notes {
		k.Metrics.Noted(entry.Route, n.What)
	}
	stored := k.attach(&entry, about)
	err := k.append(ctx, entry)
	if errors.Is(err, store.ErrTooLarge) && entry.hasContents() {
		k.Logger.Warn("the journal's entry is larger than the store takes (max_payload of the NATS server); it is kept without values",
			"route", entry.Route, "link", entry.Link, "record", entry.Record.String(), "error", err)
		entry, stored = entry.withoutContents(), func() {}
		err = k.append(ctx, entry)
	}
	if err != nil {
		return err
	}
	stored()
	k.Appended(ctx)
	if !entry.hasContents() || about.Private || about.Allowed {
		return nil
	}
	private, err := about.TurnedPrivate(ctx)
	if err != nil || !private {
		return err
	}
	return k.Forget(ctx, entry.Route, entry.Record)
}

func (k *Journal) append(ctx context.Context, entry Entry) error {
	encoded, err := encode(entry)
	if err == nil {
		err = k.Log.Append(ctx, entry.Record, encoded)
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// attach adds the snapshot of the decision to an entry about it, unless the
// journal has it. The returned function is to be called when it is stored.
func (k *Journal) attach(entry *Entry, about Subject) (stored func()) {
	stored = func() {}
	s := about.Snapshot
	if s == nil || entry.Template == "" && entry.Reason == "private" {
		return stored
	}
	if !about.Allowed && (about.Private || s.Record.Private || s.Parent != nil && s.Parent.Private) {
		return stored
	}
	encoded, err := json.Marshal(s)
	if err != nil || len(encoded) > maxSnapshot {
		return stored // plan says that it has nothing to decide by
	}
	sum, ref, route := sha256.Sum256(encoded), entry.Record, entry.Route
	if k.taken.has(ref, route, sum) {
		return stored
	}
	entry.Snapshot = s
	return func() { k.taken.add(ref, route, sum) }
}

// Forget removes what is kept of a record that turned private: its journal, and
// what its dead letters on a route quote (rule 8.3).
func (k *Journal) Forget(ctx context.Context, route string, record connectors.Ref) error {
	k.taken.forget(record)
	if err := k.Purge(ctx, record); err != nil {
		return err
	}
	return k.Letters.Redact(ctx, route, record)
}

// Purge removes what somebody who stood still has journaled since Forget:
// whoever journals later sees that the record is private.
func (k *Journal) Purge(ctx context.Context, record connectors.Ref) error {
	if err := k.Log.Purge(ctx, record); err != nil {
		return fmt.Errorf("purge journal: %w", err)
	}
	return nil
}

// Entries returns those about a record, newest first, with what they rested on; the
// zero Ref is every record. At most limit entries.
func (k *Journal) Entries(ctx context.Context, ref connectors.Ref, limit int) ([]Entry, error) {
	raw, err := k.Log.Read(ctx, ref, time.Time{}, limit)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return k.readable(raw), nil
}

// Follow hands over each entry that is appended from now on: of one record, or of all
// with the zero Ref. begun is called once none can be missed. It returns when take fails,
// or nil when ctx ends.
func (k *Journal) Follow(ctx context.Context, ref connectors.Ref, begun func(), take func(Entry) error) error {
	return k.Log.Follow(ctx, ref, begun, func(raw []byte) error {
		for _, entry := range k.readable([][]byte{raw}) {
			return take(entry)
		}
		return nil
	})
}

// Since returns those about a record on a route that were made at a time or later, newest
// first.
func (k *Journal) Since(ctx context.Context, route string, ref connectors.Ref, since time.Time) ([]Entry, error) {
	raw, err := k.Log.Read(ctx, ref, since.Add(-clockSkew), 0)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return slices.DeleteFunc(k.readable(raw), func(e Entry) bool { return e.Route != route || e.At.Before(since) }), nil
}

// clockSkew is how far the store's clock may be ahead of this machine's, or behind it.
const clockSkew = 10 * time.Minute

// Decisions returns what was decided about a record, newest first; the zero
// Ref is every record. At most limit entries.
func (k *Journal) Decisions(ctx context.Context, ref connectors.Ref, limit int) ([]json.RawMessage, error) {
	entries, err := k.Entries(ctx, ref, limit)
	if err != nil {
		return nil, err
	}
	out := make([]json.RawMessage, 0, len(entries))
	for _, entry := range entries {
		entry.Snapshot = nil
		encoded, err := json.Marshal(entry)
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		out = append(out, encoded)
	}
	return out, nil
}

// Export writes the journal since a time, oldest first and one entry at a time, with what
// is needed to decide again; of an entry that cannot be read, that it is there. What is
// private stays out where its route no longer, or never, took it in: allowed says of a
// route whether it does.
func (k *Journal) Export(ctx context.Context, since time.Time, allowed func(route string) bool, write func(entry []byte) error) error {
	unread, first := 0, error(nil)
	err := k.Log.Scan(ctx, since, func(raw []byte) error {
		entry, err := decode(raw)
		if err != nil {
			unread, first = unread+1, cmp.Or(first, err)
			return write([]byte(`{"unreadable":true}`))
		}
		entry.Notes = nil // lost values are nothing to decide by
		if s := entry.Snapshot; s != nil && (s.Record.Private || s.Parent != nil && s.Parent.Private) && !allowed(entry.Route) {
			entry.Snapshot = nil
		}
		encoded, err := json.Marshal(entry)
		if err != nil {
			return err
		}
		return write(encoded)
	})
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	k.reportUnread(unread, first)
	return nil
}
