package incidentio_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// An itemPoller polls for comments and keeps its cursor.
type itemPoller struct {
	t      *testing.T
	server *incidentiotest.Server
	c      connectors.ItemPoller
	cursor []byte
}

// want polls; ids are the incidents that are to be found, and requests the
// number made at most.
func (p *itemPoller) want(step string, requests int, ids ...string) {
	p.t.Helper()
	before := p.server.Count("", "/v2/incident_updates")
	changed, next, err := p.c.PollItems(context.Background(), connectors.CommentItems, []string{"follow_up", "incident"}, p.cursor)
	if err != nil {
		p.t.Fatalf("%s: %v", step, err)
	}
	p.cursor = next
	var got []string
	for _, ref := range changed {
		if ref.Collection != incidents {
			p.t.Errorf("%s: %s is not an incident", step, ref)
		}
		got = append(got, ref.ID)
	}
	slices.Sort(ids)
	slices.Sort(got)
	if diff := cmp.Diff(ids, got); diff != "" {
		p.t.Errorf("%s (-want +got):\n%s", step, diff)
	}
	if n := p.server.Count("", "/v2/incident_updates") - before; n > requests {
		p.t.Errorf("%s: %d requests, want %d", step, n, requests)
	}
}

// inBothOrders runs a test with updates newest first and oldest first.
func inBothOrders(t *testing.T, f func(t *testing.T, at *clock, p *itemPoller, oldest bool)) {
	for _, oldest := range []bool{false, true} {
		t.Run(fmt.Sprintf("oldest first %v", oldest), func(t *testing.T) {
			at := newClock()
			server, c := start(t, incidentiotest.Options{Now: at.now, OldestUpdatesFirst: oldest, RateLimit: 100000})
			f(t, at, &itemPoller{t: t, server: server, c: c}, oldest)
		})
	}
}

func TestPollItems(t *testing.T) {
	inBothOrders(t, func(t *testing.T, at *clock, p *itemPoller, _ bool) {
		first, second := create(t, p.server), create(t, p.server)
		postUpdate(t, p.server, first.ID, "before all")
		p.want("baseline", 2)
		p.want("nothing is new", 1)
		at.advance(time.Minute)
		postUpdate(t, p.server, first.ID, "news")
		postUpdate(t, p.server, first.ID, "more news")
		edit(t, p.server, second.ID, incidentiotest.SetStatus("Fixing")) // says nothing
		p.want("news", 1, first.ID)
		p.want("told once", 1)
		at.advance(time.Hour)
		p.want("nothing in an hour", 1)
		postUpdate(t, p.server, second.ID, "at last")
		p.want("at last", 1, second.ID)
	})
}

// TestPollItemsOfManyUpdates: one request when nothing is new, whatever there
// is from before.
func TestPollItemsOfManyUpdates(t *testing.T) {
	inBothOrders(t, func(t *testing.T, at *clock, p *itemPoller, oldest bool) {
		made := create(t, p.server)
		for i := range 600 {
			postUpdate(t, p.server, made.ID, fmt.Sprint(i))
			at.advance(5 * time.Second)
		}
		p.want("baseline", map[bool]int{false: 2, true: 4}[oldest])
		at.advance(time.Hour)
		p.want("it is late", 1)
		for range 3 {
			at.advance(time.Hour)
			p.want("nothing is new", 1)
		}
		other := create(t, p.server)
		for range 300 {
			postUpdate(t, p.server, other.ID, "x")
			at.advance(5 * time.Second)
		}
		postUpdate(t, p.server, made.ID, "x")
		p.want("two pages of news", 2, made.ID, other.ID)
		at.advance(time.Hour)
		p.want("nothing after them", 2)
		p.want("nothing at all", 1)
	})
}

// TestPollItemsWithoutTheAnchor: what the cursor points at may be gone.
func TestPollItemsWithoutTheAnchor(t *testing.T) {
	inBothOrders(t, func(t *testing.T, at *clock, p *itemPoller, _ bool) {
		p.want("baseline of nothing", 2)
		kept, lost := create(t, p.server), create(t, p.server)
		for _, made := range []incidentiotest.Incident{kept, lost} {
			postUpdate(t, p.server, made.ID, "x")
			at.advance(time.Second)
		}
		p.want("both", 1, kept.ID, lost.ID)
		at.advance(time.Hour)
		p.want("later", 1)
		p.server.DeleteIncident(lost.ID)
		postUpdate(t, p.server, kept.ID, "y")
		p.want("without the anchor", 2, kept.ID)
		p.want("again", 1)
	})
}

func TestPollItemsSeesLateCommits(t *testing.T) {
	inBothOrders(t, func(t *testing.T, at *clock, p *itemPoller, _ bool) {
		first, second := create(t, p.server), create(t, p.server)
		for range 3 {
			postUpdate(t, p.server, second.ID, "old")
			at.advance(time.Hour)
		}
		p.want("baseline", 2)
		p.want("anchored", 1)
		p.server.HoldCommits()
		postUpdate(t, p.server, first.ID, "late")
		at.advance(2 * time.Minute)
		p.want("not to be seen yet", 1)
		p.server.ReleaseCommits()
		postUpdate(t, p.server, second.ID, "on time")
		p.want("both", 1, first.ID, second.ID)
	})
}

// TestPollItemsChangesOrder: an anchor of the other order is dropped.
func TestPollItemsChangesOrder(t *testing.T) {
	at := newClock()
	cursor := []byte(nil)
	for _, oldest := range []bool{true, false} {
		server, c := start(t, incidentiotest.Options{Now: at.now, OldestUpdatesFirst: oldest})
		p := &itemPoller{t: t, server: server, c: c, cursor: cursor}
		made := create(t, server)
		for range 3 {
			postUpdate(t, server, made.ID, "old")
		}
		if cursor != nil {
			at.advance(time.Hour)
			postUpdate(t, server, made.ID, "new")
			p.want("in the other order", 2, made.ID)
			p.want("nothing is new", 1)
			return
		}
		at.advance(time.Hour)
		p.want("baseline", 2)
		p.want("anchored", 1)
		if !strings.Contains(string(p.cursor), `"anchor":"`) {
			t.Errorf("cursor %s", p.cursor)
		}
		cursor = p.cursor
		at = newClock() // the same updates again, so that the anchor is known
	}
}

func TestPollItemsHasNothingToAsk(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	for _, test := range []struct {
		items   connectors.Items
		records []string
	}{
		{connectors.AttachmentItems, []string{"incident", "follow_up"}},
		{connectors.CommentItems, []string{"follow_up"}},
		{connectors.CommentItems, nil},
	} {
		for _, cursor := range [][]byte{nil, []byte("as it is")} {
			changed, next, err := c.PollItems(t.Context(), test.items, test.records, cursor)
			if err != nil || changed != nil || string(next) != string(cursor) || (next == nil) != (cursor == nil) {
				t.Errorf("%s of %v: %v, %q, %v", test.items, test.records, changed, next, err)
			}
		}
	}
	if n := server.Count("", ""); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestPollItemsFailsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := incidentiotest.New(incidentiotest.Options{})
		c := connect(t, server.RoundTripper(), incidentiotest.DefaultKey)
		p := &itemPoller{t: t, server: server, c: c}
		p.want("baseline", 2)
		made := create(t, server)
		postUpdate(t, server, made.ID, "x")
		server.Inject(simulator.Fault{Kind: simulator.FailBefore})
		changed, next, err := c.PollItems(t.Context(), connectors.CommentItems, []string{"incident"}, p.cursor)
		if class, _ := connectors.ClassOf(err); class != connectors.ClassUnclear || changed != nil || next != nil {
			t.Errorf("%v, %s, %v", changed, next, err)
		}
		server.ClearFaults()
		p.want("after the outage", 1, made.ID)
	})
	_, c := start(t, incidentiotest.Options{})
	for _, foreign := range []string{"", "x", "{}", `{"v":9,"last":"2026-01-02T03:04:05Z"}`} {
		_, _, err := c.PollItems(t.Context(), connectors.CommentItems, []string{"incident"}, []byte(foreign))
		if class, failed := connectors.ClassOf(err); !failed || class != connectors.ClassRejected {
			t.Errorf("cursor %q: %v", foreign, err)
		}
	}
}
