package ruletest

import (
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
)

func TestPathOf(t *testing.T) {
	incident, _ := incidentio.System().Schema("incident")
	ticket, _ := servicenow.System().Schema("incident")
	for _, test := range []struct {
		schema    *connectors.Schema
		key, want string // elements joined with |
		fails     string
	}{
		{incident, "name", "name", ""},
		{incident, "severity.name", "severity|name", ""},
		{incident, "creator.user.email", "creator|user|email", ""},
		{incident, "custom_fields.Version 1.2", "custom_fields|Version 1.2", ""},
		{incident, "roles.Lead.email", "roles|Lead|email", ""},
		{incident, "roles.Dr. Lead.email", "roles|Dr. Lead|email", ""},
		{incident, "roles.Dr.Lead", "roles|Dr.Lead", ""},
		{incident, "severity.x", "", `severity has no "x"`},
		{incident, "unknown", "", `no field "unknown"`},
		{incident, "team_ids.0", "", "team_ids is one list"},
		{incident, "", "", "is not a dotted name"},
		{incident, "name.", "", "is not a dotted name"},
		{ticket, "u_own", "u_own", ""},
		{ticket, "state", "state", ""},
	} {
		path, _, err := pathOf(connectors.Collection{Type: "t", Connector: "c", Record: test.schema.Record}, test.schema, test.key)
		if test.fails != "" {
			if err == nil || !strings.Contains(err.Error(), test.fails) {
				t.Errorf("%s: %v", test.key, err)
			}
			continue
		}
		if err != nil || strings.Join(path, "|") != test.want {
			t.Errorf("%s: %q, %v", test.key, path, err)
		}
	}
}

// FuzzEdit: whatever somebody writes after edit is an edit or a mistake that is
// said.
func FuzzEdit(f *testing.F) {
	for _, seed := range []string{
		"name=x", "severity.rank=1", `team_ids=["a"]`, "custom_fields.A.b={}", "roles.Lead.email=", "created_at=2026-01-02T03:04:05Z",
		"severity=null", "duration_metrics=[{}]", `creator={"user":{"id":1}}`, "=", "a..b=1", "workload_minutes_total=1e999", "has_debrief=1",
	} {
		f.Add(seed)
	}
	set := loadRules(f)
	f.Fuzz(func(t *testing.T, assignment string) {
		w := newWorld(set)
		w.now = newClock(w.calls.Load).Now
		ref := connectors.Collection{Type: "incidentio", Connector: "acme", Record: "incident"}.Ref("01")
		w.add(connectors.Record{Ref: ref, Fields: map[string]any{"id": "01"}})
		if err := w.edit(ref, []string{assignment}, false); err != nil {
			if err.Error() == "" {
				t.Error("a mistake without words")
			}
			return
		}
		if lines := w.lines(ref, true); lines[0] != `id  "01"` {
			t.Errorf("%q", lines)
		}
	})
}
