package incidentio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/paging"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A poller polls one collection and keeps its cursor.
type poller struct {
	t      *testing.T
	c      connectors.Poller
	of     connectors.Collection
	cursor []byte
}

// poll returns the ids that changed, sorted.
func (p *poller) poll() []string {
	p.t.Helper()
	changed, next, err := p.c.Poll(context.Background(), p.of, p.cursor)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cursor = next
	var ids []string
	for _, ref := range changed {
		if ref.Collection != p.of {
			p.t.Errorf("%s is not of %s", ref, p.of)
		}
		ids = append(ids, ref.ID)
	}
	slices.Sort(ids)
	return ids
}

func (p *poller) want(step string, ids ...string) {
	p.t.Helper()
	slices.Sort(ids)
	if diff := cmp.Diff(ids, p.poll()); diff != "" {
		p.t.Errorf("%s (-want +got):\n%s", step, diff)
	}
}

func TestPollIncidents(t *testing.T) {
	at := newClock()
	server, c := start(t, incidentiotest.Options{Now: at.now})
	old := create(t, server)
	at.advance(time.Minute)
	p := &poller{t: t, c: c, of: incidents}
	p.want("the first poll reports nothing")
	p.want("nothing happened")

	at.advance(time.Hour)
	server.ResetRequests()
	p.want("nothing happened for an hour")
	if n := server.Count("", ""); n != 1 {
		t.Errorf("a poll of nothing took %d requests", n)
	}

	edit(t, server, old.ID, incidentiotest.SetName("now worse"))
	made := create(t, server)
	p.want("an edit and a new one", old.ID, made.ID)
	p.want("seen already")
	at.advance(time.Second)
	edit(t, server, made.ID, incidentiotest.SetSeverity("Major"))
	p.want("edited again", made.ID)

	for _, mode := range []string{"retrospective", "test", "tutorial"} {
		made := create(t, server, incidentiotest.SetMode(mode))
		p.want(mode, made.ID)
	}
	private := create(t, server, incidentiotest.SetVisibility("private"))
	p.want("a private one", private.ID)
	if strings.Contains(string(p.cursor), private.ID) {
		t.Error("the cursor names a private incident")
	}

	for range 10 {
		at.advance(2 * time.Minute)
		made := create(t, server)
		p.want("one at a time", made.ID)
	}
	if len(p.cursor) > 200 {
		t.Errorf("the cursor grows: %s", p.cursor)
	}
}

func TestPollBaselineIsByTheSystemsClock(t *testing.T) {
	at := newClock() // far from ours
	server, c := start(t, incidentiotest.Options{Now: at.now})
	p := &poller{t: t, c: c, of: incidents}
	p.want("the first poll reports nothing")
	at.advance(time.Second)
	made := create(t, server)
	p.want("what came after it", made.ID)
}

func TestPollSeesLateCommits(t *testing.T) {
	at := newClock()
	server, c := start(t, incidentiotest.Options{Now: at.now})
	first, second := create(t, server), create(t, server)
	p := &poller{t: t, c: c, of: incidents}
	p.want("baseline")

	server.HoldCommits()
	edit(t, server, first.ID, incidentiotest.SetName("stamped early, seen late"))
	server.ReleaseCommits() // one that is not late
	p.want("in time", first.ID)

	at.advance(time.Minute)
	server.HoldCommits()
	edit(t, server, first.ID, incidentiotest.SetName("late"))
	at.advance(time.Minute)
	p.want("not to be seen yet")
	later := func() {
		at.advance(2 * time.Minute)
		server.ReleaseCommits()
	}
	// Another record moves the newest time on, past that of the late one.
	later()
	edit(t, server, second.ID, incidentiotest.SetName("on time"))
	p.want("both", first.ID, second.ID)
}

func TestPollReadsEveryPage(t *testing.T) {
	at := newClock()
	server, c := start(t, incidentiotest.Options{Now: at.now})
	p := &poller{t: t, c: c, of: incidents}
	p.want("baseline")
	var all []string
	for i := range 601 {
		at.advance(time.Second)
		all = append(all, create(t, server, incidentiotest.SetName(fmt.Sprint(i))).ID)
	}
	server.ResetRequests()
	p.want("three pages", all...)
	if n := server.Count(http.MethodGet, "/v2/incidents"); n != 3 {
		t.Errorf("%d requests for 601 incidents", n)
	}
	for _, r := range server.Requests() {
		if !strings.Contains(r.Query, "page_size=250") || !strings.Contains(r.Query, "sort_by=created_at_oldest_first") {
			t.Errorf("asked for %s", r.Query)
		}
	}
	// The oldest is on the first page, the one edited last would be on none.
	edit(t, server, all[0], incidentiotest.SetName("edited"))
	p.want("the oldest one", all[0])
}

// TestRepeatedPages: where a proxy gives the same page whatever is asked for, a
// list is given up after a few requests.
func TestRepeatedPages(t *testing.T) {
	at := newClock()
	server := incidentiotest.New(incidentiotest.Options{Now: at.now})
	proxy := &simulator.Proxy{To: server.RoundTripper(), Repeat: "/v2/incident"}
	c := connect(t, proxy, incidentiotest.DefaultKey)
	for range 251 { // pages of 250
		create(t, server)
	}
	_, _, err := c.Poll(t.Context(), incidents, nil)
	var failure *connectors.Error
	if !errors.As(err, &failure) || failure.Class != connectors.ClassRejected || failure.Code != paging.CodeEndless {
		t.Errorf("the poll: %v", err)
	}
}

// TestPollDuringEdits: what changes on a page that was read already is found by
// the next poll.
func TestPollDuringEdits(t *testing.T) {
	at := newClock()
	server := incidentiotest.New(incidentiotest.Options{Now: at.now})
	var ids []string
	for range 300 {
		ids = append(ids, create(t, server).ID)
	}
	tripper := &between{RoundTripper: server.RoundTripper()}
	c := connect(t, tripper, incidentiotest.DefaultKey)
	p := &poller{t: t, c: c, of: incidents}
	p.want("baseline")

	at.advance(time.Hour)
	edit(t, server, ids[299], incidentiotest.SetName("begins the window"))
	for _, id := range ids[:299] {
		edit(t, server, id, incidentiotest.SetName("all of them"))
	}
	tripper.after = func() {
		tripper.after = nil
		at.advance(time.Minute)
		edit(t, server, ids[0], incidentiotest.SetName("edited while page two is read"))
		edit(t, server, ids[299], incidentiotest.SetName("so is the last of page two"))
	}
	p.want("the whole window", ids...)
	p.want("what came meanwhile", ids[0])
}

// between does something after an answer.
type between struct {
	http.RoundTripper
	after func()
}

func (b *between) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if b.after != nil {
		b.after()
	}
	return response, err
}

func TestPollFollowUps(t *testing.T) {
	at := newClock()
	server, c := start(t, incidentiotest.Options{Now: at.now})
	incident := create(t, server)
	old, err := server.AddFollowUp(incident.ID, incidentiotest.FollowUp{Title: "old"})
	if err != nil {
		t.Fatal(err)
	}
	p := &poller{t: t, c: c, of: followUps}
	p.want("baseline")
	at.advance(time.Hour)
	server.ResetRequests()
	p.want("nothing")
	if n := server.Count("", ""); n != 1 {
		t.Errorf("a poll of nothing took %d requests", n)
	}
	made, err := server.AddFollowUp(incident.ID, incidentiotest.FollowUp{Title: "new"})
	if err != nil {
		t.Fatal(err)
	}
	p.want("a new one", made.ID)
	if err := server.EditFollowUp(old.ID, func(f *incidentiotest.FollowUp) { f.Status = "completed" }); err != nil {
		t.Fatal(err)
	}
	p.want("an edit", old.ID)
	p.want("seen already")
}

func TestPollFailsWhole(t *testing.T) {
	at := newClock()
	server, c := start(t, incidentiotest.Options{Now: at.now})
	p := &poller{t: t, c: c, of: incidents}
	p.want("baseline")
	for range 300 {
		at.advance(time.Second)
		create(t, server)
	}
	// The second page fails: nothing is reported, and the cursor stays.
	server.Inject(simulator.Fault{Kind: simulator.Throttle, Path: "/v2/incidents", Times: 1, RetryAfter: time.Minute})
	if _, _, err := c.Poll(context.Background(), incidents, p.cursor); err == nil {
		t.Error("a poll that was refused succeeded")
	}
	p.c = connect(t, server.RoundTripper(), incidentiotest.DefaultKey)
	if got := p.poll(); len(got) != 300 {
		t.Errorf("%d changes, want 300", len(got))
	}
}

func TestPollRefusesForeignCursors(t *testing.T) {
	_, c := start(t, incidentiotest.Options{})
	for _, cursor := range []string{"", "{}", "null", `{"v":2,"last":"2026-01-02T03:04:05Z"}`, "x"} {
		_, _, err := c.Poll(context.Background(), incidents, []byte(cursor))
		if class, _ := connectors.ClassOf(err); err == nil || class != connectors.ClassRejected {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
	if _, _, err := c.Poll(context.Background(), connectors.Collection{Type: "incidentio", Connector: "acme", Record: "action"}, nil); err == nil {
		t.Error("an unknown record type is polled")
	}
}

// FuzzLists: whatever a list looks like, a poll ends without a panic.
func FuzzLists(f *testing.F) {
	f.Add([]byte(`{"incidents":[{"id":"1","updated_at":"2026-01-02T03:04:05.678901Z"}],"pagination_meta":{"after":"1","page_size":250}}`))
	f.Add([]byte(`{"incidents":[{"id":"","updated_at":"x"}]}`))
	f.Add([]byte(`{"incidents":null}`))
	f.Add([]byte(`{"incidents":[null,1,[]],"pagination_meta":7}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		synctest.Test(t, func(t *testing.T) { // reads are repeated after a pause
			c := connect(t, canned{200, body}, "key")
			from := []byte(`{"v":1,"last":"2026-01-02T03:04:05Z"}`)
			if _, next, err := c.Poll(context.Background(), incidents, from); err == nil && !json.Valid(next) {
				t.Errorf("cursor %q", next)
			}
		})
	})
}
