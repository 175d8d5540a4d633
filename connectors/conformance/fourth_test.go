package conformance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/cache"
	"github.com/lockstep-sync/lockstep/connectors/conformance"
	"github.com/lockstep-sync/lockstep/connectors/paging"
	"github.com/lockstep-sync/lockstep/connectors/polling"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/connectors/transport"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// TestFourthConnector holds a small connector to the contract: it is made of the
// frame, and says no more than how its system's API differs from others.
func TestFourthConnector(t *testing.T) {
	conformance.Run(t, conformance.System{
		Secrets: []string{deskToken}, ReadTries: 3,
		Start: func(_ *testing.T, logger *slog.Logger) conformance.Subject {
			d := newDesk()
			d.tickets, d.ids = []*ticket{{ID: 1, Title: "Slow", Text: "since noon", Creator: "ann", Updated: time.Now().UTC()}}, 1
			return conformance.Subject{
				Connector: newFourth(connectors.Env{RoundTripper: d.RoundTripper(), Logger: logger}), Endpoint: d.Endpoint,
				Record: deskTickets.Ref("1"), Text: "text",
				Create:  map[string]any{"title": "Database down", "assignee": connectors.Lookup{Key: "email", Value: "ann@desk.example"}, "labels": "db, slow"},
				Comment: []string{"note"}, Say: func(text string) { d.comment(1, text) }, Edit: func(text string) { d.edit(1, text) },
				Settle: time.Minute,
			}
		},
	})
}

var deskTickets = connectors.Collection{Type: "desk", Connector: "it", Record: "ticket"}

// A fourth is a connector to a desk.
type fourth struct {
	http   *transport.Client
	people *cache.Cache[string, resolve.Found]
}

var (
	_ connectors.Target       = (*fourth)(nil)
	_ connectors.Poller       = (*fourth)(nil)
	_ connectors.PollBeginner = (*fourth)(nil)
	_ connectors.Commenter    = (*fourth)(nil)
)

func newFourth(env connectors.Env) *fourth {
	return &fourth{
		people: cache.New[string](resolve.Found.Missing),
		http: transport.New(transport.Options{
			Connector: "it", BaseURL: deskURL, Env: env,
			Authorize: func(_ context.Context, r *http.Request) error {
				r.Header.Set("Authorization", "Bearer "+deskToken)
				return nil
			},
			Secrets: func() []connectors.Secret { return []connectors.Secret{deskToken} },
			Refusal: func(a *transport.Answer, failure *connectors.Error) {
				var said struct{ Error string }
				if json.Unmarshal(a.Body, &said) != nil || said.Error == "" {
					return
				}
				failure.Message = said.Error
				switch a.Status {
				case http.StatusNotFound:
					failure.Code = "not_found"
				case http.StatusForbidden:
					failure.Code = "forbidden"
				}
			},
		}),
	}
}

func (c *fourth) Throttled() time.Time { return c.http.PausedUntil() }

// do reads an answer that has a member of the name; without it, it is not the
// system's own.
func (c *fourth) do(ctx context.Context, op, record, method, path string, query url.Values, body any, member string, into any) error {
	answer, err := c.http.Do(ctx, transport.Request{
		Op: op, Record: record, Method: method, Path: path, Query: query, JSON: body, Into: &transport.Envelope{Member: member},
	})
	if err != nil {
		return err
	}
	return json.Unmarshal(answer.Body, into)
}

func (c *fourth) record(t ticket) connectors.Record {
	ref := deskTickets.Ref(strconv.Itoa(t.ID))
	fields := map[string]any{"title": values.OrNil(t.Title), "text": values.OrNil(t.Text), "assignee": values.OrNil(t.Assignee)}
	labels := []any{}
	for _, label := range t.Labels {
		labels = append(labels, label)
	}
	fields["labels"] = labels
	return connectors.Record{
		Ref: ref, Fields: fields, Number: "T" + ref.ID, URL: deskURL + "/t/" + ref.ID, Version: strconv.Itoa(t.Version), UpdatedAt: t.Updated,
		CreatedBy: t.Creator, Foreign: t.Creator != "bot", Key: t.Key, Stamp: t.Stamp,
	}
}

// send asks for one ticket, or writes it.
func (c *fourth) send(ctx context.Context, op, record, method, path string, body any) (connectors.Record, error) {
	var t ticket
	if err := c.do(ctx, op, record, method, path, nil, body, "id", &t); err != nil {
		return connectors.Record{}, err
	}
	return c.record(t), nil
}

func (c *fourth) Read(ctx context.Context, ref connectors.Ref) (connectors.Record, error) {
	return c.send(ctx, "read", ref.String(), http.MethodGet, "/tickets/"+url.PathEscape(ref.ID), nil)
}

func (c *fourth) Update(ctx context.Context, change connectors.Change) (connectors.Record, error) {
	return c.send(ctx, "update", change.Ref.String(), http.MethodPatch, "/tickets/"+url.PathEscape(change.Ref.ID), body(change.Fields, "", change.Stamp))
}

func (c *fourth) Create(ctx context.Context, draft connectors.Draft) (connectors.Record, error) {
	return c.send(ctx, "create", draft.Collection.String(), http.MethodPost, "/tickets", body(draft.Fields, draft.Key, draft.Stamp))
}

func body(fields map[string]any, key, stamp string) map[string]any {
	all := map[string]any{"stamp": stamp}
	if key != "" {
		all["key"] = key
	}
	for name, v := range fields {
		if v != nil {
			all[name] = v
		}
	}
	return all
}

func (c *fourth) Resolve(ctx context.Context, record string, fields map[string]any) (map[string]any, map[string]*connectors.Error, error) {
	return resolve.Fields(record, fields, func(name string, v any) (any, error) {
		v, err := resolve.Lookups(v, name == "labels", func(l connectors.Lookup) (any, error) {
			return resolve.Lookup(l, func(_, email string) (resolve.Found, error) {
				return c.people.Fetch(email, func() (resolve.Found, error) { return c.person(ctx, email) })
			})
		})
		if err != nil || v == nil {
			return nil, err
		}
		if name == "labels" {
			v, err = values.List(v)
		} else {
			v, err = values.Text(v)
		}
		return v, resolve.Mistyped(err)
	})
}

func (c *fourth) person(ctx context.Context, email string) (resolve.Found, error) {
	var ids []string
	_, err := c.http.Do(ctx, transport.Request{Op: "lookup", Record: "it", Method: http.MethodGet, Path: "/people", Query: url.Values{"email": {email}}, Into: &ids})
	return resolve.OneOf(ids, "nobody has this email", "several people have this email"), err
}

func (c *fourth) Same(_, field string, want, have any) bool {
	if field == "labels" {
		return fmt.Sprint(values.Set(want, false)) == fmt.Sprint(values.Set(have, false))
	}
	return values.Empty(want) && values.Empty(have) || want == have
}

// list shows what is on all pages.
func list[T any](ctx context.Context, c *fourth, op, record, path string, query url.Values, id func(T) string) iter.Seq2[T, error] {
	return paging.List[T, int]{
		Op: op, Record: record, ID: id,
		Fetch: func(ctx context.Context, at int) (paging.Page[T, int], error) {
			var answer struct {
				Items []T `json:"items"`
				Next  int `json:"next"`
			}
			query.Set("page", strconv.Itoa(at))
			err := c.do(ctx, op, record, http.MethodGet, path, query, nil, "items", &answer)
			return paging.Page[T, int]{Items: answer.Items, More: answer.Next > 0, Next: answer.Next}, err
		},
	}.All(ctx, 0)
}

func (c *fourth) tickets(ctx context.Context, op, filter, value string) iter.Seq2[ticket, error] {
	return list(ctx, c, op, deskTickets.String(), "/tickets", url.Values{filter: {value}}, func(t ticket) string { return strconv.Itoa(t.ID) })
}

func (c *fourth) FindByKey(ctx context.Context, _ connectors.Collection, key string) (found []connectors.Record, err error) {
	for t, err := range c.tickets(ctx, "find", "key", key) {
		if err != nil {
			return nil, err
		}
		found = append(found, c.record(t))
	}
	return found, nil
}

func (c *fourth) feed() polling.Feed {
	return polling.Feed{
		Record: deskTickets.String(), Overlap: time.Minute, Layout: time.RFC3339Nano,
		Changes: func(ctx context.Context, since time.Time) (all []polling.Change, until time.Time, err error) {
			for t, err := range c.tickets(ctx, "poll", "since", since.Format(time.RFC3339)) {
				if err != nil {
					return nil, until, err
				}
				r := c.record(t)
				all = append(all, polling.Change{ID: r.Ref.ID + "\x00" + r.Version, At: t.Updated, Ref: r.Ref})
			}
			return all, until, nil
		},
	}
}

func (c *fourth) Poll(ctx context.Context, _ connectors.Collection, cursor []byte) ([]connectors.Ref, []byte, error) {
	if cursor == nil {
		return c.feed().Begin(ctx, time.Now(), time.Time{})
	}
	return c.feed().Follow(ctx, cursor)
}

func (c *fourth) PollSince(ctx context.Context, _ connectors.Collection, since time.Time) ([]connectors.Ref, []byte, error) {
	return c.feed().Begin(ctx, since, since)
}

func (c *fourth) Comments(ctx context.Context, record connectors.Record, since time.Time) (all []connectors.Comment, err error) {
	path := "/tickets/" + record.Ref.ID + "/comments"
	for m, err := range list(ctx, c, "comments", record.Ref.String(), path, url.Values{}, func(m deskComment) string { return strconv.Itoa(m.ID) }) {
		if err != nil {
			return nil, err
		}
		if !m.At.Before(since) {
			all = append(all, connectors.Comment{ID: strconv.Itoa(m.ID), Kind: "note", Author: m.Author, Text: m.Text, At: m.At, Marker: m.Marker})
		}
	}
	return all, nil
}

func (c *fourth) Comment(ctx context.Context, post connectors.NewComment) (connectors.CommentReceipt, error) {
	ref := post.Record.Ref
	var made deskComment
	err := c.do(ctx, "comment", ref.String(), http.MethodPost, "/tickets/"+ref.ID+"/comments", nil, map[string]any{"text": post.Text, "marker": post.Marker}, "id", &made)
	if err != nil {
		return connectors.CommentReceipt{}, err
	}
	return connectors.CommentReceipt{ID: strconv.Itoa(made.ID)}, nil
}
