package jira

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/polling"
)

// Times in JQL have minutes, and clocks differ: each poll looks this far, and
// as far as the search may lag, behind the newest change it has seen.
const pollMargin = 5 * time.Minute

// feed is the list of what changed in a collection.
func (c *Connector) feed(collection connectors.Collection) polling.Feed {
	return polling.Feed{
		Record: collection.String(), Overlap: c.overlap, Margin: time.Minute, Layout: time.RFC3339Nano, Rebase: true,
		Changes: func(ctx context.Context, since time.Time) ([]polling.Change, time.Time, error) {
			changes, err := c.changes(ctx, collection, since)
			return changes, c.http.Clock(), err
		},
	}
}

// Poll lists what changed since the cursor. Where nothing changed, it is one
// request.
func (c *Connector) Poll(ctx context.Context, collection connectors.Collection, stored []byte) ([]connectors.Ref, []byte, error) {
	if len(stored) == 0 {
		return c.feed(collection).Begin(ctx, time.Now(), time.Time{})
	}
	return c.feed(collection).Follow(ctx, stored)
}

// PollSince begins a poll at a moment that has passed.
func (c *Connector) PollSince(ctx context.Context, collection connectors.Collection, since time.Time) ([]connectors.Ref, []byte, error) {
	return c.feed(collection).Begin(ctx, since, since.Truncate(time.Millisecond))
}

// changes lists issues that changed since a time, newest first: an issue that
// changes while pages are read moves to the front and pushes others towards the
// end, where they come twice. The time is given as so many minutes ago, for a
// date would be read in the time zone of the account's profile.
func (c *Connector) changes(ctx context.Context, collection connectors.Collection, since time.Time) ([]polling.Change, error) {
	minutes := int(time.Since(since)/time.Minute) + 1
	jql := "updated >= -" + strconv.Itoa(max(minutes, 1)) + "m ORDER BY updated DESC, created DESC"
	var changes []polling.Change
	for h, err := range c.search(ctx, "poll", collection.String(), query{jql: jql, field: "updated"}) {
		if err != nil {
			return nil, err
		}
		at, ok := moment(h.Fields.Updated)
		if !ok || h.ID == "" {
			return nil, connectors.Rejected("poll", collection.String(), "updated", "no_updated", fmt.Sprintf("issue %s has no time of its last change, so changes cannot be found", h.ID))
		}
		changes = append(changes, polling.Change{ID: h.ID + "\x00" + h.Fields.Updated, At: at, Ref: collection.Ref(h.ID)})
	}
	return changes, nil
}
