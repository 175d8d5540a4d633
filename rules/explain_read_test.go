package rules_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
)

// A decision that was written and read again shows the same lines.
func TestDecisionReadsBack(t *testing.T) {
	source := connectors.Collection{Type: "incidentio", Connector: "acme", Record: "incident"}
	target := connectors.Collection{Type: "servicenow", Connector: "itsm", Record: "incident"}
	for name, d := range map[string]rules.Decision{
		"created": {
			Route: "r", Record: source.Ref("1"), Template: "t", Condition: "a == 'b'", Target: target, Action: rules.Create, State: "open",
			Values: []rules.Value{
				{Field: "a", Value: "text <&>\n"},
				{Field: "b", Value: int64(3)},
				{Field: "c", Value: 2.5},
				{Field: "d", Value: nil},
				{Field: "e", Value: connectors.Lookup{Key: "email", Value: "a@b"}},
				{Field: "f", Err: errors.New("no such key")},
				{Field: "g", Value: []any{"x", map[string]any{"ref": "y"}}},
				{Field: "h", Value: map[string]any{"k": connectors.Lookup{Key: "name", Value: nil}}},
				{Field: "i", Value: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)},
				{Field: "j", Value: true},
			},
			Skipped: []rules.Skipped{
				{Template: "s", Condition: "x > 1", Operands: []rules.Operand{{Path: "x", JSON: "0"}, {Path: "y", JSON: `"z"`}}},
				{Template: "u", Condition: "x < 1", Err: errors.New("no such overload")},
			},
		},
		"of which the journal tells little": {Route: "r", Record: source.Ref("1"), Template: "t", Action: rules.Update},
		"none":                              {Route: "r", Record: source.Ref("a/b"), Action: rules.None, Reason: "private"},
	} {
		raw, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back rules.Decision
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var want, got strings.Builder
		d.WriteText(&want)
		back.WriteText(&got)
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		again, err := json.Marshal(back)
		if diff := cmp.Diff(string(raw), string(again)); diff != "" || err != nil {
			t.Errorf("%s as JSON (-want +got): %v\n%s", name, err, diff)
		}
	}
}
