package incidentiotest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
)

// TestItemsBump: whether what hangs on an incident counts as a change of it is
// a switch.
func TestItemsBump(t *testing.T) {
	for _, bump := range []bool{false, true} {
		s := incidentiotest.New(incidentiotest.Options{ItemsBump: bump})
		made := create(t, s)
		for name, act := range map[string]func(){
			"timeline": func() {
				if _, err := s.AddTimelineItem(made.ID, "x", ""); err != nil {
					t.Error(err)
				}
			},
			"update": func() {
				if _, err := s.PostUpdate(made.ID, "x"); err != nil {
					t.Error(err)
				}
			},
			"attachment": func() {
				ask(t, s.RoundTripper(), incidentiotest.DefaultKey, "POST", "/v1/incident_attachments",
					`{"incident_id":"`+made.ID+`","resource":{"resource_type":"arbitrary_url","url":"https://x.example"}}`)
			},
		} {
			before, _ := s.Incident(made.ID)
			act()
			after, _ := s.Incident(made.ID)
			if bumped := after.UpdatedAt != before.UpdatedAt; bumped != bump {
				t.Errorf("%s bumped: %v", name, bumped)
			}
		}
	}
}

// TestIdempotencyKeys: a key makes one thing, while commits are held too.
func TestIdempotencyKeys(t *testing.T) {
	for path, member := range map[string]string{
		"/v2/incident_timeline_items": "incident_timeline_item", "/v2/incident_updates": "incident_update",
	} {
		s := incidentiotest.New(incidentiotest.Options{})
		made := create(t, s)
		post := func(key string) any {
			r := ask(t, s.RoundTripper(), incidentiotest.DefaultKey, "POST", path, fmt.Sprintf(
				`{"idempotency_key":%q,"incident_id":%q,"title":"x","message":"x","timestamp":"2026-01-02T03:04:05Z"}`, key, made.ID))
			object, _ := r.body[member].(map[string]any)
			return object["id"]
		}
		s.HoldCommits()
		first := post("a")
		if again := post("a"); first == nil || again != first {
			t.Errorf("%s: held: %v and %v", path, first, again)
		}
		s.ReleaseCommits()
		if again, other := post("a"), post("b"); again != first || other == first {
			t.Errorf("%s: %v, %v, %v", path, first, again, other)
		}
		if n := len(s.TimelineItems(made.ID)) + len(s.Updates(made.ID)); n != 2 {
			t.Errorf("%s: %d were made", path, n)
		}
	}
}

// TestUpdatesOfChanges: a new status or severity is an update without a
// message, and an update with one is one.
func TestUpdatesOfChanges(t *testing.T) {
	s := incidentiotest.New(incidentiotest.Options{})
	made := create(t, s)
	change := func(changes ...incidentiotest.Change) {
		t.Helper()
		if _, err := s.EditIncident(made.ID, changes...); err != nil {
			t.Fatal(err)
		}
	}
	change(incidentiotest.SetName("x"))
	change(incidentiotest.SetSeverity("Critical"))
	change(incidentiotest.SetStatus("Fixing"))
	ask(t, s.RoundTripper(), incidentiotest.DefaultKey, "POST", "/v2/incident_updates", fmt.Sprintf(
		`{"idempotency_key":"k","incident_id":%q,"message":"done","to_incident_status_id":%q}`, made.ID, statusID(t, s, "Closed")))
	var got []string
	for _, u := range s.Updates(made.ID) {
		got = append(got, u.NewIncidentStatus.Name+" "+u.NewSeverity.Name+" "+u.Message)
	}
	if len(got) != 3 || got[2] != "Closed Critical done" {
		t.Errorf("updates %q", got)
	}
	var types []string
	for _, a := range s.Activity(made.ID) {
		types = append(types, a.Type)
	}
	if diff := cmp.Diff([]string{"incident_rename", "incident_update", "status_change", "incident_update"}, types); diff != "" {
		t.Errorf("activity (-want +got):\n%s", diff)
	}
}

func statusID(t *testing.T, s *incidentiotest.Server, name string) string {
	t.Helper()
	r := ask(t, s.RoundTripper(), incidentiotest.DefaultKey, "GET", "/v1/incident_statuses", "")
	for _, status := range r.body["incident_statuses"].([]any) {
		if status := status.(map[string]any); status["name"] == name {
			return status["id"].(string)
		}
	}
	t.Fatalf("there is no status %s", name)
	return ""
}

// TestPromotedItems carry the entry they come from, and their time stays.
func TestPromotedItems(t *testing.T) {
	s := incidentiotest.New(incidentiotest.Options{})
	made := create(t, s)
	if _, err := s.EditIncident(made.ID, incidentiotest.SetName("x")); err != nil {
		t.Fatal(err)
	}
	promoted, err := s.Promote(s.Activity(made.ID)[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	custom, err := s.AddItem(made.ID, incidentiotest.TimelineItem{Title: "y", Timestamp: incidentiotest.Moment{Time: time.Unix(1, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{promoted.ID: "422 validation_error invalid_value timestamp", custom.ID: ""} {
		r := ask(t, s.RoundTripper(), incidentiotest.DefaultKey, "PATCH", "/v2/incident_timeline_items/"+id, `{"timestamp":"2026-01-02T03:04:05Z"}`)
		if r.problem() != want {
			t.Errorf("%s: %q, want %q", id, r.problem(), want)
		}
	}
}

// TestConnect: the tracker has to be the address's.
func TestConnect(t *testing.T) {
	s := incidentiotest.New(incidentiotest.Options{})
	made := create(t, s)
	const jira, ticket = "https://acme.atlassian.net/browse/ENG-1", "https://acme.service-now.com/nav_to.do?uri=incident.do%3Fsys_id%3D1"
	for _, test := range []struct{ provider, url, want string }{
		{"jira", jira, ""},
		{"jira_server", "https://jira.acme.example/browse/ENG-1", ""},
		{"service_now", ticket, ""},
		{"github", "https://github.com/acme/x/issues/1", ""},
		{"service_now", jira, "422 validation_error invalid_value url"},
		{"jira", ticket, "422 validation_error invalid_value url"},
		{"jira", "https://x.example/page", "422 validation_error invalid_value url"},
		{"jira", "", "422 validation_error is_required url"},
		{"trello", "https://trello.com/1", "422 validation_error invalid_value provider"},
	} {
		f, err := s.AddFollowUp(made.ID, incidentiotest.FollowUp{Title: "x"})
		if err != nil {
			t.Fatal(err)
		}
		connect := func() string {
			return ask(t, s.RoundTripper(), incidentiotest.DefaultKey, "POST", "/v2/follow_ups/"+f.ID+"/actions/connect_external_issue",
				fmt.Sprintf(`{"provider":%q,"url":%q}`, test.provider, test.url)).problem()
		}
		if got := connect(); got != test.want {
			t.Errorf("%s %s: %q, want %q", test.provider, test.url, got, test.want)
		}
		if test.want != "" {
			continue
		}
		if got := connect(); got != "422 validation_error already_connected url" {
			t.Errorf("%s again: %q", test.provider, got)
		}
	}
}
