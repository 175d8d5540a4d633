package jira

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/paging"
)

// Times in JQL have minutes, and clocks differ: each poll looks this far, and
// as far as the search may lag, behind the newest change it has seen.
const pollMargin = 5 * time.Minute

// maxSeen bounds a cursor; what falls off is reported again.
const maxSeen = 20_000

// A cursor is where a poll ended. It holds no record's contents.
type cursor struct {
	Version int       `json:"v"`
	Last    time.Time `json:"last"` // of the newest change seen
	// Seen are the changes of the overlap that were reported, as short digests.
	Seen []string `json:"seen,omitempty"`
}

func digest(f hit) string {
	sum := sha256.Sum256([]byte(f.ID + "\x00" + f.Fields.Updated))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// Poll lists what changed since the cursor. What was seen is told by issue and
// time of its change, so that nothing is lost among changes of one moment, nor
// one that the search shows late. Where nothing changed, it is one request.
func (c *Connector) Poll(ctx context.Context, collection connectors.Collection, stored []byte) ([]connectors.Ref, []byte, error) {
	at := cursor{Version: 1, Last: time.Now().UTC()}
	if len(stored) > 0 {
		if err := json.Unmarshal(stored, &at); err != nil || at.Version != 1 || at.Last.IsZero() {
			return nil, nil, connectors.Rejected("poll", collection.String(), "", "cursor", "the stored cursor cannot be read")
		}
	}
	hits, err := c.changes(ctx, collection, at.Last.Add(-c.overlap))
	if err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	for _, d := range at.Seen {
		seen[d] = true
	}
	changed := report(collection, hits, func(h hit) bool { return len(stored) > 0 && !seen[digest(h)] })
	next, err := c.advance(at, hits, len(stored) == 0)
	return changed, next, err
}

// PollSince begins a poll at a moment that has passed.
func (c *Connector) PollSince(ctx context.Context, collection connectors.Collection, since time.Time) ([]connectors.Ref, []byte, error) {
	hits, err := c.changes(ctx, collection, since.Add(-c.overlap))
	if err != nil {
		return nil, nil, err
	}
	changed := report(collection, hits, func(h hit) bool {
		at, _ := moment(h.Fields.Updated)
		return !at.Before(since.Truncate(time.Millisecond))
	})
	next, err := c.advance(cursor{Version: 1, Last: since.UTC()}, hits, true)
	return changed, next, err
}

// report names the issues of changes, oldest first and each once.
func report(collection connectors.Collection, hits []hit, wanted func(hit) bool) (changed []connectors.Ref) {
	reported := map[string]bool{}
	for _, hit := range oldestFirst(hits) {
		if wanted(hit) && !reported[hit.ID] {
			reported[hit.ID] = true
			changed = append(changed, collection.Ref(hit.ID))
		}
	}
	return changed
}

// oldestFirst are hits by the time of their change, those of one moment by id.
func oldestFirst(hits []hit) []hit {
	sorted := slices.Clone(hits)
	slices.SortStableFunc(sorted, func(a, b hit) int {
		at, _ := moment(a.Fields.Updated)
		bt, _ := moment(b.Fields.Updated)
		return cmp.Or(at.Compare(bt), compareIDs(a.ID, b.ID))
	})
	return sorted
}

// changes lists issues that changed since a time, newest first: an issue that
// changes while pages are read moves to the front and pushes others towards the
// end, where they come twice. The time is given as so many minutes ago, for a
// date would be read in the time zone of the account's profile.
func (c *Connector) changes(ctx context.Context, collection connectors.Collection, since time.Time) ([]hit, error) {
	minutes := int(time.Since(since)/time.Minute) + 1
	jql := "updated >= -" + strconv.Itoa(max(minutes, 1)) + "m ORDER BY updated DESC, created DESC"
	hits, err := paging.Collect(c.search(ctx, "poll", collection.String(), jql, "updated"))
	if err != nil {
		return nil, err
	}
	for _, hit := range hits {
		if _, ok := moment(hit.Fields.Updated); !ok || hit.ID == "" {
			return nil, connectors.Rejected("poll", collection.String(), "updated", "no_updated", fmt.Sprintf("issue %s has no time of its last change, so changes cannot be found", hit.ID))
		}
	}
	return hits, nil
}

// advance moves a cursor past the changes. At the beginning it stands at the
// newest change that there is, or now.
func (c *Connector) advance(at cursor, hits []hit, begins bool) ([]byte, error) {
	next := cursor{Version: 1, Last: at.Last}
	for i, hit := range hits {
		changed, _ := moment(hit.Fields.Updated)
		if begins && i == 0 || changed.After(next.Last) {
			next.Last = changed
		}
	}
	since := next.Last.Add(-c.overlap).Add(-time.Minute)
	for _, hit := range hits { // newest first, so that the oldest fall off
		if changed, _ := moment(hit.Fields.Updated); !changed.Before(since) && len(next.Seen) < maxSeen {
			next.Seen = append(next.Seen, digest(hit))
		}
	}
	slices.Sort(next.Seen) // the same cursor for the same changes
	next.Seen = slices.Compact(next.Seen)
	return json.Marshal(next)
}
