package servicenow

import (
	"context"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/polling"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// sys_updated_on has seconds, and a transaction that takes long commits with a
// time that has passed: each poll looks this far back behind the newest change
// it has seen.
const pollOverlap = 5 * time.Minute

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
	return c.begin(ctx, records(collection), since.Truncate(time.Second))
}

// follow lists what a feed brought since the cursor.
func (c *Connector) follow(ctx context.Context, f feed, stored []byte) ([]connectors.Ref, []byte, error) {
	if len(stored) == 0 {
		return c.begin(ctx, f, time.Time{})
	}
	return c.list(f).Follow(ctx, stored)
}

// begin begins at what is there now.
func (c *Connector) begin(ctx context.Context, f feed, since time.Time) ([]connectors.Ref, []byte, error) {
	newest, known, err := c.newest(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	if now := c.http.Clock(); !known || newest.After(now) {
		newest = now
	}
	return c.list(f).Begin(ctx, newest, since)
}

// list is a feed as it is followed.
func (c *Connector) list(f feed) polling.Feed {
	return polling.Feed{
		Record: f.record, Overlap: pollOverlap, Layout: timeLayout, FromStart: true,
		Changes: func(ctx context.Context, since time.Time) ([]polling.Change, time.Time, error) {
			changes, err := c.changes(ctx, f, since)
			return changes, c.http.Clock(), err // a script may have stamped a row with any time
		},
		Unchanged: func(ctx context.Context, since time.Time) error { return c.checkZone(ctx, f, since) },
	}
}

// newestPages is how far the newest row that the user may see is looked for, in
// pages: those that may not be seen are left out of them, and a table may hold
// millions.
const newestPages = 4

// newest is the time of the newest change that the user may see; the zero time
// where there is none. known is false where none of the newest may be seen.
func (c *Connector) newest(ctx context.Context, f feed) (at time.Time, known bool, err error) {
	q := f.query("ORDERBYDESC" + f.stamp)
	q.limit = findPage
	offset := 0
	for range newestPages {
		page, err := c.page(ctx, q, offset)
		if err != nil {
			return time.Time{}, false, err
		}
		for _, r := range page.Items {
			if _, ok := f.ref(r); !ok {
				continue
			}
			if at, ok := values.ParseTime(r.text(f.stamp), timeLayout); ok {
				return at, true, nil
			}
		}
		if !page.More {
			return time.Time{}, true, nil
		}
		offset = page.Next
	}
	return time.Time{}, false, nil
}

// changes lists rows that changed at or after since, newest first. In this
// order a record that changes while pages are read moves to the front and
// pushes the others towards the end: a row may come twice, and none is passed
// over. What moved to the front is newer than all that was seen, and the next
// poll's.
func (c *Connector) changes(ctx context.Context, f feed, since time.Time) ([]polling.Change, error) {
	where := "ORDERBYDESC" + f.stamp + "^ORDERBYDESCsys_id"
	if !since.IsZero() {
		where = f.stamp + ">=" + since.UTC().Format(timeLayout) + "^" + where
	}
	var all []polling.Change
	for r, err := range c.rows(ctx, f.query(where)) {
		if err != nil {
			return nil, err
		}
		id, updated := r.text("sys_id"), r.text(f.stamp)
		at, ok := values.ParseTime(updated, timeLayout)
		if id == "" || !ok {
			return nil, connectors.Rejected("poll", f.record, f.stamp, "no_updated_on",
				"the table has no "+f.stamp+", or the integration user may not read it, so changes cannot be found")
		}
		if ref, wanted := f.ref(r); wanted && !at.Before(since) { // the condition may have been dropped
			all = append(all, polling.Change{ID: id + "\x00" + r.text("sys_mod_count") + "\x00" + updated, At: at, Ref: ref})
		}
	}
	return all, nil
}

// checkZone is asked when even the newest change that was seen is not in the
// answer. If the table still holds a row that the query should have found, the
// instance reads times in queries in another time zone than UTC, and changes
// would be missed in silence.
func (c *Connector) checkZone(ctx context.Context, f feed, since time.Time) error {
	newest, known, err := c.newest(ctx, f)
	if err != nil || !known || newest.Before(since) {
		return err
	}
	again, err := c.changes(ctx, f, since)
	if err != nil || len(again) > 0 {
		return err // it changed just now; the next poll finds it
	}
	return connectors.Rejected("poll", f.record, "", "time_zone",
		fmt.Sprintf("a query for changes since %s UTC does not find one of %s UTC; set the integration user's time zone to GMT in its sys_user record",
			since.Format(timeLayout), newest.Format(timeLayout)))
}
