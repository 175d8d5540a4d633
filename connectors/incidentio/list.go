package incidentio

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

// pageSize is the largest page of the lists that are paged.
const pageSize = 250

// A listing is one list of the API, read to its end.
type listing struct {
	op     string
	record string // for errors
	path   string
	query  url.Values
	member string // of the answer
	paged  bool
}

// each calls f for every element of the list. It returns when the system
// answered the first page, by its own clock where it says so: what changed later
// than that may be missing.
func (c *Connector) each(ctx context.Context, l listing, f func(element json.RawMessage) error) (time.Time, error) {
	var began time.Time
	seen := map[string]bool{}
	query := url.Values{}
	for name, values := range l.query {
		query[name] = values
	}
	if l.paged {
		query.Set("page_size", strconv.Itoa(pageSize))
	}
	for {
		var page map[string]json.RawMessage
		now := time.Now()
		answer, err := c.client.Do(ctx, transport.Request{
			Op: l.op, Record: l.record, Method: http.MethodGet, Path: l.path, Query: query, Into: &page,
		})
		if err != nil {
			return began, err
		}
		if began.IsZero() {
			began = now
			if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
				began = date
			}
		}
		var elements []json.RawMessage
		if err := json.Unmarshal(page[l.member], &elements); err != nil {
			return began, c.unlisted(l, "it has no list of "+l.member)
		}
		for _, element := range elements {
			if err := f(element); err != nil {
				return began, err
			}
		}
		after := afterOf(page["pagination_meta"])
		if !l.paged || after == "" {
			return began, nil
		}
		if seen[after] {
			return began, c.unlisted(l, "its pages go round in a circle")
		}
		seen[after] = true
		query.Set("after", after)
	}
}

func (c *Connector) unlisted(l listing, why string) *connectors.Error {
	return &connectors.Error{
		Class: connectors.ClassRejected, Op: l.op, Record: l.record,
		Message: "the answer is not as the API describes it: " + why,
	}
}

// afterOf is where the next page begins; empty: this was the last. Of incidents
// pagination_meta itself is optional.
func afterOf(meta json.RawMessage) string {
	var m struct {
		After string `json:"after"`
	}
	if json.Unmarshal(meta, &m) != nil {
		return ""
	}
	return m.After
}
