package incidentio

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// overlap is how far each poll reaches back behind the newest change seen.
// updated_at is stamped before the change is committed, so a record can appear
// with a time older than others already seen.
const overlap = 5 * time.Minute

// cursorVersion changes when a cursor of old no longer fits.
const cursorVersion = 1

// A cursor says where a poll begins. Seen are short digests of the changes
// within the overlap that were already reported; no id can be read from them.
type cursor struct {
	Version int       `json:"v"`
	Last    time.Time `json:"last"`
	Seen    []string  `json:"seen,omitempty"`
}

// A change is one row of a list.
type change struct {
	ID        string    `json:"id"`
	UpdatedAt string    `json:"updated_at"`
	at        time.Time // UpdatedAt
}

func (c change) digest() string {
	sum := sha256.Sum256([]byte(c.ID + "\x00" + c.UpdatedAt))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// Poll lists what changed since the cursor. Both lists are sorted by creation,
// never by change: every page of the window is read.
func (c *Connector) Poll(ctx context.Context, collection connectors.Collection, from []byte) ([]connectors.Ref, []byte, error) {
	window, err := c.window(collection)
	if err != nil {
		return nil, nil, err
	}
	if from == nil {
		return c.baseline(ctx, collection, window, time.Time{})
	}
	var last cursor
	if json.Unmarshal(from, &last) != nil || last.Version != cursorVersion || last.Last.IsZero() {
		return nil, nil, &connectors.Error{
			Class: connectors.ClassRejected, Op: "poll", Record: collection.String(), Message: "the cursor is not one of this connector's",
		}
	}
	rows, began, err := c.changes(ctx, window, last.start())
	if err != nil {
		return nil, nil, err
	}
	var changed []connectors.Ref
	for _, row := range rows {
		if !slices.Contains(last.Seen, row.digest()) {
			changed = append(changed, collection.Ref(row.ID))
		}
	}
	next, err := json.Marshal(last.advance(rows, began))
	if err != nil {
		return nil, nil, err
	}
	return changed, next, nil
}

// PollSince begins a poll at a moment that has passed.
func (c *Connector) PollSince(ctx context.Context, collection connectors.Collection, since time.Time) ([]connectors.Ref, []byte, error) {
	window, err := c.window(collection)
	if err != nil {
		return nil, nil, err
	}
	return c.baseline(ctx, collection, window, since)
}

// maxSkew is by how much clocks that are kept right differ; what they differ by
// more, the one is ahead of the other.
const maxSkew = 2 * time.Second

// baseline is the cursor of now: what was changed before is not reported, what
// was under way is; and what was changed at since or later, by our clock, if
// that is not zero.
func (c *Connector) baseline(ctx context.Context, collection connectors.Collection, window listing, since time.Time) ([]connectors.Ref, []byte, error) {
	// The window is by the system's clock, which the first answer tells.
	now, err := c.clock(ctx, window)
	if err != nil {
		return nil, nil, err
	}
	start := cursor{Version: cursorVersion, Last: now.UTC()}
	if skew := time.Until(now); !since.IsZero() {
		if skew.Abs() > maxSkew {
			since = since.Add(skew - maxSkew)
		}
		if since.Before(now) {
			start.Last = since.UTC()
		}
	}
	rows, _, err := c.changes(ctx, window, start.start())
	if err != nil {
		return nil, nil, err
	}
	var changed []connectors.Ref
	for _, row := range rows {
		if !since.IsZero() && !row.at.Before(since.Truncate(time.Millisecond)) {
			changed = append(changed, collection.Ref(row.ID))
		}
	}
	next, err := json.Marshal(start.advance(rows, now))
	return changed, next, err
}

// start is where the window begins, in whole seconds as it is asked for.
func (c cursor) start() time.Time { return c.Last.Add(-overlap).UTC().Truncate(time.Second) }

// advance is the next cursor. It never passes the moment at which the list was
// begun: a record that changed while later pages were read may be missing.
func (c cursor) advance(rows []change, began time.Time) cursor {
	next := cursor{Version: cursorVersion, Last: c.Last}
	for _, row := range rows {
		at := row.at
		if at.After(began) {
			at = began
		}
		if at.After(next.Last) {
			next.Last = at.UTC()
		}
	}
	for _, row := range rows {
		if !row.at.Before(next.start()) {
			next.Seen = append(next.Seen, row.digest())
		}
	}
	slices.Sort(next.Seen)
	next.Seen = slices.Compact(next.Seen)
	return next
}

// window is the list of a record type, without the time.
func (c *Connector) window(collection connectors.Collection) (listing, error) {
	l := listing{op: "poll", record: collection.String(), paged: true, query: url.Values{}}
	switch collection.Record {
	case incidentRecord:
		l.path, l.member = "/v2/incidents", "incidents"
		// Left out, the vendor lists standard and retrospective ones only.
		l.query["mode[one_of]"] = []string{"standard", "retrospective", "test", "tutorial"}
		// New incidents are then added behind the page that is being read.
		l.query.Set("sort_by", "created_at_oldest_first")
	case followUpRecord:
		l.path, l.member = "/v3/follow_ups", "follow_ups"
	default:
		return listing{}, &connectors.Error{
			Class: connectors.ClassRejected, Op: "poll", Record: collection.String(), Message: "incident.io has no such record type",
		}
	}
	return l, nil
}

// changes lists the rows that changed at start or later.
func (c *Connector) changes(ctx context.Context, window listing, start time.Time) ([]change, time.Time, error) {
	query := url.Values{"updated_at[gte]": {start.Format(time.RFC3339)}}
	maps.Copy(query, window.query)
	var began time.Time
	window.query, window.began = query, &began
	var rows []change
	for element, err := range c.list(ctx, window) {
		if err != nil {
			return nil, began, err
		}
		row, err := changeOf(element)
		if err != nil {
			return nil, began, c.unlisted(window, err.Error())
		}
		// The filter may know days only.
		if !row.at.Before(start) {
			rows = append(rows, row)
		}
	}
	return rows, began, nil
}

func changeOf(element json.RawMessage) (change, error) {
	var row change
	if json.Unmarshal(element, &row) != nil || row.ID == "" {
		return change{}, errors.New("an element has no id")
	}
	at, err := time.Parse(time.RFC3339Nano, row.UpdatedAt)
	if err != nil {
		return change{}, errors.New("an element has no updated_at")
	}
	row.at = at.UTC()
	return row, nil
}
