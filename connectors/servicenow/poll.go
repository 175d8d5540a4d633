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

// maxSeen bounds a cursor; what falls off is reported again.
const maxSeen = 20_000

// A feed is a table that is polled, and what its rows are about.
type feed struct {
	record string // for errors
	table  string
	where  string // condition, "" or with its "^"
	stamp  string // column by whose time it is followed
	fields string
	// ref is the record that a row is about; false where the row is not one of
	// those that were asked for, for a condition may have been dropped.
	ref func(row) (connectors.Ref, bool)
}

// query asks for rows of the feed.
func (f feed) query(where string) query {
	return query{op: "poll", record: f.record, table: f.table, where: f.where + where, fields: f.fields}
}

// records is the feed of a table's records.
func records(collection connectors.Collection) feed {
	return feed{
		record: collection.String(), table: collection.Record, stamp: "sys_updated_on",
		fields: "sys_id,sys_mod_count,sys_updated_on,sys_updated_by",
		ref:    func(r row) (connectors.Ref, bool) { return collection.Ref(r.text("sys_id")), true },
	}
}

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
type change struct {
	id, mod, updated string
	ref              connectors.Ref // of the record that it is about
}

func (c change) digest() string {
	sum := sha256.Sum256([]byte(c.id + "\x00" + c.mod + "\x00" + c.updated))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// Poll lists what changed since the cursor. Where nothing did, it is one
// request.
func (c *Connector) Poll(ctx context.Context, collection connectors.Collection, stored []byte) ([]connectors.Ref, []byte, error) {
	if !tableName.MatchString(collection.Record) {
		return nil, nil, connectors.Rejected("poll", collection.String(), "", "invalid_table", collection.Record+" is not the name of a table")
	}
	return c.follow(ctx, records(collection), stored)
}

// PollSince begins a poll at a moment that has passed.
func (c *Connector) PollSince(ctx context.Context, collection connectors.Collection, since time.Time) ([]connectors.Ref, []byte, error) {
	if !tableName.MatchString(collection.Record) {
		return nil, nil, connectors.Rejected("poll", collection.String(), "", "invalid_table", collection.Record+" is not the name of a table")
	}
	return c.baseline(ctx, records(collection), since.UTC().Format(timeLayout))
}

// follow lists what a feed brought since the cursor.
func (c *Connector) follow(ctx context.Context, f feed, stored []byte) ([]connectors.Ref, []byte, error) {
	if len(stored) == 0 {
		return c.baseline(ctx, f, "")
	}
	var at cursor
	if err := json.Unmarshal(stored, &at); err != nil || at.Version != 1 {
		return nil, nil, connectors.Rejected("poll", f.record, "", "cursor", "the stored cursor cannot be read")
	}
	changes, err := c.changes(ctx, f, at.since())
	if err != nil {
		return nil, nil, err
	}
	if len(changes) == 0 && at.Last != "" {
		if err := c.checkZone(ctx, f, at); err != nil {
			return nil, nil, err
		}
	}
	seen := map[string]bool{}
	for _, digest := range at.Seen {
		seen[digest] = true
	}
	changed := report(changes, func(row change) bool { return !seen[row.digest()] })
	next, err := advance(at, changes)
	return changed, next, err
}

// report names the records of changes, oldest first and each once.
func report(changes []change, wanted func(change) bool) (changed []connectors.Ref) {
	reported := map[connectors.Ref]bool{}
	for _, row := range slices.Backward(changes) {
		if wanted(row) && !reported[row.ref] {
			reported[row.ref] = true
			changed = append(changed, row.ref)
		}
	}
	return changed
}

// baseline is where to begin: at what is there now. What changed at since or
// later is reported; "" is nothing.
func (c *Connector) baseline(ctx context.Context, f feed, since string) ([]connectors.Ref, []byte, error) {
	newest, err := c.newest(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	at := cursor{Version: 1, Last: newest}
	if newest == "" {
		next, err := advance(at, nil)
		return nil, next, err
	}
	window := at.since()
	if since != "" && since < window {
		window = since
	}
	changes, err := c.changes(ctx, f, window)
	if err != nil {
		return nil, nil, err
	}
	changed := report(changes, func(row change) bool { return since != "" && row.updated >= since })
	next, err := advance(at, changes)
	return changed, next, err
}

// newest is the time of the newest change that the user may see.
func (c *Connector) newest(ctx context.Context, f feed) (string, error) {
	q := f.query("ORDERBYDESC" + f.stamp)
	q.limit = findPage
	for r, err := range c.rows(ctx, q) {
		if err != nil {
			return "", err
		}
		if _, ok := f.ref(r); !ok {
			continue
		}
		if at := r.text(f.stamp); at != "" {
			return at, nil
		}
	}
	return "", nil
}

// changes lists rows that changed at or after since, newest first. In this
// order a record that changes while pages are read moves to the front and
// pushes the others towards the end: a row may come twice, and none is passed
// over. What moved to the front is newer than all that was seen, and the next
// poll's.
func (c *Connector) changes(ctx context.Context, f feed, since string) ([]change, error) {
	where := "ORDERBYDESC" + f.stamp + "^ORDERBYDESCsys_id"
	if since != "" {
		where = f.stamp + ">=" + since + "^" + where
	}
	var all []change
	for r, err := range c.rows(ctx, f.query(where)) {
		if err != nil {
			return nil, err
		}
		row := change{id: r.text("sys_id"), mod: r.text("sys_mod_count"), updated: r.text(f.stamp)}
		if row.id == "" || row.updated == "" {
			return nil, connectors.Rejected("poll", f.record, f.stamp, "no_updated_on",
				"the table has no "+f.stamp+", or the integration user may not read it, so changes cannot be found")
		}
		var wanted bool
		if row.ref, wanted = f.ref(r); wanted && row.updated >= since { // the condition may have been dropped
			all = append(all, row)
		}
	}
	return all, nil
}

// checkZone is asked when even the newest change that was seen is not in the
// answer. If the table still holds a row that the query should have found, the
// instance reads times in queries in another time zone than UTC, and changes
// would be missed in silence.
func (c *Connector) checkZone(ctx context.Context, f feed, at cursor) error {
	newest, err := c.newest(ctx, f)
	if err != nil || newest == "" || newest < at.since() {
		return err
	}
	again, err := c.changes(ctx, f, at.since())
	if err != nil || len(again) > 0 {
		return err // it changed just now; the next poll finds it
	}
	return connectors.Rejected("poll", f.record, "", "time_zone",
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
