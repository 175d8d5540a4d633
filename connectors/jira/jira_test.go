package jira_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/jira"
)

var issues = connectors.Collection{Type: "jira", Connector: "eng", Record: "issue"}

// shared is the content of a file beside the repository; the test is skipped
// where there is none.
func shared(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", path))
	if os.IsNotExist(err) {
		t.Skipf("the vendor's file %s is not beside the repository", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestSystem(t *testing.T) {
	system := jira.System()
	want := connectors.Common{PollInterval: time.Minute, Settle: time.Minute, IndexLag: 10 * time.Minute, RateLimit: 3000}
	if diff := cmp.Diff(want, system.Defaults); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	if _, ok := system.Schema("epic"); ok {
		t.Error("there are epics")
	}
	schema, ok := system.Schema("issue")
	if again, _ := system.Schema("issue"); !ok || again != schema {
		t.Fatal("not the same schema each time")
	}
	required := map[string]bool{}
	for name, field := range schema.Fields {
		if field.Required {
			required[name] = true
		}
		if field.Description == "" {
			t.Errorf("%s says nothing of itself", name)
		}
	}
	if diff := cmp.Diff(map[string]bool{"project": true, "issuetype": true, "summary": true}, required); diff != "" {
		t.Errorf("required (-want +got):\n%s", diff)
	}
	for name, want := range map[string]connectors.Write{
		"project": connectors.AtCreation, "summary": connectors.Always, "labels": connectors.Always, "custom_fields": connectors.Always,
		"resolution": connectors.Always, "status": connectors.ReadOnly, "created": connectors.ReadOnly,
	} {
		if got := schema.Fields[name].Write; got != want {
			t.Errorf("%s: write %d, want %d", name, got, want)
		}
	}
	if !reflect.DeepEqual(schema.Fields["assignee"].Lookups, []string{"email"}) || schema.Fields["description"].MaxLength != 32767 {
		t.Error("assignee or description is not as it should be")
	}
	if schema.State.Field != "status" || schema.State.Known != nil || schema.FreePrefixes[0] != "customfield_" {
		t.Errorf("state %+v", schema.State)
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		settings jira.Settings
		want     string // attributes at fault
	}{
		{jira.Settings{URL: "https://acme.atlassian.net", Email: "bot@acme.example", APIToken: "t"}, ""},
		{jira.Settings{URL: "https://acme.atlassian.net/", Email: "bot@acme.example"}, ""},
		{jira.Settings{URL: "http://127.0.0.1:8090/jira", Email: "bot@acme.example"}, ""},
		{jira.Settings{}, ""},
		{jira.Settings{URL: "acme.atlassian.net"}, "url"},
		{jira.Settings{URL: "https://bot:t@acme.atlassian.net"}, "url"},
		{jira.Settings{URL: "https://acme.atlassian.net/rest/api/3"}, "url"},
		{jira.Settings{URL: "https://acme.atlassian.net?x=1"}, "url"},
		{jira.Settings{URL: "https://acme.atlassian.net", Email: "bot"}, "email"},
		{jira.Settings{URL: "ftp://x", Email: "a b@c"}, "url email"},
	} {
		var attributes []string
		for _, e := range jira.System().Check(&test.settings) {
			attributes = append(attributes, e.Attribute)
			if e.Summary == "" || e.Detail == "" {
				t.Errorf("%q: %+v", test.settings.URL, e)
			}
		}
		if got := strings.Join(attributes, " "); got != test.want {
			t.Errorf("%q %q: %q, want %q", test.settings.URL, test.settings.Email, got, test.want)
		}
	}
}

const issue = `{"id":"10509","key":"KT-22","self":"https://acme.atlassian.net/rest/api/3/issue/10509",
"names":{"customfield_10016":"Story Points","customfield_10020":"Team","customfield_10099":"Unset","summary":"Summary"},
"fields":{
	"summary":"Sad","project":{"self":"https://acme.atlassian.net/rest/api/3/project/1","id":"1","key":"KT","name":"Koch"},
	"issuetype":{"name":"Bug","id":"10002","subtask":false},"priority":{"name":"High","id":"2"},
	"status":{"name":"In Progress","id":"3","statusCategory":{"id":4,"key":"indeterminate","name":"In Progress!"}},
	"labels":["a","b"],"components":[],"fixVersions":[{"name":"1.0","id":"1"}],"versions":[],
	"assignee":{"accountId":"acc-1","displayName":"Ann","key":"old","name":"old","avatarUrls":{}},"reporter":null,
	"parent":{"id":"1","key":"KT-1","fields":{"summary":"Epic"}},"resolution":null,"duedate":"2026-02-03",
	"created":"2026-01-02T03:04:05.678-0800","updated":"2026-01-03T00:00:00.000+0000","environment":"",
	"description":{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"Main flow "},{"type":"text","text":"broken","marks":[{"type":"strong"}]}]}]},
	"votes":{"self":"x","votes":3},"watches":{"watchCount":2},"timespent":6e1,
	"timetracking":{"originalEstimate":"1h","timeSpentSeconds":60},
	"subtasks":[{"id":"2","key":"KT-2"}],
	"issuelinks":[{"id":"9","type":{"inward":"is blocked by","outward":"blocks"},"outwardIssue":{"id":"3","key":"PR-2"}}],
	"attachment":[{"id":10000,"filename":"p.png","mimeType":"image/png","size":5,"created":"2026-01-02T03:04:05.678-0800","author":{"accountId":"acc-1"}}],
	"comment":{"comments":[]},"worklog":{},"lastViewed":null,
	"customfield_10016":3,"customfield_10017":2.5,"customfield_10018":null,"customfield_10019":"",
	"customfield_10020":{"self":"x","value":"Payments","id":"7"},"customfield_10021":[{"self":"x","value":"1"},{"self":"x","value":"2"}],
	"customfield_10022":{"self":"x","accountId":"acc-2","displayName":"Bo"},"customfield_10023":{"value":"A","child":{"value":"B"}},
	"customfield_10024":{"type":"doc","content":[{"type":"paragraph","content":[{"type":"text","text":"rich"}]}]},
	"customfield_10025":{"free":{"form":true}},"customfield_10099":null}}`

func TestDecode(t *testing.T) {
	pst := time.Date(2026, 1, 2, 11, 4, 5, 678000000, time.UTC)
	want := connectors.Record{
		Ref: issues.Ref("10509"), Number: "KT-22", URL: "https://acme.atlassian.net/browse/KT-22",
		Version: "2026-01-03T00:00:00.000+0000", UpdatedAt: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC),
		Fields: map[string]any{
			"summary": "Sad", "project": "KT", "issuetype": "Bug", "priority": "High", "status": "In Progress", "statusCategory": "In Progress!",
			"labels": []any{"a", "b"}, "fixVersions": []any{"1.0"}, "assignee": "acc-1", "parent": "KT-1", "duedate": "2026-02-03",
			"created": pst, "updated": time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC), "description": "Main flow **broken**",
			"votes": int64(3), "watches": int64(2), "timespent": int64(60),
			"timetracking": map[string]any{"originalEstimate": "1h", "timeSpentSeconds": int64(60)},
			"subtasks":     []any{"KT-2"},
			"issuelinks":   []any{map[string]any{"type": "blocks", "direction": "outward", "issue": "PR-2"}},
			"attachment": []any{map[string]any{
				"id": "10000", "filename": "p.png", "mimeType": "image/png", "size": int64(5), "created": pst, "author": "acc-1",
			}},
			"customfield_10016": int64(3), "customfield_10017": 2.5, "customfield_10020": "Payments", "customfield_10021": []any{"1", "2"},
			"customfield_10022": "acc-2", "customfield_10023": []any{"A", "B"}, "customfield_10024": "rich",
			"customfield_10025": map[string]any{"free": map[string]any{"form": true}},
			"custom_fields":     map[string]any{"Story Points": int64(3), "Team": "Payments"},
		},
	}
	for name, body := range map[string]string{
		"bare":    issue,
		"webhook": `{"webhookEvent":"jira:issue_updated","timestamp":1,"issue":` + issue + `}`,
	} {
		got, err := jira.System().Decode(issues, []byte(body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for body, want := range map[string]string{
		``:                                     "not a JSON object",
		`null`:                                 "not a JSON object",
		`{"id":"1","fields":{}} 2`:             "something follows",
		`{"issues":[]}`:                        "a list",
		`{"id":"1"}`:                           `no "fields"`,
		`{"fields":{}}`:                        "neither id nor key",
		`{"webhookEvent":"user_created"}`:      "holds no issue",
		`{"id":"1","fields":{"labels":"a"}}`:   "labels: expected a value of type list",
		`{"id":"1","fields":{"created":"x"}}`:  "created: expected a value of type timestamp",
		`{"id":"1","fields":{"summary":[]}}`:   "summary: no name",
		`{"id":"1","fields":{"timespent":{}}}`: "timespent: expected a value of type int",
	} {
		_, err := jira.System().Decode(issues, []byte(body))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
	other := issues
	other.Record = "epic"
	if _, err := jira.System().Decode(other, []byte(issue)); err == nil {
		t.Error("an issue is taken for an epic")
	}
}

// TestDecodeVendors reads the vendor's example and what real sites sent.
func TestDecodeVendors(t *testing.T) {
	for file, want := range map[string]map[string]any{
		"get-issue-issueidorkey.200.json":                {"project": "EX", "description": "Main order flow broken"},
		"webhooks/cloud-issue-created-many-fields.json":  {"project": "KT", "issuetype": "Task", "priority": "Medium", "status": "To Do", "assignee": "5cedcb4355a88a0fc86388ba", "customfield_10075": []any{"1", "2"}, "fixVersions": []any{"version1", "version2"}},
		"webhooks/cloud-issue-updated-custom-field.json": {},
		"webhooks/issue-updated-resolved.json":           {},
		"webhooks/issue-created.json":                    {},
	} {
		record, err := jira.System().Decode(issues, shared(t, "fixtures/jira/"+file))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if record.Number == "" || record.URL == "" || len(record.Fields) < 5 {
			t.Errorf("%s: %+v", file, record)
		}
		for name, value := range want {
			if diff := cmp.Diff(value, record.Fields[name]); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", file, name, diff)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(issue)
	f.Add(`{"id":"1","fields":{"description":{"type":"doc","content":[{"type":"bulletList","content":[{"type":"listItem"}]}]}}}`)
	f.Add(`{"issue":{"key":"A-1","fields":{"issuelinks":[1],"subtasks":[null],"customfield_1":[[[{}]]]}}}`)
	system := jira.System()
	f.Fuzz(func(t *testing.T, body string) {
		record, err := system.Decode(issues, []byte(body))
		if err == nil && record.Ref.ID == "" {
			t.Error("a record without an id")
		}
		onlyRecordTypes(t, record.Fields)
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
