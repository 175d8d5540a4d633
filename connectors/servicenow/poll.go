package servicenow

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// sys_updated_on has seconds, and a transaction that takes long commits with a
// time that has passed: each poll looks this far back behind the newest change
// it has seen.
const pollOverlap = 5 * time.Minute

// Rows that were deleted move those behind them to the front, so each page
// begins this many rows early.
const pageOverlap = 20

// maxSeen bounds a cursor; what falls off is reported again.
const maxSeen = 20_000

const pollFields = "sys_id,sys_mod_count,sys_updated_on,sys_updated_by"

// A cursor is where a poll ended. It holds no record's contents.
type cursor struct {
	Version int    `json:"v"`
	Last    string `json:"last"` // newest sys_updated_on seen; "" while the table is empty
	// Seen are the changes of the overlap that were reported, as short digests.
	Seen []string `json:"seen,omitempty"`
}

// since is the beginning of the overlap; "" is the beginning of the table.
func (c cursor) since() string {
	last, err := time.Parse(timeLayout, c.Last)
	if err != nil {
		return ""
	}
	return last.Add(-pollOverlap).Format(timeLayout)
}

// A change is one row of a poll.
type change struct{ id, mod, updated string }

func (c change) digest() string {
	sum := sha256.Sum256([]byte(c.id + "\x00" + c.mod + "\x00" + c.updated))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// Poll lists what changed since the cursor. Where nothing did, it is one
// request.
func (c *Connector) Poll(ctx context.Context, collection connectors.Collection, stored []byte) ([]connectors.Ref, []byte, error) {
	if !tableName.MatchString(collection.Record) {
		return nil, nil, rejected("poll", collection.String(), "", "invalid_table", collection.Record+" is not the name of a table")
	}
	if len(stored) == 0 {
		next, err := c.baseline(ctx, collection)
		return nil, next, err
	}
	var at cursor
	if err := json.Unmarshal(stored, &at); err != nil || at.Version != 1 {
		return nil, nil, rejected("poll", collection.String(), "", "cursor", "the stored cursor cannot be read")
	}
	changes, err := c.changes(ctx, collection, at.since())
	if err != nil {
		return nil, nil, err
	}
	if len(changes) == 0 && at.Last != "" {
		if err := c.checkZone(ctx, collection, at); err != nil {
			return nil, nil, err
		}
	}
	seen := map[string]bool{}
	for _, digest := range at.Seen {
		seen[digest] = true
	}
	var changed []connectors.Ref
	reported := map[string]bool{}
	for _, row := range slices.Backward(changes) { // oldest first
		if !seen[row.digest()] && !reported[row.id] {
			reported[row.id] = true
			changed = append(changed, collection.Ref(row.id))
		}
	}
	next, err := advance(at, changes)
	return changed, next, err
}

// baseline is where to begin: at what is there now.
func (c *Connector) baseline(ctx context.Context, collection connectors.Collection) ([]byte, error) {
	newest, err := c.newest(ctx, collection)
	if err != nil {
		return nil, err
	}
	at := cursor{Version: 1, Last: newest}
	if newest == "" {
		return advance(at, nil)
	}
	changes, err := c.changes(ctx, collection, at.since())
	if err != nil {
		return nil, err
	}
	return advance(at, changes)
}

// newest is the time of the newest change that the user may see.
func (c *Connector) newest(ctx context.Context, collection connectors.Collection) (string, error) {
	for offset := 0; ; offset += findPage {
		page, err := c.page(ctx, "poll", collection.String(), collection.Record, "ORDERBYDESCsys_updated_on", pollFields, offset, findPage)
		if err != nil {
			return "", err
		}
		for _, r := range page.rows {
			if at := r.text("sys_updated_on"); at != "" {
				return at, nil
			}
		}
		if !page.more {
			return "", nil
		}
	}
}

// changes lists rows that changed at or after since, newest first. In this
// order a record that changes while pages are read moves to the front and
// pushes the others towards the end: a row may come twice, and none is passed
// over. What moved to the front is newer than all that was seen, and the next
// poll's.
func (c *Connector) changes(ctx context.Context, collection connectors.Collection, since string) ([]change, error) {
	query := "ORDERBYDESCsys_updated_on^ORDERBYDESCsys_id"
	if since != "" {
		query = "sys_updated_on>=" + since + "^" + query
	}
	var all []change
	known := map[change]bool{}
	for offset := 0; ; offset += c.pageSize - min(pageOverlap, c.pageSize/2) {
		page, err := c.page(ctx, "poll", collection.String(), collection.Record, query, pollFields, offset, c.pageSize)
		if err != nil {
			return nil, err
		}
		for _, r := range page.rows {
			row := change{id: r.text("sys_id"), mod: r.text("sys_mod_count"), updated: r.text("sys_updated_on")}
			if row.id == "" || row.updated == "" {
				return nil, rejected("poll", collection.String(), "sys_updated_on", "no_updated_on",
					"the table has no sys_updated_on, or the integration user may not read it, so changes cannot be found")
			}
			if row.updated >= since && !known[row] { // the condition may have been dropped
				known[row] = true
				all = append(all, row)
			}
		}
		if !page.more {
			return all, nil
		}
	}
}

// checkZone is asked when even the newest change that was seen is not in the
// answer. If the table still holds a row that the query should have found, the
// instance reads times in queries in another time zone than UTC, and changes
// would be missed in silence.
func (c *Connector) checkZone(ctx context.Context, collection connectors.Collection, at cursor) error {
	newest, err := c.newest(ctx, collection)
	if err != nil || newest == "" || newest < at.since() {
		return err
	}
	again, err := c.changes(ctx, collection, at.since())
	if err != nil || len(again) > 0 {
		return err // it changed just now; the next poll finds it
	}
	return rejected("poll", collection.String(), "", "time_zone",
		fmt.Sprintf("a query for changes since %s UTC does not find one of %s UTC; set the integration user's time zone to GMT in its sys_user record", at.since(), newest))
}

// advance moves a cursor past the changes.
func advance(at cursor, changes []change) ([]byte, error) {
	next := cursor{Version: 1, Last: at.Last}
	for _, row := range changes {
		next.Last = max(next.Last, row.updated)
	}
	since := next.since()
	for _, row := range changes { // newest first, so that the oldest fall off
		if row.updated >= since && len(next.Seen) < maxSeen {
			next.Seen = append(next.Seen, row.digest())
		}
	}
	slices.Sort(next.Seen) // the same cursor for the same changes
	return json.Marshal(next)
}
