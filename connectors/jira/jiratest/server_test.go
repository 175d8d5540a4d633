package jiratest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
)

// ask sends a request with the account's credentials and returns the status
// and the body.
func ask(t *testing.T, s *jiratest.Server, method, path, body string, header ...string) (int, string) {
	t.Helper()
	status, _, said := answer(t, s, method, path, body, header...)
	return status, said
}

func answer(t *testing.T, s *jiratest.Server, method, path, body string, header ...string) (int, http.Header, string) {
	t.Helper()
	address := jiratest.DefaultURL + "/rest/api/3" + path
	if strings.HasPrefix(path, "https:") {
		address = path
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(jiratest.DefaultEmail, jiratest.DefaultAPIToken)
	for i := 0; i+1 < len(header); i += 2 {
		if header[i+1] == "" {
			r.Header.Del(header[i])
		} else {
			r.Header.Set(header[i], header[i+1])
		}
	}
	response, err := s.RoundTripper().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(said)
}

func open(t *testing.T, s *jiratest.Server, project string) string {
	t.Helper()
	number, err := s.Open(project, "acc-ann", nil)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// TestStrict: what the vendor refuses is refused, in its words.
func TestStrict(t *testing.T) {
	s := jiratest.New(jiratest.Options{})
	number := open(t, s, "ENG")
	fields := func(more string) string {
		return `{"fields":{"project":{"key":"ENG"},"issuetype":{"name":"Bug"},"summary":"x"` + more + `}}`
	}
	paragraph := `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"%s"}]}]}`
	for _, test := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"plain text for a document", "POST", "/issue", fields(`,"description":"text"`), 400, "Atlassian Document"},
		{"a document out of shape", "POST", "/issue", fields(`,"description":{"type":"doc","version":1,"content":[{"type":"text","text":"a"}]}`), 400, "Atlassian Document"},
		{"too long", "POST", "/issue", fields(`,"description":` + fmt.Sprintf(paragraph, strings.Repeat("x", 32768))), 400, "allowed limit of 32,767"},
		{"no summary", "POST", "/issue", `{"fields":{"project":{"key":"ENG"},"issuetype":{"name":"Bug"}}}`, 400, "You must specify a summary"},
		{"a summary of two lines", "POST", "/issue", strings.Replace(fields(""), `"x"`, `"x\ny"`, 1), 400, "newline"},
		{"a long summary", "POST", "/issue", strings.Replace(fields(""), `"x"`, `"`+strings.Repeat("x", 256)+`"`, 1), 400, "255"},
		{"no project", "POST", "/issue", `{"fields":{}}`, 400, "valid project is required"},
		{"a label with a space", "POST", "/issue", fields(`,"labels":["a b"]`), 400, "contains spaces"},
		{"a component as text", "POST", "/issue", fields(`,"components":["Backend"]`), 400, "not an object"},
		{"an unknown field", "POST", "/issue", fields(`,"colour":"red"`), 400, "not on the appropriate screen"},
		{"resolution at creation", "POST", "/issue", fields(`,"resolution":{"name":"Done"}`), 400, "not on the appropriate screen"},
		{"a number as text", "POST", "/issue", fields(`,"customfield_10016":"3"`), 400, "must be a number"},
		{"nobody", "POST", "/issue", fields(`,"assignee":{"accountId":"nobody"}`), 400, "cannot be assigned"},
		{"nothing to edit", "PUT", "/issue/" + number, `{}`, 400, "required"},
		{"status by an edit", "PUT", "/issue/" + number, `{"fields":{"status":{"name":"Done"}}}`, 400, "not on the appropriate screen"},
		{"no body", "PUT", "/issue/" + number, `x`, 400, "Invalid request payload"},
		{"a transition that is not offered", "POST", "/issue/" + number + "/transitions", `{"transition":{"id":"31"}}`, 400, "not valid for the current state"},
		{"a transition without its id", "POST", "/issue/" + number + "/transitions", `{}`, 400, "Missing 'transition'"},
		{"a field that is not on the screen", "POST", "/issue/" + number + "/transitions", `{"transition":{"id":"11"},"fields":{"summary":"x"}}`, 400, "not on the appropriate screen"},
		{"a query without a restriction", "POST", "/search/jql", `{"jql":"order by key"}`, 400, "Unbounded JQL"},
		{"an invalid query", "POST", "/search/jql", `{"jql":"labels ="}`, 400, "Error in the JQL Query"},
		{"a query for a property", "POST", "/search/jql", `{"jql":"property = 1"}`, 400, "does not exist"},
		{"a member that there is not", "POST", "/search/jql", `{"jql":"project = ENG","startAt":0}`, 400, "Invalid request payload"},
		{"a token of no page", "POST", "/search/jql", `{"jql":"project = ENG","nextPageToken":"x"}`, 400, "invalid or expired"},
		{"the old search", "POST", "/search", `{"jql":"project = ENG"}`, 410, "has been removed"},
		{"a comment of text", "POST", "/issue/" + number + "/comment", `{"body":"text"}`, 400, "INVALID_INPUT"},
		{"deleting", "DELETE", "/issue/" + number, "", 403, "permission"},
		{"an issue that there is not", "GET", "/issue/ENG-99", "", 404, "does not exist or you do not have permission"},
		{"a property that there is not", "GET", "/issue/" + number + "/properties/x", "", 404, "does not exist"},
		{"users without a query", "GET", "/user/search", "", 400, "must be provided"},
	} {
		if status, said := ask(t, s, test.method, test.path, test.body); status != test.status || !strings.Contains(said, test.says) {
			t.Errorf("%s: %d %s, want %d %s", test.name, status, said, test.status, test.says)
		}
	}
	if n := len(s.Issues()); n != 1 {
		t.Errorf("%d issues", n)
	}
	if status, _ := ask(t, s, "GET", "/myself", "", "Authorization", "Bearer x"); status != 401 {
		t.Errorf("other credentials: %d", status)
	}
}

func TestSearchLags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := jiratest.New(jiratest.Options{IndexLag: time.Minute})
		number := open(t, s, "ENG")
		hits := func(jql string) int {
			t.Helper()
			body, err := json.Marshal(map[string]any{"jql": jql})
			if err != nil {
				t.Fatal(err)
			}
			status, said := ask(t, s, "POST", "/search/jql", string(body))
			if status != 200 {
				t.Fatalf("%s: %d %s", jql, status, said)
			}
			return strings.Count(said, `"id"`)
		}
		if n := hits("project = ENG"); n != 0 {
			t.Errorf("%d hits at once", n)
		}
		time.Sleep(time.Minute)
		if err := s.Edit(number, "acc-ann", map[string]any{"labels": []string{"a"}}); err != nil {
			t.Fatal(err)
		}
		for jql, want := range map[string]int{
			`project = ENG`: 1, `labels = "a"`: 0, `labels != "a"`: 1, `project in (OPS, "ENG") AND status = "to do"`: 1, `updated >= -1m`: 1, `updated < -5m`: 0,
			// The site is eight hours behind UTC, in which bubbles begin.
			`updated >= "1999-12-31 16:00"`: 1, `updated >= "1999-12-31 16:01"`: 0, `created >= "2000-01-01 00:00"`: 0,
		} {
			if n := hits(jql); n != want {
				t.Errorf("%s: %d hits, want %d", jql, n, want)
			}
		}
		time.Sleep(time.Minute)
		if n := hits(`labels = "a" ORDER BY updated DESC`); n != 1 {
			t.Errorf("%d hits after the lag", n)
		}
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := jiratest.New(jiratest.Options{})
		number := open(t, s, "ENG")
		write := func() (int, http.Header) {
			status, header, _ := answer(t, s, "PUT", "/issue/"+number, `{"fields":{"summary":"y"}}`)
			return status, header
		}
		for n := range 20 {
			if status, _ := write(); status != 204 {
				t.Fatalf("write %d: %d", n, status)
			}
		}
		status, header := write()
		if status != 429 || header.Get("RateLimit-Reason") != "jira-per-issue-on-write" || header.Get("Retry-After") == "" {
			t.Errorf("%d %v", status, header)
		}
		for range 4 {
			time.Sleep(2 * time.Second)
			for range 20 {
				write()
			}
		}
		time.Sleep(2 * time.Second)
		if status, _ := write(); status != 429 {
			t.Errorf("101 writes in 30 s: %d", status)
		}
		time.Sleep(30 * time.Second)
		if status, _ := write(); status != 204 {
			t.Errorf("after the pause: %d", status)
		}
		last := 0
		for range 101 {
			last, header, _ = answer(t, s, "GET", "/myself", "")
		}
		if last != 429 || header.Get("RateLimit-Reason") != "jira-burst-based" {
			t.Errorf("%d %v", last, header)
		}
	})
}

func TestAttachments(t *testing.T) {
	s := jiratest.New(jiratest.Options{UploadLimit: 10})
	number := open(t, s, "ENG")
	upload := func(part, content string, header ...string) (int, string) {
		t.Helper()
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", `form-data; name="`+part+`"; filename="a.txt"`)
		h.Set("Content-Type", "text/plain")
		p, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(p, content); err != nil {
			t.Fatal(err)
		}
		w.Close()
		return ask(t, s, "POST", "/issue/"+number+"/attachments", b.String(), append([]string{"Content-Type", w.FormDataContentType()}, header...)...)
	}
	if status, said := upload("file", "x"); status != 403 || !strings.Contains(said, "XSRF") {
		t.Errorf("without its token: %d %s", status, said)
	}
	noCheck := []string{"X-Atlassian-Token", "no-check"}
	if status, said := upload("other", "x", noCheck...); status != 200 || said != "[]" {
		t.Errorf("a part of another name: %d %s", status, said)
	}
	if status, _ := upload("file", "12345678901", noCheck...); status != 413 {
		t.Errorf("too large: %d", status)
	}
	status, said := upload("file", "hello", noCheck...)
	var files []struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(said), &files); status != 200 || err != nil || len(files) != 1 {
		t.Fatalf("%d %s", status, said)
	}
	status, header, _ := answer(t, s, "GET", "/attachment/content/"+files[0].ID, "")
	if status != 303 {
		t.Fatalf("%d", status)
	}
	if status, _ := ask(t, s, "GET", header.Get("Location"), ""); status != 403 {
		t.Errorf("the media host takes Jira's credentials: %d", status)
	}
	if status, said := ask(t, s, "GET", header.Get("Location"), "", "Authorization", ""); status != 200 || said != "hello" {
		t.Errorf("%d %s", status, said)
	}
}

func TestWebhooksHaveWikiText(t *testing.T) {
	s := jiratest.New(jiratest.Options{})
	got := make(chan string, 4)
	s.SetWebhook(jiratest.Webhook{URL: "https://lockstep.example", Secret: "s", Client: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if r.Header.Get("X-Hub-Signature") != jiratest.Sign("s", body) || r.Header.Get("X-Atlassian-Webhook-Identifier") == "" {
			t.Errorf("headers %v", r.Header)
		}
		got <- string(body)
		return &http.Response{StatusCode: 202, Body: http.NoBody}, nil
	})}})
	if _, err := s.Open("ENG", "acc-ann", map[string]any{"description": jiratest.Document("one\n\ntwo")}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if body := <-got; !strings.Contains(body, `"description":"one\n\ntwo"`) || !strings.Contains(body, `"webhookEvent":"jira:issue_created"`) {
		t.Error(body)
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestAutomationsPutBack: a moment after a write by the API, and only then.
func TestAutomationsPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := jiratest.New(jiratest.Options{})
		number := open(t, s, "ENG")
		s.PutBack("acc-ann", map[string]any{"summary": "Ann's"})
		s.MoveBack("acc-ann", "Stop")
		if status, said := ask(t, s, http.MethodPut, "/issue/"+number, `{"fields":{"summary":"lockstep's"}}`); status != http.StatusNoContent {
			t.Fatal(status, said)
		}
		if got := s.Issue(number)["summary"]; got != "lockstep's" {
			t.Errorf("at once the summary is %v", got)
		}
		time.Sleep(2 * time.Second)
		if got := s.Issue(number)["summary"]; got != "Ann's" {
			t.Errorf("the summary is %v", got)
		}
		if status, said := ask(t, s, http.MethodPost, "/issue/"+number+"/transitions", `{"transition":{"id":"11"}}`); status != http.StatusNoContent {
			t.Fatal(status, said)
		}
		if got := s.Status(number); got != "In Progress" {
			t.Errorf("at once the status is %s", got)
		}
		time.Sleep(2 * time.Second)
		if got := s.Status(number); got != "To Do" {
			t.Errorf("the status is %s", got)
		}
		s.PutNothingBack()
		if status, said := ask(t, s, http.MethodPut, "/issue/"+number, `{"fields":{"summary":"lockstep's"}}`); status != http.StatusNoContent {
			t.Fatal(status, said)
		}
		time.Sleep(2 * time.Second)
		if got := s.Issue(number)["summary"]; got != "lockstep's" {
			t.Errorf("without an automation the summary is %v", got)
		}
	})
}
