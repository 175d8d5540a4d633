package conformance_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

const (
	deskURL   = "https://desk.example"
	deskToken = "desk-token-0451"
	deskPage  = 2
)

// A ticket, as the API shows it.
type ticket struct {
	ID       int       `json:"id"`
	Title    string    `json:"title"`
	Text     string    `json:"text"`
	Assignee string    `json:"assignee"`
	Labels   []string  `json:"labels"`
	Version  int       `json:"version"`
	Updated  time.Time `json:"updated"`
	Creator  string    `json:"creator"`
	Key      string    `json:"key"`
	Stamp    string    `json:"stamp"`

	comments []deskComment
}

type deskComment struct {
	ID     int       `json:"id"`
	Author string    `json:"author"`
	Text   string    `json:"text"`
	Marker string    `json:"marker"`
	At     time.Time `json:"at"`
}

// A desk is a small ticket system: tickets, comments and people.
type desk struct {
	*simulator.Endpoint
	mu      simulator.Mutex // guards what follows
	tickets []*ticket
	people  map[string]string // ids by email
	ids     int
}

func newDesk() *desk {
	d := &desk{people: map[string]string{"ann@desk.example": "p1", "twin@desk.example": "p2,p3"}}
	say := func(status int, message string) simulator.Answer {
		return answer(status, map[string]string{"error": message})
	}
	stranger := func(*simulator.Call) simulator.Answer { return say(http.StatusUnauthorized, "who are you?") }
	d.Endpoint = simulator.New(simulator.System{
		State: &d.mu, Handle: d.handle,
		Auth: &simulator.Auth{Missing: stranger, Refused: stranger, Bearer: func(token string) *simulator.Account {
			if token != deskToken {
				return nil
			}
			return &simulator.Account{Name: "bot"}
		}},
		Throttled: func(pause time.Duration) simulator.Answer {
			a := say(http.StatusTooManyRequests, "later")
			a.Header.Set("Retry-After", simulator.RetryAfter(pause))
			return a
		},
		Failed: func(f simulator.Fault) simulator.Answer { return say(max(f.Status, 400), "failed") },
	})
	return d
}

func answer(status int, v any) simulator.Answer {
	body, _ := json.Marshal(v) // nothing here can fail to marshal
	return simulator.Answer{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

func (d *desk) handle(c *simulator.Call) simulator.Answer {
	parts := strings.Split(strings.Trim(c.URL.Path, "/"), "/")
	switch {
	case parts[0] == "me":
		return answer(http.StatusOK, map[string]string{"name": "bot"})
	case parts[0] == "people":
		ids := slices.DeleteFunc(strings.Split(d.people[c.URL.Query().Get("email")], ","), func(id string) bool { return id == "" })
		return answer(http.StatusOK, ids)
	case len(parts) == 1 && c.Method == http.MethodPost:
		d.ids++
		t := &ticket{ID: d.ids, Creator: "bot", Version: -1}
		d.tickets = append(d.tickets, t)
		return d.write(t, c.Body, http.StatusCreated)
	case len(parts) == 1:
		return d.list(c)
	}
	at := slices.IndexFunc(d.tickets, func(t *ticket) bool { return strconv.Itoa(t.ID) == parts[1] })
	if at < 0 {
		return answer(http.StatusNotFound, map[string]string{"error": "no such ticket"})
	}
	t := d.tickets[at]
	switch {
	case len(parts) == 3 && c.Method == http.MethodPost:
		comment := deskComment{Author: "bot"}
		if json.Unmarshal(c.Body, &comment) != nil {
			return answer(http.StatusBadRequest, map[string]string{"error": "not a comment"})
		}
		return answer(http.StatusCreated, d.say(t, comment))
	case len(parts) == 3:
		return page(c, t.comments)
	case c.Method == http.MethodPatch:
		return d.write(t, c.Body, http.StatusOK)
	}
	return answer(http.StatusOK, t)
}

func (d *desk) write(t *ticket, body []byte, status int) simulator.Answer {
	if json.Unmarshal(body, t) != nil {
		return answer(http.StatusBadRequest, map[string]string{"error": "not a ticket"})
	}
	t.Version++
	t.Updated = time.Now().UTC()
	return answer(status, t)
}

func (d *desk) say(t *ticket, c deskComment) deskComment {
	d.ids++
	c.ID, c.At = d.ids, time.Now().UTC()
	t.comments = append(t.comments, c)
	return c
}

// list shows the tickets with a key, or those that changed at a time or later.
func (d *desk) list(c *simulator.Call) simulator.Answer {
	query := c.URL.Query()
	since, _ := time.Parse(time.RFC3339, query.Get("since"))
	return page(c, slices.DeleteFunc(slices.Clone(d.tickets), func(t *ticket) bool {
		return query.Has("key") && t.Key != query.Get("key") || t.Updated.Before(since)
	}))
}

func page[T any](c *simulator.Call, all []T) simulator.Answer {
	from, _ := strconv.Atoi(c.URL.Query().Get("page"))
	from = min(from, len(all))
	to := min(from+deskPage, len(all))
	shown := map[string]any{"items": all[from:to]}
	if to < len(all) {
		shown["next"] = to
	}
	return answer(http.StatusOK, shown)
}

// What people do.

func (d *desk) edit(id int, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.write(d.tickets[id-1], fmt.Appendf(nil, `{"text":%q}`, text), http.StatusOK)
}

func (d *desk) comment(id int, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.say(d.tickets[id-1], deskComment{Author: "ann", Text: text})
}
