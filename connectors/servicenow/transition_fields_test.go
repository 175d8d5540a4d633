package servicenow_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
)

// TestTransitionFieldsTravelWithTheStateThatAsksForThem and with no other.
func TestTransitionFieldsTravelWithTheStateThatAsksForThem(t *testing.T) {
	_, c := instance(t)
	ticket := create(t, c, "first", map[string]any{"state": int64(2)})
	onTransition := map[string]any{"close_code": "Solution provided", "close_notes": "Done", "hold_reason": int64(3), "category": "software"}
	for _, step := range []struct {
		state int64
		want  map[string]any
	}{
		{3, map[string]any{"state": int64(3), "hold_reason": int64(3), "close_code": nil, "close_notes": nil}},
		{2, map[string]any{"state": int64(2), "hold_reason": nil, "close_code": nil, "close_notes": nil}},
		{6, map[string]any{"state": int64(6), "hold_reason": nil, "close_code": "Solution provided", "close_notes": "Done"}},
	} {
		answer, err := c.Update(t.Context(), connectors.Change{Ref: ticket.Ref, Stamp: "w2", Fields: map[string]any{"state": step.state}, TransitionFields: onTransition})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]any{}
		for name := range step.want {
			got[name] = answer.Fields[name]
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("in state %d (-want +got):\n%s", step.state, diff)
		}
		if answer.Fields["category"] == "software" {
			t.Error("a field that nobody asked for was written")
		}
	}
}

// TestTransitionFieldsFillGapsAlone: what is written anyway is not replaced.
func TestTransitionFieldsFillGapsAlone(t *testing.T) {
	_, c := instance(t)
	ticket := create(t, c, "first", map[string]any{"state": int64(2)})
	answer, err := c.Update(t.Context(), connectors.Change{
		Ref: ticket.Ref, Stamp: "w2",
		Fields:           map[string]any{"state": int64(6), "close_code": "Workaround provided"},
		TransitionFields: map[string]any{"close_code": "Solution provided", "close_notes": "Done"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if code, notes := answer.Fields["close_code"], answer.Fields["close_notes"]; code != "Workaround provided" || notes != "Done" {
		t.Errorf("close_code %v, close_notes %v", code, notes)
	}
}
