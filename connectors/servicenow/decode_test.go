package servicenow_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
)

type dictionaryField struct {
	Name, Type string
	MaxLength  int  `json:"max_length"`
	ReadOnly   bool `json:"read_only"`
}

func dictionaryFields(t *testing.T) []dictionaryField {
	t.Helper()
	var dictionary struct{ Incident []dictionaryField }
	if err := json.Unmarshal(shared(t, "specs/servicenow-data-dictionary.json"), &dictionary); err != nil {
		t.Fatal(err)
	}
	if len(dictionary.Incident) < 40 {
		t.Fatalf("%d fields", len(dictionary.Incident))
	}
	return dictionary.Incident
}

func TestDecode(t *testing.T) {
	decode := servicenow.System().Decode
	for _, test := range []struct {
		name, body string
		want       map[string]any
	}{
		{"bare", `{"sys_id":"1","state":"2","short_description":"a","caller_id":""}`, map[string]any{"sys_id": "1", "state": int64(2), "short_description": "a", "caller_id": nil}},
		{"envelope", `{"result":{"sys_id":"1","active":"true","sys_created_on":"2026-01-02 03:04:05"}}`, map[string]any{"sys_id": "1", "active": true, "sys_created_on": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}},
		{"list of one", `{"result":[{"sys_id":"1","watch_list":"a, b"}]}`, map[string]any{"sys_id": "1", "watch_list": []any{"a", "b"}}},
		{"reference with link", `{"sys_id":"1","caller_id":{"link":"https://x/api/now/table/sys_user/abc","value":"abc"}}`, map[string]any{"sys_id": "1", "caller_id": "abc"}},
		{"display value of a reference", `{"sys_id":"1","caller_id":{"link":"https://x/api/now/table/sys_user/abc","display_value":"Lisa"}}`, map[string]any{"sys_id": "1", "caller_id": "abc"}},
		{"both values", `{"sys_id":{"display_value":"1","value":"1"},"state":{"display_value":"Closed","value":"7"},"upon_reject":{"display_value":null,"value":""}}`, map[string]any{"sys_id": "1", "state": int64(7), "upon_reject": nil}},
		{"display values", `{"sys_id":"1","state":"In Progress","urgency":"3 - Low","subcategory":null}`, map[string]any{"sys_id": "1", "state": int64(2), "urgency": int64(3), "subcategory": nil}},
		{"what does not fit its type", `{"sys_id":"1","state":"Fancy","active":"maybe","due_date":"UNKNOWN"}`, map[string]any{"sys_id": "1", "state": "Fancy", "active": "maybe", "due_date": "UNKNOWN"}},
		{"numbers on the wire", `{"sys_id":"1","state":2,"active":true,"u_x":1.5}`, map[string]any{"sys_id": "1", "state": int64(2), "active": true, "u_x": "1.5"}},
		{
			"webhook", `{"table":"incident","sys_id":"1","number":"INC1","sys_mod_count":"3","sys_updated_on":"2026-01-02 03:04:05"}`,
			map[string]any{"sys_id": "1", "number": "INC1", "sys_mod_count": int64(3), "sys_updated_on": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			record, err := decode(incidents, []byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, record.Fields); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if record.Ref != incidents.Ref("1") {
				t.Errorf("ref %s", record.Ref)
			}
		})
	}
	for name, body := range map[string]string{
		"nothing": "", "no JSON": "<html>", "a list": "[]", "text": `"x"`, "null": "null", "no sys_id": `{"number":"INC1"}`,
		"an error": `{"error":{"message":"No Record found","detail":"x"},"status":"failure"}`, "no record": `{"result":[]}`,
		"two records": `{"result":[{"sys_id":"1"},{"sys_id":"2"}]}`, "a problem": `{"sys_id":"1","sys_class_name":"problem"}`,
		"a change request, as people see it": `{"sys_id":"1","sys_class_name":"Change Request"}`,
		"a webhook of another table":         `{"table":"problem","sys_id":"1"}`, "a list as a field": `{"sys_id":"1","state":[1]}`,
		"an object in an object": `{"sys_id":"1","state":{"value":{"value":"1"}}}`,
	} {
		if record, err := decode(incidents, []byte(body)); err == nil {
			t.Errorf("%s: %+v", name, record)
		}
	}
	if _, err := decode(connectors.Collection{Type: "servicenow", Connector: "x", Record: "task"}, []byte(`{"sys_id":"1","sys_class_name":"problem"}`)); err != nil {
		t.Errorf("a problem is a task: %v", err)
	}
}

// The fixtures are recorded or the vendor's own examples.
func TestDecodeFixtures(t *testing.T) {
	for _, test := range []struct {
		file, table string
		want        map[string]any
		head        connectors.Record
	}{
		{
			"get-now-table-tablename-sys-id.json", "incident",
			map[string]any{"state": int64(1), "caller_id": "46c6f9efa9fe198101ddf5eed9adf6e7", "made_sla": false, "opened_at": time.Date(2015, 11, 2, 22, 4, 15, 0, time.UTC), "parent": nil},
			connectors.Record{Number: "INC0000046", Version: "4", UpdatedBy: "glide.maint", UpdatedAt: time.Date(2015, 11, 1, 22, 37, 27, 0, time.UTC)},
		},
		{
			"get-api-now-table-incident.display_value-all.exclude_reference_link.json", "incident",
			map[string]any{"state": int64(7), "assigned_to": "5137153cc611227c000bbd1bd8cd2007", "priority": int64(3), "closed_at": time.Date(2016, 12, 14, 2, 46, 44, 0, time.UTC)},
			connectors.Record{UpdatedBy: "admin", UpdatedAt: time.Date(2024, 9, 24, 5, 39, 40, 0, time.UTC)},
		},
		{
			"get-api-now-table-incident-sys_id.display_value-true.json", "incident",
			map[string]any{"state": int64(1), "impact": int64(3), "priority": int64(5), "opened_by": "6816f79cc0a8016401c5a33be04be441", "active": true, "caller_id": "Rick Berzle"},
			connectors.Record{Number: "INC0013632", Version: "0", Pristine: true, UpdatedBy: "admin", UpdatedAt: time.Date(2024, 1, 8, 7, 23, 17, 0, time.UTC)},
		},
		{
			"get-now-table-tablename.json", "problem",
			map[string]any{"state": int64(4), "cmdb_ci": "55b35562c0a8010e01cff22378e0aea9", "active": false, "reassignment_count": nil},
			connectors.Record{Number: "PRB0000050", Version: "1", UpdatedBy: "glide.maint", UpdatedAt: time.Date(2016, 1, 19, 4, 52, 4, 0, time.UTC)},
		},
	} {
		t.Run(test.file, func(t *testing.T) {
			c := connectors.Collection{Type: "servicenow", Connector: "itsm", Record: test.table}
			record, err := servicenow.System().Decode(c, shared(t, "fixtures/servicenow/"+test.file))
			if err != nil {
				t.Fatal(err)
			}
			for field, want := range test.want {
				if diff := cmp.Diff(want, record.Fields[field]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", field, diff)
				}
			}
			record.Fields, record.Ref = nil, connectors.Ref{}
			if diff := cmp.Diff(test.head, record); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, file := range []string{"error.404-no-record.json", "error.400-invalid-table.json"} {
		if _, err := servicenow.System().Decode(incidents, shared(t, "fixtures/servicenow/"+file)); err == nil || strings.Contains(err.Error(), "sys_id") {
			t.Errorf("%s: %v", file, err)
		}
	}
}
