package incidentio_test

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

func TestDefaults(t *testing.T) {
	want := connectors.Common{PollInterval: time.Minute, Settle: time.Minute, RateLimit: 1200}
	if diff := cmp.Diff(want, incidentio.System().Defaults); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCheck(t *testing.T) {
	system := incidentio.System()
	for address, ok := range map[string]bool{
		"": true, "https://api.incident.io": true, "http://127.0.0.1:8090/incidentio": true, "https://proxy.example/x/": true,
		"api.incident.io": false, "ftp://x": false, "https://": false, "https://u:p@x": false, "https://x?a=b": false, "https://x#f": false, "://": false,
	} {
		found := system.Check(&incidentio.Settings{APIURL: address})
		if ok != (len(found) == 0) {
			t.Errorf("%q: %+v", address, found)
		}
		for _, e := range found {
			if e.Attribute != "api_url" || e.Summary == "" || !strings.HasSuffix(e.Detail, ".") {
				t.Errorf("%q: %+v", address, e)
			}
		}
	}
	a := &incidentio.Settings{APIKey: "k", APIURL: "https://x"}
	b := &incidentio.Settings{APIKey: "k", APIURL: "https://x"}
	if !reflect.DeepEqual(a, b) {
		t.Error("equal settings differ")
	}
}

func TestWritableFields(t *testing.T) {
	want := map[string]map[string]connectors.Write{
		"incident": {
			"name": connectors.Always, "summary": connectors.Always, "severity": connectors.Always, "call_url": connectors.AfterCreation,
			"custom_fields": connectors.Always, "roles": connectors.Always, "timestamps": connectors.Always,
			"incident_type": connectors.AtCreation, "mode": connectors.AtCreation, "visibility": connectors.AtCreation,
		},
		"follow_up": {
			"incident_id": connectors.AtCreation,
			"title":       connectors.Always, "description": connectors.Always, "assignee": connectors.Always,
			"assignee_team": connectors.Always, "priority": connectors.Always, "labels": connectors.Always,
		},
	}
	for record, fields := range want {
		schema, ok := incidentio.System().Schema(record)
		if !ok {
			t.Fatalf("no %s", record)
		}
		got := map[string]connectors.Write{}
		for name, field := range schema.Fields {
			if field.Write != connectors.ReadOnly {
				got[name] = field.Write
			}
			if field.Description == "" {
				t.Errorf("%s.%s says nothing of itself", record, name)
			}
		}
		if diff := cmp.Diff(fields, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", record, diff)
		}
	}
	schema, _ := incidentio.System().Schema("incident")
	if got := schema.Fields["severity"].Writes().Kind; got != connectors.String {
		t.Errorf("severity is written as %s", got)
	}
	if got := schema.Fields["roles"].Writes(); got.Kind != connectors.Map || got.Elem.Kind != connectors.Reference {
		t.Errorf("roles are written as %s", got.Kind)
	}
	if len(schema.State.Known) != 8 || schema.State.Known[0] != "category:triage" {
		t.Errorf("known states %v", schema.State.Known)
	}
	if _, ok := incidentio.System().Schema("action"); ok {
		t.Error("there are actions")
	}
}

// TestSchemaHasEveryField holds the schemas against the vendor's.
func TestSchemaHasEveryField(t *testing.T) {
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(shared(t, "specs/incidentio.sync.openapi.json"), &document); err != nil {
		t.Fatal(err)
	}
	for vendor, record := range map[string]string{"IncidentV2": "incident", "FollowUpV3": "follow_up"} {
		schema, _ := incidentio.System().Schema(record)
		properties := document.Components.Schemas[vendor].Properties
		if len(properties) < 10 {
			t.Errorf("%s has %d properties", vendor, len(properties))
		}
		for name := range properties {
			if _, ok := schema.Fields[name]; !ok {
				t.Errorf("%s has no %s", record, name)
			}
		}
		for name := range schema.Fields {
			if _, ok := properties[name]; !ok && !slices.Contains([]string{"custom_fields", "roles", "timestamps"}, name) {
				t.Errorf("%s.%s is not the vendor's", record, name)
			}
		}
	}
}

func TestAdvise(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	uses := []connectors.Use{
		{Record: "incident", Field: "custom_fields", Keys: []string{"Affected Team", "affected team", "Nonsense"}, Values: []any{"not a name"}},
		{Record: "incident", Field: "custom_fields", Keys: []string{"Regions"}},
		{Record: "incident", Field: "custom_fields/Affected Team", Values: []any{"Payments", "Payment"}},
		{Record: "incident", Field: "custom_fields/Regions", Values: []any{"eu-west", "mars"}},
		{Record: "incident", Field: "custom_fields/Runbook", Values: []any{"any text"}},
		{Record: "incident", Field: "custom_fields/Nonsense", Values: []any{"x"}},
		{Record: "incident", Field: "severity", Values: []any{"Critical", "Horrible", nil, 3}},
		{Record: "incident", Field: "incident_status.name", Values: []any{"Fixing", "category:live", "category:lively", "Sleeping"}},
		{Record: "incident", Field: "roles", Keys: []string{"Incident Lead", "Boss"}},
		{Record: "incident", Field: "timestamps", Keys: []string{"Impact started", "Lunch"}},
		{Record: "incident", Field: "incident_type", Values: []any{"Security", "Party"}},
		{Record: "incident", Field: "name", Values: []any{"anything"}},
		{Record: "follow_up", Field: "assignee_team", Values: []any{"Platform", "Nobody"}},
		{Record: "follow_up", Field: "priority", Values: []any{"whatever"}},
	}
	advice, err := c.Advise(context.Background(), uses)
	if err != nil {
		t.Fatal(err)
	}
	var got []any
	for _, a := range advice {
		got = append(got, a.Value)
		if !strings.Contains(a.Message, strings.TrimPrefix(a.Value.(string), "category:")) {
			t.Errorf("%v: %s", a.Value, a.Message)
		}
	}
	want := []any{"affected team", "Nonsense", "Payment", "mars", "Horrible", "category:lively", "Sleeping", "Boss", "Lunch", "Party", "Nobody"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want := `incident.io has no custom field "affected team"; it is written "Affected Team"`; advice[0].Message != want {
		t.Errorf("got %q, want %q", advice[0].Message, want)
	}
	if n := server.Count("", "/v2/custom_fields"); n != 1 {
		t.Errorf("custom fields were listed %d times", n)
	}
}

func TestAdviseWithoutScope(t *testing.T) {
	server := incidentiotest.New(incidentiotest.Options{Keys: []incidentiotest.Key{{Token: "k", Scopes: []string{"severities.view"}}}})
	c := connect(t, held(t, server.RoundTripper()), "k")
	advice, err := c.Advise(context.Background(), []connectors.Use{
		{Record: "incident", Field: "severity", Values: []any{"Critical"}},
		{Record: "follow_up", Field: "assignee_team", Values: []any{"Platform"}},
	})
	if err != nil || len(advice) != 1 || !strings.Contains(advice[0].Message, "catalog_entries.view") {
		t.Errorf("got %+v, %v", advice, err)
	}
	server.Inject(simulator.Fault{Kind: simulator.Throttle, Times: 1})
	if _, err := c.Advise(context.Background(), []connectors.Use{{Record: "incident", Field: "severity", Values: []any{"x"}}}); err == nil {
		t.Error("an outage is not a failure")
	}
}
