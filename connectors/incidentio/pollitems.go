package incidentio

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/polling"
)

// An itemCursor says where a poll of updates begins. Anchor is an update older
// than the overlap, where the list is known to go on with newer ones.
type itemCursor struct {
	polling.Cursor
	timelines
	Anchor   string    `json:"anchor,omitempty"`
	AnchorAt time.Time `json:"anchor_at,omitzero"`
}

// errMisled ends a reading from an anchor behind which older updates stand.
var errMisled = errors.New("the list is in another order")

// PollItems finds the incidents that an update with a message was shared on, and
// the live ones on whose timelines people have written.
//
// The API lists updates of the whole account, without a filter, and does not
// say in which order. Where newer ones come first, it is read until what is
// older than the overlap, which is one request when nothing is new. Where they
// come last, it is read to its end once and then from where that was.
//
// Attachments cannot be asked for in bulk: they are found when their incident is
// looked at. Follow-ups have nothing of their own.
func (c *Connector) PollItems(ctx context.Context, items connectors.Items, records []string, from []byte) ([]connectors.Ref, []byte, error) {
	if items != connectors.CommentItems || !slices.Contains(records, incidentRecord) {
		return nil, from, nil
	}
	collection := c.collection(incidentRecord)
	list := listing{
		op: "poll items", record: collection.String(), paged: true, query: url.Values{},
		path: "/v2/incident_updates", member: "incident_updates",
	}
	feed := c.feed(collection, list)
	var last itemCursor
	baseline := from == nil
	if baseline {
		now, err := c.clock(ctx, list)
		if err != nil {
			return nil, nil, err
		}
		last.Cursor = feed.At(now)
	} else if json.Unmarshal(from, &last) != nil || !feed.Valid(last.Cursor) {
		return nil, nil, feed.Unreadable()
	}
	start := feed.Start(last.Cursor).Truncate(time.Second)
	found, began, err := c.updates(ctx, list, last, start)
	if last.Anchor != "" && isMisled(err) {
		last.Anchor, last.AnchorAt = "", time.Time{}
		found, began, err = c.updates(ctx, list, last, start)
	}
	if err != nil {
		return nil, nil, err
	}
	written, seen, err := c.newItems(ctx, last.timelines, last.Timelines == nil)
	if err != nil {
		return nil, nil, err
	}
	next := itemCursor{Cursor: feed.Advance(last.Cursor, found.changes, began), timelines: seen, Anchor: last.Anchor, AnchorAt: last.AnchorAt}
	if found.anchor != "" {
		next.Anchor, next.AnchorAt = found.anchor, found.anchorAt
	}
	stored, err := json.Marshal(next)
	if err != nil || baseline {
		return nil, stored, err
	}
	changed := polling.Unseen(last.Cursor, found.changes)
	for _, ref := range written {
		if !slices.Contains(changed, ref) {
			changed = append(changed, ref)
		}
	}
	return changed, stored, nil
}

// isMisled reports whether an anchor is of no use: older updates follow it, or
// the API knows it no more.
func isMisled(err error) bool {
	var refused *connectors.Error
	return errors.Is(err, errMisled) ||
		errors.As(err, &refused) && refused.Class == connectors.ClassRejected && refused.Status == http.StatusUnprocessableEntity
}

// sharedUpdates are the updates since the start of a window. Those without a
// message are about no incident.
type sharedUpdates struct {
	changes []polling.Change
	// anchor is the newest that is older, where newer ones follow.
	anchor   string
	anchorAt time.Time
}

func (c *Connector) updates(ctx context.Context, list listing, from itemCursor, start time.Time) (sharedUpdates, time.Time, error) {
	var found sharedUpdates
	if from.Anchor != "" {
		list.query = url.Values{"after": {from.Anchor}}
	}
	var before time.Time
	rises, falls := from.Anchor != "", false
	var began time.Time
	list.began = &began
	for element, err := range c.list(ctx, list) {
		if err != nil {
			return found, began, err
		}
		var update struct {
			ID         string    `json:"id"`
			IncidentID string    `json:"incident_id"`
			Message    string    `json:"message"`
			CreatedAt  time.Time `json:"created_at"`
		}
		if json.Unmarshal(element, &update) != nil || update.ID == "" || update.IncidentID == "" || update.CreatedAt.IsZero() {
			return found, began, c.unlisted(list, "an element has no id, incident_id or created_at")
		}
		at := update.CreatedAt.UTC()
		if at.Before(from.AnchorAt) {
			return found, began, errMisled
		}
		if !before.IsZero() {
			rises, falls = rises || at.After(before), falls || at.Before(before)
		}
		before = at
		if at.Before(start) {
			if falls && !rises {
				break
			}
			found.anchor, found.anchorAt = update.ID, at
			continue
		}
		change := polling.Change{ID: update.ID + "\x00" + at.Format(time.RFC3339Nano), At: at}
		if update.Message != "" {
			change.Ref = c.collection(incidentRecord).Ref(update.IncidentID)
		}
		found.changes = append(found.changes, change)
	}
	if !rises || falls {
		found.anchor, found.anchorAt = "", time.Time{}
	}
	return found, began, nil
}
