package servicenow_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

func TestResolveValues(t *testing.T) {
	server, c := instance(t)
	server.AddColumn("incident", servicenowtest.Column{Name: "u_date", Type: "glide_date"})
	at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.FixedZone("", 3600))
	for _, test := range []struct {
		field      string
		want, have any
	}{
		{"short_description", "  two\r\nlines \n\n here ", "two lines here"},
		{"short_description", "keeps *stars* and [brackets](x)", "keeps *stars* and [brackets](x)"},
		{"short_description", strings.Repeat("é", 161), strings.Repeat("é", 159) + "…"},
		{"short_description", strings.Repeat("é", 160), strings.Repeat("é", 160)},
		{"short_description", int64(5), "5"},
		{"short_description", at, "2026-01-02T02:04:05Z"},
		{"short_description", []any{"a", int64(1)}, "a, 1"},
		{"short_description", "", ""},
		{"short_description", " \n", ""},
		{"short_description", nil, nil},
		{"description", "**Error** rate\n\n- [graph](https://g.example)\r\n", "Error rate\n\n- graph (https://g.example)"},
		{"description", strings.Repeat("a ", 2001), strings.TrimSpace(strings.Repeat("a ", 1999)) + " a…"},
		{"urgency", int64(2), int64(2)},
		{"urgency", "2", int64(2)},
		{"urgency", 2.0, int64(2)},
		{"urgency", "2 - Medium", int64(2)},
		{"urgency", "medium", int64(2)},
		{"urgency", "", ""},
		{"state", "In Progress", int64(2)},
		{"active", true, true},
		{"active", "False", false},
		{"active", int64(1), true},
		{"due_date", at, time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)},
		{"due_date", "2026-01-02T03:04:05+01:00", time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)},
		{"due_date", "2026-01-02 02:04:05", time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)},
		{"due_date", "", ""},
		{"caller_id", " 6816f79cc0a8016401c5a33be04be441 ", "6816f79cc0a8016401c5a33be04be441"},
		{"watch_list", []any{"a", " b ", "", nil}, []any{"a", "b"}},
		{"watch_list", "a, b", []any{"a", "b"}},
		{"watch_list", []any{}, ""},
		{"close_code", "Solution provided", "Solution provided"},
		{"u_number", int64(7), "7"},
		{"u_flag", true, "true"},
		{"u_time", at, "2026-01-02 02:04:05"},
		{"u_date", at, "2026-01-02"},
		{"u_date", "2026-01-02", "2026-01-02"},
		{"u_text", "**as it is**\r\nhere", "**as it is**\nhere"},
	} {
		t.Run(fmt.Sprintf("%s/%v", test.field, test.want), func(t *testing.T) {
			resolved, failed, err := c.Resolve(t.Context(), "incident", map[string]any{test.field: test.want})
			if err != nil || len(failed) > 0 {
				t.Fatalf("%v, %v", failed, err)
			}
			if diff := cmp.Diff(map[string]any{test.field: test.have}, resolved); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			again, _, err := c.Resolve(t.Context(), "incident", resolved)
			if diff := cmp.Diff(resolved, again); err != nil || diff != "" {
				t.Errorf("resolved twice (-once +twice):\n%s", diff)
			}
		})
	}
}

// TestADateColumn: a time is written to a column that takes a date alone, which
// would be dropped with its time.
func TestADateColumn(t *testing.T) {
	server, c := instance(t)
	server.AddColumn("incident", servicenowtest.Column{Name: "u_date", Type: "glide_date"})
	fields, failed, err := c.Resolve(t.Context(), "incident", map[string]any{"u_date": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)})
	if err != nil || len(failed) > 0 {
		t.Fatal(failed, err)
	}
	made := create(t, c, "k", fields)
	if have := made.Fields["u_date"]; have != "2026-01-02" || !c.Same("incident", "u_date", fields["u_date"], have) {
		t.Errorf("it holds %v", have)
	}
}

func TestResolveFailures(t *testing.T) {
	_, c := instance(t)
	const canary = "canary-7731"
	for field, v := range map[string]any{
		"urgency": canary, "impact": 1.5, "active": canary, "due_date": canary,
		"description": map[string]any{"a": canary}, "watch_list": map[string]any{}, "state": []any{int64(1), int64(2)},
	} {
		resolved, failed, err := c.Resolve(t.Context(), "incident", map[string]any{field: v, "severity": int64(1)})
		if err != nil {
			t.Fatal(err)
		}
		failure := failed[field]
		if failure == nil || failure.Class != connectors.ClassRejected || failure.Field != field || failure.Code != "type" {
			t.Errorf("%s: %+v", field, failure)
		} else if strings.Contains(failure.Error(), canary) {
			t.Errorf("%s: the value stands in %v", field, failure)
		}
		if diff := cmp.Diff(map[string]any{"severity": int64(1)}, resolved); diff != "" {
			t.Errorf("%s: the others (-want +got):\n%s", field, diff)
		}
	}
}

func lookup(key string, v any) connectors.Lookup { return connectors.Lookup{Key: key, Value: v} }

// An instance may drop a condition on a column that the user may not read: each
// row is looked at again.
func TestLookupsWhereAConditionIsDropped(t *testing.T) {
	server, _ := instance(t)
	lisa := server.AddUser(servicenowtest.User{UserName: "lisa", Name: "Lisa Karlin", Email: "lisa@incident.io"})
	server.AddUser(servicenowtest.User{UserName: "old.lisa", Name: "Lisa Karlin", Email: "lisa@incident.io", Inactive: true})
	server.AddUser(servicenowtest.User{UserName: "gone", Name: "Gone", Email: "gone@incident.io", Inactive: true})
	dropped := 0
	c := connect(t, edit{server.RoundTripper(), func(query map[string][]string) {
		for i, q := range query["sysparm_query"] {
			if query["sysparm_query"][i] = strings.Replace(q, "^active=true", "", 1); query["sysparm_query"][i] != q {
				dropped++
			}
		}
	}}, basic())
	resolved, failed, err := c.Resolve(t.Context(), "incident", map[string]any{"caller_id": lookup("email", "lisa@incident.io"), "opened_by": lookup("email", "gone@incident.io")})
	if err != nil || dropped == 0 {
		t.Fatal(err, dropped)
	}
	if resolved["caller_id"] != lisa || failed["opened_by"] == nil || failed["opened_by"].Code != "ref_not_found" {
		t.Errorf("resolved %v, failed %v", resolved, failed)
	}
}

func TestResolveLookups(t *testing.T) {
	server, c := instance(t)
	lisa := server.AddUser(servicenowtest.User{UserName: "lisa", Name: "Lisa Karlin", Email: "lisa@incident.io"})
	server.AddUser(servicenowtest.User{UserName: "old.lisa", Name: "Lisa Karlin", Email: "lisa@incident.io", Inactive: true})
	server.AddUser(servicenowtest.User{UserName: "gone", Name: "Gone", Email: "gone@incident.io", Inactive: true})
	twin := server.AddUser(servicenowtest.User{UserName: "twin1", Name: "Twin", Email: "twin@incident.io"})
	server.AddUser(servicenowtest.User{UserName: "twin2", Name: "Twin", Email: "twin@incident.io"})
	network := server.AddGroup("Network")
	db := server.AddRow("cmdb_ci", servicenowtest.Row{"name": "db-1"})
	crm := server.AddRow("cmdb_ci_service", servicenowtest.Row{"name": "CRM"})
	parent := create(t, c, "parent", nil)
	server.AddColumn("incident", servicenowtest.Column{Name: "u_owner", Type: "reference", Reference: "sys_user"})
	server.AddColumn("task", servicenowtest.Column{Name: "u_team", Type: "reference", Reference: "sys_user_group"})

	fallback := lookup("user_name", "lisa")
	for _, test := range []struct {
		name   string
		field  string
		value  any
		want   any
		code   string
		inText string
	}{
		{name: "by e-mail", field: "caller_id", value: lookup("email", "lisa@incident.io"), want: lisa},
		{name: "spaces", field: "caller_id", value: lookup("email", " lisa@incident.io "), want: lisa},
		{name: "by user name", field: "opened_by", value: lookup("user_name", servicenowtest.DefaultUsername), want: server.UserID(servicenowtest.DefaultUsername)},
		{name: "group", field: "assignment_group", value: lookup("name", "Network"), want: network},
		{name: "configuration item", field: "cmdb_ci", value: lookup("name", "db-1"), want: db},
		{name: "service", field: "business_service", value: lookup("name", "CRM"), want: crm},
		{name: "a ticket by its number", field: "parent", value: lookup("number", parent.Number), want: parent.Ref.ID},
		{name: "column of the instance", field: "u_owner", value: lookup("email", "lisa@incident.io"), want: lisa},
		{name: "column of the table above", field: "u_team", value: lookup("name", "Network"), want: network},
		{name: "list", field: "watch_list", value: []any{lookup("email", "lisa@incident.io"), twin}, want: []any{lisa, twin}},
		{name: "list of one", field: "watch_list", value: lookup("email", "lisa@incident.io"), want: []any{lisa}},
		{name: "list with one that falls back to nothing", field: "watch_list", value: []any{connectors.Lookup{Key: "email", HasFallback: true}, twin}, want: []any{twin}},
		{name: "not there", field: "caller_id", value: lookup("email", "nobody@incident.io"), code: "ref_not_found", inText: "no active record of sys_user has this email"},
		{name: "inactive", field: "caller_id", value: lookup("email", "gone@incident.io"), code: "ref_not_found"},
		{name: "two", field: "caller_id", value: lookup("email", "twin@incident.io"), code: "ref_ambiguous"},
		{name: "null", field: "caller_id", value: lookup("email", nil), code: "ref_not_found", inText: "empty"},
		{name: "injection", field: "caller_id", value: lookup("email", "x^ORactive=true"), code: "ref_not_found", inText: "^"},
		{name: "script", field: "caller_id", value: lookup("email", " JavaScript:gs.getUserID()"), code: "ref_not_found"},
		{name: "injection by the key", field: "caller_id", value: lookup("email=x^active", "true"), code: "ref_not_found"},
		{name: "no such column", field: "caller_id", value: lookup("shoe_size", "lisa"), code: "ref_not_found", inText: "has no shoe_size"},
		{name: "no reference", field: "urgency", value: lookup("name", "High"), code: "type"},
		{name: "column that is not there", field: "u_nothing", value: lookup("name", "x"), code: "type", inText: "sys_dictionary"},
		{name: "fallback to another", field: "caller_id", value: connectors.Lookup{Key: "email", Value: "", HasFallback: true, Fallback: &fallback}, want: lisa},
		{name: "fallback after two", field: "caller_id", value: &connectors.Lookup{Key: "email", Value: "twin@incident.io", HasFallback: true, Fallback: &fallback}, want: lisa},
		{name: "fallback to null", field: "caller_id", value: connectors.Lookup{Key: "email", Value: "nobody@incident.io", HasFallback: true}, want: nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			resolved, failed, err := c.Resolve(t.Context(), "incident", map[string]any{test.field: test.value})
			if err != nil {
				t.Fatal(err)
			}
			if test.code == "" {
				if diff := cmp.Diff(map[string]any{test.field: test.want}, resolved); diff != "" || len(failed) > 0 {
					t.Errorf("failed %v (-want +got):\n%s", failed, diff)
				}
				return
			}
			failure := failed[test.field]
			if failure == nil || failure.Class != connectors.ClassRejected || failure.Code != test.code || !strings.Contains(failure.Error(), test.inText) || len(resolved) > 0 {
				t.Errorf("failure %v, resolved %v; want code %s and %q", failure, resolved, test.code, test.inText)
			} else if l, ok := test.value.(connectors.Lookup); ok && strings.Contains(fmt.Sprint(l.Value), "@") && strings.Contains(failure.Error(), "@") {
				t.Errorf("the address stands in %v", failure)
			}
		})
	}
}

func TestLookupsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		resolve := func(email string) map[string]any {
			t.Helper()
			resolved, _, err := c.Resolve(t.Context(), "incident", map[string]any{"caller_id": lookup("email", email)})
			if err != nil {
				t.Fatal(err)
			}
			return resolved
		}
		asked := func() int { return server.Count("GET", "sys_user") }
		lisa := server.AddUser(servicenowtest.User{UserName: "lisa", Email: "lisa@incident.io"})
		for range 3 {
			resolve("lisa@incident.io")
			resolve("new@incident.io")
		}
		if asked() != 2 {
			t.Errorf("asked %d times, want once for each", asked())
		}
		added := server.AddUser(servicenowtest.User{UserName: "new", Email: "new@incident.io"})
		time.Sleep(time.Minute + time.Second)
		if got := resolve("new@incident.io")["caller_id"]; got != added {
			t.Errorf("a user added since is %v after a minute, want %s", got, added)
		}
		if got := resolve("lisa@incident.io")["caller_id"]; got != lisa || asked() != 3 {
			t.Errorf("%v, asked %d times, want 3", got, asked())
		}
		time.Sleep(10 * time.Minute)
		if resolve("lisa@incident.io"); asked() != 4 {
			t.Errorf("asked %d times, want 4", asked())
		}
	})
}

func TestResolveWhatCannotBeRead(t *testing.T) {
	server, c := instance(t)
	server.DenyReads("sys_user", true)
	fields := map[string]any{"caller_id": lookup("email", "lisa@incident.io"), "urgency": int64(1)}
	resolved, failed, err := c.Resolve(t.Context(), "incident", fields)
	if err != nil || failed["caller_id"] == nil || !strings.Contains(failed["caller_id"].Error(), "may not read sys_user") || resolved["urgency"] != int64(1) {
		t.Errorf("resolved %v, failed %v, %v: a table that may not be read is the field's fault alone", resolved, failed, err)
	}
}

func TestSame(t *testing.T) {
	_, c := instance(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, test := range []struct {
		field      string
		want, have any
		same       bool
	}{
		{"description", "a\r\nb ", "a\nb", true},
		{"description", "a", "b", false},
		{"description", "", nil, true},
		{"description", nil, "", true},
		{"description", "x", nil, false},
		{"description", "**not read twice**", "not read twice", false},
		{"short_description", strings.Repeat("x", 200), strings.Repeat("x", 159) + "…", true},
		{"urgency", "3", int64(3), true},
		{"urgency", "3 - Low", int64(3), true},
		{"urgency", int64(2), int64(3), false},
		{"active", "true", true, true},
		{"due_date", "2026-01-02T03:04:05Z", at, true},
		{"due_date", at.Add(time.Millisecond), at, true},
		{"due_date", at.Add(time.Second), at, false},
		{"watch_list", []any{"b", "a"}, []any{"a", "b"}, true},
		{"watch_list", "", nil, true},
		{"watch_list", []any{"a"}, nil, false},
		{"u_number", int64(3), "3", true},
		{"caller_id", "abc", "abc", true},
	} {
		if got := c.Same("incident", test.field, test.want, test.have); got != test.same {
			t.Errorf("Same(%s, %v, %v) = %t", test.field, test.want, test.have, got)
		}
	}
}

// What is resolved, written and answered is the same to Same, whatever the
// instance makes of it.
func TestAnswersAreTheSameAsWhatWasWritten(t *testing.T) {
	server, c := instance(t)
	fields := map[string]any{
		"short_description": strings.Repeat("wörd ", 60), "description": "# Impact\r\n**all** of it\n", "urgency": "1 - High", "impact": 2.0,
		"due_date": "2026-01-02T03:04:05+01:00", "watch_list": []any{"b", "a"}, "active": true, "knowledge": "true", "category": "network",
		"close_notes": "", "caller_id": server.UserID("admin"),
	}
	resolved, failed, err := c.Resolve(t.Context(), "incident", fields)
	if err != nil || len(failed) > 0 {
		t.Fatal(failed, err)
	}
	record := create(t, c, "k", resolved)
	for field, want := range resolved {
		if !c.Same("incident", field, want, record.Fields[field]) {
			t.Errorf("%s: wrote %#v, answered %#v", field, want, record.Fields[field])
		}
	}
}
