package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/names"
)

// named is the path of what a name means.
func named(path, name string) string { return path + url.PathEscape(name) }

// Links lists the links that a query picks, the one changed last first.
func (c *Client) Links(ctx context.Context, q engine.Query) ([]engine.LinkView, []byte, error) {
	return list[engine.LinkView](ctx, c, "/v1/links", q)
}

// Link shows the link that a name means.
func (c *Client) Link(ctx context.Context, name string) (engine.LinkView, []byte, error) {
	return call[engine.LinkView](ctx, c, http.MethodGet, named("/v1/links/", name), nil)
}

// Unlink parts a record from its ticket.
func (c *Client) Unlink(ctx context.Context, name string) (engine.LinkView, []byte, error) {
	return call[engine.LinkView](ctx, c, http.MethodDelete, named("/v1/links/", name), nil)
}

// Adopt links two records that both exist.
func (c *Client) Adopt(ctx context.Context, pair engine.Adoption) (engine.Adopted, []byte, error) {
	return call[engine.Adopted](ctx, c, http.MethodPost, "/v1/links", adoption{Adoption: pair})
}

// CheckAdoption says what Adopt would do; with operations, what the first reconcile would
// write as well.
func (c *Client) CheckAdoption(ctx context.Context, pair engine.Adoption, operations bool) (engine.Adopted, []byte, error) {
	return call[engine.Adopted](ctx, c, http.MethodPost, "/v1/links", adoption{Adoption: pair, Check: true, DryRun: operations})
}

// Routes lists how the routes do.
func (c *Client) Routes(ctx context.Context) ([]engine.RouteStatus, []byte, error) {
	return call[[]engine.RouteStatus](ctx, c, http.MethodGet, "/v1/routes", nil)
}

// PauseRoute pauses a route; by says who it is to those who wonder.
func (c *Client) PauseRoute(ctx context.Context, route, by string) (engine.RouteStatus, []byte, error) {
	return call[engine.RouteStatus](ctx, c, http.MethodPost, named("/v1/routes/", route)+"/pause", pausing{By: by})
}

// ResumeRoute lets a route go on.
func (c *Client) ResumeRoute(ctx context.Context, route string) (engine.RouteStatus, []byte, error) {
	return call[engine.RouteStatus](ctx, c, http.MethodPost, named("/v1/routes/", route)+"/resume", nil)
}

// Decisions lists what was decided about the record that a name means, or about all
// with an empty one, newest first; with a route, on that one.
func (c *Client) Decisions(ctx context.Context, name, route string, limit int) ([]engine.DecisionView, []byte, error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	set(query, "record", name)
	set(query, "route", route)
	return call[[]engine.DecisionView](ctx, c, http.MethodGet, "/v1/decisions?"+query.Encode(), nil)
}

// Dead lists the dead letters that a query picks, newest first.
func (c *Client) Dead(ctx context.Context, q engine.Query) ([]engine.LetterView, []byte, error) {
	return list[engine.LetterView](ctx, c, "/v1/dead", q)
}

// DeadLetter shows the dead letter that a name means.
func (c *Client) DeadLetter(ctx context.Context, name string) (engine.LetterView, []byte, error) {
	return call[engine.LetterView](ctx, c, http.MethodGet, named("/v1/dead/", name), nil)
}

// RetryDead has the daemon try again.
func (c *Client) RetryDead(ctx context.Context, name string) (engine.LetterView, []byte, error) {
	return call[engine.LetterView](ctx, c, http.MethodPost, named("/v1/dead/", name)+"/retry", nil)
}

// Retry is RetryDead that waits for what becomes of it, at most for a timeout where the
// record has to be looked at again.
func (c *Client) Retry(ctx context.Context, name string, timeout time.Duration) (Retried, []byte, error) {
	return call[Retried](ctx, c, http.MethodPost, named("/v1/dead/", name)+"/retry", waiting{new(duration(timeout))})
}

// Sync has the records looked at that a name means, and waits for what becomes of them.
func (c *Client) Sync(ctx context.Context, name string, timeout time.Duration) ([]engine.Outcome, []byte, error) {
	return call[[]engine.Outcome](ctx, c, http.MethodPost, "/v1/sync", syncing{Name: name, Timeout: duration(timeout)})
}

// DropDead forgets a dead letter.
func (c *Client) DropDead(ctx context.Context, name string) (engine.LetterView, []byte, error) {
	return call[engine.LetterView](ctx, c, http.MethodDelete, named("/v1/dead/", name), nil)
}

// Record reads the record that a name means, as its system gives it now, and what the
// rules are asked about it.
func (c *Client) Record(ctx context.Context, name string) (engine.RecordView, []byte, error) {
	return call[engine.RecordView](ctx, c, http.MethodGet, named("/v1/records/", name)+"?inputs=true", nil)
}

// Names returns stored names that begin with prefix; of says what they may be of.
func (c *Client) Names(ctx context.Context, of, prefix string) ([]names.Suggestion, []byte, error) {
	return call[[]names.Suggestion](ctx, c, http.MethodGet, "/v1/names?"+url.Values{"of": {of}, "prefix": {prefix}}.Encode(), nil)
}

// Why says what became of the record that a name means, and why.
func (c *Client) Why(ctx context.Context, name string) ([]engine.Why, []byte, error) {
	return call[[]engine.Why](ctx, c, http.MethodGet, named("/v1/why/", name), nil)
}

// list reads a list through all its pages, or up to the query's limit.
func list[T any](ctx context.Context, c *Client, path string, q engine.Query) (all []T, raw []byte, err error) {
	query := url.Values{}
	for name, value := range map[string]string{"name": q.Name, "route": q.Route, "state": string(q.State), "reason": q.Reason, "after": q.After} {
		set(query, name, value)
	}
	if q.Limit > 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	address := path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var elements []json.RawMessage
	for pages := 0; ; pages++ {
		page, answer, next, err := callFor[[]json.RawMessage](ctx, c, http.MethodGet, address, nil)
		if err != nil {
			return nil, answer, err
		}
		elements, raw = append(elements, page...), answer
		if next == "" || q.Limit > 0 {
			if pages > 0 {
				raw, err = json.Marshal(elements)
				raw = append(raw, '\n')
			}
			if err == nil {
				err = decodeAll(elements, &all)
			}
			return all, raw, err
		}
		address = next
	}
}

func decodeAll[T any](elements []json.RawMessage, into *[]T) error {
	*into = make([]T, len(elements))
	for i, element := range elements {
		if err := json.Unmarshal(element, &(*into)[i]); err != nil {
			return err
		}
	}
	return nil
}

func set(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}
