package jira_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// TestAssignable: an account that may not be assigned issues in the project is not
// found there, so that ref's fallback is taken, at creation and later.
func TestAssignable(t *testing.T) {
	server, c := site(t)
	server.AddUser(jiratest.User{AccountID: "acc-eve", Name: "Eve Roe", Email: "eve@acme.example", NotIn: []string{"ENG"}})
	eve := connectors.Lookup{Key: "email", Value: "eve@acme.example"}
	for name, test := range map[string]struct {
		project string // of the new issue
		of      string // of the one that is there
		lookup  connectors.Lookup
		want    any
		code    string
	}{
		"not here":         {project: "ENG", lookup: eve, code: resolve.CodeNotFound},
		"not here, later":  {of: "ENG", lookup: eve, code: resolve.CodeNotFound},
		"a fallback":       {project: "ENG", lookup: connectors.Lookup{Key: "email", Value: "eve@acme.example", HasFallback: true, Fallback: &connectors.Lookup{Key: "email", Value: "ann@acme.example"}}, want: "acc-ann"},
		"a null fallback":  {of: "ENG", lookup: connectors.Lookup{Key: "email", Value: "eve@acme.example", HasFallback: true}},
		"elsewhere":        {project: "OPS", lookup: eve, want: "acc-eve"},
		"nobody knows":     {lookup: eve, want: "acc-eve"},
		"a hidden address": {project: "ENG", lookup: connectors.Lookup{Key: "email", Value: "bo@acme.example"}, want: "acc-bo"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, fields := t.Context(), map[string]any{"assignee": test.lookup, "reporter": eve}
			if test.project != "" {
				fields["project"] = test.project
			}
			if test.of != "" {
				ctx = connectors.ResolvingFor(ctx, connectors.Record{Fields: map[string]any{"project": test.of}})
			}
			got, failed, err := c.Resolve(ctx, "issue", fields)
			if err != nil || got["assignee"] != test.want || got["reporter"] != "acc-eve" {
				t.Fatalf("%v, %v, want %v", got, err, test.want)
			}
			said := failed["assignee"]
			if (said != nil) != (test.code != "") || said != nil && (said.Code != test.code || !strings.Contains(said.Message, "may not be assigned issues in project ENG")) {
				t.Errorf("refused: %v", said)
			}
		})
	}
	_, err := c.Create(t.Context(), draft(key, map[string]any{"assignee": "acc-eve", "priority": "Urgent", "custom_fields/Story Points": "many"}))
	failure := wantClass(t, err, connectors.ClassRejected)
	for field, words := range map[string]string{"assignee": "cannot be assigned issues", "priority": "valid", "custom_fields/Story Points": "number"} {
		if !strings.Contains(failure.Fields[field], words) {
			t.Errorf("of %s it says %q", field, failure.Fields[field])
		}
	}
}

// TestLabelsOffTheScreen: where labels cannot be set, the issue is opened without
// lockstep's, once, and found by its key all the same.
func TestLabelsOffTheScreen(t *testing.T) {
	server, c := site(t)
	server.TakeOff("ENG", "labels", true, true)
	record := create(t, c, key, nil)
	if record.Key != key || record.Fields["labels"] != nil {
		t.Errorf("key %q, labels %v", record.Key, record.Fields["labels"])
	}
	tries := server.Count("POST", "/issue")
	create(t, c, "lockstep-2", nil)
	if n := server.Count("POST", "/issue") - tries; n != 1 {
		t.Errorf("%d tries for one more", n)
	}
	server.Inject(simulator.Fault{Kind: simulator.ResetAfter, Method: "POST", Path: "/rest/api/3/issue", Times: 1})
	_, err := c.Create(t.Context(), draft("lockstep-lost", nil))
	wantClass(t, err, connectors.ClassUnclear)
	server.Clone(server.Issues()[2], "acc-ann")
	for _, k := range []string{key, "lockstep-2", "lockstep-lost"} {
		if found := must(c.FindByKey(t.Context(), issues, k))(t); len(found) != 1 || found[0].Key != k || found[0].Foreign {
			t.Errorf("%s finds %v", k, found)
		}
	}
	if found := must(c.FindByKey(t.Context(), issues, "lockstep-3"))(t); len(found) != 0 {
		t.Errorf("a key that nobody has finds %v", found)
	}
	// Those of the template are the template's: the field is refused.
	_, err = c.Create(t.Context(), draft("lockstep-4", map[string]any{"labels": []any{"db"}}))
	if failure := wantClass(t, err, connectors.ClassRejected); failure.Fields["labels"] == "" || len(server.Issues()) != 4 {
		t.Errorf("%v, %d issues", err, len(server.Issues()))
	}
}

// TestLabelsOffTheScreenAreAdvice: what only a record shows, whose project its template
// works out, is said as advice from then on, and no longer than it is true.
func TestLabelsOffTheScreenAreAdvice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := jiratest.New(options())
		told := 0
		common := jira.System().Defaults
		c := must(jira.System().New("eng", settings(), common, connectors.Env{RoundTripper: server.RoundTripper(), Renamed: func() { told++ }}))(t).(*jira.Connector)
		defer c.Close()
		server.TakeOff("ENG", "labels", true, true)
		advice := func() int {
			return len(must(c.Advise(t.Context(), []connectors.Use{{Template: "t", Record: "issue", Field: "summary", Opens: true}}))(t))
		}
		if n := advice(); n != 0 {
			t.Errorf("%d pieces of advice before anything was opened", n)
		}
		create(t, c, key, nil)
		create(t, c, "lockstep-2", nil)
		if n := advice(); n != 1 || told != 1 {
			t.Errorf("%d pieces of advice, told %d times", n, told)
		}
		all := must(c.Advise(t.Context(), []connectors.Use{{Template: "t", Record: "issue", Field: "summary", Opens: true}}))(t)
		if len(all) != 1 || all[0].Use.Field != "labels" || !strings.Contains(all[0].Message, "in ENG are created") {
			t.Errorf("%+v", all)
		}
	})
}
