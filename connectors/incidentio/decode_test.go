package incidentio_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
)

func TestDecode(t *testing.T) {
	decode := incidentio.System().Decode
	bare := `{"id":"I1","name":"Sad","summary":"","reference":"INC-1","permalink":"https://app/1","visibility":"public",
		"severity":{"name":"Critical","rank":3.0},"updated_at":"2026-01-02T03:04:05.678901Z","workload_minutes_total":20,"new_thing":{"n":1,"f":1.5}}`
	want := connectors.Record{
		Ref: incidents.Ref("I1"), Number: "INC-1", URL: "https://app/1", Version: "2026-01-02T03:04:05.678901Z",
		UpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC),
		Fields: map[string]any{
			"id": "I1", "name": "Sad", "reference": "INC-1", "permalink": "https://app/1", "visibility": "public",
			"severity":   map[string]any{"name": "Critical", "rank": int64(3)},
			"updated_at": time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC), "workload_minutes_total": 20.0,
			"new_thing": map[string]any{"n": int64(1), "f": 1.5},
		},
	}
	for name, body := range map[string]string{
		"bare":           bare,
		"envelope":       `{"incident":` + bare + `}`,
		"webhook":        `{"event_type":"public_incident.incident_updated_v2","public_incident.incident_updated_v2":` + bare + `}`,
		"nested webhook": `{"event_type":"public_incident.incident_updated_v2","public_incident":{"incident_updated_v2":` + bare + `}}`,
		"status webhook": `{"event_type":"public_incident.incident_status_updated_v2","public_incident.incident_status_updated_v2":{"incident":` + bare + `}}`,
	} {
		got, err := decode(incidents, []byte(body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}

	private, err := decode(followUps, []byte(`{"event_type":"private_incident.follow_up_created_v2","private_incident.follow_up_created_v2":{"id":"F1","title":"secret"}}`))
	if diff := cmp.Diff(connectors.Record{Ref: followUps.Ref("F1"), Private: true}, private); err != nil || diff != "" {
		t.Errorf("private webhook: %v (-want +got):\n%s", err, diff)
	}
	followUp, err := decode(followUps, []byte(`{"follow_up":{"id":"F1","incident_id":"I1","title":"Do it","labels":[]}}`))
	if err != nil || followUp.Parent != incidents.Ref("I1") {
		t.Errorf("follow-up: %+v, %v", followUp, err)
	}
	for _, visibility := range []string{"private", "secret"} {
		record, err := decode(incidents, []byte(`{"id":"I1","visibility":"`+visibility+`"}`))
		if err != nil || !record.Private {
			t.Errorf("%s: private %v, %v", visibility, record.Private, err)
		}
	}
	byHand, err := decode(incidents, []byte(`{"id":"I1","custom_fields":{"Team":"A","n":2},"custom_field_entries":[
		{"custom_field":{"name":"Team","field_type":"text"},"values":[{"value_text":"B"}]}]}`))
	if diff := cmp.Diff(map[string]any{"Team": "B", "n": int64(2)}, byHand.Fields["custom_fields"]); err != nil || diff != "" {
		t.Errorf("custom fields by hand: %v (-want +got):\n%s", err, diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	decode := incidentio.System().Decode
	for _, test := range []struct {
		of   connectors.Collection
		body string
		want string
	}{
		{incidents, ``, "not a JSON object: nothing there"},
		{incidents, `{"id":`, "not a JSON object: it ends too early"},
		{incidents, `{"id":"1"}{}`, "something follows"},
		{incidents, `[]`, "not a JSON object"},
		{incidents, `null`, "not a JSON object"},
		{incidents, `{}`, "the object is empty"},
		{incidents, `{"incidents":[{"id":"1"}]}`, `a list, "incidents"`},
		{followUps, `{"follow_ups":[]}`, `a list, "follow_ups"`},
		{incidents, `{"follow_up":{"id":"F1","title":"x"}}`, "this is a follow-up, not an incident"},
		{followUps, `{"incident":{"id":"I1"}}`, "this is an incident, not a follow-up"},
		{incidents, `{"id":"F1","incident_id":"I1","title":"x"}`, "this is a follow-up, not an incident"},
		{followUps, `{"id":"I1","severity":{}}`, "this is an incident, not a follow-up"},
		{followUps, `{"event_type":"private_incident.incident_updated_v2","private_incident.incident_updated_v2":{"id":"I1"}}`, "not a follow-up"},
		{incidents, `{"event_type":"public_incident.action_created_v1","public_incident.action_created_v1":{"id":"A","incident_id":"I1"}}`, "holds no incident"},
		{incidents, `{"event_type":"other","other":{}}`, "holds no incident"},
		{incidents, `{"name":"x"}`, "not an incident: it has no id"},
		{incidents, `{"id":"1","severity":"Critical"}`, "not an incident: severity: expected an object, found a text"},
		{incidents, `{"id":"1","name":7}`, "name: expected a string, found a number"},
		{incidents, `{"id":"1","has_debrief":"yes"}`, "has_debrief: expected a bool, found a text"},
		{incidents, `{"id":"1","created_at":"yesterday"}`, "created_at: expected a timestamp, found a text"},
		{incidents, `{"id":"1","severity":{"rank":1.5}}`, "severity.rank: expected an int, found a number"},
		{incidents, `{"id":"1","team_ids":["a",1]}`, "team_ids[1]: expected a string, found a number"},
		{incidents, `{"id":"1","team_ids":{}}`, "team_ids: expected a list, found an object"},
		{connectors.Collection{Type: "incidentio", Connector: "acme", Record: "action"}, `{"id":"1"}`, `no record type "action"`},
	} {
		_, err := decode(test.of, []byte(test.body))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.body, err, test.want)
		}
	}
}

// TestDecodeNestingIsBounded: a body cannot exhaust the stack.
func TestDecodeNestingIsBounded(t *testing.T) {
	body := `{"id":"1","new":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}`
	if _, err := incidentio.System().Decode(incidents, []byte(body)); err == nil {
		t.Error("taken")
	}
}

func TestCustomFieldTypes(t *testing.T) {
	for _, test := range []struct {
		fieldType, values string
		want              any
	}{
		{"single_select", `[{"value_option":{"value":"A"}}]`, "A"},
		{"single_select", `[{"value_catalog_entry":{"name":"Payments"}}]`, "Payments"},
		{"single_select", `[]`, nil},
		{"multi_select", `[{"value_option":{"value":"A"}},{"value_catalog_entry":{"name":"B"}}]`, []any{"A", "B"}},
		{"multi_select", `[]`, nil},
		{"text", `[{"value_text":"x"}]`, "x"},
		{"text", `[{"value_text":""}]`, nil},
		{"link", `[{"value_link":"https://x"}]`, "https://x"},
		{"numeric", `[{"value_numeric":"123.456"}]`, 123.456},
		{"numeric", `[{"value_numeric":"7"}]`, 7.0},
		{"numeric", `[{"value_numeric":"many"}]`, nil},
		{"numeric", `[{"value_numeric":"NaN"}]`, nil},
		{"hologram", `[{"value_text":"new"}]`, "new"},
		{"hologram", `[{"value_text":"new"},{"value_numeric":"2"}]`, []any{"new", 2.0}},
	} {
		body := `{"id":"1","custom_field_entries":[{"custom_field":{"name":"F","field_type":"` + test.fieldType + `"},"values":` + test.values + `}]}`
		record, err := incidentio.System().Decode(incidents, []byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if diff := cmp.Diff(test.want, valueAt(record.Fields, "custom_fields.F")); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.fieldType, test.values, diff)
		}
	}
}

// TestDecodeVendorsExamples holds every field of the vendor's examples against
// the schema: none is unknown.
func TestDecodeVendorsExamples(t *testing.T) {
	system := incidentio.System()
	for file, c := range map[string]connectors.Collection{
		"get-v2-incidents-id.200.json":                                  incidents,
		"post-v2-incidents-id-actions-edit.200.json":                    incidents,
		"post-v2-incidents.200.json":                                    incidents,
		"get-v2-follow-ups-id.200.json":                                 followUps,
		"put-v2-follow-ups-id.200.json":                                 followUps,
		"webhook.public_incident.incident_created_v2.json":              incidents,
		"webhook.public_incident.incident_status_updated_v2.json":       incidents,
		"webhook.public_incident.follow_up_created_v2.json":             followUps,
		"post-v2-follow-ups-id-actions-connect-external-issue.200.json": followUps,
	} {
		record, err := system.Decode(c, shared(t, "fixtures/incidentio/"+file))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		schema, _ := system.Schema(c.Record)
		if len(record.Fields) < 10 || record.Version == "" || record.UpdatedAt.IsZero() {
			t.Errorf("%s: %+v", file, record)
		}
		for name := range record.Fields {
			if name == "most_recent_update_message" || name == "related_incidents" {
				continue // webhooks have them, records do not
			}
			if _, ok := schema.Fields[name]; !ok {
				t.Errorf("%s: the schema has no %s", file, name)
			}
		}
		if c == followUps {
			continue
		}
		for path, want := range map[string]any{
			"custom_fields": map[string]any{"Affected Team": "Product"},
			"roles": map[string]any{"Incident Lead": map[string]any{
				"id": "01FCNDV6P870EA6S7TK1DSYDG0", "name": "Lisa Karlin Curtis", "email": "lisa@incident.io",
			}},
			"timestamps": map[string]any{"Impact started": time.Date(2021, 8, 17, 13, 28, 57, 801578000, time.UTC)},
		} {
			if diff := cmp.Diff(want, record.Fields[path]); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", file, path, diff)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"incident":{"id":"I1","severity":{"rank":1}}}`)
	f.Add(`{"follow_up":{"id":"F1","incident_id":"I1"}}`)
	f.Add(`{"id":"I1","custom_field_entries":[{"custom_field":{"name":"a"},"values":[{}]}],"incident_role_assignments":[null],"incident_timestamp_values":[1]}`)
	f.Add(`{"event_type":"private_incident.x","private_incident.x":{}}`)
	system := incidentio.System()
	f.Fuzz(func(t *testing.T, body string) {
		for _, c := range []connectors.Collection{incidents, followUps} {
			record, err := system.Decode(c, []byte(body))
			if err != nil {
				continue
			}
			if record.Ref.ID == "" || record.Ref.Collection != c {
				t.Errorf("ref %+v", record.Ref)
			}
			onlyRecordTypes(t, record.Fields)
		}
	})
}

// onlyRecordTypes fails on a value that a Record may not hold.
func onlyRecordTypes(t *testing.T, value any) {
	t.Helper()
	switch value := value.(type) {
	case nil, bool, int64, float64, string, time.Time:
	case []any:
		for _, element := range value {
			onlyRecordTypes(t, element)
		}
	case map[string]any:
		for _, member := range value {
			onlyRecordTypes(t, member)
		}
	default:
		t.Errorf("%T in a record", value)
	}
}
