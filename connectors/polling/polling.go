// Package polling follows a list of changes by the times of the changes. What was
// seen is told by the change, not by its time alone, so that nothing is lost
// among changes of one moment, nor one that the list shows late; and it is
// reported once.
//
// It knows no system. How a list is asked for, its user says.
package polling

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

const (
	// maxSeen bounds a cursor; what falls off is reported again.
	maxSeen = 20_000
	version = 1
)

// A Change is one change that a list shows.
type Change struct {
	ID  string // tells the change from all others: the record's id and version
	At  time.Time
	Ref connectors.Ref // zero: it counts as seen and is not reported
}

func (c Change) digest() string {
	sum := sha256.Sum256([]byte(c.ID))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// A Cursor is where a poll ended. It holds no record's contents.
type Cursor struct {
	Version int    `json:"v"`
	Last    string `json:"last"` // time of the newest change seen
	// Seen are the changes of the overlap that were reported, as short digests.
	Seen []string `json:"seen,omitempty"`
}

// A Feed is a list of changes.
type Feed struct {
	Record string // for errors
	// Overlap is how far each poll reaches back behind the newest change seen: a
	// list may show a change late, and its times may be coarse. Margin is how much
	// more of the past it may show than it was asked for.
	Overlap, Margin time.Duration
	// Layout is that of the time in a cursor.
	Layout string
	// FromStart takes a cursor without a time, of a list that was empty; Changes is
	// then asked for all changes, since the zero time.
	FromStart bool
	// Rebase begins at the newest change that the list shows, if there is one, and
	// not at the time that Begin is given: the clocks may differ.
	Rebase bool

	// Changes lists what changed at since or later. It is complete up to until, which
	// is not later than the system's clock when the list was read: no cursor goes
	// beyond, whatever time a change bears. The zero time is to its end.
	Changes func(ctx context.Context, since time.Time) (changes []Change, until time.Time, err error)
	// Unchanged, if not nil, is called where nothing is listed, not even the newest
	// change that was seen.
	Unchanged func(ctx context.Context, since time.Time) error
}

// Follow lists what changed since the stored cursor.
func (f Feed) Follow(ctx context.Context, stored []byte) ([]connectors.Ref, []byte, error) {
	var at Cursor
	if json.Unmarshal(stored, &at) != nil || !f.Valid(at) {
		return nil, nil, f.Unreadable()
	}
	changes, until, err := f.Changes(ctx, f.Start(at))
	if err == nil && len(changes) == 0 && at.Last != "" && f.Unchanged != nil {
		err = f.Unchanged(ctx, f.Start(at))
	}
	if err != nil {
		return nil, nil, err
	}
	next, err := json.Marshal(f.Advance(at, changes, until))
	return Unseen(at, changes), next, err
}

// Begin begins a poll at a time, that of the system's clock as far as it is
// known; the zero time: its list is empty. What changed at since or later is
// reported; the zero time: nothing is.
func (f Feed) Begin(ctx context.Context, last, since time.Time) ([]connectors.Ref, []byte, error) {
	at := f.At(last)
	if last.IsZero() {
		next, err := json.Marshal(at)
		return nil, next, err
	}
	start := f.Start(at)
	if !since.IsZero() && since.Before(start) {
		start = since
	}
	changes, until, err := f.Changes(ctx, start)
	if err != nil {
		return nil, nil, err
	}
	if f.Rebase && len(changes) > 0 {
		newest := slices.MaxFunc(changes, func(a, b Change) int { return a.At.Compare(b.At) }).At
		if !until.IsZero() && newest.After(until) {
			newest = until
		}
		at = f.At(newest)
	}
	next, err := json.Marshal(f.Advance(at, changes, until))
	changed := refs(changes, func(c Change) bool { return !since.IsZero() && !c.At.Before(since) })
	return changed, next, err
}

// At returns a cursor that stands at a time, with nothing seen.
func (f Feed) At(last time.Time) Cursor {
	at := Cursor{Version: version}
	if !last.IsZero() {
		at.Last = last.UTC().Format(f.Layout)
	}
	return at
}

// Valid reports whether a cursor is one of the feed's.
func (f Feed) Valid(at Cursor) bool {
	last, ok := f.last(at)
	return at.Version == version && ok && (f.FromStart || !last.IsZero())
}

// Unreadable returns the failure of a poll with a cursor that is not one of the feed's.
func (f Feed) Unreadable() error {
	return connectors.Rejected("poll", f.Record, "", "cursor", "the stored cursor cannot be read")
}

func (f Feed) last(at Cursor) (time.Time, bool) {
	if at.Last == "" {
		return time.Time{}, true
	}
	last, err := time.Parse(f.Layout, at.Last)
	return last.UTC(), err == nil
}

// Start returns since when changes are asked for; the zero time is the beginning of
// the list.
func (f Feed) Start(at Cursor) time.Time {
	last, _ := f.last(at)
	if last.IsZero() {
		return time.Time{}
	}
	return last.Add(-f.Overlap)
}

// Advance moves a cursor past changes, and not beyond until: what changed later
// may be missing from the list.
func (f Feed) Advance(at Cursor, changes []Change, until time.Time) Cursor {
	last, _ := f.last(at)
	for _, c := range changes {
		if !until.IsZero() && c.At.After(until) {
			c.At = until
		}
		if c.At.After(last) {
			last = c.At
		}
	}
	next := f.At(last)
	since := f.Start(next).Add(-f.Margin)
	newest := slices.Clone(changes)
	slices.SortStableFunc(newest, func(a, b Change) int { return b.At.Compare(a.At) })
	for _, c := range newest {
		if !c.At.Before(since) && len(next.Seen) < maxSeen {
			next.Seen = append(next.Seen, c.digest())
		}
	}
	slices.Sort(next.Seen) // the same cursor for the same changes
	next.Seen = slices.Compact(next.Seen)
	return next
}

// Unseen names the records of the changes that a cursor has not seen.
func Unseen(at Cursor, changes []Change) []connectors.Ref {
	seen := map[string]bool{}
	for _, digest := range at.Seen {
		seen[digest] = true
	}
	return refs(changes, func(c Change) bool { return !seen[c.digest()] })
}

// refs names the records of changes, oldest first and each once; those of one
// moment by id, of which the shorter is the older where ids are numbers.
func refs(changes []Change, wanted func(Change) bool) (changed []connectors.Ref) {
	oldest := slices.Clone(changes)
	slices.SortStableFunc(oldest, func(a, b Change) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(len(a.Ref.ID), len(b.Ref.ID)), cmp.Compare(a.Ref.ID, b.Ref.ID))
	})
	reported := map[connectors.Ref]bool{}
	for _, c := range oldest {
		if !c.Ref.IsZero() && wanted(c) && !reported[c.Ref] {
			reported[c.Ref] = true
			changed = append(changed, c.Ref)
		}
	}
	return changed
}
