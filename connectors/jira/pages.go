package jira

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/paging"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

// How many elements a page has at most.
const (
	searchPage = 500
	listPage   = 100
)

// A query is a search for issues: what each hit shows is a field, which Jira needs
// one of, and if it is named a property.
type query struct{ jql, field, property string }

// A hit is an issue that a search found.
type hit struct {
	ID     string `json:"id"`
	Fields struct {
		Updated string `json:"updated"`
	} `json:"fields"`
	Properties map[string]struct {
		Value string `json:"value"`
	} `json:"properties"`
}

// search runs a query and shows the hits of all its pages.
func (c *Connector) search(ctx context.Context, op, record string, q query) iter.Seq2[hit, error] {
	list := paging.List[hit, string]{
		Op: op, Record: record, ID: func(h hit) string { return h.ID },
		Fetch: func(ctx context.Context, token string) (paging.Page[hit, string], error) {
			request := map[string]any{"jql": q.jql, "fields": []string{q.field}, "maxResults": searchPage}
			if q.property != "" {
				request["properties"] = []string{q.property}
			}
			if token != "" {
				request["nextPageToken"] = token
			}
			var page struct {
				Issues []hit  `json:"issues"`
				Next   string `json:"nextPageToken"`
				Last   bool   `json:"isLast"`
			}
			_, err := c.do(ctx, transport.Request{
				Op: op, Record: record, Method: http.MethodPost, Path: api + "/search/jql", JSON: request, Repeatable: true, Into: &page,
			}, "")
			return paging.Page[hit, string]{Items: page.Issues, More: page.Next != "" && !page.Last, Next: page.Next}, err
		},
	}
	return list.All(ctx, "")
}

// A counted list begins its pages at a number of elements, and tells how many
// there are.
type counted struct {
	op, record string // for errors
	path       string
	query      url.Values
	member     string // of the answer
}

// listed shows what is in all pages of a list. id may be nil.
func listed[T any](ctx context.Context, c *Connector, l counted, id func(T) string) iter.Seq2[T, error] {
	list := paging.List[T, int]{
		Op: l.op, Record: l.record, ID: id,
		Fetch: func(ctx context.Context, start int) (paging.Page[T, int], error) {
			query := url.Values{"startAt": {strconv.Itoa(start)}, "maxResults": {strconv.Itoa(listPage)}}
			maps.Copy(query, l.query)
			var answer map[string]json.RawMessage
			if err := c.get(ctx, l.op, l.record, l.path, query, &answer); err != nil {
				return paging.Page[T, int]{}, err
			}
			var page paging.Page[T, int]
			var total int
			var last bool
			for member, into := range map[string]any{l.member: &page.Items, "total": &total, "isLast": &last} {
				if raw := answer[member]; raw != nil && json.Unmarshal(raw, into) != nil {
					return page, connectors.Unclear(l.op, l.record, "the answer is not the JSON that was expected")
				}
			}
			page.Next = start + len(page.Items)
			page.More = !last && len(page.Items) > 0 && page.Next < total
			return page, nil
		},
	}
	return list.All(ctx, 0)
}
