package jira_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/conformance"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

func newJudge(t *testing.T, to http.RoundTripper) *conformance.Judge {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(vendorFile(t))
	if err != nil {
		t.Fatal(err)
	}
	description, err := conformance.NewDescription(document, jiratest.DefaultURL)
	if err != nil {
		t.Fatal(err)
	}
	description.Elsewhere = func(r *http.Request) bool { return strings.HasPrefix(r.URL.String(), jiratest.DefaultMediaURL) }
	description.Unsaid = func(_ *openapi3.Operation, status int) bool {
		return status == http.StatusTooManyRequests || status >= 500
	}
	return description.Judge(t, to)
}

// vendorFile is the description, but for what its own examples break: times in
// answers have no colon in their zone, and empty fields and the changelog have
// nulls.
func vendorFile(t *testing.T) []byte {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(shared(t, "specs/jira-cloud-v3.openapi.json"), &doc); err != nil {
		t.Fatal(err)
	}
	var relax func(v any)
	relax = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if v["type"] == "string" && v["format"] == "date-time" {
				delete(v, "format")
			}
			if anything, ok := v["additionalProperties"].(map[string]any); ok && len(anything) == 0 {
				anything["nullable"] = true // "any value"; fields that are empty are null
			}
			for _, child := range v {
				relax(child)
			}
		case []any:
			for _, child := range v {
				relax(child)
			}
		}
	}
	relax(doc)
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	details := schemas["ChangeDetails"].(map[string]any)["properties"].(map[string]any)
	for _, name := range []string{"from", "fromString", "to", "toString"} {
		details[name].(map[string]any)["nullable"] = true
	}
	body, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestAgainstTheDescription holds connector and simulator together against the
// API's description.
func TestAgainstTheDescription(t *testing.T) {
	server := jiratest.New(options())
	j := newJudge(t, server.RoundTripper())
	c := connect(t, j, nil)
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(probe(ctx, c))
	record := create(t, c, key, everything())
	update(t, c, record.Ref, "ls-2", map[string]any{"labels": []any{"x"}, "description": "# New\n\n| a |\n| --- |\n| b |"})
	update(t, c, record.Ref, "ls-3", map[string]any{"status": "Done", "resolution": "Done"})
	update(t, c, record.Ref, "ls-4", map[string]any{"status": "Done"})
	_, err := c.FindByKey(ctx, issues, key)
	check(err)
	_, cursor, err := c.Poll(ctx, issues, nil)
	check(err)
	_, _, err = c.Poll(ctx, issues, cursor)
	check(err)
	inOps := create(t, c, "lockstep-2", map[string]any{"project": "OPS"})
	for _, kind := range []string{"comment", "internal"} {
		_, err = c.Comment(ctx, connectors.NewComment{Record: inOps, Kind: kind, Marker: "m", Text: "*hello*", Author: "Ann"})
		check(err)
	}
	_, err = c.Comments(ctx, inOps, time.Time{})
	check(err)
	_, err = c.AddFile(ctx, record, connectors.File{Name: "a.txt", Type: "text/plain", Size: 5}, strings.NewReader("hello"))
	check(err)
	files, err := c.Files(ctx, record)
	check(err)
	content, err := c.OpenFile(ctx, record, files[0])
	check(err)
	content.Close()
	_, err = c.History(ctx, record, time.Time{})
	check(err)
	_, err = c.Advise(ctx, []connectors.Use{use("project", "ENG"), use("issuetype", "Bug"), use("priority", "High")})
	check(err)

	_, err = c.Read(ctx, issues.Ref("99999"))
	wantClass(t, err, connectors.ClassGone)
	_, err = c.Update(ctx, connectors.Change{Ref: record.Ref, Stamp: "w", Fields: map[string]any{"priority": "None"}})
	wantClass(t, err, connectors.ClassRejected)
	_, err = c.Create(ctx, draft("lockstep-3", map[string]any{"project": "NONE"}))
	wantClass(t, err, connectors.ClassRejected)
	server.Busy(inOps.Number, 1)
	_, err = c.Update(ctx, connectors.Change{Ref: inOps.Ref, Stamp: "w", Fields: map[string]any{"status": "In Progress"}})
	wantClass(t, err, connectors.ClassConflict)
	server.Inject(simulator.Fault{Kind: simulator.Throttle, Times: 1})
	wantClass(t, probe(ctx, c), connectors.ClassThrottled)

	j.Want(
		"createIssue Created", "getIssue OK", "editIssue OK", "setIssueProperty OK", "getTransitions OK", "doTransition No Content", "doTransition Conflict",
		"searchAndReconsileIssuesUsingJqlPost OK", "getFields OK", "findUsers OK", "getCurrentUser OK", "addComment Created", "getComments OK", "getCommentsByIds OK",
		"addAttachment OK", "getAttachmentContent See Other", "getAttachmentMeta OK", "getChangeLogs OK", "getProject OK", "getAllStatuses OK",
		"getCreateIssueMetaIssueTypes OK", "getCreateIssueMetaIssueTypeId OK", "getIssue Not Found", "editIssue Bad Request", "createIssue Bad Request", "getCurrentUser Too Many Requests",
	)
}
