package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// TestUpdateAsksForWhatItDoesNotKnow: a plan names the evidence that it needs, is
// the same whenever it is asked, and changes nothing that it was given.
func TestUpdateAsksForWhatItDoesNotKnow(t *testing.T) {
	d := links.NewDigester([]byte("a key for tests"))
	name := links.Outbound("title")
	o := &Observation{
		Endpoints: Endpoints{
			Source: Endpoint{Record: connectors.Record{Fields: map[string]any{"name": "new"}}},
			Target: Endpoint{System: shouting{}, Takes: Abilities{Fields: true}, Record: connectors.Record{Fields: map[string]any{"title": "OLD"}}},
		},
		Link: &links.Link{
			Fields:  map[string]links.Agreement{name: {From: d.Of("old"), Have: d.Of("OLD"), Expr: "e"}},
			Refused: []links.Refusal{{What: name, Pair: "another pair"}},
		},
		Template: &rules.Template{},
		Now:      time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Digest:   d,
	}
	value := rules.Value{Field: "title", Value: "new", Expr: "e"}
	decision := rules.Decision{Values: []rules.Value{value}}
	before := o.Link.Clone()

	u, needs := o.Update(decision)
	if diff := cmp.Diff(map[links.Side][]rules.Value{links.Target: {value}}, needs.Resolve); diff != "" || len(u.Writes) > 0 {
		t.Fatalf("it writes %v; needs (-want +got):\n%s", u.Writes, diff)
	}
	o.Set(links.Target, value, d, Resolution{Value: "new"})
	for range 2 {
		u, needs = o.Update(decision)
		if !needs.None() || len(u.Writes) != 1 || u.Writes[0].Value != "new" || u.Writes[0].Was != "OLD" {
			t.Fatalf("it writes %+v and needs %+v", u.Writes, needs)
		}
		if diff := cmp.Diff([]string{"title"}, u.Recovered); diff != "" {
			t.Errorf("recovered (-want +got):\n%s", diff)
		}
		ops := u.Operations()
		if len(ops) != 1 || ops[0].Kind != KindUpdate || ops[0].Side != links.Target || !cmp.Equal(ops[0].Fields, []string{"title"}) {
			t.Errorf("operations: %+v", ops)
		}
	}
	if diff := cmp.Diff(before, o.Link); diff != "" {
		t.Errorf("the link was changed (-before +after):\n%s", diff)
	}

	o.Set(links.Target, value, d, Resolution{Failure: &connectors.Error{Class: connectors.ClassRejected, Code: "no_such_value", Message: "no"}})
	if u, _ = o.Update(decision); len(u.Writes) > 0 || len(u.Letters) != 1 || u.Letters[0].Reason != "no_such_value" || !u.Diverged {
		t.Errorf("of a value that cannot be resolved it writes %+v and says %+v", u.Writes, u.Letters)
	}
}
