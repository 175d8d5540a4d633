package incidentio_test

import (
	"context"
	"errors"
	"net/http"
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

const (
	someKey  = "lockstep-0123456789abcdef0123456789abcdef"
	otherKey = "lockstep-f123456789abcdef0123456789abcdef"
)

// drafted resolves fields for a record that is to be created.
func drafted(t *testing.T, c connectors.Resolver, in connectors.Collection, key string, fields map[string]any) connectors.Draft {
	t.Helper()
	resolved, failed, err := c.Resolve(context.Background(), in.Record, fields)
	if err != nil || len(failed) > 0 {
		t.Fatalf("resolve: %v, %v", failed, err)
	}
	return connectors.Draft{Collection: in, Key: key, Stamp: "s1", Fields: resolved}
}

func declare(t *testing.T, c everything, draft connectors.Draft) connectors.Record {
	t.Helper()
	made, err := c.Create(context.Background(), draft)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestDeclareIncident(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	field := server.AddCustomField("Lockstep key", "text")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	made := declare(t, c, drafted(t, c, incidents, someKey, map[string]any{
		"name": "Our database is sad", "summary": "Very **sad**.", "severity": "Critical", "incident_type": "Security", "mode": "test", "visibility": "private",
		"incident_status.name": "category:live", "custom_fields": map[string]any{"Regions": []any{"us-east"}, "Runbook": ""},
		"roles/Reporter": connectors.Lookup{Key: "email", Value: incidentiotest.Omar}, "timestamps": map[string]any{"Impact started": at},
	}))
	if diff := cmp.Diff(read(t, c, made.Ref), made); diff != "" {
		t.Errorf("the answer is not what is read (-read +answered):\n%s", diff)
	}
	if made.Key != someKey || !made.Own || !made.Private || made.Number != "INC-1" || made.URL == "" || made.Version == "" {
		t.Errorf("made %+v", made)
	}
	body := sentBody(t, server)
	for member, want := range map[string]any{
		"idempotency_key": someKey, "visibility": "private", "mode": "test", "name": "Our database is sad", "summary": "Very **sad**.",
	} {
		if body[member] != want {
			t.Errorf("%s was sent as %v, want %v", member, body[member], want)
		}
	}
	for _, member := range []string{"severity_id", "incident_type_id", "incident_status_id", "incident_role_assignments", "incident_timestamp_values"} {
		if body[member] == nil {
			t.Errorf("no %s was sent: %v", member, body)
		}
	}
	entries, _ := body["custom_field_entries"].([]any)
	last, _ := entries[len(entries)-1].(map[string]any)
	if len(entries) != 3 || last["custom_field_id"] != field.ID {
		t.Errorf("custom fields were sent as %v", entries)
	}
}

// TestVisibility: an incident is public unless somebody says otherwise, or what it is
// declared for is private.
func TestVisibility(t *testing.T) {
	_, c := start(t, incidentiotest.Options{})
	for key, test := range map[string]struct {
		given   any
		private bool
		want    bool
	}{
		"lockstep-1": {nil, false, false},
		"lockstep-2": {nil, true, true},
		"lockstep-3": {"private", false, true},
		"lockstep-4": {"public", true, false},
	} {
		draft := drafted(t, c, incidents, key, map[string]any{"name": "x", "visibility": test.given})
		draft.Private = test.private
		if made := declare(t, c, draft); made.Private != test.want {
			t.Errorf("visibility %v for a record that is private: %v, is private: %v", test.given, test.private, made.Private)
		}
	}
}

// TestWrittenOnItsOccasion: what belongs to a creation is not written later, and the other
// way round.
func TestWrittenOnItsOccasion(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	made := declare(t, c, drafted(t, c, incidents, someKey, map[string]any{"name": "x"}))
	for field, value := range map[string]any{"visibility": "private", "mode": "test", "incident_type": "Security", "roles/Reporter": "01ID"} {
		ctx := connectors.ResolvingFor(context.Background(), made)
		_, failed, err := c.Resolve(ctx, "incident", map[string]any{field: value})
		if said := failed[field]; err != nil || said == nil || said.Code != "read_only" {
			t.Errorf("%s of an incident that is there: %v, %v", field, failed, err)
		}
	}
	sent := len(server.Requests())
	_, err := c.Create(context.Background(), connectors.Draft{Collection: incidents, Key: otherKey, Fields: map[string]any{"name": "x", "call_url": "https://call.example/1"}})
	if said, ok := errors.AsType[*connectors.Error](err); !ok || said.Class != connectors.ClassRejected || said.Field != "call_url" {
		t.Errorf("call_url at creation: %v", err)
	}
	if _, err := c.Update(context.Background(), connectors.Change{Ref: made.Ref, Fields: map[string]any{"visibility": "private"}}); err == nil {
		t.Error("an incident's visibility was edited")
	}
	if now := len(server.Requests()); now != sent {
		t.Errorf("%d requests were sent", now-sent)
	}
	if record := write(t, c, made.Ref, map[string]any{"call_url": "https://call.example/1"}); record.Fields["call_url"] != "https://call.example/1" {
		t.Errorf("the call is at %v", record.Fields["call_url"])
	}
}

// TestCreationIsRefused: what was refused was not done, and may be sent again.
func TestCreationIsRefused(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	draft := drafted(t, c, incidents, someKey, map[string]any{"name": "x", "severity": "Major"})
	server.Inject(simulator.Fault{Kind: simulator.FailBefore, Status: http.StatusUnprocessableEntity, Times: 1})
	if _, err := c.Create(context.Background(), draft); classOf(err) != connectors.ClassRejected {
		t.Errorf("422: %v", err)
	}
	if n := len(server.Incidents()); n != 0 {
		t.Errorf("%d incidents", n)
	}
	if made := declare(t, c, draft); made.Ref.ID == "" {
		t.Error("nothing was made")
	}
}

func classOf(err error) connectors.Class {
	class, _ := connectors.ClassOf(err)
	return class
}

// TestHourlyLimit: the limit on incidents within an hour names no time; lockstep waits,
// and the same key makes one incident.
func TestHourlyLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := start(t, incidentiotest.Options{HourlyIncidents: 1})
		declare(t, c, drafted(t, c, incidents, otherKey, map[string]any{"name": "first"}))
		draft := drafted(t, c, incidents, someKey, map[string]any{"name": "second"})
		var err error
		tries := 0
		for began := time.Now(); time.Since(began) < 2*time.Hour; tries++ {
			if _, err = c.Create(t.Context(), draft); classOf(err) != connectors.ClassThrottled {
				break
			}
			time.Sleep(max(time.Until(c.Throttled()), time.Second))
		}
		if err != nil || len(server.Incidents()) != 2 {
			t.Errorf("after %d tries: %v, %d incidents", tries, err, len(server.Incidents()))
		}
	})
}

// TestFindByKey: of another account's worth of incidents those are found that hold the
// key, whoever created them, in every mode and state; each one new is found, and each
// old one read once.
func TestFindByKey(t *testing.T) {
	server, c := start(t, incidentiotest.Options{Keys: []incidentiotest.Key{
		{Token: incidentiotest.DefaultKey, Name: "lockstep"}, {Token: "another", Name: "another"},
	}})
	find := func(key string) []connectors.Record {
		t.Helper()
		found, err := c.FindByKey(context.Background(), incidents, key)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := find(someKey); len(found) != 0 {
		t.Errorf("without the field for keys: %v", found)
	}
	server.AddCustomField("Lockstep key", "text")
	other := connect(t, held(t, server.RoundTripper()), "another")
	c = connect(t, held(t, server.RoundTripper()), incidentiotest.DefaultKey) // nothing is remembered
	for range 300 {
		create(t, server, incidentiotest.SetName("someone's"))
	}
	made := declare(t, c, drafted(t, c, incidents, someKey, map[string]any{"name": "x", "mode": "test"}))
	edit(t, server, made.Ref.ID, incidentiotest.SetStatus("Merged"))
	found := find(someKey)
	if len(found) != 1 || found[0].Ref != made.Ref || found[0].Foreign || found[0].CreatedBy != "lockstep" || found[0].Key != someKey {
		t.Fatalf("found %v", found)
	}
	create(t, server, incidentiotest.SetName("typed by a person"), incidentiotest.SetCustomField("Lockstep key", otherKey))
	foreign := declare(t, other, drafted(t, other, incidents, otherKey, map[string]any{"name": "x"}))
	sent := len(server.Requests())
	if found := find(otherKey); len(found) != 2 || found[1].Ref != foreign.Ref || !found[0].Foreign || !found[1].Foreign || found[1].CreatedBy != "another" {
		t.Errorf("found %v", found)
	}
	if found := find(someKey); len(found) != 1 {
		t.Errorf("the first is not found again: %v", found)
	}
	if n := len(server.Requests()) - sent; n > 8 {
		t.Errorf("%d requests for two look-ups", n)
	}
	server.Inject(simulator.Fault{Kind: simulator.FailBefore, Method: http.MethodGet, Path: "/v2/incidents/" + made.Ref.ID, Status: http.StatusUnauthorized})
	if found, err := c.FindByKey(context.Background(), incidents, someKey); err == nil {
		t.Errorf("found %v where what was found cannot be read", found)
	}
	server.ClearFaults()
	edit(t, server, made.Ref.ID, incidentiotest.SetCustomField("Lockstep key"))
	if found := find(someKey); len(found) != 0 {
		t.Errorf("a key that was taken away is found: %v", found)
	}
}

// TestFindUnkeyed: without the field for keys, what this API key declared is found by
// who declared it.
func TestFindUnkeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := start(t, incidentiotest.Options{})
		declare(t, c, drafted(t, c, incidents, someKey, map[string]any{"name": "earlier"}))
		time.Sleep(time.Hour)
		since := time.Now()
		create(t, server, incidentiotest.SetName("someone's"))
		made := declare(t, c, drafted(t, c, incidents, otherKey, map[string]any{"name": "later"}))
		if made.Key != "" {
			t.Errorf("the key is %q", made.Key)
		}
		found, err := c.FindUnkeyed(t.Context(), incidents, since)
		if err != nil || len(found) != 1 || found[0].Ref != made.Ref {
			t.Errorf("found %v, %v", found, err)
		}
	})
}

// TestOwn: only what this API key created is lockstep's own.
func TestOwn(t *testing.T) {
	server, c := start(t, incidentiotest.Options{Keys: []incidentiotest.Key{
		{Token: incidentiotest.DefaultKey, Name: "lockstep"}, {Token: "another", Name: "another"},
	}})
	other := connect(t, held(t, server.RoundTripper()), "another")
	ours := declare(t, c, drafted(t, c, incidents, someKey, map[string]any{"name": "x"}))
	theirs := declare(t, other, drafted(t, other, incidents, otherKey, map[string]any{"name": "x"}))
	persons := create(t, server, incidentiotest.SetName("x"))
	fresh := connect(t, held(t, server.RoundTripper()), incidentiotest.DefaultKey)
	for id, want := range map[string]bool{ours.Ref.ID: true, theirs.Ref.ID: false, persons.ID: false} {
		if record := read(t, fresh, incidents.Ref(id)); record.Own != want {
			t.Errorf("%s by %v is own: %v", record.Number, record.Fields["creator"], record.Own)
		}
	}
}

func TestAddFollowUp(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	incident := create(t, server, incidentiotest.SetVisibility("private"))
	made := declare(t, c, drafted(t, c, followUps, someKey, map[string]any{
		"incident_id": incident.ID, "title": "Add an index", "description": "On `orders`.", "labels": []any{"database"},
		"assignee": connectors.Lookup{Key: "email", Value: incidentiotest.Omar}, "status": "completed",
	}))
	if diff := cmp.Diff(read(t, c, made.Ref), made); diff != "" {
		t.Errorf("the answer is not what is read (-read +answered):\n%s", diff)
	}
	if made.Key != someKey || !made.Own || !made.Private || made.Parent != incidents.Ref(incident.ID) || !cmp.Equal(made.Fields["labels"], []any{"database"}) {
		t.Errorf("made %+v", made)
	}
	write(t, c, made.Ref, map[string]any{"labels": []any{"index"}})
	write(t, c, made.Ref, map[string]any{"labels": []any{}})
	followUp := server.FollowUps(incident.ID)[0]
	if !slices.Equal(followUp.Labels, []string{someKey}) {
		t.Errorf("the labels are %v: the key has to stay", followUp.Labels)
	}
	found, err := c.FindByKey(context.Background(), followUps, someKey)
	if err != nil || len(found) != 1 || found[0].Ref != made.Ref || found[0].Foreign {
		t.Errorf("found %v, %v", found, err)
	}
	if _, err := c.Create(context.Background(), connectors.Draft{Collection: followUps, Key: otherKey, Fields: map[string]any{"title": "x"}}); classOf(err) != connectors.ClassRejected {
		t.Errorf("a follow-up of no incident: %v", err)
	}
}

// TestAdviseOfTheKey: who declares incidents is told that the field for keys is missing.
func TestAdviseOfTheKey(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	uses := []connectors.Use{
		{Template: "t", Record: "incident", Field: "summary", Edits: true},
		{Template: "t", Record: "incident", Field: "name", Opens: true, Edits: true},
		{Template: "u", Record: "incident", Field: "name", Opens: true},
	}
	advice := func(uses []connectors.Use) []connectors.Advice {
		t.Helper()
		all, err := c.Advise(context.Background(), uses)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if all := advice(uses[:1]); len(all) != 0 {
		t.Errorf("of an edit: %+v", all)
	}
	if all := advice(uses); len(all) != 1 || !strings.Contains(all[0].Message, `"Lockstep key"`) || all[0].Use.Template != "t" {
		t.Errorf("advice: %+v", all)
	}
	server.AddCustomField("Lockstep key", "text")
	c = connect(t, held(t, server.RoundTripper()), incidentiotest.DefaultKey)
	if all := advice(uses); len(all) != 0 {
		t.Errorf("with the field: %+v", all)
	}
}
