package jira_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
)

// creations keeps the fields of what is created on its way.
type creations struct {
	to     http.RoundTripper
	fields []map[string]any
}

func (c *creations) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/rest/api/3/issue") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		var sent struct {
			Fields map[string]any `json:"fields"`
		}
		if err := json.Unmarshal(body, &sent); err != nil {
			return nil, err
		}
		c.fields = append(c.fields, sent.Fields)
	}
	return c.to.RoundTrip(r)
}

// hasEmpty reports whether a null, or an empty text, list or object stands in a
// value.
func hasEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		if slices.ContainsFunc(v, hasEmpty) {
			return true
		}
		return len(v) == 0
	case map[string]any:
		for _, member := range v {
			if hasEmpty(member) {
				return true
			}
		}
		return len(v) == 0
	}
	return false
}

// TestEmptyValues: an empty value of any kind of field is not sent at creation,
// where there is nothing to clear, and clears the field of an issue that is
// there, all as the API's description has it.
func TestEmptyValues(t *testing.T) {
	sent := &creations{to: jiratest.New(options()).RoundTripper()}
	var through http.RoundTripper = sent
	if _, err := os.Stat(filepath.Join("..", "..", "..", "shared", "specs", "jira-cloud-v3.openapi.json")); err == nil {
		through = newJudge(t, sent)
	}
	c := connect(t, through, nil)
	const custom = "custom_fields/"
	kinds := map[string][]any{
		"description": {}, "environment": {}, "priority": {}, "duedate": {}, "assignee": {},
		"labels": {[]any{}, []any{""}}, "components": {[]any{}, []any{" "}}, "fixVersions": {[]any{}}, "timetracking": {map[string]any{}},
		custom + "Story Points": {}, custom + "Team": {[]any{}}, custom + "Services": {[]any{}}, custom + "Owner": {}, custom + "Notes": {}, custom + "Ticket": {}, custom + "Started": {},
		"custom_fields": {map[string]any{"Team": "", "Services": []any{}, "Notes": " "}},
	}
	n := 0
	for field, values := range kinds {
		if field != "custom_fields" {
			values = append(values, "", " \n ")
		}
		for _, empty := range values {
			n++
			key := fmt.Sprintf("lockstep-%d", n)
			t.Run(fmt.Sprintf("%s %q", field, empty), func(t *testing.T) {
				sent.fields = nil
				_, err := c.Create(t.Context(), draft(key, resolved(t, c, map[string]any{field: empty})))
				if err != nil {
					t.Fatal(err)
				}
				if len(sent.fields) != 1 {
					t.Fatalf("%d issues were sent", len(sent.fields))
				}
				for name, v := range sent.fields[0] {
					if hasEmpty(v) {
						t.Errorf("a new issue was sent %s: %v", name, v)
					}
				}

				whole := create(t, c, key+"x", everything())
				_, err = c.Update(t.Context(), connectors.Change{Ref: whole.Ref, Stamp: "ls-2", Fields: resolved(t, c, map[string]any{field: empty})})
				if err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// TestNeededValues: what an issue has to have is not sent empty.
func TestNeededValues(t *testing.T) {
	c := connect(t, jiratest.New(options()).RoundTripper(), nil)
	for _, field := range []string{"summary", "project", "issuetype"} {
		for _, empty := range []any{"", " \n "} {
			_, failed, err := c.Resolve(t.Context(), "issue", map[string]any{field: empty})
			if err != nil || failed[field] == nil || failed[field].Class != connectors.ClassRejected {
				t.Errorf("%s %q: %v, %v", field, empty, failed, err)
			}
		}
	}
}
