package incidentio

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/paging"
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
	// began, if not nil, is set to when the system answered the first page, by its
	// own clock where it says so: what changed later than that may be missing.
	began *time.Time
}

// list shows the elements of all pages.
func (c *Connector) list(ctx context.Context, l listing) iter.Seq2[json.RawMessage, error] {
	list := paging.List[json.RawMessage, string]{
		Op: l.op, Record: l.record,
		Fetch: func(ctx context.Context, after string) (paging.Page[json.RawMessage, string], error) {
			return c.page(ctx, l, after)
		},
	}
	return list.All(ctx, l.query.Get("after"))
}

func (c *Connector) page(ctx context.Context, l listing, after string) (page paging.Page[json.RawMessage, string], err error) {
	query := url.Values{}
	maps.Copy(query, l.query)
	if l.paged {
		query.Set("page_size", strconv.Itoa(pageSize))
	}
	if after != "" {
		query.Set("after", after)
	}
	list := transport.Envelope{Member: l.member}
	now := time.Now()
	answer, err := c.client.Do(ctx, transport.Request{
		Op: l.op, Record: l.record, Method: http.MethodGet, Path: l.path, Query: query, Into: &list,
	})
	if err != nil {
		return page, err
	}
	if l.began != nil && l.began.IsZero() {
		*l.began = now
		if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
			*l.began = date
		}
	}
	if err := json.Unmarshal(list.Content(), &page.Items); err != nil {
		return page, c.unlisted(l, "it has no list of "+l.member)
	}
	page.Next = afterOf(list.Members["pagination_meta"])
	page.More = l.paged && page.Next != ""
	return page, nil
}

// clock is the system's time, as it says with the shortest answer that there is.
func (c *Connector) clock(ctx context.Context, l listing) (time.Time, error) {
	l.paged, l.query, l.began = false, url.Values{"page_size": {"1"}}, new(time.Time)
	_, err := c.page(ctx, l, "")
	return *l.began, err
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
