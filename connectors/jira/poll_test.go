package jira_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // for machines without it

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/paging"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A poller polls and remembers where it ended.
type poller struct {
	c      *jira.Connector
	server *jiratest.Server
	cursor []byte
}

// next are the keys of the issues that changed.
func (p *poller) next(t *testing.T) string {
	t.Helper()
	refs, cursor, err := p.c.Poll(t.Context(), issues, p.cursor)
	if err != nil {
		t.Fatal(err)
	}
	p.cursor = cursor
	var numbers []string
	for _, ref := range refs {
		record, err := p.c.Read(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, record.Number)
	}
	return strings.Join(numbers, " ")
}

func TestPoll(t *testing.T) {
	for name, o := range map[string]jiratest.Options{
		"at once": {}, "lagging": {IndexLag: 4 * time.Minute}, "in small pages": {SearchPage: 1}, "in another zone": {Zone: time.FixedZone("", 13*3600)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o.APIToken = secrets[0]
				server := jiratest.New(o)
				p := &poller{c: connect(t, server.RoundTripper(), nil), server: server}
				wait := func(want string) {
					t.Helper()
					time.Sleep(o.IndexLag)
					if got := p.next(t); got != want {
						t.Errorf("changed %q, want %q", got, want)
					}
				}
				open := func() string { t.Helper(); return must(server.Open("ENG", "acc-ann", nil))(t) }
				edit := func(key string) {
					t.Helper()
					if err := server.Edit(key, "acc-ann", map[string]any{"summary": "At " + time.Now().String()}); err != nil {
						t.Fatal(err)
					}
				}
				wait("")
				first, second := open(), open()
				wait(first + " " + second)
				wait("")
				edit(second)
				time.Sleep(time.Second)
				edit(first)
				edit(first)
				wait(second + " " + first)
				time.Sleep(72 * time.Hour)
				wait("")
				edit(first)
				wait(first)
				server.Say(second, "acc-ann", "hello", false)
				wait(second)
				server.Attach(first, "acc-ann", "a.txt", "text/plain", []byte("x"))
				wait(first)
				wait("")
			})
		})
	}
}

// TestPollAtOneMoment: many issues that change in the same moment, some of
// which the search shows late.
func TestPollAtOneMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.SearchPage, o.IndexLag = 7, 2*time.Minute
		server := jiratest.New(o)
		p := &poller{c: connect(t, server.RoundTripper(), nil), server: server}
		p.next(t)
		want := map[string]int{}
		for range 30 {
			want[must(server.Open("ENG", "acc-ann", nil))(t)]++
		}
		got := map[string]int{}
		for range 8 {
			for number := range strings.FieldsSeq(p.next(t)) {
				got[number]++
			}
			time.Sleep(20 * time.Second)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("reported (-want +got):\n%s", diff)
		}
	})
}

// TestACursorForgets: a cursor holds the changes that the next poll may see
// again, and no others, or it would grow for ever.
func TestACursorForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := site(t)
		p := &poller{c: c, server: server}
		holds := func(want int) {
			t.Helper()
			p.next(t)
			var cursor struct{ Seen []string }
			if err := json.Unmarshal(p.cursor, &cursor); err != nil || len(cursor.Seen) != want {
				t.Errorf("the cursor holds %d changes, want %d (%v)", len(cursor.Seen), want, err)
			}
		}
		holds(0)
		for range 3 {
			create(t, c, key, nil)
		}
		holds(3)
		time.Sleep(72 * time.Hour)
		create(t, c, key, nil)
		holds(1)
	})
}

func TestPollQuietly(t *testing.T) {
	server, c := site(t)
	create(t, c, key, nil)
	_, cursor, err := c.Poll(t.Context(), issues, nil)
	if err != nil {
		t.Fatal(err)
	}
	server.ResetRequests()
	refs, again, err := c.Poll(t.Context(), issues, cursor)
	if err != nil || len(refs) != 0 || string(again) != string(cursor) {
		t.Errorf("%v, %v, cursor %s then %s", refs, err, cursor, again)
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests where nothing changed", n)
	}
	if strings.Contains(string(cursor), "sad") || strings.Contains(string(cursor), "ENG") {
		t.Errorf("the cursor holds contents: %s", cursor)
	}
	_, _, err = c.Poll(t.Context(), issues, []byte("{"))
	wantClass(t, err, connectors.ClassRejected)
}

func TestPollFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.SearchPage = 1
		server := jiratest.New(o)
		p := &poller{c: connect(t, server.RoundTripper(), nil), server: server}
		p.next(t)
		for range 3 {
			must(server.Open("ENG", "acc-ann", nil))(t)
		}
		server.Inject(simulator.Fault{Kind: simulator.FailBefore, Status: 400, Path: "/search/jql", Times: 1})
		if _, _, err := p.c.Poll(t.Context(), issues, p.cursor); err == nil {
			t.Error("a poll that failed did not say so")
		}
		if got := p.next(t); got != "ENG-1 ENG-2 ENG-3" {
			t.Errorf("changed %q", got)
		}
	})
}

// TestRepeatedPages: where a proxy gives the same page whatever is asked for, a
// list is given up after a few requests.
func TestRepeatedPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := jiratest.New(options())
		proxy := &simulator.Proxy{To: server.RoundTripper()}
		c := connect(t, proxy, nil)
		record := create(t, c, "many", nil)
		for i := range 250 { // pages of 100 comments, as many as one issue takes
			time.Sleep(10 * time.Second)
			if _, err := c.Comment(t.Context(), connectors.NewComment{Record: record, Kind: "comment", Marker: fmt.Sprint("m", i), Text: "word"}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 501 { // pages of 500 hits
			time.Sleep(100 * time.Millisecond)
			create(t, c, fmt.Sprint("many", i), nil)
		}
		for path, list := range map[string]func() error{
			"/search/jql": func() error { _, _, err := c.Poll(t.Context(), issues, nil); return err },
			"/comment":    func() error { _, err := c.Comments(t.Context(), record, time.Time{}); return err },
		} {
			proxy.Repeat = path
			if failure := wantClass(t, list(), connectors.ClassRejected); failure.Code != paging.CodeEndless {
				t.Errorf("%s: %v", path, failure)
			}
		}
	})
}

// TestPollsOverDaylightSavingTime: in whatever zone the account's profile is, no change
// is missed when the clocks are changed.
func TestPollsOverDaylightSavingTime(t *testing.T) {
	for season, change := range map[string]time.Time{"spring": time.Date(2000, 3, 26, 1, 0, 0, 0, time.UTC), "autumn": time.Date(2000, 10, 29, 1, 0, 0, 0, time.UTC)} {
		for _, zone := range []string{"Europe/Berlin", "America/New_York"} {
			t.Run(zone+", "+season, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					where := must(time.LoadLocation(zone))(t)
					at := change
					if zone != "Europe/Berlin" {
						at = at.Add(5*time.Hour).AddDate(0, 0, 7) // of these, in 2000, only the zone matters
					}
					time.Sleep(time.Until(at.Add(-3 * time.Hour)))
					server := jiratest.New(jiratest.Options{APIToken: secrets[0], Zone: where, IndexLag: time.Minute})
					p := &poller{c: connect(t, server.RoundTripper(), nil), server: server}
					key := must(server.Open("ENG", "acc-ann", nil))(t)
					time.Sleep(2 * time.Minute)
					p.next(t)
					for n := range 36 {
						if err := server.Edit(key, "acc-ann", map[string]any{"summary": fmt.Sprint("edit ", n)}); err != nil {
							t.Fatal(err)
						}
						time.Sleep(10 * time.Minute)
						if got := p.next(t); got != key {
							t.Errorf("at %v the poll finds %q", time.Now().In(where), got)
						}
					}
				})
			})
		}
	}
}
