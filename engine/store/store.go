package store

import (
	"context"
	"errors"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// What a Store says when it cannot do as asked. Any other error is an outage.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("somebody else changed it")
	// ErrTooLarge is what a store says of a value that it will never take.
	ErrTooLarge = errors.New("larger than the store takes")
)

// A Store keeps everything the engine must not lose. JetStream is one
// (engine/jetstream), memory another (engine/memory). All of it is safe for
// concurrent use, and durable when a call returns nil.
type Store struct {
	Hints   Hints
	Links   Bucket // link id → link document; and the installation's digest key
	Targets Bucket // target ref → link id; an index, rebuilt from Links
	Dead    Bucket // dead letter id → dead letter
	State   Bucket // poll cursors, pauses, and versions that were decided without a ticket
	Journal Journal

	// Ends, if not nil, says where each part of the store ends, by what it holds:
	// one that ends sooner, or in another log, than it did has lost something.
	Ends func(ctx context.Context) (map[string]Position, error)
}

// A Bucket maps keys to values with compare-and-set. Keys may be any text.
type Bucket interface {
	// Get returns ErrNotFound where there is no such key.
	Get(ctx context.Context, key string) (Entry, error)
	// Create returns ErrConflict where the key exists.
	Create(ctx context.Context, key string, value []byte) (revision uint64, err error)
	// Update returns ErrConflict where the revision is not the newest.
	Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	// Put writes whatever stands there.
	Put(ctx context.Context, key string, value []byte) (uint64, error)
	// Delete removes the key if revision is its newest (ErrConflict), or in any
	// case with revision 0. A key that is not there is no error.
	Delete(ctx context.Context, key string, revision uint64) error
	// Each calls f for every entry, in no order, until f fails.
	Each(ctx context.Context, f func(Entry) error) error
}

// An Entry is one value of a bucket. Stored is the store's own time of the
// write, for ages that must not depend on one machine's clock.
type Entry struct {
	Key      string
	Value    []byte
	Revision uint64
	Stored   time.Time
}

// Hints say "this record may have changed", the newest per record only. They
// carry nothing that matters.
type Hints interface {
	// Add stores a hint. A delivery id (of a webhook) seen within the last day
	// has no second effect; empty: none.
	Add(ctx context.Context, ref connectors.Ref, delivery string) error

	// AddAt stores a hint for later under a slot; a newer one of the same slot
	// replaces it. A time in the past is now. slot and tries come back with it.
	AddAt(ctx context.Context, slot string, ref connectors.Ref, at time.Time, tries int) error

	// Consume hands the hints for records of source to deliver, one at a time
	// and early, from a durable place that the name keeps. Where there is no
	// place of that name, now or because it is lost later, begin says at which
	// position to make it. deliver must not block for long. It ends when stop
	// is called, which returns after the last deliver.
	Consume(ctx context.Context, name string, source connectors.Collection, begin func(context.Context) (Position, error), deliver func(Hint)) (stop func(), err error)

	// End is the position after the newest hint.
	End(ctx context.Context) (Position, error)

	// Position is a position before which a name has nothing left to acknowledge;
	// ErrNotFound where there is no place of that name.
	Position(ctx context.Context, name string) (Position, error)

	// Forget ends the durable place of a name, after deadLetter was called for the
	// ref of every hint that is still pending there. Where deadLetter fails, it stays.
	Forget(ctx context.Context, name string, deadLetter func(connectors.Ref) error) error

	// Names are the durable places that exist.
	Names(ctx context.Context) ([]string, error)

	// Backlog counts the hints that a name has not acknowledged; oldest is the
	// time of the oldest of them that waits, zero if none does.
	Backlog(ctx context.Context, name string) (pending int, oldest time.Time, err error)
}

// A Position lies between two hints of the sequence of all hints.
type Position struct {
	// Log is another one when the hints were lost: then the sequence begins
	// again, and no position of the old one is in it.
	Log string `json:"log"`
	// Last is the number of the last hint before the position.
	Last uint64 `json:"last"`
}

// In reports whether the position lies in the sequence that ends at end.
func (p Position) In(end Position) bool { return p.Log == end.Log && p.Last <= end.Last }

// HintWait is how long a store waits for word of a hint that it has delivered
// before it delivers it again, here or to another daemon: what a daemon that
// died held is another's within ten seconds.
const HintWait = 6 * time.Second

// A Hint as delivered. It comes again if it is neither acknowledged nor kept
// for HintWait. Methods of a hint that was replaced or forgotten are
// harmless.
type Hint struct {
	Ref   connectors.Ref
	At    time.Time // when it was stored
	Slot  string    // from AddAt; empty: from Add
	Tries int       // from AddAt

	Ack  func()
	Keep func() // "still at it"

	FromResync bool // nobody said so: it is the sweep's turn to look
	// FromBackfill is true where somebody asked for records that were there before: all
	// else goes first.
	FromBackfill bool
	// Asker is who waits for what becomes of it; empty: nobody does.
	Asker string
}

// A Journal is the append-only record of what was decided and written.
type Journal interface {
	// Append adds an entry about a record. The entry is JSON.
	Append(ctx context.Context, ref connectors.Ref, entry []byte) error
	// Read returns entries newest first: of one record, or of all with the zero
	// Ref; stored at since or later; at most limit (0: all).
	Read(ctx context.Context, ref connectors.Ref, since time.Time, limit int) ([][]byte, error)
	// Scan hands over the entries that were stored at since or later, of all records,
	// oldest first, at the pace of f and a few at a time, until f fails. What is added
	// meanwhile may be among them; f is not called once Scan has returned.
	Scan(ctx context.Context, since time.Time, f func(entry []byte) error) error
	// Follow hands over the entries that are appended from now on, oldest first: of one
	// record, or of all with the zero Ref. begun is called once none of them can be
	// missed. It returns when take fails, or nil when ctx ends.
	Follow(ctx context.Context, ref connectors.Ref, begun func(), take func(entry []byte) error) error
	// Purge removes every entry about a record.
	Purge(ctx context.Context, ref connectors.Ref) error
}
