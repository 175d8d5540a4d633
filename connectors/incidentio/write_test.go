package incidentio_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// write resolves fields and writes them.
func write(t *testing.T, c connectors.Writer, ref connectors.Ref, fields map[string]any) connectors.Record {
	t.Helper()
	record, err := tryWrite(t, c, ref, fields)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func tryWrite(t *testing.T, c connectors.Writer, ref connectors.Ref, fields map[string]any) (connectors.Record, error) {
	t.Helper()
	resolved, failed, err := c.Resolve(context.Background(), ref.Record, fields)
	if err != nil || len(failed) > 0 {
		t.Fatalf("resolve: %v, %v", failed, err)
	}
	return c.Update(context.Background(), connectors.Change{Ref: ref, Stamp: "s1", Fields: resolved})
}

// sentBody is the body of the last write.
func sentBody(t *testing.T, s *incidentiotest.Server) map[string]any {
	t.Helper()
	var last simulator.Request
	for _, r := range s.Requests() {
		if r.Method == http.MethodPost || r.Method == http.MethodPut {
			last = r
		}
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(last.Body), &body); err != nil {
		t.Fatalf("%s: %v", last.Body, err)
	}
	return body
}

func TestUpdateIncident(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	made := create(t, server, incidentiotest.SetSummary("stays"), incidentiotest.SetCustomField("Runbook", "https://stays.example"))
	ref := incidents.Ref(made.ID)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	fields := map[string]any{
		"name":                            "Our database is happy",
		"call_url":                        "https://call.example/1",
		"severity":                        "Critical",
		"incident_status.name":            "category:learning",
		"custom_fields/ServiceNow ticket": "INC0010001",
		"custom_fields": map[string]any{
			"ServiceNow ticket": "overruled", "Affected Team": "Payments", "Regions": []any{"us-east", "eu-west"}, "Customers affected": int64(12),
		},
		"roles/Incident Lead": connectors.Lookup{Key: "email", Value: incidentiotest.Omar},
		"timestamps":          map[string]any{"Fixed at": at},
	}
	record := write(t, c, ref, fields)

	if record.Ref != ref || record.Number != made.Reference || record.Private || record.Version == "" || record.Version == made.UpdatedAt.UTC().Format(time.RFC3339Nano) {
		t.Errorf("answered %+v", record)
	}
	if diff := cmp.Diff(read(t, c, ref), record); diff != "" {
		t.Errorf("the answer is not what is read (-read +answered):\n%s", diff)
	}
	for path, want := range map[string]any{
		"name": "Our database is happy", "call_url": "https://call.example/1", "summary": "stays",
		"severity.name": "Critical", "incident_status.name": "Documenting",
		"custom_fields": map[string]any{
			"ServiceNow ticket": "INC0010001", "Affected Team": "Payments", "Regions": []any{"us-east", "eu-west"},
			"Customers affected": 12.0, "Runbook": "https://stays.example",
		},
		"timestamps.Fixed at":       at,
		"roles.Incident Lead.email": incidentiotest.Omar,
	} {
		if diff := cmp.Diff(want, valueAt(record.Fields, path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	resolved, _, err := c.Resolve(t.Context(), "incident", fields)
	if err != nil {
		t.Fatal(err)
	}
	delete(resolved, "custom_fields")
	for field, want := range resolved {
		if have := fieldAt(record.Fields, field); !c.Same("incident", field, want, have) {
			t.Errorf("%s: wrote %v, reads %v", field, want, have)
		}
	}

	body := sentBody(t, server)
	if body["notify_incident_channel"] != false {
		t.Errorf("the channel is told: %v", body)
	}
	if n := server.Count(http.MethodPost, ""); n != 1 {
		t.Errorf("%d writes", n)
	}

	// Clearing.
	cleared := write(t, c, ref, map[string]any{
		"summary": "", "call_url": "", "custom_fields/Affected Team": "", "custom_fields/Regions": []any{},
		"roles/Incident Lead": "", "timestamps/Fixed at": "",
	})
	if got := cleared.Fields["custom_fields"].(map[string]any); got["Affected Team"] != nil || got["Regions"] != nil || got["ServiceNow ticket"] == nil {
		t.Errorf("custom fields %v", got)
	}
	for _, path := range []string{"summary", "call_url", "roles.Incident Lead", "timestamps.Fixed at"} {
		if got := valueAt(cleared.Fields, path); got != nil {
			t.Errorf("%s is %v", path, got)
		}
	}
	if got := sentBody(t, server)["incident"].(map[string]any); len(got) != 5 {
		t.Errorf("sent %v", got)
	}
}

// fieldAt is what a record holds under a field of a change.
func fieldAt(fields map[string]any, field string) any {
	if of, entry, isEntry := strings.Cut(field, "/"); isEntry {
		held, _ := fields[of].(map[string]any)
		return held[entry]
	}
	return valueAt(fields, field)
}

func TestUpdatePrivateIncident(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	made := create(t, server, incidentiotest.SetVisibility("private"))
	if record := write(t, c, incidents.Ref(made.ID), map[string]any{"name": "Quiet"}); !record.Private {
		t.Error("the answer is not private")
	}
	follow, err := server.AddFollowUp(made.ID, incidentiotest.FollowUp{Title: "a"})
	if err != nil {
		t.Fatal(err)
	}
	record := write(t, c, followUps.Ref(follow.ID), map[string]any{"title": "b"})
	if !record.Private || record.Parent != incidents.Ref(made.ID) {
		t.Errorf("the follow-up: %+v", record)
	}
}

func TestUpdateFollowUp(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	made := create(t, server)
	if _, err := server.AddFollowUp(made.ID, incidentiotest.FollowUp{Title: "other", Priority: priority(t, server, "Urgent")}); err != nil {
		t.Fatal(err)
	}
	follow, err := server.AddFollowUp(made.ID, incidentiotest.FollowUp{Title: "Write it up", Description: "all", Labels: []string{"keep"}})
	if err != nil {
		t.Fatal(err)
	}
	ref := followUps.Ref(follow.ID)

	record := write(t, c, ref, map[string]any{"status": "completed"})
	want := map[string]any{"status": "completed", "title": "Write it up"}
	if diff := cmp.Diff(want, sentBody(t, server)); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if record.Fields["status"] != "completed" || record.Fields["completed_at"] == nil || record.Fields["description"] != "all" {
		t.Errorf("answered %+v", record.Fields)
	}
	if diff := cmp.Diff(read(t, c, ref), record); diff != "" {
		t.Errorf("the answer is not what is read (-read +answered):\n%s", diff)
	}

	record = write(t, c, ref, map[string]any{
		"title": "Write it down", "description": "most", "labels": []any{"a", "b"}, "priority": "Urgent",
		"assignee": connectors.Lookup{Key: "email", Value: incidentiotest.Omar}, "assignee_team": "Platform",
	})
	for path, want := range map[string]any{
		"title": "Write it down", "description": "most", "labels": []any{"a", "b"}, "status": "completed",
		"assignee.email": incidentiotest.Omar, "assignee_team.name": "Platform", "priority.name": "Urgent",
	} {
		if diff := cmp.Diff(want, valueAt(record.Fields, path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}

	record = write(t, c, ref, map[string]any{"assignee": "", "assignee_team": "", "labels": []any{}, "description": "", "status": "outstanding"})
	for _, field := range []string{"assignee", "assignee_team", "description", "completed_at"} {
		if record.Fields[field] != nil {
			t.Errorf("%s is %v", field, record.Fields[field])
		}
	}

	server.ResetRequests()
	write(t, c, ref, map[string]any{"title": "Both", "status": "not_doing"})
	if reads := server.Count(http.MethodGet, "/v3/follow_ups/"); reads != 0 {
		t.Errorf("title and status were written, and read before %d times", reads)
	}
}

// TestFollowUpCarriesWhatIsReadLast: a title that somebody edited after the
// record was read is not put back.
func TestFollowUpCarriesWhatIsReadLast(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	made := create(t, server)
	follow, err := server.AddFollowUp(made.ID, incidentiotest.FollowUp{Title: "old"})
	if err != nil {
		t.Fatal(err)
	}
	ref := followUps.Ref(follow.ID)
	read(t, c, ref)
	if err := server.EditFollowUp(follow.ID, func(f *incidentiotest.FollowUp) { f.Title = "new" }); err != nil {
		t.Fatal(err)
	}
	if record := write(t, c, ref, map[string]any{"status": "completed"}); record.Fields["title"] != "new" {
		t.Errorf("title %v", record.Fields["title"])
	}
}

func TestUpdateCatalogField(t *testing.T) {
	server := incidentiotest.New(incidentiotest.Options{})
	field := server.AddCatalogField("Services", "multi_select",
		incidentiotest.CatalogEntry{Name: "Payments API", ExternalID: "svc-1", Aliases: []string{"payments"}},
		incidentiotest.CatalogEntry{Name: "Ledger"}, incidentiotest.CatalogEntry{Name: "Twin"}, incidentiotest.CatalogEntry{Name: "Twin"})
	// The vendor's file beside the repository leaves the catalog out.
	c := connect(t, server.RoundTripper(), incidentiotest.DefaultKey)
	made := create(t, server)
	record := write(t, c, incidents.Ref(made.ID), map[string]any{"custom_fields/Services": []any{"svc-1", "Ledger", "payments"}})
	if diff := cmp.Diff([]any{"Payments API", "Ledger"}, fieldAt(record.Fields, "custom_fields/Services")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	entry := sentBody(t, server)["incident"].(map[string]any)["custom_field_entries"].([]any)[0].(map[string]any)
	if entry["custom_field_id"] != field.ID || entry["values"].([]any)[0].(map[string]any)["value_catalog_entry_id"] != field.Catalog[0].ID {
		t.Errorf("sent %v", entry)
	}
	if _, said := resolveOne(t, c, "incident", "custom_fields/Services", "Twin"); said == nil || !strings.Contains(said.Message, "more than one") {
		t.Errorf("a name of two: %v", said)
	}
	if _, said := resolveOne(t, c, "incident", "custom_fields/"+field.ID, "Ledger"); said == nil || !strings.Contains(said.Message, `"Services"`) {
		t.Errorf("a field by its id: %v", said)
	}
}

// TestUpdateFaults: only what may have been done is unclear, and nothing is
// sent twice.
func TestUpdateFaults(t *testing.T) {
	const edit, put, show, parent = "/actions/edit", "/v3/follow_ups/", "/v3/follow_ups/", "/v2/incidents/"
	for _, test := range []struct {
		name     string
		followUp bool
		fault    simulator.Fault
		want     connectors.Class
		writes   int // that reached the account
	}{
		{"reset before", false, simulator.Fault{Kind: simulator.ResetBefore, Method: "POST", Path: edit}, connectors.ClassUnclear, 1},
		{"reset after", false, simulator.Fault{Kind: simulator.ResetAfter, Method: "POST", Path: edit}, connectors.ClassUnclear, 1},
		{"cut", false, simulator.Fault{Kind: simulator.CutBody, Method: "POST", Path: edit}, connectors.ClassUnclear, 1},
		{"500", false, simulator.Fault{Kind: simulator.FailAfter, Method: "POST", Path: edit}, connectors.ClassUnclear, 1},
		{"429", false, simulator.Fault{Kind: simulator.Throttle, Method: "POST", Path: edit}, connectors.ClassThrottled, 1},
		{"403", false, simulator.Fault{Kind: simulator.FailBefore, Status: 403, Method: "POST", Path: edit}, connectors.ClassRejected, 1},
		{"outage", false, simulator.Fault{Kind: simulator.Refuse, Method: "POST", Path: edit}, connectors.ClassRetry, 0},
		{"put: reset after", true, simulator.Fault{Kind: simulator.ResetAfter, Method: "PUT", Path: put}, connectors.ClassUnclear, 1},
		{"put: the read before fails", true, simulator.Fault{Kind: simulator.FailBefore, Method: "GET", Path: show}, connectors.ClassRetry, 0},
		{"put: the read before is refused", true, simulator.Fault{Kind: simulator.FailBefore, Status: 401, Method: "GET", Path: show}, connectors.ClassUnauthorised, 0},
		{"put: it is gone", true, simulator.Fault{Kind: simulator.FailBefore, Status: 404, Method: "GET", Path: show}, connectors.ClassGone, 0},
		{"put: the incident cannot be read after", true, simulator.Fault{Kind: simulator.FailBefore, Method: "GET", Path: parent}, connectors.ClassUnclear, 1},
		{"put: the incident is gone after", true, simulator.Fault{Kind: simulator.FailBefore, Status: 404, Method: "GET", Path: parent}, connectors.ClassUnclear, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := incidentiotest.New(incidentiotest.Options{})
				c := connect(t, server.RoundTripper(), incidentiotest.DefaultKey)
				made := create(t, server)
				ref, fields := incidents.Ref(made.ID), map[string]any{"name": "x"}
				if test.followUp {
					follow, err := server.AddFollowUp(made.ID, incidentiotest.FollowUp{Title: "a"})
					if err != nil {
						t.Fatal(err)
					}
					ref, fields = followUps.Ref(follow.ID), map[string]any{"status": "completed"}
				}
				server.Inject(test.fault)
				_, err := tryWrite(t, c, ref, fields)
				if class, failed := connectors.ClassOf(err); !failed || class != test.want {
					t.Errorf("got %v, want %s", err, test.want)
				}
				if n := server.Count("POST", "") + server.Count("PUT", ""); n != test.writes {
					t.Errorf("%d writes, want %d", n, test.writes)
				}
			})
		})
	}
}

// TestUpdateAnswersThatAreNone: after them nobody knows what became of the
// write.
func TestUpdateAnswersThatAreNone(t *testing.T) {
	for _, body := range []string{
		`{}`, `null`, `[]`, `{"incident":null}`, `{"incident":{"id":"other","updated_at":"2026-01-02T03:04:05Z","visibility":"public"}}`,
		`{"incident":{"id":"I1","updated_at":"2026-01-02T03:04:05Z"}}`, `{"incident":{"id":"I1","visibility":"public"}}`, `<html>`,
	} {
		c := connect(t, canned{200, []byte(body)}, "key")
		_, err := c.Update(t.Context(), connectors.Change{Ref: incidents.Ref("I1"), Fields: map[string]any{"name": "x"}})
		if class, failed := connectors.ClassOf(err); !failed || class != connectors.ClassUnclear {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestRefusedEntryIsNamed: of several entries of a map, the one at fault.
func TestRefusedEntryIsNamed(t *testing.T) {
	server := incidentiotest.New(incidentiotest.Options{})
	several := map[string]any{"custom_fields/Runbook": "b", "custom_fields/ServiceNow ticket": "c"}
	for _, test := range []struct {
		field  string
		fields map[string]any
		want   string
	}{
		{"/incident/custom_field_entries/1", several, "custom_fields/ServiceNow ticket"},
		{"incident.custom_field_entries[0].values", several, "custom_fields/Runbook"},
		{"custom_field_entries", several, ""},
		{"custom_field_entries.7", several, ""},
		{"custom_field_entries", map[string]any{"custom_fields/Runbook": "b"}, "custom_fields/Runbook"},
		{"custom_field_entries.1", map[string]any{"custom_fields": map[string]any{"Runbook": "b", "ServiceNow ticket": "c"}}, "custom_fields"},
		{"incident_status_id", map[string]any{"incident_status.name": "Fixing"}, "incident_status.name"},
		{"severity_id", map[string]any{"severity": "Major"}, "severity"},
	} {
		refuses := refusing{server.RoundTripper(), `{"type":"validation_error","status":422,"errors":[{"code":"c","message":"No","source":{"field":"` + test.field + `"}}]}`}
		_, err := tryWrite(t, connect(t, refuses, incidentiotest.DefaultKey), incidents.Ref("I1"), test.fields)
		var failure *connectors.Error
		if !errors.As(err, &failure) || failure.Class != connectors.ClassRejected || failure.Field != test.want {
			t.Errorf("%s of %v: %v, want %q", test.field, test.fields, err, test.want)
		}
	}
}

// refusing answers every write alike.
type refusing struct {
	http.RoundTripper
	body string
}

func (r refusing) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodGet {
		return r.RoundTripper.RoundTrip(request)
	}
	return canned{422, []byte(r.body)}.RoundTrip(request)
}

func TestUpdateRefusesWithoutSending(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	made := create(t, server)
	for _, test := range []struct {
		ref    connectors.Ref
		fields map[string]any
		want   connectors.Class
	}{
		{incidents.Ref(made.ID), map[string]any{"permalink": "x"}, connectors.ClassRejected},
		{incidents.Ref(made.ID), map[string]any{"mode": "test"}, connectors.ClassRejected},
		{incidents.Ref(made.ID), map[string]any{"severity": "Nonsense"}, connectors.ClassRejected},
		{incidents.Ref(made.ID), map[string]any{"custom_fields": "x"}, connectors.ClassRejected},
		{incidents.Ref(made.ID), map[string]any{"custom_fields/None": "x"}, connectors.ClassRejected},
		{incidents.Ref(made.ID), map[string]any{"custom_fields/Runbook": map[string]any{}}, connectors.ClassRejected},
		{incidents.Ref(".."), map[string]any{"name": "x"}, connectors.ClassGone},
		{connectors.Collection{Type: "incidentio", Connector: "acme", Record: "action"}.Ref("A1"), map[string]any{"name": "x"}, connectors.ClassRejected},
	} {
		_, err := c.Update(t.Context(), connectors.Change{Ref: test.ref, Fields: test.fields})
		if class, failed := connectors.ClassOf(err); !failed || class != test.want {
			t.Errorf("%s %v: %v", test.ref, test.fields, err)
		}
	}
	if n := server.Count(http.MethodPost, ""); n != 0 {
		t.Errorf("%d writes", n)
	}
	record, err := c.Update(t.Context(), connectors.Change{Ref: incidents.Ref(made.ID), Fields: map[string]any{"name": nil}})
	if err != nil || record.Ref.ID != made.ID || server.Count(http.MethodPost, "") != 0 {
		t.Errorf("nothing to write: %v", err)
	}
}

// TestUpdateHonoursItsLease: a write whose time is over is not sent.
func TestUpdateHonoursItsLease(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	made := create(t, server)
	ctx := connectors.WithSendBefore(t.Context(), time.Now().Add(-time.Second))
	_, err := c.Update(ctx, connectors.Change{Ref: incidents.Ref(made.ID), Fields: map[string]any{"name": "x"}})
	if class, _ := connectors.ClassOf(err); class != connectors.ClassRetry || server.Count("", "") != 0 {
		t.Errorf("got %v", err)
	}
}
