package incidentio_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
)

func TestReadIncident(t *testing.T) {
	at := newClock()
	server, c := start(t, incidentiotest.Options{Now: at.now})
	impact := time.Date(2026, 1, 2, 1, 0, 0, 0, time.UTC)
	made := create(t, server,
		incidentiotest.SetName("Our database is sad"), incidentiotest.SetSummary("Very **sad**."),
		incidentiotest.SetSeverity("Critical"), incidentiotest.SetStatus("Fixing"), incidentiotest.SetType("Security"),
		incidentiotest.SetCustomField("Affected Team", "Payments"),
		incidentiotest.SetCustomField("Regions", "eu-west", "us-east"),
		incidentiotest.SetCustomField("Customers affected", "12.5"),
		incidentiotest.SetCustomField("Runbook", "https://runbooks.example/db"),
		incidentiotest.SetCustomField("ServiceNow ticket"),
		incidentiotest.SetRole("Incident Lead", incidentiotest.Lisa), incidentiotest.SetRole("Communications Lead", ""),
		incidentiotest.SetTimestamp("Impact started", impact), incidentiotest.SetTimestamp("Fixed at", time.Time{}),
	)
	record := read(t, c, incidents.Ref(made.ID))

	if record.Ref != incidents.Ref(made.ID) || record.Number != "INC-1" || record.URL != made.Permalink || record.Private || record.Pristine {
		t.Errorf("got %+v", record)
	}
	if want := made.UpdatedAt.UTC().Format("2006-01-02T15:04:05.000000Z"); record.Version != want || !record.UpdatedAt.Equal(made.UpdatedAt.Time) {
		t.Errorf("version %q of %v, want %q", record.Version, record.UpdatedAt, want)
	}
	for path, want := range map[string]any{
		"name":            "Our database is sad",
		"summary":         "Very **sad**.",
		"created_at":      made.CreatedAt.Time,
		"mode":            "standard",
		"visibility":      "public",
		"call_url":        nil,
		"severity.name":   "Critical",
		"severity.rank":   int64(3),
		"has_debrief":     false,
		"custom_fields":   map[string]any{"Affected Team": "Payments", "Regions": []any{"eu-west", "us-east"}, "Customers affected": 12.5, "Runbook": "https://runbooks.example/db"},
		"timestamps":      map[string]any{"Reported at": made.CreatedAt.Time, "Impact started": impact},
		"roles":           map[string]any{"Incident Lead": map[string]any{"id": made.Creator.User.ID, "name": "Lisa Karlin Curtis", "email": incidentiotest.Lisa}},
		"creator.user.id": made.Creator.User.ID,

		"incident_status.name":     "Fixing",
		"incident_status.category": "live",
		"incident_type.name":       "Security",
	} {
		if diff := cmp.Diff(want, valueAt(record.Fields, path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if lists := record.Fields["custom_field_entries"].([]any); len(lists) != 5 {
		t.Errorf("%d custom field entries, want 5", len(lists))
	}

	byNumber := read(t, c, incidents.Ref("1"))
	if byNumber.Ref != record.Ref {
		t.Errorf("read by number: %s, want %s", byNumber.Ref, record.Ref)
	}
}

// valueAt is what stands at a dotted path.
func valueAt(fields map[string]any, path string) any {
	var value any = fields
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

func TestUnknownEnumValuesSurvive(t *testing.T) {
	server := incidentiotest.New(incidentiotest.Options{})
	server.AddStatus("Watching", "hibernating", 99)
	made := create(t, server, incidentiotest.SetMode("drill"), incidentiotest.SetStatus("Watching"), incidentiotest.SetVisibility("restricted"))
	c := connect(t, server.RoundTripper(), incidentiotest.DefaultKey) // no vendor's file knows these
	record := read(t, c, incidents.Ref(made.ID))
	if got := valueAt(record.Fields, "incident_status.category"); got != "hibernating" {
		t.Errorf("category %v", got)
	}
	if got := record.Fields["mode"]; got != "drill" {
		t.Errorf("mode %v", got)
	}
	if !record.Private {
		t.Error("a visibility that nobody knows is not private")
	}
}

func TestReadFollowUp(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	incident := create(t, server, incidentiotest.SetName("Down"))
	made, err := server.AddFollowUp(incident.ID, incidentiotest.FollowUp{Title: "Write it up", Description: "All of it", Labels: []string{"docs"}})
	if err != nil {
		t.Fatal(err)
	}
	record := read(t, c, followUps.Ref(made.ID))
	if record.Parent != incidents.Ref(incident.ID) || record.Private || record.URL != incident.Permalink {
		t.Errorf("got %+v", record)
	}
	want := map[string]any{
		"id": made.ID, "incident_id": incident.ID, "title": "Write it up", "description": "All of it", "status": "outstanding",
		"labels": []any{"docs"}, "created_at": made.CreatedAt.Time, "updated_at": made.UpdatedAt.Time,
		"creator": map[string]any{"user": map[string]any{
			"id": made.Creator.User.ID, "name": made.Creator.User.Name, "email": incidentiotest.Lisa,
			"role": "responder", "slack_user_id": made.Creator.User.SlackUserID,
		}},
	}
	if diff := cmp.Diff(want, record.Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}

	// Its incident turns private, the follow-up is not touched.
	edit(t, server, incident.ID, incidentiotest.SetVisibility("private"))
	if record := read(t, c, followUps.Ref(made.ID)); !record.Private {
		t.Error("the follow-up of a private incident is not private")
	}

	if err := server.EditFollowUp(made.ID, func(f *incidentiotest.FollowUp) { f.Status = "deleted" }); err != nil {
		t.Fatal(err)
	}
	wantClass(t, c, followUps.Ref(made.ID), connectors.ClassGone)
}

func wantClass(t *testing.T, c connectors.Connector, ref connectors.Ref, want connectors.Class) *connectors.Error {
	t.Helper()
	_, err := c.Read(context.Background(), ref)
	var failure *connectors.Error
	if !errors.As(err, &failure) {
		t.Fatalf("read %s: %v, want a %s", ref, err, want)
	}
	if failure.Class != want {
		t.Errorf("read %s: class %s, want %s: %v", ref, failure.Class, want, err)
	}
	return failure
}

func TestWhatIsNotThere(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	made := create(t, server)
	server.DeleteIncident(made.ID)
	for _, id := range []string{made.ID, "no/such?id", "..", ".", "999"} {
		wantClass(t, connect(t, server.RoundTripper(), incidentiotest.DefaultKey), incidents.Ref(id), connectors.ClassGone)
	}
	wantClass(t, c, followUps.Ref("01FOLLOWUP"), connectors.ClassGone)
	wantClass(t, c, connectors.Collection{Type: "incidentio", Connector: "acme", Record: "action"}.Ref("1"), connectors.ClassRejected)
}

func TestPrivateIncidents(t *testing.T) {
	server := incidentiotest.New(incidentiotest.Options{Keys: []incidentiotest.Key{
		{Token: "sees", Name: "all"}, {Token: "hides", Name: "public only", HidePrivate: true},
	}})
	made := create(t, server, incidentiotest.SetName("canary"), incidentiotest.SetVisibility("private"))
	f, err := server.AddFollowUp(made.ID, incidentiotest.FollowUp{Title: "canary"})
	if err != nil {
		t.Fatal(err)
	}
	sees := connect(t, held(t, server.RoundTripper()), "sees")
	if record := read(t, sees, incidents.Ref(made.ID)); !record.Private {
		t.Error("the incident is not private")
	}
	if record := read(t, sees, followUps.Ref(f.ID)); !record.Private {
		t.Error("the follow-up is not private")
	}
	hides := connect(t, held(t, server.RoundTripper()), "hides")
	wantClass(t, hides, incidents.Ref(made.ID), connectors.ClassGone)
	wantClass(t, hides, followUps.Ref(f.ID), connectors.ClassGone)
	if sees.Hides(incidents.Ref(made.ID)) || !hides.Hides(incidents.Ref(made.ID)) {
		t.Error("only the key that was shown a private incident is known to see them")
	}

	// A webhook calls it private, though the key does not see it.
	body := `{"event_type":"private_incident.incident_updated_v2","private_incident.incident_updated_v2":{"id":"` + made.ID + `"}}`
	now := time.Now()
	h, err := incidentiotest.Headers(testSecret, "msg_1", now, []byte(body), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hides.Receive(h, []byte(body), now); err != nil {
		t.Fatal(err)
	}
	if record := read(t, hides, incidents.Ref(made.ID)); !record.Private || len(record.Fields) > 0 {
		t.Errorf("read as %+v", record)
	}
	edit(t, server, made.ID, incidentiotest.SetVisibility("public"))
	if record := read(t, hides, incidents.Ref(made.ID)); record.Private {
		t.Error("public again, it still reads as private")
	}
}

// TestAFollowUpThatMoves: it is as private as the incident that it belongs to now.
func TestAFollowUpThatMoves(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	public, private := create(t, server, incidentiotest.SetName("Database down")).ID, create(t, server, incidentiotest.SetName("Leak"), incidentiotest.SetVisibility("private")).ID
	made, err := server.AddFollowUp(public, incidentiotest.FollowUp{Title: "Write it up"})
	if err != nil {
		t.Fatal(err)
	}
	ref := followUps.Ref(made.ID)
	for _, test := range []struct {
		to      string
		private bool
	}{{public, false}, {private, true}, {public, false}} {
		if err := server.EditFollowUp(made.ID, func(f *incidentiotest.FollowUp) { f.IncidentID = test.to }); err != nil {
			t.Fatal(err)
		}
		record, err := c.Read(t.Context(), ref)
		if err != nil || record.Private != test.private || record.Parent.ID != test.to {
			t.Errorf("moved to %s: private %t, of %s (%v)", test.to, record.Private, record.Parent, err)
		}
	}
}
