package jira_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

func TestResolve(t *testing.T) {
	server, c := site(t)
	server.AddUser(jiratest.User{AccountID: "acc-twin1", Name: "Twin", Email: "twin@acme.example", EmailHidden: true})
	server.AddUser(jiratest.User{AccountID: "acc-twin2", Name: "Twin", Email: "twin@acme.example", EmailHidden: true})
	server.AddUser(jiratest.User{AccountID: "acc-longer", Name: "Ann Roe", Email: "ann@acme.example.org"})
	server.AddUser(jiratest.User{AccountID: "acc-gone", Name: "Gone", Email: "gone@acme.example", Inactive: true})
	server.AddUser(jiratest.User{AccountID: "acc-app", Name: "App", Email: "app@acme.example", App: true})
	email := func(v any) connectors.Lookup { return connectors.Lookup{Key: "email", Value: v} }
	or := func(l connectors.Lookup, fallback *connectors.Lookup) connectors.Lookup {
		l.HasFallback, l.Fallback = true, fallback
		return l
	}
	ann := email("ann@acme.example")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	for _, test := range []struct {
		field      string
		value      any
		want       any
		code, says string
	}{
		{field: "summary", value: " one\n two ", want: "one two"},
		{field: "summary", value: strings.Repeat("x", 256), want: strings.Repeat("x", 254) + "…"},
		{field: "description", value: "__b__\n* c", want: "**b**\n\n- c"},
		{field: "description", value: "", want: ""},
		{field: "priority", value: nil, want: nil},
		{field: "labels", value: "a, b", want: []any{"a", "b"}},
		{field: "labels", value: []any{"a b"}, code: "type", says: "no spaces"},
		{field: "labels", value: []any{"lockstep-x"}, code: "type", says: "own mark"},
		{field: "labels", value: []any{}, want: ""},
		{field: "duedate", value: at, want: "2026-01-02"},
		{field: "duedate", value: "soon", code: "type", says: "a day"},
		{field: "status", value: " Done ", want: "Done"},
		{field: "status", value: 3, code: "type", says: "name of a status"},
		{field: "custom_fields/Story Points", value: "3.5", want: 3.5},
		{field: "custom_fields/Story Points", value: "many", code: "type", says: "a number"},
		{field: "custom_fields/Started", value: at, want: "2026-01-02T02:04:05.000+0000"},
		{field: "custom_fields/Nothing", value: "x", code: "unknown", says: "no such custom field"},
		{field: "custom_fields/Twice", value: "x", code: "unknown", says: "customfield_10026, customfield_10027"},
		{field: "customfield_10027", value: "x", want: "x"},
		{field: "customfield_1", value: "x", code: "unknown", says: "no such custom field"},
		{field: "custom_fields", value: "x", code: "type", says: "a map"},
		{field: "created", value: "x", code: "read_only", says: "cannot be written"},
		{field: "colour", value: "x", code: "unknown", says: "no such field"},
		{field: "assignee", value: "acc-ann", want: "acc-ann"},
		{field: "assignee", value: ann, want: "acc-ann"},
		{field: "assignee", value: email("ANN@acme.example"), want: "acc-ann"},
		{field: "assignee", value: email("bo@acme.example"), want: "acc-bo"},
		{field: "assignee", value: email("twin@acme.example"), code: "ref_ambiguous", says: "more than one"},
		{field: "assignee", value: email("ann@acme"), code: "ref_not_found"},
		{field: "assignee", value: email("gone@acme.example"), code: "ref_not_found"},
		{field: "assignee", value: email("app@acme.example"), code: "ref_not_found"},
		{field: "assignee", value: email("Ann"), code: "ref_not_found", says: "not an email"},
		{field: "assignee", value: email(""), code: "ref_not_found", says: "empty"},
		{field: "assignee", value: email(nil), code: "ref_not_found", says: "empty"},
		{field: "assignee", value: connectors.Lookup{Key: "name", Value: "Ann"}, code: "ref_not_found", says: "by email"},
		{field: "assignee", value: or(email("no@acme.example"), nil), want: nil},
		{field: "assignee", value: or(email("no@acme.example"), &ann), want: "acc-ann"},
		{field: "assignee", value: &ann, want: "acc-ann"},
		{field: "priority", value: ann, code: "type", says: "not an account"},
		{field: "components", value: map[string]any{}, code: "type", says: "a list"},
		{field: "components", value: []any{"x", ann}, code: "type", says: "not an account"},
		{field: "components", value: []any{"x", &ann}, code: "type", says: "not an account"},
		{field: "summary", value: map[string]any{}, code: "type", says: "an object"},
	} {
		values, failed, err := c.Resolve(t.Context(), "issue", map[string]any{test.field: test.value})
		if err != nil {
			t.Errorf("%s %v: %v", test.field, test.value, err)
			continue
		}
		if test.code != "" {
			failure := failed[test.field]
			if failure == nil || failure.Code != test.code || !strings.Contains(failure.Error(), test.says) || failure.Class != connectors.ClassRejected {
				t.Errorf("%s %v: %v, want %s", test.field, test.value, failure, test.code)
			}
			continue
		}
		if diff := cmp.Diff(test.want, values[test.field]); diff != "" || len(failed) > 0 {
			t.Errorf("%s %v: %v (-want +got):\n%s", test.field, test.value, failed, diff)
		}
	}
}

func TestResolveIsKeptAndNeverOffline(t *testing.T) {
	server, c := site(t)
	fields := map[string]any{"assignee": connectors.Lookup{Key: "email", Value: "ann@acme.example"}, "custom_fields/Team": "Payments"}
	resolved(t, c, fields)
	n := len(server.Requests())
	resolved(t, c, fields)
	if got := len(server.Requests()); got != n || n != 2 {
		t.Errorf("%d requests, then %d", n, got)
	}
	server.Inject(simulator.Fault{Kind: simulator.FailBefore, Status: 401})
	_, _, err := c.Resolve(t.Context(), "issue", map[string]any{"assignee": connectors.Lookup{Key: "email", Value: "other@acme.example"}})
	wantClass(t, err, connectors.ClassUnauthorised)
}

func TestSame(t *testing.T) {
	_, c := site(t)
	resolved(t, c, map[string]any{"custom_fields/Team": "Payments"}) // learns the fields
	for _, test := range []struct {
		field      string
		want, have any
		same       bool
	}{
		{"description", "**a**\nb", "**a**  \nb", true},
		{"description", "a", "**a**", false},
		{"description", "", nil, true},
		{"labels", []any{"b", "a"}, []any{"a", "b"}, true},
		{"labels", []any{"a"}, []any{"a", "b"}, false},
		{"labels", "", nil, true},
		{"priority", "high", "High", true},
		{"summary", "high", "High", false},
		{"summary", "a  b", "a  b", true},
		{"customfield_10016", int64(3), 3.0, true},
		{"custom_fields/Story Points", 3.5, 3.0, false},
		{"custom_fields/Notes", "* a", "- a", true},
		{"custom_fields/Started", "2026-01-02T02:04:05.000+0000", "2026-01-01T18:04:05.000-0800", true},
		{"custom_fields", map[string]any{"Team": "Payments"}, map[string]any{"Team": "Payments", "Other": "x"}, true},
		{"custom_fields", map[string]any{"Team": "Payments"}, nil, false},
		{"timetracking", map[string]any{"originalEstimate": "90m"}, map[string]any{"originalEstimate": "1h 30m", "remainingEstimate": "1h"}, true},
		{"timetracking", map[string]any{"originalEstimate": "1d"}, map[string]any{"originalEstimate": "1h"}, false},
		{"duedate", "2026-01-02", "2026-01-02", true},
		{"status", "In Progress", "in progress", true},
	} {
		if got := c.Same("issue", test.field, test.want, test.have); got != test.same {
			t.Errorf("%s: %v and %v: %t", test.field, test.want, test.have, got)
		}
	}
}
