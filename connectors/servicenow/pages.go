package servicenow

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/paging"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

// Rows that were deleted move those behind them to the front, so each page
// begins this many rows early, or half a page.
const pageOverlap = 20

// columnName is how ServiceNow names columns, with the columns of references
// after a dot.
var columnName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)

// queryable reports whether a value can stand in an encoded query. A "^" would
// end the condition and begin another, and "javascript:" would be run.
func queryable(value string) bool {
	return value != "" && !strings.ContainsAny(value, "^\r\n") &&
		!strings.HasPrefix(strings.ToLower(strings.TrimSpace(value)), "javascript:")
}

// oldestFirst ends a query.
const oldestFirst = "^ORDERBYsys_created_on^ORDERBYsys_id"

// A query asks for rows of a table.
type query struct {
	op, record string // for errors
	table      string
	where      string // conditions and order, encoded
	fields     string // "": all
	limit      int    // rows a page; 0: the connector's
	// total, if not nil, is set to how many rows there are, those too that the user
	// may not see; 0 where the instance does not say.
	total *int
}

// rows are what a query finds, through all its pages, each row once.
func (c *Connector) rows(ctx context.Context, q query) iter.Seq2[row, error] {
	if q.limit == 0 {
		q.limit = c.pageSize
	}
	list := paging.List[row, int]{
		Op: q.op, Record: q.record,
		Fetch: func(ctx context.Context, offset int) (paging.Page[row, int], error) { return c.page(ctx, q, offset) },
		ID:    func(r row) string { return r.text("sys_id") },
	}
	return list.All(ctx, 0)
}

// first are the rows of the first page, and whether there are others.
func (c *Connector) first(ctx context.Context, q query) ([]row, bool, error) {
	page, err := c.page(ctx, q, 0)
	return page.Items, page.More, err
}

// page asks for one page. The limit counts rows before permissions are looked
// at, so that a page with few rows, or none, need not be the last.
func (c *Connector) page(ctx context.Context, q query, offset int) (paging.Page[row, int], error) {
	parameters := plainValues()
	parameters.Set("sysparm_query", q.where)
	if q.fields != "" {
		parameters.Set("sysparm_fields", q.fields)
	}
	parameters.Set("sysparm_limit", strconv.Itoa(q.limit))
	parameters.Set("sysparm_offset", strconv.Itoa(offset))
	path := tableAPI + q.table
	if q.table == attachmentTable { // its own API shows the files of all records that the user may read
		path = attachmentAPI
		for _, unknown := range []string{"sysparm_fields", "sysparm_display_value", "sysparm_exclude_reference_link"} {
			parameters.Del(unknown)
		}
	}
	var into result[[]row]
	answer, err := c.do(ctx, transport.Request{
		Op: q.op, Record: q.record, Method: http.MethodGet, Path: path, Query: parameters, Into: &into,
	})
	var failure *connectors.Error
	if errors.As(err, &failure) && failure.Class == connectors.ClassGone {
		// The first version of the API answers so when nothing matches.
		if strings.Contains(failure.Message, noRecord) {
			return paging.Page[row, int]{}, nil
		}
		failure.Class = connectors.ClassRejected
	}
	if err != nil {
		return paging.Page[row, int]{}, err
	}
	if q.total != nil {
		*q.total, _ = strconv.Atoi(strings.TrimSpace(answer.Header.Get("X-Total-Count"))) // 0: it does not say
	}
	return paging.Page[row, int]{
		Items: into.value,
		More:  hasMore(answer.Header, offset+q.limit, len(into.value)),
		Next:  offset + q.limit - min(pageOverlap, q.limit/2),
	}, nil
}

// hasMore reports whether rows follow the first seen ones of a query.
func hasMore(h http.Header, seen, rows int) bool {
	links := strings.Join(h.Values("Link"), ",")
	total, err := strconv.Atoi(strings.TrimSpace(h.Get("X-Total-Count")))
	switch {
	case err == nil && links != "":
		return seen < total && strings.Contains(links, `rel="next"`)
	case err == nil:
		return seen < total
	case links != "":
		return strings.Contains(links, `rel="next"`)
	default: // a proxy took both headers off
		return rows > 0
	}
}
