package incidentio_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// resolveOne resolves one value; said is the failure of its field.
func resolveOne(t *testing.T, c connectors.Writer, record, field string, value any) (resolved any, said *connectors.Error) {
	t.Helper()
	all, failed, err := c.Resolve(context.Background(), record, map[string]any{field: value})
	if err != nil {
		t.Fatalf("%s: %v", field, err)
	}
	if _, ok := all[field]; ok == (failed[field] != nil) {
		t.Errorf("%s: resolved %v and failed %v", field, all, failed)
	}
	return all[field], failed[field]
}

func userID(t *testing.T, s *incidentiotest.Server, email string) string {
	t.Helper()
	made := create(t, s, incidentiotest.By(email))
	return made.Creator.User.ID
}

func TestResolve(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	omar := userID(t, server, incidentiotest.Omar)
	severity := create(t, server, incidentiotest.SetSeverity("Major")).Severity.ID
	made := create(t, server)
	if _, err := server.AddFollowUp(made.ID, incidentiotest.FollowUp{Title: "a", Priority: priority(t, server, "Urgent")}); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.FixedZone("", 3600))
	ref := func(key string, value any) connectors.Lookup { return connectors.Lookup{Key: key, Value: value} }
	nobody := ref("email", "nobody@acme.example")
	withFallback := nobody
	withFallback.HasFallback, withFallback.Fallback = true, &connectors.Lookup{Key: "email", Value: strings.ToUpper(incidentiotest.Omar)}
	orNull := nobody
	orNull.HasFallback = true
	for _, test := range []struct {
		record, field string
		value         any
		want          any
		code          string // of the failure
		says          string // part of its message
	}{
		{record: "incident", field: "name", value: " Sad \r\n database ", want: "Sad database"},
		{record: "incident", field: "name", value: "\n", code: "empty"},
		{record: "incident", field: "name", value: nil, want: nil},
		{record: "incident", field: "name", value: map[string]any{"a": 1}, code: "type"},
		{record: "incident", field: "name", value: ref("email", "x"), code: "type"},
		{record: "incident", field: "summary", value: "Very **sad**.\r\nReally.\n", want: "Very **sad**.\nReally."},
		{record: "incident", field: "summary", value: "", want: ""},
		{record: "incident", field: "call_url", value: "https://call.example/1", want: "https://call.example/1"},
		{record: "incident", field: "severity", value: "Critical", want: "Critical"},
		{record: "incident", field: "severity", value: severity, want: "Major"},
		{record: "incident", field: "severity", value: "Critcal", code: "not_found", says: `did you mean "Critical"?`},
		{record: "incident", field: "severity", value: "Apocalyptic", code: "not_found", says: "there are: Critical, Major, Minor"},
		{record: "incident", field: "severity", value: "", code: "empty"},
		{record: "incident", field: "severity", value: map[string]any{}, code: "type"},
		{record: "incident", field: "incident_status.name", value: "Fixing", want: "Fixing"},
		{record: "incident", field: "incident_status.name", value: "category:live", want: "Investigating"},
		{record: "incident", field: "incident_status.name", value: "category:learning", want: "Documenting"},
		{record: "incident", field: "incident_status.name", value: "category:lerning", code: "not_found", says: `did you mean "learning"?`},
		{record: "incident", field: "incident_status.name", value: "Fixng", code: "not_found", says: `did you mean "Fixing"?`},
		{record: "incident", field: "incident_status.name", value: "", code: "type"},
		{record: "incident", field: "incident_status", value: "Fixing", code: "read_only"},
		{record: "incident", field: "mode", value: "test", want: "test"},
		{record: "incident", field: "mode", value: "drill", code: "type", says: "standard, retrospective, test, tutorial"},
		{record: "incident", field: "visibility", value: "private", want: "private"},
		{record: "incident", field: "incident_type", value: "Security", want: "Security"},
		{record: "incident", field: "incident_type", value: "Securty", code: "not_found", says: `did you mean "Security"?`},
		{record: "incident", field: "custom_fields/Lockstep key", value: "x", code: "read_only", says: "lockstep"},
		{record: "incident", field: "permalink", value: "x", code: "read_only"},
		{record: "incident", field: "summry", value: "x", code: "unknown_field", says: `did you mean "summary"?`},
		{record: "incident", field: "name/x", value: "x", code: "unknown_field"},
		{record: "incident", field: "custom_fields/", value: "x", code: "unknown_field"},
		{record: "action", field: "name", value: "x", code: "unknown_field"},

		{record: "incident", field: "custom_fields/ServiceNow ticket", value: "INC0001", want: "INC0001"},
		{record: "incident", field: "custom_fields/ServiceNow ticket", value: int64(7), want: "7"},
		{record: "incident", field: "custom_fields/ServiceNow ticket", value: "", want: ""},
		{record: "incident", field: "custom_fields/ServiceNow tickets", value: "x", code: "not_found", says: `did you mean "ServiceNow ticket"?`},
		{record: "incident", field: "custom_fields/Affected Team", value: "Payments", want: "Payments"},
		{record: "incident", field: "custom_fields/Affected Team", value: "Payment", code: "not_found", says: `no option of this name; did you mean "Payments"?`},
		{record: "incident", field: "custom_fields/Affected Team", value: []any{"Payments", "Product"}, code: "type"},
		{record: "incident", field: "custom_fields/Regions", value: []any{"us-east", nil, "eu-west", "us-east"}, want: []any{"us-east", "eu-west"}},
		{record: "incident", field: "custom_fields/Regions", value: "ap-south", want: []any{"ap-south"}},
		{record: "incident", field: "custom_fields/Regions", value: []any{}, want: ""},
		{record: "incident", field: "custom_fields/Regions", value: []any{[]any{"us-east"}}, code: "type"},
		{record: "incident", field: "custom_fields/Customers affected", value: "12.50", want: 12.5},
		{record: "incident", field: "custom_fields/Customers affected", value: int64(3), want: 3.0},
		{record: "incident", field: "custom_fields/Customers affected", value: "many", code: "type"},
		{
			record: "incident", field: "custom_fields",
			value: map[string]any{"Affected Team": "Product", "Runbook": "https://r.example", "Regions": nil},
			want:  map[string]any{"Affected Team": "Product", "Runbook": "https://r.example"},
		},
		{record: "incident", field: "custom_fields", value: map[string]any{"Regions": nil}, want: nil},
		{
			record: "incident", field: "custom_fields", value: map[string]any{"Affected Team": "X", "Runbok": "x", "Regions": "us-east"},
			code: "not_found", says: `"Runbok": incident.io has no custom field of this name; did you mean "Runbook"?`,
		},
		{record: "incident", field: "custom_fields", value: "x", code: "type"},
		{record: "incident", field: "roles/Incident Lead", value: ref("email", " OMAR@acme.example "), want: omar},
		{record: "incident", field: "roles/Incident Lead", value: &connectors.Lookup{Key: "email", Value: incidentiotest.Omar}, want: omar},
		{record: "incident", field: "roles/Incident Lead", value: withFallback, want: omar},
		{record: "incident", field: "roles/Incident Lead", value: orNull, want: nil},
		{record: "incident", field: "roles/Incident Lead", value: nobody, code: "ref_not_found"},
		{record: "incident", field: "roles/Incident Lead", value: ref("name", "Omar Haddad"), code: "ref_not_found", says: "slack_user_id"},
		{record: "incident", field: "roles/Incident Lead", value: ref("email", nil), code: "ref_not_found", says: "empty"},
		{record: "incident", field: "roles/Incident Lead", value: "01ID", want: "01ID"},
		{record: "incident", field: "roles/Incident Lead", value: "", want: ""},
		{record: "incident", field: "roles/Incident Lead", value: 5.0, code: "type"},
		{record: "incident", field: "roles/Reporter", value: "01ID", want: "01ID"},
		{record: "incident", field: "roles/Boss", value: "01ID", code: "not_found"},
		{record: "incident", field: "roles", value: map[string]any{"Incident Lead": ref("email", incidentiotest.Omar)}, want: map[string]any{"Incident Lead": omar}},
		{record: "incident", field: "timestamps/Fixed at", value: at, want: time.Date(2026, 1, 2, 2, 4, 5, 678901000, time.UTC)},
		{record: "incident", field: "timestamps/Fixed at", value: "2026-01-02T03:04:05+01:00", want: time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)},
		{record: "incident", field: "timestamps/Fixed at", value: "", want: ""},
		{record: "incident", field: "timestamps/Fixed at", value: "tomorrow", code: "type"},

		{record: "follow_up", field: "title", value: "Write it up", want: "Write it up"},
		{record: "follow_up", field: "title", value: "", code: "empty"},
		{record: "follow_up", field: "description", value: " * all ", want: "* all"},
		{record: "follow_up", field: "status", value: "completed", want: "completed"},
		{record: "follow_up", field: "status", value: "deleted", code: "not_found", says: "outstanding, completed, not_doing"},
		{record: "follow_up", field: "assignee", value: ref("email", incidentiotest.Omar), want: omar},
		{record: "follow_up", field: "assignee", value: "", want: ""},
		{record: "follow_up", field: "assignee_team", value: "Platform", want: "Platform"},
		{record: "follow_up", field: "assignee_team", value: "", want: ""},
		{record: "follow_up", field: "assignee_team", value: "Platfrom", code: "not_found", says: `did you mean "Platform"?`},
		{record: "follow_up", field: "priority", value: "Urgent", want: "Urgent"},
		{record: "follow_up", field: "priority", value: "Low", code: "not_found", says: "priority in use"},
		{record: "follow_up", field: "priority", value: "", code: "empty"},
		{record: "follow_up", field: "labels", value: []any{"a", "", "b", "a"}, want: []any{"a", "b"}},
		{record: "follow_up", field: "labels", value: "a", want: []any{"a"}},
		{record: "follow_up", field: "labels", value: []any{}, want: ""},
		{record: "follow_up", field: "labels", value: []any{map[string]any{}}, code: "type"},
		{record: "follow_up", field: "creator", value: "x", code: "read_only"},
	} {
		t.Run(fmt.Sprintf("%s.%s %v", test.record, test.field, test.value), func(t *testing.T) {
			got, said := resolveOne(t, c, test.record, test.field, test.value)
			if diff := cmp.Diff(test.want, got); diff != "" && test.code == "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			switch {
			case test.code == "" && said != nil:
				t.Errorf("failed: %v", said)
			case test.code != "" && (said == nil || said.Code != test.code || said.Class != connectors.ClassRejected || said.Field != test.field):
				t.Errorf("failed with %+v, want %s", said, test.code)
			case test.says != "" && !strings.Contains(said.Message, test.says):
				t.Errorf("says %q, want %q", said.Message, test.says)
			}
		})
	}
}

// priority is the account's priority with the name, as a follow-up has it.
func priority(t *testing.T, s *incidentiotest.Server, name string) *incidentiotest.Priority {
	t.Helper()
	for _, p := range s.Priorities() {
		if p.Name == name {
			return &p
		}
	}
	t.Fatalf("no priority %q", name)
	return nil
}

// TestRefusalsKeepValues: a refusal goes into a dead letter, and the value may
// be a private record's.
func TestRefusalsKeepValues(t *testing.T) {
	_, c := start(t, incidentiotest.Options{})
	const canary = "kanarienvogel"
	for record, fields := range map[string][]string{
		"incident": {
			"severity", "custom_fields/Affected Team", "custom_fields/Customers affected", "timestamps/Fixed at",
		},
		"follow_up": {"status", "assignee_team", "priority"},
	} {
		for _, field := range fields {
			_, said := resolveOne(t, c, record, field, canary)
			if said == nil || strings.Contains(said.Error(), canary) {
				t.Errorf("%s: %v", field, said)
			}
		}
	}
	_, said := resolveOne(t, c, "incident", "roles/Incident Lead", connectors.Lookup{Key: "email", Value: canary})
	if said == nil || strings.Contains(said.Error(), canary) {
		t.Errorf("a person: %v", said)
	}
}

// TestNamesAreRemembered counts what looking names up costs.
func TestNamesAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := incidentiotest.New(incidentiotest.Options{})
		c := connect(t, server.RoundTripper(), incidentiotest.DefaultKey)
		lists := func(want int, when string) {
			t.Helper()
			if got := server.Count("GET", "/v1/severities"); got != want {
				t.Errorf("%s: the severities were listed %d times, want %d", when, got, want)
			}
		}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { resolveOne(t, c, "incident", "severity", "Major") })
		}
		all.Wait()
		lists(1, "many at once")
		resolveOne(t, c, "incident", "severity", "Nonsense")
		lists(1, "a name that is missing, right after")
		server.AddSeverity("Cosmic", 9)
		<-time.After(time.Minute) // of the bubble's clock
		if got, said := resolveOne(t, c, "incident", "severity", "Cosmic"); got != "Cosmic" {
			t.Errorf("a new severity: %v, %v", got, said)
		}
		lists(2, "a name that was added")
		for range 5 {
			resolveOne(t, c, "incident", "severity", "Nonsense")
		}
		lists(2, "names that are missing")
		<-time.After(9 * time.Minute)
		resolveOne(t, c, "incident", "severity", "Minor")
		lists(2, "within ten minutes")
		<-time.After(2 * time.Minute)
		resolveOne(t, c, "incident", "severity", "Minor")
		lists(3, "after ten minutes")

		lookup := connectors.Lookup{Key: "email", Value: incidentiotest.Omar}
		for range 3 {
			resolveOne(t, c, "incident", "roles/Incident Lead", lookup)
			resolveOne(t, c, "follow_up", "assignee", lookup)
		}
		if got := server.Count("GET", "/v2/users"); got != 1 {
			t.Errorf("a person was looked up %d times", got)
		}
	})
}

// TestResolveFailures tells what says something about a field from what does
// not.
func TestResolveFailures(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault simulator.Fault
		code  string           // of the field's failure
		class connectors.Class // of the error, where code is ""
	}{
		{"outage", simulator.Fault{Kind: simulator.Refuse}, "", connectors.ClassRetry},
		{"throttled", simulator.Fault{Kind: simulator.Throttle, RetryAfter: time.Minute}, "", connectors.ClassThrottled},
		{"500", simulator.Fault{Kind: simulator.FailBefore}, "", connectors.ClassUnclear},
		{"401", simulator.Fault{Kind: simulator.FailBefore, Status: 401}, "", connectors.ClassUnauthorised},
		{"403", simulator.Fault{Kind: simulator.FailBefore, Status: 403}, "scope", 0},
		{"404", simulator.Fault{Kind: simulator.FailBefore, Status: 404}, "not_found", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := incidentiotest.New(incidentiotest.Options{})
				c := connect(t, server.RoundTripper(), incidentiotest.DefaultKey)
				server.Inject(test.fault)
				for field, value := range map[string]any{
					"severity": "Major", "incident_status.name": "category:live", "custom_fields/Regions": "us-east",
				} {
					_, failed, err := c.Resolve(context.Background(), "incident", map[string]any{field: value})
					class, isError := connectors.ClassOf(err)
					if test.code == "" && (!isError || class != test.class || failed != nil) {
						t.Errorf("%s: %v, %v", field, failed, err)
					}
					if test.code != "" && (err != nil || failed[field] == nil || failed[field].Class != connectors.ClassRejected || failed[field].Code != test.code) {
						t.Errorf("%s: %v, %v", field, failed, err)
					}
				}
				server.ClearFaults()
				if test.code == "scope" { // it may have been added
					<-time.After(time.Minute)
				}
				if test.name != "throttled" {
					if got, said := resolveOne(t, c, "incident", "severity", "Major"); got != "Major" {
						t.Errorf("afterwards: %v", said)
					}
				}
			})
		})
	}
}

func TestResolveWithoutScopes(t *testing.T) {
	server := incidentiotest.New(incidentiotest.Options{Keys: []incidentiotest.Key{{Token: "k", Scopes: []string{"incident_roles.view"}}}})
	c := connect(t, held(t, server.RoundTripper()), "k")
	for field, scope := range map[string]string{"severity": "severities.view", "custom_fields/Regions": "custom_fields.view"} {
		if _, said := resolveOne(t, c, "incident", field, "Major"); said == nil || said.Code != "scope" || !strings.Contains(said.Message, scope) {
			t.Errorf("%s: %v", field, said)
		}
	}
	_, said := resolveOne(t, c, "incident", "roles/Incident Lead", connectors.Lookup{Key: "email", Value: "x@y"})
	if said == nil || said.Code != "scope" || !strings.Contains(said.Message, "users.view") {
		t.Errorf("a person: %v", said)
	}
}

func TestResolveUntilCancelled(t *testing.T) {
	server := incidentiotest.New(incidentiotest.Options{})
	c := connect(t, server.RoundTripper(), incidentiotest.DefaultKey)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := c.Resolve(ctx, "incident", map[string]any{"severity": "Major"}); err == nil {
		t.Error("resolved with a context that was over")
	}
}

func TestSame(t *testing.T) {
	_, c := start(t, incidentiotest.Options{})
	severity := map[string]any{"id": "S1", "name": "Major", "rank": int64(2)}
	person := map[string]any{"id": "U1", "name": "Lisa", "email": "lisa@incident.io"}
	at := time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)
	for _, test := range []struct {
		field      string
		want, have any
		same       bool
	}{
		{"name", "Sad", " Sad\n", true},
		{"name", "Sad", "sad", false},
		{"name", "2026", "2026.0", false},
		{"summary", "a\r\nb", "a\nb", true},
		{"summary", "", nil, true},
		{"summary", "a", nil, false},
		{"severity", "Major", severity, true},
		{"severity", "S1", severity, true},
		{"severity", "Minor", severity, false},
		{"severity", "Major", nil, false},
		{"severity", map[string]any{"name": "Major"}, severity, true},
		{"severity", map[string]any{"id": "S1", "name": "renamed since"}, severity, true},
		{"severity", map[string]any{"id": "S2", "name": "Major"}, severity, false},
		{"severity", map[string]any{}, map[string]any{"rank": int64(2)}, false},
		{"severity", "Major", "Major", true},
		{"incident_status.name", "Fixing", "Fixing", true},
		{"incident_status.name", "Fixing", "Closed", false},
		{"custom_fields/Regions", []any{"a", "b"}, []any{"b", "a"}, true},
		{"custom_fields/Regions", []any{"a"}, []any{"a", "b"}, false},
		{"custom_fields/Regions", []any{"a"}, "a", true},
		{"custom_fields/Regions", "", nil, true},
		{"custom_fields/Regions", "", []any{"a"}, false},
		{"custom_fields/Customers affected", 3.0, int64(3), true},
		{"custom_fields/Customers affected", 3.0, "3", true},
		{"custom_fields/Customers affected", 3.0, 3.5, false},
		{"custom_fields/Customers affected", 0.0, nil, false},
		{"custom_fields/Ticket", "007", "7", false},
		{"custom_fields", map[string]any{"A": "x"}, map[string]any{"A": "x", "B": "y"}, true},
		{"custom_fields", map[string]any{"A": "x", "C": ""}, map[string]any{"A": "x"}, true},
		{"custom_fields", map[string]any{"A": "x"}, nil, false},
		{"custom_fields", map[string]any{"A": []any{"x", "y"}}, map[string]any{"A": []any{"y", "x"}}, true},
		{"roles/Incident Lead", "U1", person, true},
		{"roles/Incident Lead", "U2", person, false},
		{"roles/Incident Lead", "", person, false},
		{"roles/Incident Lead", "", nil, true},
		{"roles", map[string]any{"Incident Lead": "U1"}, map[string]any{"Incident Lead": person}, true},
		{"timestamps/Fixed at", at.Truncate(time.Microsecond), at, true},
		{"timestamps/Fixed at", at, "2026-01-02T03:04:05.678901Z", true},
		{"timestamps/Fixed at", at, at.Add(time.Second), false},
		{"assignee", "U1", person, true},
		{"labels", []any{"a", "b"}, []any{"b", "a"}, true},
		{"labels", "", []any{}, true},
		{"priority", "P1", map[string]any{"id": "P1", "name": "Urgent"}, true},
	} {
		if got := c.Same("incident", test.field, test.want, test.have); got != test.same {
			t.Errorf("%s: %v and %v: %t", test.field, test.want, test.have, got)
		}
	}
}

// FuzzSame: every value is the same as itself, both ways round.
func FuzzSame(f *testing.F) {
	f.Add("a", 3.0, "2026-01-02T03:04:05Z")
	f.Add("", 0.0, " ")
	f.Fuzz(func(t *testing.T, text string, n float64, other string) {
		server := incidentiotest.New(incidentiotest.Options{})
		c := connect(t, server.RoundTripper(), incidentiotest.DefaultKey)
		for _, v := range []any{text, other, []any{text, other}, map[string]any{"A": text}} {
			if !c.Same("incident", "custom_fields", v, v) || !c.Same("incident", "name", text, text) {
				t.Errorf("%#v is not itself", v)
			}
		}
		if !math.IsNaN(n) && !math.IsInf(n, 0) && !c.Same("incident", "custom_fields/N", n, n) {
			t.Errorf("%v is not itself", n)
		}
		if c.Same("incident", "name", text, other) != c.Same("incident", "name", other, text) {
			t.Errorf("%q and %q are the same one way", text, other)
		}
	})
}
