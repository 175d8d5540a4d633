package incidentio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

func history(t *testing.T, c connectors.HistoryReader, record connectors.Record, since time.Time) []connectors.FieldChange {
	t.Helper()
	all, err := c.History(context.Background(), record, since)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// changed are changes as "field: old -> new by whom"; of objects, the name.
func changed(all []connectors.FieldChange) []string {
	shown := func(v any) any {
		if object, ok := v.(map[string]any); ok {
			return object["name"]
		}
		return v
	}
	var lines []string
	for _, one := range all {
		line := fmt.Sprintf("%s: %v -> %v by %s", one.Field, shown(one.Old), shown(one.New), one.By)
		if one.Ours {
			line += ", ours"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestHistory(t *testing.T) {
	at := newClock()
	server, c := start(t, incidentiotest.Options{Now: at.now})
	made, other := create(t, server, incidentiotest.SetName("a")), create(t, server)
	edit(t, server, other.ID, incidentiotest.SetName("elsewhere"))
	omar := incidentiotest.By("omar@acme.example")
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for _, changes := range [][]incidentiotest.Change{
		{incidentiotest.SetName("b"), incidentiotest.SetSummary("text")},
		{incidentiotest.SetSeverity("Critical")},
		{omar, incidentiotest.SetStatus("Fixing"), incidentiotest.SetSeverity("Minor")},
		{incidentiotest.SetCallURL("https://call.example")}, // of which the log does not tell what
		{incidentiotest.SetCustomField("Regions", "eu-west", "us-east")},
		{incidentiotest.SetCustomField("Regions")},
		{incidentiotest.SetCustomField("Customers affected", "3")},
		{incidentiotest.SetRole("Communications Lead", "omar@acme.example")},
		{incidentiotest.SetTimestamp("Impact started", noon)},
		{incidentiotest.SetVisibility("private")},
	} {
		at.advance(time.Minute)
		edit(t, server, made.ID, changes...)
	}
	postUpdate(t, server, made.ID, "only words")
	record := read(t, c, incidents.Ref(made.ID))
	at.advance(time.Minute)
	since := at.now()
	write(t, c, record.Ref, map[string]any{"name": "c", "incident_status.name": "Closed"})

	const lisa = "Lisa Karlin Curtis"
	all := history(t, c, record, time.Time{})
	want := []string{
		"name: a -> b by " + lisa,
		"summary: <nil> -> text by " + lisa,
		"severity: <nil> -> Critical by " + lisa,
		"incident_status.name: Investigating -> Fixing by Omar Haddad",
		"severity: Critical -> Minor by Omar Haddad",
		"custom_fields/Regions: <nil> -> [eu-west us-east] by " + lisa,
		"custom_fields/Regions: [eu-west us-east] -> <nil> by " + lisa,
		"custom_fields/Customers affected: <nil> -> 3 by " + lisa,
		"roles/Communications Lead: <nil> -> Omar Haddad by " + lisa,
		"timestamps/Impact started: <nil> -> 2026-01-02 12:00:00 +0000 UTC by " + lisa,
		"visibility: public -> private by " + lisa,
		"incident_status.name: Fixing -> Closed by lockstep, ours",
		"name: b -> c by lockstep, ours",
	}
	if diff := cmp.Diff(want, changed(all)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[len(want)-2:], changed(history(t, c, record, since))); diff != "" {
		t.Errorf("since (-want +got):\n%s", diff)
	}
	if n := server.Count("GET", "/v1/identity"); n != 1 {
		t.Errorf("asked %d times who it is", n)
	}
}

// valueOf is what a record holds in the field of a change.
func valueOf(record connectors.Record, field string) any {
	if name, entry, ok := strings.Cut(field, "/"); ok {
		of, _ := record.Fields[name].(map[string]any)
		return of[entry]
	}
	if name, member, ok := strings.Cut(field, "."); ok {
		of, _ := record.Fields[name].(map[string]any)
		return of[member]
	}
	return record.Fields[field]
}

// TestHistoryIsOfRecords: whatever changes, the changes of a field follow from
// one another, and the last is what the record holds.
func TestHistoryIsOfRecords(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	ref := incidents.Ref(create(t, server).ID)
	random := rand.New(rand.NewPCG(3, 4))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	for range 150 {
		var change incidentiotest.Change
		switch random.IntN(8) {
		case 0:
			change = incidentiotest.SetName(pick("a", "b", "c"))
		case 1:
			change = incidentiotest.SetSummary(pick("", "x", "*y*"))
		case 2:
			change = incidentiotest.SetSeverity(pick("Minor", "Major", "Critical"))
		case 3:
			change = incidentiotest.SetStatus(pick("Investigating", "Fixing", "Monitoring"))
		case 4:
			change = incidentiotest.SetCustomField("Regions", []string{"eu-west", "us-east", "ap-south"}[:random.IntN(4)]...)
		case 5:
			change = incidentiotest.SetCustomField("Customers affected", pick("1", "2.5"))
		case 6:
			change = incidentiotest.SetRole("Communications Lead", pick("", "omar@acme.example", "lisa@incident.io"))
		case 7:
			change = incidentiotest.SetTimestamp("Impact started", time.Unix(int64(random.IntN(3)), 0).UTC())
		}
		edit(t, server, ref.ID, change)
	}
	record := read(t, c, ref)
	last := map[string]any{}
	seen := map[string]bool{}
	for _, change := range history(t, c, record, time.Time{}) {
		if seen[change.Field] && !cmp.Equal(last[change.Field], change.Old) {
			t.Errorf("%s was %v and became %v from %v", change.Field, last[change.Field], change.New, change.Old)
		}
		seen[change.Field], last[change.Field] = true, change.New
	}
	if len(last) != 8 {
		t.Errorf("of %d fields only", len(last))
	}
	for field, value := range last {
		if diff := cmp.Diff(valueOf(record, field), value); diff != "" {
			t.Errorf("%s (-record +history):\n%s", field, diff)
		}
	}
}

// TestHistoryOfEntries reads entries that the simulator does not make.
func TestHistoryOfEntries(t *testing.T) {
	const minor, fixing = `{"name":"Minor","rank":1}`, `{"name":"Fixing","category":"live"}`
	entry := func(kind, content string) string {
		return fmt.Sprintf(`{"id":"L1","incident_id":"I1","type":%q,"title":"","occurred_at":"2026-01-02T03:04:05Z","created_at":"2026-01-02T03:04:05Z","content":{%q:%s}}`,
			kind, kind, content)
	}
	for name, test := range map[string]struct {
		entries []string
		want    []string
	}{
		"told twice": {
			[]string{
				entry("status_change", `{"previous_status":{"name":"Triage"},"new_status":`+fixing+`}`),
				entry("incident_update", `{"id":"U1","previous_status":{"name":"Triage"},"new_status":`+fixing+`,"new_severity":`+minor+`}`),
				entry("incident_update", `{"id":"U2","message":"x","new_status":`+fixing+`,"new_severity":`+minor+`}`),
			},
			[]string{"incident_status.name: Triage -> Fixing by ", "severity: <nil> -> Minor by "},
		},
		"a type": {
			[]string{entry("incident_type_changed", `{"previous_incident_type":{"name":"A"},"new_incident_type":{"name":"B"},"updater":{"alert":{"id":"A1","title":"PG down"}}}`)},
			[]string{"incident_type: A -> B by PG down"},
		},
		"too many values": {
			[]string{entry("custom_field_value_update", `{"custom_field":{"name":"F","field_type":"multi_select"},"previous_values":[],"previous_values_count":0,"new_values":[{"value_option":{"value":"x"}}],"new_values_count":101}`)},
			[]string{"custom_fields/F: <nil> -> <nil> by "},
		},
		"a field that is set to what it was by hand": {
			[]string{
				entry("summary_update", `{"previous_summary":"a","new_summary":"b"}`),
				entry("summary_update", `{"previous_summary":"b","new_summary":"a"}`),
				entry("summary_update", `{"previous_summary":"a","new_summary":"b"}`),
			},
			[]string{"summary: a -> b by ", "summary: b -> a by ", "summary: a -> b by "},
		},
		"a stream's": {
			[]string{strings.Replace(entry("incident_rename", `{"previous_name":"a","new_name":"b"}`), "I1", "S1", 1)}, nil,
		},
		"no news": {
			[]string{
				entry("incident_update", `{"id":"U1","message":"only words"}`),
				entry("incident_rename", `{"previous_name":"a","new_name":"a"}`),
				entry("role_update", `{"new_assignee":{"id":"U1"}}`),
				entry("custom_field_value_update", `{}`),
				entry("incident_timestamp_set", `{"incident_timestamp":{}}`),
				entry("status_change", `{"previous_status":"Triage","new_status":7}`),
				entry("summary_update", `"canary"`),
				entry("summary_update", `null`),
				entry("call_url_changed", `{"new_url":"x"}`),
				entry("of_next_year", `[1]`),
				`{"id":"L1","incident_id":"I1","type":"scrub","occurred_at":"2026-01-02T03:04:05Z","content":null}`,
				`{"id":"L1","incident_id":"I1","type":"scrub","occurred_at":"2026-01-02T03:04:05Z"}`,
			}, nil,
		},
	} {
		body := `{"incident_activity_log_entries":[` + strings.Join(test.entries, ",") + `]}`
		c := connect(t, canned{200, []byte(body)}, "key")
		got := changed(history(t, c, connectors.Record{Ref: incidents.Ref("I1")}, time.Time{}))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestWhoseHistory: a key of our name is ours, and after a post the key that
// made it.
func TestWhoseHistory(t *testing.T) {
	server, c := start(t, incidentiotest.Options{Keys: []incidentiotest.Key{
		{Token: incidentiotest.DefaultKey, Name: "lockstep"}, {Token: "other", Name: "terraform"}, {Token: "old", Name: "lockstep"},
	}})
	ref := incidents.Ref(create(t, server).ID)
	for i, key := range []string{"other", "old", incidentiotest.DefaultKey} {
		write(t, connect(t, held(t, server.RoundTripper()), key), ref, map[string]any{"name": fmt.Sprint("n", i)})
	}
	want := []string{"terraform: false", "lockstep: true", "lockstep: true"}
	for _, step := range []string{"by name", "after a post"} {
		var got []string
		for _, change := range history(t, c, read(t, c, ref), time.Time{}) {
			got = append(got, fmt.Sprintf("%s: %v", change.By, change.Ours))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
		if _, err := c.Comment(t.Context(), workNote(read(t, c, ref), "timeline")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHistoryOfFollowUps(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	all, err := c.History(t.Context(), connectors.Record{Ref: followUps.Ref("F1")}, time.Time{})
	if err != nil || len(all) != 0 || server.Count("", "") != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestHistoryFailsWhole(t *testing.T) {
	for _, path := range []string{"/v2/incident_activity_log_entries", "/v1/identity"} {
		synctest.Test(t, func(t *testing.T) {
			server := incidentiotest.New(incidentiotest.Options{})
			c := connect(t, server.RoundTripper(), incidentiotest.DefaultKey)
			record := read(t, c, incidents.Ref(create(t, server).ID))
			write(t, c, record.Ref, map[string]any{"name": "x"})
			server.Inject(simulator.Fault{Kind: simulator.FailBefore, Path: path})
			all, err := c.History(t.Context(), record, time.Time{})
			if class, _ := connectors.ClassOf(err); class != connectors.ClassUnclear || all != nil {
				t.Errorf("%s: %v, %v", path, all, err)
			}
		})
	}
}

// TestVendorsHistory reads the vendor's own example: an update of words alone.
func TestVendorsHistory(t *testing.T) {
	var page struct {
		Entries []struct {
			IncidentID string `json:"incident_id"`
		} `json:"incident_activity_log_entries"`
	}
	body := shared(t, "fixtures/incidentio/get-v2-incident-activity-log-entries.200.json")
	if err := json.Unmarshal(body, &page); err != nil || len(page.Entries) != 1 {
		t.Fatalf("%v: %+v", err, page)
	}
	var whole map[string]any
	if err := json.Unmarshal(body, &whole); err != nil {
		t.Fatal(err)
	}
	delete(whole, "pagination_meta")
	body, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, canned{200, body}, "key")
	if got := history(t, c, connectors.Record{Ref: incidents.Ref(page.Entries[0].IncidentID)}, time.Time{}); len(got) != 0 {
		t.Errorf("got %q", changed(got))
	}
}
