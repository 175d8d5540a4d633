package connectors

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// A Connector is one configured system. All methods, those of the optional
// interfaces too, are safe for concurrent use, return a *Error for what the
// system did, never send a write twice and stop when ctx is done.
//
// What else a connector can do it says by implementing Writer, Target, TransitionChecker,
// Commenter, FileReader, FileWriter, WebLinker, Poller, ItemPoller,
// VersionOrder, HistoryReader, WebhookReceiver, Prober, Hider, NameFinder or Advisor.
type Connector interface {
	// Read reads one record by id. A record that is not there is ClassGone.
	Read(ctx context.Context, ref Ref) (Record, error)
	// Throttled returns until when the system has asked not to be called;
	// the zero time when it has not.
	Throttled() time.Time
}

// A Resolver knows what its system makes of values. It writes nothing.
type Resolver interface {
	Connector

	// Resolve turns rendered values (see Record, and Lookup) into the values
	// this system will hold: references looked up, text converted and cut,
	// labels turned into values. It writes nothing. Fields that cannot be
	// resolved are missing from the result and explained in the second; a
	// failure that says nothing about a field (an outage) is the error. A nil
	// in the result means: leave the field alone.
	Resolve(ctx context.Context, record string, fields map[string]any) (map[string]any, map[string]*Error, error)

	// Same reports whether the resolved value want and the value have of a
	// record are the same to this system ("3" and 3, trimmed text).
	Same(record, field string, want, have any) bool
}

// A Writer can change records that exist.
type Writer interface {
	Resolver

	// Update writes the fields in one call and returns the record as the
	// system answered.
	Update(ctx context.Context, change Change) (Record, error)
}

// A KeyFinder finds the records that were created with a key.
type KeyFinder interface {
	Connector

	// FindByKey returns the records of c that were created with the key,
	// oldest first, each one re-checked to carry exactly that key. A key can be
	// written by anybody: each says who created it, and whether that was
	// somebody else (Record.Foreign).
	FindByKey(ctx context.Context, c Collection, key string) ([]Record, error)
}

// KeepKeyed reads the records of c with the ids and keeps those that carry exactly the
// key: a search may be old, and a clone may look like what it was cloned from. What was
// deleted since is left out.
func KeepKeyed(c Collection, key string, ids []string, read func(Ref) (Record, error)) ([]Record, error) {
	var found []Record
	for _, id := range ids {
		record, err := read(c.Ref(id))
		switch {
		case IsClass(err, ClassGone):
		case err != nil:
			return nil, err
		case record.Key == key:
			found = append(found, record)
		}
	}
	return found, nil
}

// A Target can also be given new records, once each.
type Target interface {
	Writer
	KeyFinder

	// Create opens a record with the key in it, in one call, and returns it as
	// the system answered.
	Create(ctx context.Context, draft Draft) (Record, error)
}

// An OnceCreator may take the key of a draft for its idempotency key: a draft that is
// sent again opens no second record, and is answered with the first one as it is by
// then, which may differ from the draft.
type OnceCreator interface {
	// CreatesOnceFor is how long after the first request that can be relied on for
	// records of c; 0: it cannot. It does no I/O.
	CreatesOnceFor(c Collection) time.Duration
}

// An UnkeyedFinder finds what a create whose answer was lost may have made where
// the system dropped the key without a word. What it finds is a reason not to
// create again, no more: it may be another record's.
type UnkeyedFinder interface {
	// FindUnkeyed returns the records of c that these credentials created at since,
	// by the caller's clock, or later and that hold no key, oldest first.
	FindUnkeyed(ctx context.Context, c Collection, since time.Time) ([]Record, error)
}

// A TransitionChecker knows which moves of a record's state its API takes. Systems that do
// not say so take all of them. It does no I/O.
type TransitionChecker interface {
	// CanTransition reports whether the record may be moved to the state, a column
	// value of a state table.
	CanTransition(record Record, to string) bool
}

// A Draft is a record to be created. Fields are resolved values.
type Draft struct {
	Collection       Collection
	Key              string // at most 100 characters, no spaces
	Stamp            string
	Fields           map[string]any
	TransitionFields map[string]any // as in Change
	// Private is true where the record that this one is opened for is private: if its
	// type has such a thing, so is this one, unless Fields say otherwise.
	Private bool
}

// A Change is an update. Fields are resolved values; "" clears a field.
type Change struct {
	Ref    Ref
	Stamp  string
	Fields map[string]any
	// TransitionFields are resolved values of fields that are empty. Where Fields moves the
	// record's state and the system asks for one of them there, it travels along;
	// the others are not sent.
	TransitionFields map[string]any
}

// A Poller finds records that changed, without webhooks.
type Poller interface {
	// Poll lists what changed in c since the cursor, to the end of the list.
	// With a nil cursor it reports nothing and returns where to begin. The new
	// cursor is opaque, without contents of any record, and may be stored once
	// the changes are. A change may be reported twice, never not at all.
	Poll(ctx context.Context, c Collection, cursor []byte) (changed []Ref, next []byte, err error)
}

// A PollBeginner can begin a poll at a moment that has passed: what changed
// while the system could not be asked is not passed over.
type PollBeginner interface {
	// PollSince is Poll with a nil cursor, but that it reports what changed at
	// the time, by the caller's clock, or later.
	PollSince(ctx context.Context, c Collection, since time.Time) (changed []Ref, next []byte, err error)
}

// A Closer holds connections, and lets go of them when it is replaced. Calls
// that come later, or are under way, are carried out none the less and leave no
// connection behind.
type Closer interface{ Close() }

// A Delivery is a webhook whose signature held.
type Delivery struct {
	ID   string // the same on every retry
	Refs []Ref  // what may have changed; empty for an event of no use
}

// ErrSignature is a webhook's missing, wrong or stale signature. Any other
// error of Receive means that the body is not what it should be.
var ErrSignature = errors.New("signature missing, wrong or stale")

// A WebhookReceiver checks and reads webhooks. It does no I/O.
type WebhookReceiver interface {
	Receive(header http.Header, body []byte, now time.Time) (Delivery, error)
}

// A Prober makes one cheap call that fails when the credentials do, and only
// then or when the system cannot be reached. It says whose credentials they are:
// a record that another account, or nobody, cannot see has not been deleted.
type Prober interface {
	Probe(ctx context.Context) (Identity, error)
}

// A ClockTeller knows the time by its system's clock, as far as answers have told it; by
// this machine's before the first one. It does no I/O.
type ClockTeller interface{ Clock() time.Time }

// A Hider answers for some private records as if they did not exist. One that was
// read and is not found any more may have turned private: that is not a deletion.
type Hider interface {
	// Hides reports whether the credentials may be such that a record which turned
	// private reads as not found. It does no I/O.
	Hides(ref Ref) bool
}

// An Identity is who a system says that the credentials belong to. It holds no
// secret, and may be shown.
type Identity struct {
	// Account is the organisation, site or instance whose records are seen: the
	// same text for as long as it is the same one. Empty: the system does not say.
	Account string
	// User is the system's id of the user or key. Empty: the system does not say.
	User string
}

// A MoveTracer knows what became of a record that is not found any more under its ref:
// it may live on as one of another type.
type MoveTracer interface {
	// MovedTo is what the record is now; the zero Ref: the system does not say.
	MovedTo(ctx context.Context, ref Ref) (Ref, error)
}

// A Use is one thing that a configuration relies on and that only the
// instance can confirm: a field that a template reads or writes, with the literal
// values written to it, or the names looked up in a map field
// (custom_fields['Team']). An entry of a map whose values are literals is a Use of
// its own, with the Field "custom_fields/Team".
type Use struct {
	Template string // "": of a state table, which several may use
	Record   string
	Field    string
	Values   []any    // literals written to the field or standing in a state table
	Keys     []string // literal keys read from or written to a map field
	// Opens is true where the template writes the field when it opens a record,
	// Edits where it writes it later.
	Opens, Edits bool
}

// Advice is what the instance says of a Use that does not fit it.
type Advice struct {
	Use     Use
	Value   any // the value or key at fault; nil: the field itself
	Message string
}

// An Advisor compares uses with the instance. Advice is a warning, nothing
// more.
type Advisor interface {
	Advise(ctx context.Context, uses []Use) ([]Advice, error)
}
