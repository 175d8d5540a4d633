package incidentio_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
)

// A caller calls the simulator as any client may, every answer held against the
// vendor's API.
type caller struct {
	t      *testing.T
	client *http.Client
}

// call sends a request and reads the member of the answer that path names.
func (c caller) call(want int, method, path, body, member string) map[string]any {
	c.t.Helper()
	request, err := http.NewRequest(method, "https://api.incident.io"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Authorization", "Bearer "+incidentiotest.DefaultKey)
	response, err := c.client.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if response.StatusCode != want {
		c.t.Errorf("%s %s: %d, want %d: %s", method, path, response.StatusCode, want, answer)
	}
	var object map[string]any
	if want != http.StatusNoContent {
		if err := json.NewDecoder(bytes.NewReader(answer)).Decode(&object); err != nil {
			c.t.Fatalf("%s %s: %v: %s", method, path, err, answer)
		}
	}
	switch inner := object[member].(type) {
	case map[string]any:
		return inner
	case []any:
		if len(inner) == 0 {
			c.t.Errorf("%s %s: the list of %s is empty", method, path, member)
			return nil
		}
		first, _ := inner[len(inner)-1].(map[string]any)
		return first
	}
	if member != "" {
		c.t.Errorf("%s %s: the answer has no %s: %s", method, path, member, answer)
	}
	return object
}

// quote puts ids into a body.
func quote(template string, values ...any) string {
	for _, value := range values {
		encoded, _ := json.Marshal(value)
		template = strings.Replace(template, "$", string(encoded), 1)
	}
	return template
}

// TestSimulatorIsTheVendorsAPI calls every operation of the simulator.
func TestSimulatorIsTheVendorsAPI(t *testing.T) {
	server := incidentiotest.New(incidentiotest.Options{})
	tripper := held(t, server.RoundTripper())
	c := caller{t, &http.Client{Transport: tripper}}
	get := func(path, member string) map[string]any { t.Helper(); return c.call(200, "GET", path, "", member) }

	get("/v1/identity", "identity")
	severity := get("/v1/severities", "severities")["id"]
	get("/v1/severities/"+severity.(string), "severity")
	closed := ""
	for _, s := range listOf(t, c, "/v1/incident_statuses", "incident_statuses") {
		if s["name"] == "Closed" {
			closed = s["id"].(string)
		}
	}
	get("/v1/incident_statuses/"+closed, "incident_status")
	incidentType := get("/v1/incident_types", "incident_types")["id"]
	get("/v1/incident_types/"+incidentType.(string), "incident_type")
	fields := map[string]string{}
	for _, f := range listOf(t, c, "/v2/custom_fields", "custom_fields") {
		fields[f["name"].(string)] = f["id"].(string)
	}
	get("/v2/custom_fields/"+fields["Runbook"], "custom_field")
	option := get("/v1/custom_field_options?custom_field_id="+fields["Regions"]+"&page_size=250", "custom_field_options")["id"]
	role := listOf(t, c, "/v2/incident_roles", "incident_roles")[0]["id"]
	timestamp := get("/v2/incident_timestamps", "incident_timestamps")["id"]
	user := get("/v2/users?email=lisa@incident.io", "users")["id"]
	get("/v2/users/"+user.(string), "user")
	team := get("/v3/teams", "teams")["id"]

	opening := quote(`{"idempotency_key":"k1","visibility":"public","name":"Sad","severity_id":$,"incident_type_id":$,"mode":"standard"}`, severity, incidentType)
	incident := c.call(200, "POST", "/v2/incidents", opening, "incident")
	id := incident["id"].(string)
	if again := c.call(200, "POST", "/v2/incidents", opening, "incident"); again["id"] != id {
		t.Errorf("the same idempotency key made %v and %v", id, again["id"])
	}
	edited := c.call(200, "POST", "/v2/incidents/"+id+"/actions/edit", quote(`{"notify_incident_channel":false,"incident":{
		"name":"Sadder","summary":"Very","call_url":"https://call","incident_status_id":$,
		"custom_field_entries":[{"custom_field_id":$,"values":[{"value_option_id":$}]},{"custom_field_id":$,"values":[{"value_numeric":"3"}]},{"custom_field_id":$,"values":[]}],
		"incident_role_assignments":[{"incident_role_id":$,"assignee":{"email":"omar@acme.example"}}],
		"incident_timestamp_values":[{"incident_timestamp_id":$,"value":"2026-01-02T03:04:05Z"}]}}`,
		closed, fields["Regions"], option, fields["Customers affected"], fields["Runbook"], role, timestamp), "incident")
	if edited["name"] != "Sadder" || edited["updated_at"] == incident["updated_at"] {
		t.Errorf("edited: %v", edited)
	}
	get("/v2/incidents/"+id, "incident")
	get("/v2/incidents/1", "incident")
	get("/v2/incidents?page_size=1&status_category[one_of]=closed&custom_field["+fields["Regions"]+"][one_of]="+option.(string)+
		"&incident_role["+role.(string)+"][is_blank]=false&severity[gte]="+severity.(string)+"&created_at[gte]=2001-01-01&mode[one_of]=standard", "incidents")

	update := quote(`{"idempotency_key":"u1","incident_id":$,"message":"Better **now**"}`, id)
	made := c.call(201, "POST", "/v2/incident_updates", update, "incident_update")
	if again := c.call(201, "POST", "/v2/incident_updates", update, "incident_update"); again["id"] != made["id"] {
		t.Error("the same idempotency key made two updates")
	}
	get("/v2/incident_updates?incident_id="+id, "incident_updates")
	item := quote(`{"idempotency_key":"t1","incident_id":$,"timestamp":"2020-01-02T03:04:05Z","title":"Note","description":"text"}`, id)
	noted := c.call(201, "POST", "/v2/incident_timeline_items", item, "incident_timeline_item")
	if again := c.call(201, "POST", "/v2/incident_timeline_items", item, "incident_timeline_item"); again["id"] != noted["id"] {
		t.Error("the same idempotency key made two timeline items")
	}
	c.call(200, "PATCH", "/v2/incident_timeline_items/"+noted["id"].(string), `{"description":""}`, "incident_timeline_item")
	get("/v2/incident_timeline_items?incident_id="+id, "incident_timeline_items")
	get("/v2/incident_activity_log_entries?incident_id="+id, "incident_activity_log_entries")

	attachment := c.call(201, "POST", "/v1/incident_attachments", quote(`{"incident_id":$,"resource":{"resource_type":"arbitrary_url","url":"https://x.example/INC1","title":"INC1"}}`, id), "incident_attachment")
	get("/v1/incident_attachments?incident_id="+id, "incident_attachments")
	c.call(204, "DELETE", "/v1/incident_attachments/"+attachment["id"].(string), "", "")

	for _, version := range []string{"v2", "v3"} {
		path := "/" + version + "/follow_ups"
		f := c.call(201, "POST", path, quote(`{"incident_id":$,"title":"Write it up","description":"all","labels":["a"],"assignee_id":$,"assignee_team_id":$}`, id, user, team), "follow_up")
		get(path, "follow_ups")
		get(path+"/"+f["id"].(string), "follow_up")
		put := c.call(200, "PUT", path+"/"+f["id"].(string), `{"title":"Write it","status":"completed","assignee_id":null}`, "follow_up")
		if put["assignee"] != nil || put["assignee_team"] == nil || put["completed_at"] == nil {
			t.Errorf("updated: %v", put)
		}
		if version == "v2" {
			connect := `{"provider":"service_now","url":"https://acme.service-now.com/nav_to.do?uri=incident.do"}`
			c.call(200, "POST", path+"/"+f["id"].(string)+"/actions/connect_external_issue", connect, "follow_up")
			c.call(422, "POST", path+"/"+f["id"].(string)+"/actions/connect_external_issue", connect, "errors")
		}
		c.call(204, "DELETE", path+"/"+f["id"].(string), "", "")
		c.call(404, "GET", path+"/"+f["id"].(string), "", "errors")
	}
	c.call(201, "POST", "/v3/follow_ups/actions/create_from_link", quote(`{"incident_id":$,"url":"https://acme.atlassian.net/browse/ENG-1"}`, id), "follow_up")
	get("/v3/follow_ups?page_size=250&updated_at[gte]=2001-01-01T00:00:00Z&incident_id="+id, "follow_ups")

	// What the vendor refuses, as it words it.
	for _, refused := range []struct {
		status             int
		method, path, body string
	}{
		{422, "POST", "/v3/follow_ups", quote(`{"incident_id":$,"title":""}`, id)},
		{404, "POST", "/v3/follow_ups", `{"incident_id":"none","title":"x"}`},
		{422, "POST", "/v2/incident_updates", quote(`{"idempotency_key":"u2","incident_id":$}`, id)},
		{422, "GET", "/v3/follow_ups?updated_at[since]=2001-01-01T00:00:00Z", ""},
		{404, "GET", "/v3/follow_ups/none", ""},
	} {
		c.call(refused.status, refused.method, refused.path, refused.body, "errors")
	}
}

func listOf(t *testing.T, c caller, path, member string) []map[string]any {
	t.Helper()
	object := c.call(200, "GET", path, "", "")
	var all []map[string]any
	list, _ := object[member].([]any)
	for _, element := range list {
		all = append(all, element.(map[string]any))
	}
	return all
}
