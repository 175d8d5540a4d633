package incidentiotest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A reply is an answer as a client sees it.
type reply struct {
	status int
	header http.Header
	body   map[string]any
	err    error
}

func ask(t *testing.T, tripper http.RoundTripper, key, method, path, body string) reply {
	t.Helper()
	request, err := http.NewRequest(method, "https://api.incident.io"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := tripper.RoundTrip(request)
	if err != nil {
		return reply{err: err}
	}
	defer response.Body.Close()
	r := reply{status: response.StatusCode, header: response.Header}
	content, err := io.ReadAll(response.Body)
	if r.err = err; err == nil && len(content) > 0 {
		if err := json.Unmarshal(content, &r.body); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, content)
		}
	}
	return r
}

// problem is the type, code and field of a refusal.
func (r reply) problem() string {
	errs, _ := r.body["errors"].([]any)
	if len(errs) == 0 {
		return ""
	}
	first := errs[0].(map[string]any)
	source, _ := first["source"].(map[string]any)
	text := fmt.Sprintf("%d %s %s", r.status, r.body["type"], first["code"])
	if source != nil {
		text += fmt.Sprintf(" %s", source["field"])
	}
	return text
}

// names are the names of the incidents of a list, in its order.
func (r reply) names() []string {
	list, _ := r.body["incidents"].([]any)
	names := []string{}
	for _, i := range list {
		names = append(names, i.(map[string]any)["name"].(string))
	}
	return names
}

func create(t *testing.T, s *incidentiotest.Server, changes ...incidentiotest.Change) incidentiotest.Incident {
	t.Helper()
	made, err := s.CreateIncident(changes...)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestRefusals(t *testing.T) {
	s := incidentiotest.New(incidentiotest.Options{Keys: []incidentiotest.Key{
		{Token: "all"}, {Token: "reader", Scopes: []string{"incidents.view"}},
	}})
	made := create(t, s)
	edit := "/v2/incidents/" + made.ID + "/actions/edit"
	for _, test := range []struct {
		key, method, path, body, want string
	}{
		{"", "GET", "/v2/incidents", "", "401 authentication_error missing_authorization_material"},
		{"wrong", "GET", "/v2/incidents", "", "401 authentication_error invalid_authorization_material"},
		{"reader", "POST", "/v2/incidents", "{}", "403 authorization_error not_authorised"},
		{"all", "GET", "/v2/nothing", "", "404 not_found not_found"},
		{"all", "DELETE", "/v2/incidents", "", "405 invalid_request_error method_not_allowed"},
		{"all", "GET", "/v2/incidents/none", "", "404 not_found not_found"},
		{"all", "GET", "/v2/incidents?page_size=251", "", "422 validation_error invalid_value page_size"},
		{"all", "GET", "/v2/incidents?page_size=x", "", "422 validation_error invalid_value page_size"},
		{"all", "GET", "/v2/incidents?after=none", "", "422 validation_error invalid_value after"},
		{"all", "GET", "/v2/incidents?sort_by=updated_at", "", "422 validation_error invalid_value sort_by"},
		{"all", "GET", "/v2/incidents?filter_mode=some", "", "422 validation_error invalid_value filter_mode"},
		{"all", "GET", "/v2/incidents?updated_at[gte]=soon", "", "422 validation_error invalid_value updated_at"},
		{"all", "GET", "/v2/incidents?updated_at[gt]=2026-01-02", "", "422 validation_error invalid_value updated_at"},
		{"all", "GET", "/v2/incidents?severity[gte]=none", "", "422 validation_error not_found severity"},
		{"all", "POST", "/v2/incidents", "{", "400 invalid_request_error decode_payload"},
		{"all", "POST", "/v2/incidents", `{"visibility":"public"}`, "422 validation_error is_required idempotency_key"},
		{"all", "POST", "/v2/incidents", `{"idempotency_key":"k"}`, "422 validation_error is_required visibility"},
		{"all", "POST", "/v2/incidents", `{"idempotency_key":"k","visibility":"public","mode":"drill"}`, "422 validation_error invalid_value mode"},
		{"all", "POST", "/v2/incidents", `{"idempotency_key":"k","visibility":"public","severity_id":"Minor"}`, "422 validation_error not_found severity_id"},
		{"all", "POST", edit, `{"incident":{}}`, "422 validation_error is_required notify_incident_channel"},
		{"all", "POST", edit, `{"notify_incident_channel":false}`, "422 validation_error is_required incident"},
		{"all", "GET", "/v3/follow_ups?incident_mode=drill", "", "422 validation_error invalid_value incident_mode"},
		{"all", "GET", "/v1/incident_attachments", "", "422 validation_error is_required incident_id"},
		{"all", "POST", "/v1/incident_attachments", `{"incident_id":"` + made.ID + `","resource":{"resource_type":"jira_issue","url":"https://x"}}`, "422 validation_error integration_missing resource.resource_type"},
		{"all", "POST", "/v1/incident_attachments", `{"incident_id":"` + made.ID + `","resource":{"resource_type":"arbitrary_url"}}`, "422 validation_error invalid_value resource"},
		{"all", "POST", "/v2/incident_timeline_items", `{"idempotency_key":"k","incident_id":"` + made.ID + `","title":"x"}`, "422 validation_error is_required timestamp"},
		{"all", "POST", "/v1/incident_attachments", `{"resource":{"resource_type":"arbitrary_url","url":"https://x.example"}}`, "422 validation_error is_required incident_id"},
		{"all", "POST", "/v1/incident_attachments", `{"incident_id":"` + made.ID + `","resource":{"resource_type":"arbitrary_url","url":"https://x.example","emoji":":ticket:"}}`, "422 validation_error invalid_value resource.emoji"},
		{"all", "POST", "/v2/incident_timeline_items", `{"idempotency_key":"k","incident_id":"` + made.ID + `","title":" ","timestamp":"2026-01-02T03:04:05Z"}`, "422 validation_error is_required title"},
		{"all", "POST", "/v2/incident_timeline_items", `{"incident_id":"` + made.ID + `","title":"x","timestamp":"2026-01-02T03:04:05Z"}`, "422 validation_error is_required idempotency_key"},
		{"all", "POST", "/v2/incident_updates", `{"idempotency_key":"k","message":"x"}`, "422 validation_error is_required incident_id"},
		{"all", "POST", "/v2/incident_updates", `{"incident_id":"` + made.ID + `","message":"x"}`, "422 validation_error is_required idempotency_key"},
		{"all", "POST", "/v2/incident_updates", `{"idempotency_key":"k","incident_id":"` + made.ID + `"}`, "422 validation_error is_required message"},
	} {
		got := ask(t, s.RoundTripper(), test.key, test.method, test.path, test.body)
		if got.problem() != test.want {
			t.Errorf("%s %s: %q, want %q", test.method, test.path, got.problem(), test.want)
		}
		if id, _ := got.body["request_id"].(string); id == "" {
			t.Errorf("%s %s: no request_id", test.method, test.path)
		}
	}
}

func TestStatusMoves(t *testing.T) {
	status := map[string]string{}
	s := incidentiotest.New(incidentiotest.Options{})
	list := ask(t, s.RoundTripper(), incidentiotest.DefaultKey, "GET", "/v1/incident_statuses", "")
	for _, v := range list.body["incident_statuses"].([]any) {
		status[v.(map[string]any)["name"].(string)] = v.(map[string]any)["id"].(string)
	}
	for _, test := range []struct {
		from, to string
		ok       bool
	}{
		{"Investigating", "Fixing", true},
		{"Investigating", "Documenting", true},
		{"Investigating", "Closed", true},
		{"Triage", "Closed", true},
		{"Triage", "Documenting", true},
		{"Documenting", "Reviewing", true},
		{"Documenting", "Closed", true},
		{"Closed", "Investigating", false},
		{"Closed", "Documenting", false},
		{"Documenting", "Investigating", false},
		{"Triage", "Investigating", false},
		{"Investigating", "Triage", false},
		{"Investigating", "Paused", false},
		{"Investigating", "Declined", false},
		{"Paused", "Closed", false},
	} {
		made := create(t, s, incidentiotest.SetStatus(test.from))
		body := `{"notify_incident_channel":false,"incident":{"incident_status_id":"` + status[test.to] + `"}}`
		got := ask(t, s.RoundTripper(), incidentiotest.DefaultKey, "POST", "/v2/incidents/"+made.ID+"/actions/edit", body)
		if ok := got.status == http.StatusOK; ok != test.ok {
			t.Errorf("%s to %s: %d %s", test.from, test.to, got.status, got.problem())
		}
		// People may.
		if _, err := s.EditIncident(made.ID, incidentiotest.SetStatus(test.to)); err != nil {
			t.Errorf("%s to %s by a person: %v", test.from, test.to, err)
		}
	}
}

func TestListFilters(t *testing.T) {
	at := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	s := incidentiotest.New(incidentiotest.Options{Now: func() time.Time { return at }})
	create(t, s, incidentiotest.SetName("a"), incidentiotest.SetSeverity("Minor"))
	at = at.Add(24 * time.Hour)
	create(t, s, incidentiotest.SetName("b"), incidentiotest.SetSeverity("Critical"), incidentiotest.SetCustomField("Affected Team", "Payments"))
	create(t, s, incidentiotest.SetName("c"), incidentiotest.SetMode("test"), incidentiotest.SetSeverity("Major"))
	create(t, s, incidentiotest.SetName("d"), incidentiotest.SetMode("retrospective"), incidentiotest.SetStatus("Closed"))
	b := s.Incidents()[1]
	payments := b.CustomFieldEntries[0]
	for query, want := range map[string][]string{
		"":                                {"d", "b", "a"},
		"sort_by=created_at_oldest_first": {"a", "b", "d"},
		"mode[one_of]=test":               {"c"},
		"updated_at[gte]=2026-01-03":      {"d", "b"},
		"updated_at[lte]=2026-01-03":      {"a"},
		"created_at[date_range]=2026-01-01~2026-01-02T23:00:00Z":                                {"a"},
		"severity[gte]=" + b.Severity.ID:                                                        {"b"},
		"severity[not_in]=" + b.Severity.ID:                                                     {"d", "a"},
		"status_category[one_of]=closed":                                                        {"d"},
		"status_category[not_in]=closed&updated_at[gte]=2026-01-03":                             {"b"},
		"filter_mode=any&status_category[one_of]=closed&severity[gte]=" + b.Severity.ID:         {"d", "b"},
		"custom_field[" + payments.CustomField.ID + "][one_of]=" + payments.Values[0].Option.ID: {"b"},
		"custom_field[" + payments.CustomField.ID + "][is_blank]=true":                          {"d", "a"},
		"page_size=1":               {"d"},
		"page_size=1&after=" + b.ID: {"a"},
	} {
		got := ask(t, s.RoundTripper(), incidentiotest.DefaultKey, "GET", "/v2/incidents?"+query, "")
		if diff := cmp.Diff(want, got.names()); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", query, got.problem(), diff)
		}
	}
}

func TestNothingChangesNothing(t *testing.T) {
	s := incidentiotest.New(incidentiotest.Options{})
	s.Subscribe(incidentiotest.Webhook{URL: "http://localhost"})
	made := create(t, s, incidentiotest.SetName("a"))
	same, err := s.EditIncident(made.Reference, incidentiotest.SetName("a"))
	if err != nil || !same.UpdatedAt.Equal(made.UpdatedAt.Time) || len(s.Outbox()) != 1 {
		t.Errorf("%v, %v, %d webhooks", same.UpdatedAt, err, len(s.Outbox()))
	}
	changed, err := s.EditIncident(made.ID, incidentiotest.SetName("b"))
	if err != nil || !changed.UpdatedAt.After(made.UpdatedAt.Time) {
		t.Errorf("%v after %v, %v", changed.UpdatedAt, made.UpdatedAt, err)
	}
	for _, change := range []incidentiotest.Change{
		incidentiotest.SetSeverity("x"), incidentiotest.SetStatus("x"), incidentiotest.SetType("x"), incidentiotest.SetRole("x", ""),
		incidentiotest.SetRole("Incident Lead", "x"), incidentiotest.SetTimestamp("x", time.Now()), incidentiotest.SetCustomField("x", "y"),
		incidentiotest.SetCustomField("Affected Team", "x"), incidentiotest.SetCustomField("Affected Team", "Product", "Payments"),
		incidentiotest.SetCustomField("Customers affected", "many"), incidentiotest.By("x"),
	} {
		if _, err := s.EditIncident(made.ID, change); err == nil {
			t.Error("a change that names nothing was taken")
		}
	}
	if _, err := s.EditIncident("none", incidentiotest.SetName("b")); err == nil {
		t.Error("an incident that is not there was edited")
	}
}

func TestHeldCommits(t *testing.T) {
	s := incidentiotest.New(incidentiotest.Options{})
	made := create(t, s, incidentiotest.SetName("a"))
	s.HoldCommits()
	if _, err := s.EditIncident(made.ID, incidentiotest.SetName("b")); err != nil {
		t.Fatal(err)
	}
	create(t, s, incidentiotest.SetName("new"))
	if all := s.Incidents(); len(all) != 1 || all[0].Name != "a" {
		t.Errorf("seen too early: %v", all)
	}
	before := time.Now()
	s.ReleaseCommits()
	all := s.Incidents()
	if len(all) != 2 || all[0].Name != "b" || all[0].UpdatedAt.After(before) {
		t.Errorf("after the release: %+v", all)
	}
}

func TestFaultsInMemory(t *testing.T) {
	at := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		fault simulator.Fault
		done  bool // the work is done at once
		want  string
	}{
		{simulator.Fault{Kind: simulator.Latency, Delay: time.Microsecond}, true, "200"},
		{simulator.Fault{Kind: simulator.SlowAnswer, Delay: time.Microsecond}, true, "200"},
		{simulator.Fault{Kind: simulator.Throttle, RetryAfter: 1500 * time.Millisecond}, false, "429 after 2"},
		{simulator.Fault{Kind: simulator.Throttle, Until: at.Add(time.Minute)}, false, "429 after 60"},
		{simulator.Fault{Kind: simulator.FailBefore}, false, "500"},
		{simulator.Fault{Kind: simulator.FailBefore, Status: 503}, false, "503"},
		{simulator.Fault{Kind: simulator.FailAfter}, true, "500"},
		{simulator.Fault{Kind: simulator.CutBody}, true, "unexpected EOF"},
		{simulator.Fault{Kind: simulator.ResetBefore}, false, "connection reset"},
		{simulator.Fault{Kind: simulator.ResetAfter}, true, "connection reset"},
		{simulator.Fault{Kind: simulator.CommitLate, Delay: time.Minute}, false, "connection reset"},
		{simulator.Fault{Kind: simulator.Refuse}, false, "connection refused"},
	} {
		now := at
		s := incidentiotest.New(incidentiotest.Options{Now: func() time.Time { return now }})
		s.Inject(simulator.Fault{Kind: simulator.Refuse, Method: "DELETE"}) // does not fit
		s.Inject(test.fault)
		opening := `{"idempotency_key":"k","visibility":"public","name":"a"}`
		got := ask(t, s.RoundTripper(), incidentiotest.DefaultKey, "POST", "/v2/incidents", opening)
		text := fmt.Sprint(got.status)
		if got.err != nil {
			text = got.err.Error()
		}
		if after := got.header.Get("Retry-After"); after != "" {
			text += " after " + after
		}
		if !strings.Contains(text, test.want) {
			t.Errorf("%+v: %s", test.fault, text)
		}
		if done := len(s.Incidents()) == 1; done != test.done {
			t.Errorf("%+v: done %v", test.fault, done)
		}
		s.ClearFaults()
		if test.fault.Kind == simulator.CommitLate {
			now = now.Add(time.Minute)
			if len(s.Incidents()) != 1 {
				t.Error("what was late was never done")
			}
		}
		if again := ask(t, s.RoundTripper(), incidentiotest.DefaultKey, "POST", "/v2/incidents", opening); again.status != 200 || len(s.Incidents()) != 1 {
			t.Errorf("%+v: again: %d, %d incidents", test.fault, again.status, len(s.Incidents()))
		}
	}
}

func TestFaultsOverTheNetwork(t *testing.T) {
	account := incidentiotest.New(incidentiotest.Options{})
	server := httptest.NewServer(account)
	defer server.Close()
	for kind, works := range map[simulator.FaultKind]bool{
		simulator.CutBody: false, simulator.ResetBefore: false, simulator.ResetAfter: false,
		simulator.Refuse: false, simulator.CommitLate: false, simulator.Latency: true,
	} {
		account.Inject(simulator.Fault{Kind: kind, Times: 1, Path: "/v1/"})
		request, err := http.NewRequest("POST", server.URL+"/v1/identity", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(request)
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		if works != (err == nil) {
			t.Errorf("fault %d: %v", kind, err)
		}
	}
}

func TestCounts(t *testing.T) {
	at := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	s := incidentiotest.New(incidentiotest.Options{Now: func() time.Time { return at }})
	ask(t, s.RoundTripper(), incidentiotest.DefaultKey, "GET", "/v1/identity", "")
	ask(t, s.RoundTripper(), "wrong", "GET", "/v1/identity", "")
	ask(t, s.RoundTripper(), incidentiotest.DefaultKey, "POST", "/v2/incidents", "{}")
	if s.Count("", "") != 3 || s.Count("GET", "") != 2 || s.Count("", "/v2/") != 1 {
		t.Errorf("counted %+v", s.Requests())
	}
	want := []simulator.Request{
		{At: at, Method: "GET", Path: "/v1/identity", Principal: "lockstep", Status: 200},
		{At: at, Method: "GET", Path: "/v1/identity", Status: 401},
		{At: at, Method: "POST", Path: "/v2/incidents", Body: "{}", Principal: "lockstep", Status: 422},
	}
	if diff := cmp.Diff(want, s.Requests()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.ResetRequests()
	if s.Count("", "") != 0 {
		t.Error("requests were not forgotten")
	}
}
