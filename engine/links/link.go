package links

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// linkVersion is the version of the link document that this build writes.
const linkVersion = 1

// A Phase is where a link is in its life.
type Phase string

// The phases. Claim: a ticket may exist. Stopped: the source turned private.
// Gone: people deleted the ticket. Detached: unlinked, or the source was
// deleted. Orphan: its route, template or connector is not configured; no
// link is stored in this phase.
const (
	Claim    Phase = "claim"
	Active   Phase = "active"
	Stopped  Phase = "stopped"
	Gone     Phase = "gone"
	Detached Phase = "detached"
	Orphan   Phase = "orphan"
)

// A Link is the durable pair of a source record and its ticket on one route.
// It holds digests of what was agreed, never contents.
type Link struct {
	V          int            `json:"v"`
	ID         string         `json:"id"`
	Route      string         `json:"route"`
	N          int            `json:"n"`
	Template   string         `json:"template"`
	Key        string         `json:"key"`
	Generation string         `json:"generation"`
	Commit     string         `json:"commit,omitempty"`
	OpenedAt   time.Time      `json:"opened_at,omitzero"`
	Source     connectors.Ref `json:"source"`
	Parent     connectors.Ref `json:"parent,omitzero"`   // what the source belongs to
	Private    bool           `json:"private,omitempty"` // the source, when it was read last
	// SourceNumber and SourceURL are what people call the source and where they open
	// it; of a private one only where its route takes those (NameSource).
	SourceNumber string          `json:"source_number,omitempty"`
	SourceURL    string          `json:"source_url,omitempty"`
	Target       *connectors.Ref `json:"target"`
	Number       string          `json:"number,omitempty"`
	URL          string          `json:"url"`
	Phase        Phase           `json:"phase"`
	// Then is the N of the link that took this one's place, when its record came
	// back after its ticket was closed; 0: none did.
	Then int `json:"then,omitempty"`

	// Fields are the agreements by mapping: "out:description".
	Fields  map[string]Agreement `json:"fields,omitempty"`
	State   *StatePair           `json:"state,omitempty"`
	Opened  *Opened              `json:"opened,omitempty"` // while Phase is Claim
	Intent  *Intent              `json:"intent"`
	Refused []Refusal            `json:"refused,omitempty"`

	// Contests are of the fields that were written lately, by mapping.
	Contests map[string]Contest `json:"contests,omitempty"`

	// Items are the comments and attachments carried, by transfer.
	Items map[string]*Items `json:"items,omitempty"`

	// Seen are the versions of both sides when all was last in step, kept where
	// conflicts are decided by time.
	Seen map[Side]string `json:"seen,omitempty"`

	// VerifyAfter is when the key is looked up next, for a second ticket.
	VerifyAfter *time.Time `json:"verify_after,omitempty"`

	// Aside is set where what was to be done at these versions cannot be worked out,
	// and is not tried again at them.
	Aside *Versions `json:"aside,omitempty"`

	// Missing counts the reads, at least ten minutes apart, that did not find a
	// side; it stays where a link is detached for that.
	Missing *Missing `json:"missing,omitempty"`
}

// An Agreement is what both sides last agreed on for one mapping: digests of
// the rendered value, of the raw value that the system answered, and of the
// expression. A mapping without one was never agreed, which is not null.
type Agreement struct {
	From string `json:"from"`
	Have string `json:"have"`
	Expr string `json:"expr"`
	// Differs is true where what stands there is not what the mapping would write:
	// somebody's word, that is journaled before a later value takes its place.
	Differs bool `json:"differs,omitempty"`
}

// Opened is what a creation was about to send: what the ticket is agreed on
// when it is confirmed, whoever confirms it.
type Opened struct {
	Into   string          `json:"into"` // the collection that the ticket was opened in
	Fields map[string]Sent `json:"fields"`
	State  *StatePair      `json:"state,omitempty"` // of the source, and of the target where one was sent
	Since  time.Time       `json:"since,omitzero"`  // a ticket may have been opened
	Left   []LeftOut       `json:"left,omitempty"`

	// What is known of requests to open it whose answer was lost (rule 3.3).
	Unsettled
}

// A LeftOut is a field, or an entry of a map field, that a ticket is opened without.
type LeftOut struct {
	Field  string `json:"field"`
	Reason string `json:"reason"` // of its dead letter
	Once   bool   `json:"once,omitempty"`
}

// Unsettled is what is known of creations of which nobody knows what became.
type Unsettled struct {
	Lost int `json:"lost,omitempty"` // how many answers
	// Status is the HTTP status of the last of them; 0: there was none.
	Status int `json:"status,omitempty"`
	// Sent is true from before the claim's own request is sent until it is known what
	// became of it. Where its owner has ended, nobody knows, and it counts as lost.
	Sent bool `json:"sent,omitempty"`
	// Made is true where the system said that it opened a ticket, and does not show
	// it; MadeRef is the ticket, where it said that too.
	Made    bool            `json:"made,omitempty"`
	MadeRef *connectors.Ref `json:"made_ref,omitempty"`
	Told    bool            `json:"told,omitempty"` // there is a dead letter that says so
}

// Sent are the digests of one mapping in a request: of the rendered value, of
// the value sent, and of what stood there before.
type Sent struct {
	From string `json:"from"`
	Sent string `json:"sent"`
	Was  string `json:"was,omitempty"`
	Expr string `json:"expr"`
}

// An Intent is what a reconcile is about to send, saved before it is sent. It
// is never replayed: it only says what may have happened.
type Intent struct {
	ID          string          `json:"id"` // also the stamp in the ticket
	Side        string          `json:"side"`
	ReadVersion string          `json:"read_version"`
	Fields      map[string]Sent `json:"fields"`
	// State is what is agreed of the states when the request was done,
	// StatePath where it was written and StateWas the raw state before.
	State     *StatePair `json:"state,omitempty"`
	StatePath []string   `json:"state_path,omitempty"`
	StateWas  string     `json:"state_was,omitempty"`
	// Items are the comments and attachments under way: TRANSFER/KEY.
	Items []string `json:"items,omitempty"`
}

// A Refusal is something a system refused for good. It is not tried again
// until either value of the pair changes or someone retries.
type Refusal struct {
	What string    `json:"what"` // "out:assignee"
	Pair string    `json:"pair"` // digest of both values
	Code string    `json:"code"`
	At   time.Time `json:"at"`
	// Once is true of a value that is written when a ticket is opened, and Again
	// where a person has asked for another try: nothing else brings one.
	Once  bool `json:"once,omitempty"`
	Again bool `json:"again,omitempty"`
	// Forbidden is true where a permission was missing, which may be given back: it is
	// tried again after some time.
	Forbidden bool `json:"forbidden,omitempty"`
}

// forbiddenFor is how long what a missing permission kept from being done is left.
const forbiddenFor = time.Hour

// Stands reports whether what was refused is not to be tried now.
func (r Refusal) Stands(now time.Time) bool {
	return !r.Forbidden || now.Sub(r.At) < forbiddenFor
}

// Missing says which side could not be found, how often and when last.
type Missing struct {
	Side  string    `json:"side"` // "source" or "target"
	Times int       `json:"times"`
	At    time.Time `json:"at"`
}

const idLength = 20

// ID and linkKey are plain digests: the same after a lost store, so that
// the old ticket is found by its key.
func ID(route string, source connectors.Ref, n int) string {
	return Digest(route, source, n)[:idLength]
}

func linkKey(route string, source connectors.Ref, n int) string {
	return keyPrefix + Digest(route, source, n)[:32]
}

const keyPrefix = "lockstep-"

// IsKey reports whether a mark in a ticket is the key of a link.
func IsKey(mark string) bool {
	return len(mark) == len(keyPrefix)+32 && strings.HasPrefix(mark, keyPrefix)
}

// OfKey is the id of the link that has the key.
func OfKey(key string) string { return strings.TrimPrefix(key, keyPrefix)[:idLength] }

// Digest (hex) is the same for the same route, source and number of the link,
// and says nothing of them.
func Digest(route string, source connectors.Ref, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", route, source, n))
	return hex.EncodeToString(sum[:])
}

// New is the link of a record that has no ticket yet; n counts the links that
// the record had before on the route.
func New(route string, source connectors.Ref, n int) *Link {
	return &Link{
		V:      linkVersion,
		ID:     ID(route, source, n),
		Route:  route,
		N:      n,
		Key:    linkKey(route, source, n),
		Source: source,
		Fields: map[string]Agreement{},
	}
}

// Ref is the record on a side; zero where there is none yet.
func (l *Link) Ref(s Side) connectors.Ref {
	switch {
	case s == Source:
		return l.Source
	case l.Target == nil:
		return connectors.Ref{}
	}
	return *l.Target
}

// NameSource keeps what people call the source, as it was read; admitted is false of
// a private one that may be nothing but a reference.
func (l *Link) NameSource(record connectors.Record, admitted bool) {
	l.SourceNumber, l.SourceURL = record.Number, record.URL
	if !admitted {
		l.SourceNumber, l.SourceURL = "", ""
	}
}

// Lost reports whether a link was detached because its source read as not found:
// it goes on when that reads again (rule 8.5).
func (l *Link) Lost() bool { return l.Phase == Detached && l.Missing != nil }

// DropContents drops everything that was derived from contents.
func (l *Link) DropContents() {
	l.Fields, l.State, l.Opened, l.Intent, l.Refused, l.Items, l.Seen, l.Contests = nil, nil, nil, nil, nil, nil, nil, nil
}

// Refusal is what was refused of the link under that label; false: nothing was.
func (l *Link) Refusal(what string) (Refusal, bool) {
	for _, r := range l.Refused {
		if r.What == what {
			return r, true
		}
	}
	return Refusal{}, false
}

// Refuse remembers a refusal; a new one takes the place of an older one.
func (l *Link) Refuse(r Refusal) {
	l.ClearRefusal(r.What)
	l.Refused = append(l.Refused, r)
}

// ClearRefusal forgets the refusal of a mapping and reports whether there was one.
func (l *Link) ClearRefusal(what string) bool {
	for i, r := range l.Refused {
		if r.What == what {
			l.Refused = append(l.Refused[:i:i], l.Refused[i+1:]...)
			return true
		}
	}
	return false
}

// Retry lets what was refused be tried again, and reports whether there was
// something. Of an entry of a map its field is tried.
func (l *Link) Retry(what string) bool {
	r, refused := l.Refusal(what)
	if field, _, entry := strings.Cut(what, "/"); !refused && entry && !strings.HasPrefix(what, ItemPrefix) {
		r, refused = l.Refusal(field)
	}
	switch {
	case !refused:
		return false
	case r.Once:
		r.Again = true
		l.Refuse(r)
		return true
	}
	return l.ClearRefusal(r.What)
}

// Clone copies a link so that changes to the copy do not show in it. What its
// pointers name is replaced, never changed.
func (l *Link) Clone() *Link {
	c := *l
	c.Fields = maps.Clone(l.Fields)
	if c.Fields == nil {
		c.Fields = map[string]Agreement{}
	}
	c.Refused = slices.Clone(l.Refused)
	c.Items = maps.Clone(l.Items)
	return &c
}

// Stored is a link with the revision and time the store gave it.
type Stored struct {
	*Link
	Revision uint64
	At       time.Time
}

func decodeLink(entry store.Entry) (Stored, error) {
	var l Link
	if err := json.Unmarshal(entry.Value, &l); err != nil {
		return Stored{}, store.Unreadable("link "+entry.Key, err)
	}
	if l.V > linkVersion {
		return Stored{}, store.UnknownVersion("link "+entry.Key, l.V, linkVersion)
	}
	if l.ID != entry.Key || l.Route == "" || l.Source.IsZero() {
		return Stored{}, store.Unreadable("link "+entry.Key, errors.New("it is not a link of that id"))
	}
	if l.Fields == nil {
		l.Fields = map[string]Agreement{}
	}
	return Stored{Link: &l, Revision: entry.Revision, At: entry.Stored}, nil
}

// StatePair is the pair of raw states last agreed on.
type StatePair struct {
	Source         string `json:"source"`
	SourceCategory string `json:"source_category,omitempty"`
	Target         string `json:"target"`
	TargetCategory string `json:"target_category,omitempty"`
}

// With is the pair once one side is at a column value of a table.
func (p StatePair) With(s Side, to string) *StatePair {
	raw, category := to, ""
	if name, ok := strings.CutPrefix(to, rules.CategoryPrefix); ok {
		raw, category = "", name
	}
	if s == Source {
		p.Source, p.SourceCategory = raw, category
	} else {
		p.Target, p.TargetCategory = raw, category
	}
	return &p
}

// Versions are those of a record and of its ticket; empty: not read yet.
type Versions struct {
	Source string `json:"source,omitempty"`
	Target string `json:"target,omitempty"`
}

// underWay reports whether a request of the link may still take effect.
func (l *Link) underWay() bool { return l.Intent != nil || l.Opened != nil }

// AsideAt reports whether a link is set aside at these versions; with nothing
// read yet, whether it is whatever they are, because reading is what cost too
// much.
func (l *Link) AsideAt(now Versions) bool {
	return l.Aside != nil && (*l.Aside == now || l.Aside.Source == "")
}
