package main

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/rules"
)

func TestPlanCompares(t *testing.T) {
	was := decided{
		Template: "a", Target: "servicenow.itsm.incident", Action: "create",
		Fields: map[string]json.RawMessage{
			"same": json.RawMessage(`1`), "gone": json.RawMessage(`"x"`),
			"who":    json.RawMessage(`{"ref":{"key":"email","value":"a@b.example"}}`),
			"secret": json.RawMessage(`"(sensitive)"`),
		},
	}
	for name, c := range map[string]struct {
		now  decided
		want []planLine
	}{
		"nothing": {was, nil},
		"no ticket": {decided{Action: "none", Reason: "no template matched"}, []planLine{
			{"template", "a", ""},
			{"target", "servicenow.itsm.incident", ""},
			{"action", "create", "none"},
			{"reason", "", "no template matched"},
			{"field gone", `"x"`, ""},
			{"field same", "1", ""},
			{"field secret", `"(sensitive)"`, ""},
			{"field who", `ref(email, "a@b.example")`, ""},
		}},
	} {
		if diff := cmp.Diff(c.want, compare(was, c.now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPlanOfAJournal(t *testing.T) {
	entry := func(route, id, snapshot string) string {
		return `{"route":"` + route + `","record":"incidentio.acme.incident/` + id + `","writes":[]` + snapshot + "}\n"
	}
	kept := func(v, id string) string {
		return `,"snapshot":{"v":` + v + `,"record":{"Ref":"incidentio.acme.incident/` + id + `","Fields":{}},"link_id":"x","decided":{"template":"t","action":"create"}}`
	}
	journal := entry("gone", "1", kept("1", "1")) + entry("gone", "2", kept("99", "2")) + entry("gone", "3", "") + "not JSON\n" + entry("gone", "1", "")
	p := newPlan(&rules.Set{}, []byte(journal))
	if p.Records != 1 || p.Lose != 1 || p.Unknown != 2 || p.Unreadable != 1 || len(p.Changes) != 1 {
		t.Fatalf("%+v", p)
	}
	if said := (planLine{"reason", "", "there is no route gone"}); !slices.Contains(p.Changes[0].Lines, said) {
		t.Errorf("%+v", p.Changes[0].Lines)
	}
}
