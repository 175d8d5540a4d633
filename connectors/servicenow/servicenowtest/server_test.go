package servicenowtest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// client sends requests as the integration user.
type client struct {
	t    *testing.T
	base string
	http *http.Client
}

func overNetwork(t *testing.T, s *servicenowtest.Server) client {
	t.Helper()
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	return client{t, listener.URL, listener.Client()}
}

func inMemory(t *testing.T, s *servicenowtest.Server) client {
	return client{t, servicenowtest.DefaultURL, &http.Client{Transport: s.RoundTripper()}}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) result(t *testing.T) (one map[string]any, list []map[string]any) {
	t.Helper()
	var envelope struct{ Result json.RawMessage }
	if err := json.Unmarshal([]byte(r.body), &envelope); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
	if err := json.Unmarshal(envelope.Result, &one); err != nil {
		if err := json.Unmarshal(envelope.Result, &list); err != nil {
			t.Fatalf("%s: %v", r.body, err)
		}
	}
	return one, list
}

func (c client) try(method, path, body string, change func(*http.Request)) (reply, error) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.SetBasicAuth(servicenowtest.DefaultUsername, servicenowtest.DefaultPassword)
	r.Header.Set("Accept", "application/json")
	if method != http.MethodGet {
		r.Header.Set("Content-Type", "application/json")
	}
	if change != nil {
		change(r)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, string(answer)}, err
}

func (c client) do(method, path, body string) reply {
	c.t.Helper()
	got, err := c.try(method, path, body, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return got
}

func (c client) insert(body string) map[string]any {
	c.t.Helper()
	got := c.do("POST", "/api/now/table/incident", body)
	if got.status != http.StatusCreated {
		c.t.Fatalf("%d %s", got.status, got.body)
	}
	record, _ := got.result(c.t)
	return record
}

func (c client) numbers(query string, more ...string) []string {
	c.t.Helper()
	got := c.do("GET", "/api/now/table/incident?sysparm_fields=number&sysparm_query="+url.QueryEscape(query)+strings.Join(more, ""), "")
	_, list := got.result(c.t)
	var numbers []string
	for _, r := range list {
		numbers = append(numbers, strings.TrimPrefix(fmt.Sprint(r["number"]), "INC001000"))
	}
	return numbers
}

func TestRequestsThatTheVendorRefuses(t *testing.T) {
	c := inMemory(t, servicenowtest.New(servicenowtest.Options{}))
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del(name)
			if value != "" {
				r.Header.Set(name, value)
			}
		}
	}
	for _, test := range []struct {
		name, method, path, body string
		change                   func(*http.Request)
		status                   int
		want                     string
	}{
		{"no credentials", "GET", "/api/now/table/incident", "", header("Authorization", ""), 401, `{"error":{"detail":"Required to provide Auth information","message":"User Not Authenticated"},"status":"failure"}`},
		{"wrong password", "GET", "/api/now/table/incident", "", func(r *http.Request) { r.SetBasicAuth(servicenowtest.DefaultUsername, "x") }, 401, ""},
		{"unknown token", "GET", "/api/now/table/incident", "", header("Authorization", "Bearer x"), 401, ""},
		{"no Accept", "GET", "/api/now/table/incident", "", header("Accept", ""), 400, ""},
		{"XML", "GET", "/api/now/table/incident", "", header("Accept", "application/xml"), 406, ""},
		{"no Content-Type", "POST", "/api/now/table/incident", "{}", header("Content-Type", ""), 400, ""},
		{"form", "POST", "/api/now/table/incident", "a=b", header("Content-Type", "application/x-www-form-urlencoded"), 415, ""},
		{"not JSON", "POST", "/api/now/table/incident", "{", nil, 400, "not valid JSON"},
		{"unknown table", "GET", "/api/now/table/not_a_real_class", "", nil, 400, `{"error":{"detail":null,"message":"Invalid table not_a_real_class"},"status":"failure"}`},
		{"no record", "GET", "/api/now/table/incident/0123", "", nil, 404, "Record doesn't exist or ACL restricts the record retrieval"},
		{"a record of another table", "GET", "/api/now/table/problem/0123", "", nil, 404, ""},
		{"method", "PUT", "/api/now/table/incident", "{}", nil, 405, ""},
		{"negative offset", "GET", "/api/now/table/incident?sysparm_offset=-1", "", nil, 400, ""},
		{"no such API", "GET", "/api/now/stats/incident", "", nil, 400, ""},
		{"writing users", "POST", "/api/now/table/sys_user", "{}", nil, 403, "ACL Exception Insert Failed due to security constraints"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.t = t
			got, err := c.try(test.method, test.path, test.body, test.change)
			if err != nil || got.status != test.status || !strings.Contains(got.body, test.want) {
				t.Errorf("%d %s %v; want %d %s", got.status, got.body, err, test.status, test.want)
			}
		})
	}
}

func TestWritesFollowTheRulesOfIncident(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 987, time.UTC)
	s := servicenowtest.New(servicenowtest.Options{Now: func() time.Time { return now }})
	c := overNetwork(t, s)
	record := c.insert(`{"short_description":"` + strings.Repeat("é", 200) + `","impact":"1","urgency":2,"priority":"5","number":"MINE","u_unknown":"x","description":"a\r\nb","due_date":"tomorrow"}`)
	for field, want := range map[string]string{
		"short_description": strings.Repeat("é", 160), "impact": "1", "urgency": "2", "priority": "2", "number": "INC0010001", "description": "a\nb", "due_date": "",
		"state": "1", "incident_state": "1", "active": "true", "category": "inquiry", "sys_mod_count": "0", "sys_created_on": "2026-01-02 03:04:05", "sys_updated_by": "incidentio.sync", "work_notes": "",
	} {
		if record[field] != want {
			t.Errorf("%s = %v, want %s", field, record[field], want)
		}
	}
	if _, there := record["u_unknown"]; there {
		t.Error("an unknown field was kept")
	}
	path := "/api/now/table/incident/" + record["sys_id"].(string)
	patch := func(body string, status int, want string) map[string]any {
		t.Helper()
		now = now.Add(time.Second)
		got := c.do("PATCH", path, body)
		if got.status != status || !strings.Contains(got.body, want) {
			t.Errorf("PATCH %s: %d %s; want %d %s", body, got.status, got.body, status, want)
		}
		if got.status != http.StatusOK {
			return nil
		}
		one, _ := got.result(t)
		return one
	}
	if same := patch(`{"impact":"1","priority":"1"}`, 200, ""); same["sys_mod_count"] != "0" || same["sys_updated_on"] != "2026-01-02 03:04:05" {
		t.Errorf("a write that changes nothing: %v %v", same["sys_mod_count"], same["sys_updated_on"])
	}
	if noted := patch(`{"work_notes":"look"}`, 200, ""); noted["sys_mod_count"] != "1" || noted["work_notes"] != "" {
		t.Errorf("a note: %v %q", noted["sys_mod_count"], noted["work_notes"])
	}
	patch(`{"state":"6"}`, 403, `"Data Policy Exception: \n\tThe following fields are mandatory: Resolution code, Close notes"`)
	patch(`{"state":"6","close_code":"Nonsense","close_notes":"x"}`, 403, "mandatory: Resolution code\"")
	patch(`{"state":"3"}`, 403, "On hold reason")
	patch(`{"state":"3","hold_reason":"1"}`, 403, "Additional comments")
	patch(`{"state":"3","hold_reason":"1","comments":"please answer"}`, 200, "")
	if resolved := patch(`{"state":"6","close_code":"Duplicate","close_notes":"x"}`, 200, ""); resolved["hold_reason"] != "" || resolved["resolved_at"] == "" || resolved["active"] != "true" {
		t.Errorf("resolved: %v", resolved)
	}
	if again := patch(`{"state":"2"}`, 200, ""); again["reopen_count"] != "1" || again["resolved_at"] != "" {
		t.Errorf("reopened: %v %v", again["reopen_count"], again["resolved_at"])
	}
	patch(`{"state":"7","close_code":"Duplicate","close_notes":"x"}`, 403, "ACL Exception Update Failed")
	if err := s.Edit("incident", "INC0010001", "boss", servicenowtest.Row{"state": "7", "close_code": "Duplicate", "close_notes": "x"}); err != nil {
		t.Fatal(err)
	}
	before := s.Ticket("incident", "INC0010001")
	patch(`{"work_notes":"too late"}`, 200, "")
	patch(`{"state":"2"}`, 403, "aborted by Business Rule")
	if diff := cmp.Diff(before, s.Ticket("incident", "INC0010001")); diff != "" || before["active"] != "false" || before["closed_at"] == "" {
		t.Errorf("a closed ticket changed: %s", diff)
	}
	var entries []string
	for _, e := range s.Journal("incident", "INC0010001") {
		entries = append(entries, e.Element+": "+e.Value)
	}
	if diff := cmp.Diff([]string{"work_notes: look", "comments: please answer"}, entries); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
}

func TestAssignmentGroupClearsTheAssignee(t *testing.T) {
	s := servicenowtest.New(servicenowtest.Options{})
	c := inMemory(t, s)
	network, db := s.AddGroup("Network"), s.AddGroup("Database")
	lisa := s.AddUser(servicenowtest.User{UserName: "lisa"})
	record := c.insert(`{"short_description":"x","assignment_group":"` + network + `","assigned_to":"` + lisa + `"}`)
	got, _ := c.do("PATCH", "/api/now/table/incident/"+record["sys_id"].(string)+"?sysparm_exclude_reference_link=true", `{"assignment_group":"`+db+`"}`).result(t)
	if got["assigned_to"] != "" || got["assignment_group"] != db {
		t.Errorf("assigned to %v of %v", got["assigned_to"], got["assignment_group"])
	}
}

func TestQueries(t *testing.T) {
	s := servicenowtest.New(servicenowtest.Options{})
	c := inMemory(t, s)
	lisa := s.AddUser(servicenowtest.User{UserName: "lisa", Name: "Lisa"})
	for i, body := range []string{
		`{"short_description":"alpha","urgency":"1","correlation_id":"a"}`, `{"short_description":"beta","urgency":"2","caller_id":"` + lisa + `"}`,
		`{"short_description":"alphabet","urgency":"3"}`, `{"short_description":"gamma","urgency":"10"}`,
	} {
		if got := c.insert(body)["number"]; got != fmt.Sprintf("INC001000%d", i+1) {
			t.Fatalf("number %v", got)
		}
	}
	for query, want := range map[string]string{
		"": "1 2 3 4", "urgency=1": "1", "urgency!=1": "2 3 4", "urgency>=3": "3 4", "urgency<10": "1 2 3",
		"short_descriptionLIKEalpha": "1 3", "short_descriptionSTARTSWITHalpha": "1 3", "short_descriptionENDSWITHbet": "3", "short_description=Alpha": "",
		"urgencyIN1,2": "1 2", "correlation_idISEMPTY": "2 3 4", "correlation_idISNOTEMPTY": "1",
		"urgency=1^ORurgency=2^short_descriptionLIKEa": "1 2", "urgency=1^short_description=alpha^NQurgency=3": "1 3",
		"ORDERBYDESCurgency": "4 3 2 1", "ORDERBYshort_description": "1 3 2 4", "caller_id.name=Lisa": "2",
		"no_such_field=1": "1 2 3 4", "no_such_field=1^urgency=2": "2", "urgency": "1 2 3 4",
	} {
		if got := strings.Join(c.numbers(query), " "); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	strict := servicenowtest.New(servicenowtest.Options{InvalidQueryReturnsNoRows: true})
	sc := inMemory(t, strict)
	sc.insert("{}")
	if got := sc.numbers("no_such_field=1"); got != nil {
		t.Errorf("glide.invalid_query.returns_no_rows: %v", got)
	}
}

func TestPages(t *testing.T) {
	s := servicenowtest.New(servicenowtest.Options{})
	c := inMemory(t, s)
	for range 5 {
		c.insert("{}")
	}
	s.Hide("incident", func(r servicenowtest.Row) bool { return r["number"] == "INC0010003" })
	first := c.do("GET", "/api/now/table/incident?sysparm_limit=2&sysparm_fields=number,nothing", "")
	if got := first.header.Get("X-Total-Count"); got != "5" {
		t.Errorf("total %s", got)
	}
	to := func(offset, rel string) string {
		return `<https://instance.service-now.com/api/now/table/incident?sysparm_fields=number%2Cnothing&sysparm_limit=2&sysparm_offset=` + offset + `>;rel="` + rel + `"`
	}
	if got, want := first.header.Get("Link"), to("0", "first")+","+to("-2", "prev")+","+to("2", "next")+","+to("4", "last"); got != want {
		t.Errorf("links\n got %s\nwant %s", got, want)
	}
	if got := first.body; got != `{"result":[{"number":"INC0010001"},{"number":"INC0010002"}]}` {
		t.Errorf("%s", got)
	}
	if got := c.numbers("", "&sysparm_limit=2&sysparm_offset=2"); len(got) != 1 {
		t.Errorf("a page with a hidden row holds %v", got)
	}
	last := c.do("GET", "/api/now/table/incident?sysparm_limit=2&sysparm_offset=4", "")
	if strings.Contains(last.header.Get("Link"), `"next"`) {
		t.Errorf("the last page has a next one: %s", last.header.Get("Link"))
	}
	if bare := c.do("GET", "/api/now/table/incident?sysparm_no_count=true&sysparm_suppress_pagination_header=true", ""); bare.header.Get("X-Total-Count") != "" || bare.header.Get("Link") != "" {
		t.Errorf("headers %v", bare.header)
	}
}

func TestDisplayValues(t *testing.T) {
	s := servicenowtest.New(servicenowtest.Options{})
	c := inMemory(t, s)
	lisa := s.AddUser(servicenowtest.User{UserName: "lisa", Name: "Lisa Karlin"})
	id := c.insert(`{"caller_id":"` + lisa + `","work_notes":"look"}`)["sys_id"].(string)
	address := "https://instance.service-now.com/api/now/table/sys_user/" + lisa
	for query, want := range map[string]map[string]any{
		"":                                    {"caller_id": map[string]any{"link": address, "value": lisa}, "impact": "3", "state": "1", "work_notes": ""},
		"sysparm_exclude_reference_link=true": {"caller_id": lisa},
		"sysparm_display_value=true":          {"caller_id": map[string]any{"link": address, "display_value": "Lisa Karlin"}, "impact": "3 - Low", "state": "New"},
		"sysparm_display_value=all":           {"caller_id": map[string]any{"link": address, "display_value": "Lisa Karlin", "value": lisa}, "state": map[string]any{"display_value": "New", "value": "1"}},
	} {
		got, _ := c.do("GET", "/api/now/table/incident/"+id+"?"+query, "").result(t)
		for field, v := range want {
			if diff := cmp.Diff(v, got[field]); diff != "" {
				t.Errorf("%q %s (-want +got):\n%s", query, field, diff)
			}
		}
	}
	shown, _ := c.do("GET", "/api/now/table/incident/"+id+"?sysparm_display_value=true", "").result(t)
	if text := fmt.Sprint(shown["work_notes"]); !strings.Contains(text, "incidentio.sync (Work notes)\nlook\n\n") {
		t.Errorf("work notes as people see them: %q", text)
	}
}

func TestAttachments(t *testing.T) {
	s := servicenowtest.New(servicenowtest.Options{})
	c := overNetwork(t, s)
	id := c.insert("{}")["sys_id"].(string)
	up, err := c.try("POST", "/api/now/attachment/file?table_name=incident&table_sys_id="+id+"&file_name=a.png", "png", func(r *http.Request) { r.Header.Set("Content-Type", "image/png") })
	if err != nil || up.status != http.StatusCreated {
		t.Fatal(up, err)
	}
	file, _ := up.result(t)
	if file["hash"] != "8f8cbb7dcf46e0bc7d53265749a6c17d116093a6ba95e442764060c76fd4a86c" {
		t.Errorf("hash %v", file["hash"])
	}
	got := c.do("GET", "/api/now/attachment/"+file["sys_id"].(string)+"/file", "")
	if got.body != "png" || got.header.Get("Content-Type") != "image/png" || !strings.Contains(got.header.Get("X-Attachment-Metadata"), `"file_name":"a.png"`) {
		t.Errorf("%+v", got)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for name, v := range map[string]string{"table_name": "incident", "table_sys_id": id} {
		if err := w.WriteField(name, v); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="uploadFile"; filename="b.txt"`}, "Content-Type": {"text/plain"}})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(part, "text")
	w.Close()
	up, err = c.try("POST", "/api/now/attachment/upload", form.String(), func(r *http.Request) { r.Header.Set("Content-Type", w.FormDataContentType()) })
	if err != nil || up.status != http.StatusCreated {
		t.Fatal(up, err)
	}
	_, list := c.do("GET", "/api/now/attachment?sysparm_query=table_name=incident%5Etable_sys_id="+id, "").result(t)
	if len(list) != 2 || list[1]["content_type"] != "text/plain" || list[1]["size_bytes"] != "4" {
		t.Errorf("list %v", list)
	}
	if mod := s.Ticket("incident", id)["sys_mod_count"]; mod != "0" {
		t.Errorf("an attachment is no change of its ticket, whose version is %s", mod)
	}
	for path, status := range map[string]int{
		"file?table_name=incident&table_sys_id=" + id: 400, "file?table_name=nothing&table_sys_id=1&file_name=a": 400, "file?table_name=incident&table_sys_id=1&file_name=a": 404,
	} {
		if got := c.do("POST", "/api/now/attachment/"+path, "x"); got.status != status {
			t.Errorf("%s: %d, want %d", path, got.status, status)
		}
	}
	if got := c.do("DELETE", "/api/now/attachment/"+file["sys_id"].(string), ""); got.status != http.StatusNoContent || len(s.Attachments("incident", id)) != 1 {
		t.Errorf("%d, %d left", got.status, len(s.Attachments("incident", id)))
	}
}

func TestRateLimit(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 45, 0, 0, time.UTC)
	s := servicenowtest.New(servicenowtest.Options{RateLimitPerHour: 2, Now: func() time.Time { return now }})
	c := inMemory(t, s)
	for i, want := range []int{200, 200, 429} {
		got := c.do("GET", "/api/now/table/incident", "")
		if got.status != want || got.header.Get("X-RateLimit-Limit") != "2" || got.header.Get("X-RateLimit-Reset") != fmt.Sprint(now.Truncate(time.Hour).Add(time.Hour).Unix()) {
			t.Errorf("request %d: %d %v", i, got.status, got.header)
		}
		if after := got.header.Get("Retry-After"); (after == "900") != (want == 429) {
			t.Errorf("request %d: Retry-After %q", i, after)
		}
	}
	now = now.Add(15 * time.Minute)
	if got := c.do("GET", "/api/now/table/incident", ""); got.status != 200 {
		t.Errorf("in the next hour: %d", got.status)
	}
}

// Over a network a fault looks as it does in memory, but for a refused
// connection, which only shows in memory.
func TestFaultsOverANetwork(t *testing.T) {
	for name, over := range map[string]func(*testing.T, *servicenowtest.Server) client{"network": overNetwork, "memory": inMemory} {
		t.Run(name, func(t *testing.T) {
			s := servicenowtest.New(servicenowtest.Options{})
			c := over(t, s)
			id := c.insert("{}")["sys_id"].(string)
			for _, test := range []struct {
				kind   simulator.FaultKind
				lost   bool // no whole answer
				status int
				done   bool
			}{
				{simulator.Latency, false, 200, true},
				{simulator.SlowAnswer, false, 200, true},
				{simulator.Throttle, false, 429, false},
				{simulator.FailBefore, false, 503, false},
				{simulator.FailAfter, false, 500, true},
				{simulator.CutBody, true, 0, true},
				{servicenowtest.CancelledMid, false, 200, true},
				{simulator.ResetBefore, true, 0, false},
				{simulator.ResetAfter, true, 0, true},
				{simulator.Refuse, true, 0, false},
			} {
				s.Inject(simulator.Fault{Kind: test.kind, Method: "PATCH", Times: 1})
				text := fmt.Sprintf("written under fault %d", test.kind)
				got, err := c.try("PATCH", "/api/now/table/incident/"+id, `{"description":"`+text+`"}`, nil)
				if (err != nil) != test.lost || !test.lost && got.status != test.status {
					t.Errorf("fault %d: %d %v", test.kind, got.status, err)
				}
				if done := s.Ticket("incident", id)["description"] == text; done != test.done {
					t.Errorf("fault %d: took effect %t, want %t", test.kind, done, test.done)
				}
				if test.kind == servicenowtest.CancelledMid && json.Valid([]byte(got.body)) {
					t.Errorf("an answer that was cut off is whole: %s", got.body)
				}
			}
			if got := c.do("GET", "/api/now/table/incident/"+id, ""); got.status != 200 {
				t.Errorf("after the faults: %d", got.status)
			}
		})
	}
}

func TestRoundTripperTellsWhatWasSent(t *testing.T) {
	for kind, want := range map[simulator.FaultKind]bool{simulator.Refuse: false, simulator.ResetBefore: true} {
		s := servicenowtest.New(servicenowtest.Options{})
		s.Inject(simulator.Fault{Kind: kind})
		sent := false
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteHeaders: func() { sent = true }})
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, servicenowtest.DefaultURL, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.RoundTripper().RoundTrip(r)
		if sent != want || err == nil || kind == simulator.Refuse && !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("fault %d: sent %t, %v", kind, sent, err)
		}
	}
}

func TestFaultUntil(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := servicenowtest.New(servicenowtest.Options{Now: func() time.Time { return now }})
	c := inMemory(t, s)
	s.Inject(simulator.Fault{Kind: simulator.Throttle, Until: now.Add(90 * time.Second)})
	if got := c.do("GET", "/api/now/table/incident", ""); got.status != 429 || got.header.Get("Retry-After") != "90" {
		t.Errorf("%d, Retry-After %q", got.status, got.header.Get("Retry-After"))
	}
	now = now.Add(90 * time.Second)
	if got := c.do("GET", "/api/now/table/incident", ""); got.status != 200 {
		t.Errorf("%d", got.status)
	}
}

func TestSameInsertsGiveTheSameIDs(t *testing.T) {
	ids := func() string {
		s := servicenowtest.New(servicenowtest.Options{})
		var all []string
		for _, table := range []string{"sys_user", "sys_choice", "sys_dictionary", "sys_db_object"} {
			for _, r := range s.Rows(table) {
				all = append(all, r["sys_id"])
			}
		}
		return strings.Join(all, " ")
	}
	if one, other := ids(), ids(); one != other {
		t.Error("two instances differ")
	}
}
