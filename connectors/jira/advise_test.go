package jira_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

func use(field string, values ...any) connectors.Use {
	return connectors.Use{Record: "issue", Field: field, Values: values}
}

func TestAdvise(t *testing.T) {
	server, c := site(t)
	server.Require("ENG", "customfield_10020")
	all := must(c.Advise(t.Context(), []connectors.Use{
		use("project", "ENG", "NONE"), use("issuetype", "Bug"), use("summary"), use("priority", "High", "Urgent"), use("status", "Done", "Closed"),
		use("components", []any{"Backend", "Kitchen"}), use("customfield_99999"),
		{Record: "issue", Field: "custom_fields", Keys: []string{"Story Points", "Nothing", "Twice"}},
	}))(t)
	var got []string
	for _, a := range all {
		got = append(got, fmt.Sprintf("%s %v: %s", a.Use.Field, a.Value, a.Message))
	}
	for _, want := range []string{
		"project NONE: The site has no project", "issuetype Bug: Issues of this type in ENG need customfield_10020 (Team)", "priority Urgent: In ENG its choices for a Bug are High, Highest",
		"components Kitchen: ", "customfield_99999 <nil>: ", "custom_fields Nothing: ", "custom_fields Twice: several",
	} {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("%q is not in\n%s", want, strings.Join(got, "\n"))
		}
	}
	if len(got) != 7 {
		t.Errorf("%d pieces of advice:\n%s", len(got), strings.Join(got, "\n"))
	}
	right := must(c.Advise(t.Context(), []connectors.Use{use("project", "OPS"), use("issuetype", "Task"), use("status", "done", "To Do"), use("priority", "Low")}))(t)
	if len(right) != 0 {
		t.Errorf("advice of what is right: %v", right)
	}
	server, c = site(t)
	server.Require("OPS", "priority") // which has a default
	byDefault := must(c.Advise(t.Context(), []connectors.Use{use("project", "OPS"), use("issuetype", "Task")}))(t)
	if len(byDefault) != 0 {
		t.Errorf("advice of a field that has a default: %v", byDefault)
	}
	wrong := must(c.Advise(t.Context(), []connectors.Use{use("project", "OPS"), use("issuetype", "Saga", "Task"), use("status", "Closed")}))(t)
	if len(wrong) != 2 {
		t.Errorf("%v", wrong)
	}
	server.Inject(simulator.Fault{Kind: simulator.FailBefore, Status: 401})
	_, err := c.Advise(t.Context(), []connectors.Use{use("project", "NEW")})
	wantClass(t, err, connectors.ClassUnauthorised)
}
