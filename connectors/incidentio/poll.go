package incidentio

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/polling"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// overlap is how far each poll reaches back behind the newest change seen.
// updated_at is stamped before the change is committed, so a record can appear
// with a time older than others already seen.
const overlap = 5 * time.Minute

// feed follows a window.
func (c *Connector) feed(collection connectors.Collection, window listing) polling.Feed {
	return polling.Feed{
		Record: collection.String(), Overlap: overlap, Margin: time.Second, Layout: time.RFC3339Nano,
		Changes: func(ctx context.Context, since time.Time) ([]polling.Change, time.Time, error) {
			return c.changes(ctx, collection, window, since.Truncate(time.Second))
		},
	}
}

// Poll lists what changed since the cursor. Both lists are sorted by creation,
// never by change: every page of the window is read.
func (c *Connector) Poll(ctx context.Context, collection connectors.Collection, from []byte) ([]connectors.Ref, []byte, error) {
	if from == nil {
		return c.begin(ctx, collection, time.Time{})
	}
	window, err := c.window(collection)
	if err != nil {
		return nil, nil, err
	}
	return c.feed(collection, window).Follow(ctx, from)
}

// PollSince begins a poll at a moment that has passed.
func (c *Connector) PollSince(ctx context.Context, collection connectors.Collection, since time.Time) ([]connectors.Ref, []byte, error) {
	return c.begin(ctx, collection, since)
}

// maxSkew is by how much clocks that are kept right differ; what they differ by
// more, the one is ahead of the other.
const maxSkew = 2 * time.Second

// begin begins at the system's own time, which the first answer tells, or at
// since by our clock.
func (c *Connector) begin(ctx context.Context, collection connectors.Collection, since time.Time) ([]connectors.Ref, []byte, error) {
	window, err := c.window(collection)
	if err != nil {
		return nil, nil, err
	}
	now, err := c.clock(ctx, window)
	if err != nil {
		return nil, nil, err
	}
	last := now
	if skew := time.Until(now); !since.IsZero() {
		if skew.Abs() > maxSkew {
			since = since.Add(skew - maxSkew)
		}
		if since.Before(now) {
			last = since
		}
		since = since.Truncate(time.Millisecond)
	}
	return c.feed(collection, window).Begin(ctx, last, since)
}

// window is the list of a record type, without the time.
func (c *Connector) window(collection connectors.Collection) (listing, error) {
	l := listing{op: "poll", record: collection.String(), paged: true, query: url.Values{}}
	switch collection.Record {
	case incidentRecord:
		l.path, l.member = "/v2/incidents", "incidents"
		// Left out, the vendor lists standard and retrospective ones only.
		l.query["mode[one_of]"] = allModes()
		// New incidents are then added behind the page that is being read.
		l.query.Set("sort_by", "created_at_oldest_first")
	case followUpRecord:
		l.path, l.member = "/v3/follow_ups", "follow_ups"
	default:
		return listing{}, noRecordType("poll", collection.String())
	}
	return l, nil
}

func allModes() []string { return []string{"standard", "retrospective", "test", "tutorial"} }

// changes lists what changed at start or later. It never is complete beyond the
// moment at which the list was begun: a record that changed while later pages
// were read may be missing.
func (c *Connector) changes(ctx context.Context, collection connectors.Collection, window listing, start time.Time) ([]polling.Change, time.Time, error) {
	query := url.Values{"updated_at[gte]": {start.Format(time.RFC3339)}}
	maps.Copy(query, window.query)
	var began time.Time
	window.query, window.began = query, &began
	var all []polling.Change
	for element, err := range c.list(ctx, window) {
		if err != nil {
			return nil, began, err
		}
		var row struct {
			ID        string `json:"id"`
			UpdatedAt string `json:"updated_at"`
		}
		if json.Unmarshal(element, &row) != nil || row.ID == "" {
			return nil, began, c.unlisted(window, "an element has no id")
		}
		at, ok := values.ParseTime(row.UpdatedAt, time.RFC3339Nano)
		if !ok {
			return nil, began, c.unlisted(window, "an element has no updated_at")
		}
		if !at.Before(start) { // the filter may know days only
			all = append(all, polling.Change{ID: row.ID + "\x00" + row.UpdatedAt, At: at, Ref: collection.Ref(row.ID)})
		}
	}
	return all, began, nil
}
