package plan

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// refusable is an opening whose ticket has a required and two other fields, and a
// map.
func refusable() *Opening {
	o := newOpening().read().decided(rules.Create)
	o.Target.Schema = &connectors.Schema{Fields: map[string]connectors.Field{"title": {Required: true}, "owner": {}, "level": {}, "custom": {}}}
	o.Decision.Values = append(o.Decision.Values,
		rules.Value{Field: "owner", Value: "eve", Expr: "e"}, rules.Value{Field: "level", Value: "high", Expr: "e", Once: true},
		rules.Value{Field: "custom", Value: map[string]any{"Team": "none", "Note": "kept"}, Expr: "e"},
	)
	return o.resolved()
}

func fieldsLeft(o *Opening) []string {
	p, _ := o.Plan()
	if p.Operations[0].Kind != KindCreate {
		return []string{string(p.Operations[0].Kind)}
	}
	return slices.Sorted(maps.Keys(p.Operations[0].Draft.Fields))
}

// TestLeaveOut: what the system names in its refusal is left out of the next draft,
// unless there is no ticket without it.
func TestLeaveOut(t *testing.T) {
	for name, test := range map[string]struct {
		said  connectors.Error
		again bool
		left  string
		dead  string
	}{
		"one field":                {connectors.Error{Field: "owner", Message: "no"}, true, "custom level title", "owner"},
		"several":                  {connectors.Error{Field: "level", Fields: map[string]string{"owner": "no", "level": "no"}}, true, "custom title", "level owner"},
		"an entry of a map":        {connectors.Error{Field: "custom/Team", Fields: map[string]string{"custom/Team": "no"}}, true, "custom level owner title", "custom/Team"},
		"a required field":         {connectors.Error{Field: "title"}, false, "custom level owner title", ""},
		"one that was not sent":    {connectors.Error{Field: "state"}, false, "custom level owner title", ""},
		"none":                     {connectors.Error{}, false, "custom level owner title", ""},
		"one that can, one cannot": {connectors.Error{Field: "owner", Fields: map[string]string{"owner": "no", "title": "no"}}, true, "custom level title", "owner"},
	} {
		t.Run(name, func(t *testing.T) {
			o := refusable()
			p, _ := o.Plan()
			o.Suppose(p)
			o.Tickets = &Tickets{}
			p, _ = o.Plan()
			draft := p.Operations[0].Draft
			if again := o.LeaveOut(draft, &test.said); again != test.again {
				t.Errorf("again %t", again)
			}
			if left := strings.Join(fieldsLeft(o), " "); left != test.left {
				t.Errorf("left is %q, want %q", left, test.left)
			}
			if o.LeaveOut(draft, &test.said) {
				t.Error("it goes on without end")
			}
			p, _ = o.Plan()
			opened := o.Created(p.Operations[0], connectors.Record{Ref: o.Target.Ref.Ref("1"), Key: p.Operations[0].Draft.Key, Fields: p.Operations[0].Draft.Fields})
			if dead := strings.Join(namesOf(opened.Failed), " "); dead != test.dead {
				t.Errorf("dead letters of %q, want %q", dead, test.dead)
			}
			_, agreed := opened.Link.Fields[links.Outbound("owner")]
			if agreed == strings.Contains(test.dead, "owner") {
				t.Errorf("owner agreed: %t", agreed)
			}
		})
	}
}

// TestLookUpThatFails: an account that is not found costs its field, a value of the
// wrong type the ticket.
func TestLookUpThatFails(t *testing.T) {
	for code, kind := range map[string]Kind{connectors.CodeRefNotFound: KindClaim, connectors.CodeRefAmbiguous: KindClaim, "type": KindGiveUp} {
		o := refusable()
		o.Resolutions.Set(links.Target, o.Decision.Values[1], o.Digest, Resolution{Failure: &connectors.Error{Field: "owner", Code: code}})
		if p, _ := o.Plan(); p.Operations[0].Kind != kind {
			t.Errorf("%s: %s, want %s", code, p.Operations[0].Kind, kind)
		}
	}
}
