package incidentio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

func comments(t *testing.T, c connectors.Commenter, record connectors.Record) []connectors.Comment {
	t.Helper()
	all, err := c.Comments(context.Background(), record, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// said are the texts of comments, each with its kind, author and marker.
func said(all []connectors.Comment) []string {
	var texts []string
	for _, one := range all {
		texts = append(texts, fmt.Sprintf("%s by %s: %s [%s]", one.Kind, one.Author, one.Text, one.Marker))
	}
	return texts
}

// workNote is a comment elsewhere, to be copied.
func workNote(record connectors.Record, kind string) connectors.NewComment {
	return connectors.NewComment{
		Record: record, Kind: kind, Marker: "ls-1", Text: "Restarted **db-1**", Author: "Jane Doe", Origin: "INC0010023 work note",
		At: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC),
	}
}

func addItem(t *testing.T, s *incidentiotest.Server, incident string, item incidentiotest.TimelineItem) {
	t.Helper()
	if _, err := s.AddItem(incident, item); err != nil {
		t.Fatal(err)
	}
}

func postUpdate(t *testing.T, s *incidentiotest.Server, incident, message string) {
	t.Helper()
	if _, err := s.PostUpdate(incident, message); err != nil {
		t.Fatal(err)
	}
}

func TestComments(t *testing.T) {
	for _, oldest := range []bool{false, true} {
		at := newClock()
		server, c := start(t, incidentiotest.Options{Now: at.now, OldestUpdatesFirst: oldest})
		made, other := create(t, server), create(t, server)
		addItem(t, server, other.ID, incidentiotest.TimelineItem{Title: "elsewhere"})
		postUpdate(t, server, other.ID, "elsewhere")

		then := incidentiotest.Moment{Time: at.now().Add(-time.Hour)}
		addItem(t, server, made.ID, incidentiotest.TimelineItem{Title: "Rolled back *db*", Description: "after **12%** errors\n", Timestamp: then})
		at.advance(time.Minute)
		postUpdate(t, server, made.ID, "We know more")
		at.advance(time.Minute)
		since := at.now()
		addItem(t, server, made.ID, incidentiotest.TimelineItem{Title: "Only a title", Timestamp: then})
		edit(t, server, made.ID, incidentiotest.SetStatus("Fixing")) // an update without a word
		if _, err := server.Promote(server.Activity(made.ID)[0].ID); err != nil {
			t.Fatal(err)
		}
		workflow := incidentiotest.Actor{Workflow: &incidentiotest.APIKeyName{ID: "W1", Name: "Nightly"}}
		addItem(t, server, made.ID, incidentiotest.TimelineItem{Title: "By a workflow", Creator: workflow})

		record := read(t, c, incidents.Ref(made.ID))
		got := comments(t, c, record)
		want := []string{
			"timeline by Lisa Karlin Curtis: **Rolled back \\*db\\***\n\nafter **12%** errors []",
			"update by Lisa Karlin Curtis: We know more []",
			"timeline by Lisa Karlin Curtis: Only a title []",
			"timeline by Nightly: By a workflow []",
		}
		if diff := cmp.Diff(want, said(got)); diff != "" {
			t.Errorf("comments (-want +got):\n%s", diff)
		}
		late, err := c.Comments(t.Context(), record, since)
		if err != nil || len(late) != 2 || late[0].At.Before(since) {
			t.Errorf("since: %v, %v", said(late), err)
		}
	}
}

func TestCommentsReadEveryPage(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	made := create(t, server)
	for i := range 260 {
		addItem(t, server, made.ID, incidentiotest.TimelineItem{Title: fmt.Sprint("item ", i)})
		postUpdate(t, server, made.ID, fmt.Sprint("update ", i))
	}
	all := comments(t, c, read(t, c, incidents.Ref(made.ID)))
	if len(all) != 520 || all[0].Text != "item 0" || all[519].Text != "update 259" {
		t.Errorf("%d comments, from %q to %q", len(all), all[0].Text, all[len(all)-1].Text)
	}
	if n := server.Count("GET", "/v2/incident_timeline_items"); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// TestComment: a copy is what the vendor is sent and what is read back.
func TestComment(t *testing.T) {
	for _, test := range []struct {
		kind string
		post func(p *connectors.NewComment)
		want map[string]any
	}{
		{"timeline", func(*connectors.NewComment) {}, map[string]any{
			"title": "Jane Doe (INC0010023 work note)", "timestamp": "2026-01-02T03:00:00Z", "description": "Restarted **db-1**\n\n`lockstep ls-1`",
		}},
		{"timeline", func(p *connectors.NewComment) { p.Author, p.Origin, p.Text = "", "", "" }, map[string]any{
			"title": "Comment", "timestamp": "2026-01-02T03:00:00Z", "description": "`lockstep ls-1`",
		}},
		{"timeline", func(p *connectors.NewComment) { p.Author = strings.Repeat("ä\n", 300) }, map[string]any{
			"title":     strings.Repeat("ä ", 87) + "ä… (INC0010023 work note)",
			"timestamp": "2026-01-02T03:00:00Z", "description": "Restarted **db-1**\n\n`lockstep ls-1`",
		}},
		{"update", func(*connectors.NewComment) {}, map[string]any{
			"message": "**Jane Doe (INC0010023 work note)**\n\nRestarted **db-1**\n\n`lockstep ls-1`",
		}},
		{"update", func(p *connectors.NewComment) { p.Text, p.Author = "", "*J*" }, map[string]any{
			"message": "**\\*J\\* (INC0010023 work note)**\n\n`lockstep ls-1`",
		}},
	} {
		server, c := start(t, incidentiotest.Options{})
		made := create(t, server)
		record := read(t, c, incidents.Ref(made.ID))
		post := workNote(record, test.kind)
		test.post(&post)
		posted, err := c.Comment(t.Context(), post)
		if err != nil {
			t.Fatal(err)
		}
		test.want["idempotency_key"], test.want["incident_id"] = "ls-1", made.ID
		if diff := cmp.Diff(test.want, sentBody(t, server)); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		got := comments(t, c, record)
		if len(got) != 1 || got[0].ID != posted.ID || got[0].Marker != "ls-1" || got[0].Text != post.Text || got[0].Kind != test.kind || got[0].Author != "lockstep" {
			t.Errorf("%+v came back as %+v", post, got)
		}
	}
}

// TestCopiesAreAsPosted: whatever is copied, it comes back with the same text
// and marker, once.
func TestCopiesAreAsPosted(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	record := read(t, c, incidents.Ref(create(t, server).ID))
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"word", " ", "\n", "\n\n", "**", "`", "```\n", "lockstep ls-1", "`lockstep ls-2`", "> ", "\\", "ü", "- a\n", "    ", "\t", "\r\n", "# x\n", "|"}
	want := map[string]string{}
	for i := range 200 {
		text := ""
		for range random.IntN(12) {
			text += pieces[random.IntN(len(pieces))]
		}
		post := workNote(record, []string{"timeline", "update"}[i%2])
		post.Marker, post.Text, post.Author = fmt.Sprintf("ls-x%d", i), text, strings.ReplaceAll(text, "lockstep", "")
		if _, err := c.Comment(t.Context(), post); err != nil {
			t.Fatal(err)
		}
		want[post.Marker] = values.TrimLines(text)
	}
	got := map[string]string{}
	for _, one := range comments(t, c, record) {
		got[one.Marker] = one.Text
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("copies (-want +got):\n%s", diff)
	}
}

// TestWhoseMarkers: an API key's marker makes a copy, a person's is text.
func TestWhoseMarkers(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	made := create(t, server)
	const text = "What he said\n\n`lockstep ls-1`"
	other := incidentiotest.Actor{APIKey: &incidentiotest.APIKeyName{ID: "K9", Name: "last year's key"}}
	workflow := incidentiotest.Actor{Workflow: &incidentiotest.APIKeyName{ID: "W1", Name: "Nightly"}}
	addItem(t, server, made.ID, incidentiotest.TimelineItem{Title: "a", Description: text})
	addItem(t, server, made.ID, incidentiotest.TimelineItem{Title: "b", Description: text, Creator: workflow})
	addItem(t, server, made.ID, incidentiotest.TimelineItem{Title: "c", Description: text, Creator: other})
	addItem(t, server, made.ID, incidentiotest.TimelineItem{Title: "d", Description: "no marker", Creator: other})
	postUpdate(t, server, made.ID, text)
	want := []string{
		"timeline by Lisa Karlin Curtis: **a**\n\n" + text + " []",
		"timeline by Nightly: **b**\n\n" + text + " []",
		"timeline by last year's key: What he said [ls-1]",
		"timeline by last year's key: **d**\n\nno marker []",
		"update by Lisa Karlin Curtis: " + text + " []",
	}
	if diff := cmp.Diff(want, said(comments(t, c, read(t, c, incidents.Ref(made.ID))))); diff != "" {
		t.Errorf("comments (-want +got):\n%s", diff)
	}
}

// TestCommentsOfFollowUps: copies go on the incident's timeline, and nothing
// else there is the follow-up's.
func TestCommentsOfFollowUps(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	made := create(t, server)
	follow, err := server.AddFollowUp(made.ID, incidentiotest.FollowUp{Title: "Write it up"})
	if err != nil {
		t.Fatal(err)
	}
	addItem(t, server, made.ID, incidentiotest.TimelineItem{Title: "the incident's"})
	postUpdate(t, server, made.ID, "the incident's")
	record := read(t, c, followUps.Ref(follow.ID))
	for i, kind := range []string{"timeline", "update"} {
		post := workNote(record, kind)
		post.Marker = fmt.Sprint("ls-", i)
		if _, err := c.Comment(t.Context(), post); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"timeline by lockstep: Restarted **db-1** [ls-0]", "timeline by lockstep: Restarted **db-1** [ls-1]"}
	if diff := cmp.Diff(want, said(comments(t, c, record))); diff != "" {
		t.Errorf("comments (-want +got):\n%s", diff)
	}
	if n := len(server.TimelineItems(made.ID)); n != 3 {
		t.Errorf("%d timeline items", n)
	}
	if n := len(comments(t, c, read(t, c, incidents.Ref(made.ID)))); n != 4 {
		t.Errorf("the incident has %d comments", n)
	}
}

// TestCommentFaults: after a lost answer the same post makes no second copy.
func TestCommentFaults(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault simulator.Fault
		want  connectors.Class
		made  int // by the first post
	}{
		{"reset before", simulator.Fault{Kind: simulator.ResetBefore}, connectors.ClassUnclear, 0},
		{"reset after", simulator.Fault{Kind: simulator.ResetAfter}, connectors.ClassUnclear, 1},
		{"cut", simulator.Fault{Kind: simulator.CutBody}, connectors.ClassUnclear, 1},
		{"500 after", simulator.Fault{Kind: simulator.FailAfter}, connectors.ClassUnclear, 1},
		{"429", simulator.Fault{Kind: simulator.Throttle}, connectors.ClassThrottled, 0},
		{"403", simulator.Fault{Kind: simulator.FailBefore, Status: 403}, connectors.ClassRejected, 0},
		{"404", simulator.Fault{Kind: simulator.FailBefore, Status: 404}, connectors.ClassGone, 0},
		{"outage", simulator.Fault{Kind: simulator.Refuse}, connectors.ClassRetry, 0},
	} {
		for _, kind := range []string{"timeline", "update"} {
			t.Run(test.name+" "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := incidentiotest.New(incidentiotest.Options{})
					c := connect(t, server.RoundTripper(), incidentiotest.DefaultKey)
					made := create(t, server)
					record := read(t, c, incidents.Ref(made.ID))
					test.fault.Method, test.fault.Times = http.MethodPost, 1
					server.Inject(test.fault)
					_, err := c.Comment(t.Context(), workNote(record, kind))
					if class, failed := connectors.ClassOf(err); !failed || class != test.want {
						t.Errorf("got %v, want %s", err, test.want)
					}
					if n := server.Count(http.MethodPost, ""); n > 1 {
						t.Errorf("sent %d times", n)
					}
					if n := len(server.TimelineItems(made.ID)) + len(server.Updates(made.ID)); n != test.made {
						t.Errorf("%d copies, want %d", n, test.made)
					}
					<-time.After(time.Minute) // of the bubble's clock
					posted, err := c.Comment(t.Context(), workNote(record, kind))
					got := comments(t, c, record)
					if err != nil || len(got) != 1 || got[0].ID != posted.ID {
						t.Errorf("posted again: %v, %v, %v", posted, err, got)
					}
				})
			})
		}
	}
}

// TestCommentRefusesWithoutSending is what no request is made for.
func TestCommentRefusesWithoutSending(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	incident := connectors.Record{Ref: incidents.Ref("I1")}
	for name, post := range map[string]connectors.NewComment{
		"another kind": {Record: incident, Marker: "m", Kind: "work_notes"},
		"no marker":    {Record: incident, Kind: "timeline"},
		"bad marker":   {Record: incident, Kind: "timeline", Marker: "A b"},
		"no incident":  {Record: connectors.Record{Ref: followUps.Ref("F1")}, Kind: "timeline", Marker: "m"},
		"no record":    {Kind: "timeline", Marker: "m"},
	} {
		_, err := c.Comment(t.Context(), post)
		if class, failed := connectors.ClassOf(err); !failed || class != connectors.ClassRejected {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := server.Count("", ""); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestCommentsFailWhole: half a list is not one.
func TestCommentsFailWhole(t *testing.T) {
	for _, path := range []string{"/v2/incident_timeline_items", "/v2/incident_updates"} {
		synctest.Test(t, func(t *testing.T) {
			server := incidentiotest.New(incidentiotest.Options{})
			c := connect(t, server.RoundTripper(), incidentiotest.DefaultKey)
			record := read(t, c, incidents.Ref(create(t, server).ID))
			server.Inject(simulator.Fault{Kind: simulator.FailBefore, Path: path})
			all, err := c.Comments(t.Context(), record, time.Time{})
			if class, _ := connectors.ClassOf(err); class != connectors.ClassUnclear || all != nil {
				t.Errorf("%s: %v, %v", path, all, err)
			}
		})
	}
}

// TestCommentsThatAreNone: an answer that is not as the vendor says fails, and
// says nothing of its content.
func TestCommentsThatAreNone(t *testing.T) {
	for _, body := range []string{
		`{"incident_timeline_items":"canary"}`, `{"incident_timeline_items":["canary"]}`,
		`{"incident_timeline_items":[{"title":"canary","created_at":"2026-01-02T03:04:05Z"}]}`,
		`{"incident_timeline_items":[{"id":"T1","created_at":"canary"}]}`,
	} {
		c := connect(t, canned{200, []byte(body)}, "key")
		_, err := c.Comments(t.Context(), connectors.Record{Ref: incidents.Ref("I1")}, time.Time{})
		if class, _ := connectors.ClassOf(err); class != connectors.ClassRejected || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestPostedWithoutID: the answer to a post may tell nothing.
func TestPostedWithoutID(t *testing.T) {
	for _, body := range []string{`{"incident_timeline_item":"x"}`, `{"incident_timeline_item":{},"more":"x"}`} {
		c := connect(t, canned{201, []byte(body)}, "key")
		posted, err := c.Comment(t.Context(), workNote(connectors.Record{Ref: incidents.Ref("I1")}, "timeline"))
		if err != nil || posted.ID != "" {
			t.Errorf("%s: %v, %v", body, posted, err)
		}
	}
}

// TestVendorsComments reads the vendor's own examples.
func TestVendorsComments(t *testing.T) {
	items := map[string]json.RawMessage{}
	for _, file := range []string{"get-v2-incident-timeline-items.200.json", "get-v2-incident-updates.200.json"} {
		var page map[string]json.RawMessage
		if err := json.Unmarshal(shared(t, "fixtures/incidentio/"+file), &page); err != nil {
			t.Fatal(err)
		}
		delete(page, "pagination_meta")
		maps.Copy(items, page)
	}
	body, err := json.Marshal(items)
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, canned{200, body}, "key")
	all := comments(t, c, connectors.Record{Ref: incidents.Ref("I1")})
	// The example of an item is a promoted one.
	want := []string{"update by Lisa Karlin Curtis: We're working on a fix, hoping to ship in the next 30 minutes []"}
	if diff := cmp.Diff(want, said(all)); diff != "" {
		t.Errorf("comments (-want +got):\n%s", diff)
	}
}

// TestTimeOfCopies: a copy is of the past, whatever the other system's clock
// says.
func TestTimeOfCopies(t *testing.T) {
	for _, at := range []time.Time{{}, time.Now().Add(time.Hour)} {
		server, c := start(t, incidentiotest.Options{})
		made := create(t, server)
		post := workNote(read(t, c, incidents.Ref(made.ID)), "timeline")
		post.At = at
		before := time.Now()
		if _, err := c.Comment(t.Context(), post); err != nil {
			t.Fatal(err)
		}
		if got := server.TimelineItems(made.ID)[0].Timestamp; got.Before(before) || got.After(time.Now()) {
			t.Errorf("said at %v, on the timeline at %v", at, got)
		}
	}
}
