package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
)

func TestInboundIsRenderedWithTheTicket(t *testing.T) {
	set := mustLoad(t, `
route "r" {
  source    = incidentio.acme.incident
  templates = [template.t]
}
template "t" {
  target = servicenow.itsm.incident
  once { state = 1 }
  outbound {
    short_description = "{{ incident.name }}"
    description       = "{{ incident.summary }}"
  }
  inbound {
    name          = "{{ ticket.short_description }}"
    custom_fields = {
      "ServiceNow ticket" = "{{ ticket.number }}"
      "Urgency"           = "{{ ticket.urgency }}"
    }
  }
}
`)
	source := connectors.Collection{Type: "incidentio", Connector: "acme", Record: "incident"}
	ticket := connectors.Record{
		Ref:    connectors.Collection{Type: "servicenow", Connector: "itsm", Record: "incident"}.Ref("1"),
		Number: "INC1", Fields: map[string]any{"short_description": "Renamed", "urgency": int64(2)},
	}
	record := connectors.Record{Ref: source.Ref("1"), Fields: map[string]any{"name": "A name"}}
	d := set.Decide("r", Input{Record: record, Linked: "t", LinkID: "l", Ticket: &ticket})
	type rendered struct {
		Field, Pair string
		Value       any
	}
	var got []rendered
	for _, v := range d.Inbound {
		if v.Err != nil || v.Expr == "" {
			t.Errorf("%s: %v, digest %q", v.Field, v.Err, v.Expr)
		}
		got = append(got, rendered{v.Field, v.Pair, v.Value})
	}
	want := []rendered{
		{"custom_fields/ServiceNow ticket", "", "INC1"},
		{"custom_fields/Urgency", "", int64(2)},
		{"name", "short_description", "Renamed"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inbound (-want +got):\n%s", diff)
	}
	for _, v := range d.Values {
		if pair := map[string]string{"short_description": "name"}[v.Field]; v.Pair != pair {
			t.Errorf("the pair of %s is %q, want %q", v.Field, v.Pair, pair)
		}
	}
	if d := set.Decide("r", Input{Record: record, Linked: "t", LinkID: "l"}); d.Inbound != nil {
		t.Errorf("without a ticket: %v", d.Inbound)
	}
	if d := set.Decide("r", Input{Record: record, LinkID: "l", Ticket: &ticket}); d.Inbound != nil {
		t.Errorf("at creation: %v", d.Inbound)
	}
}
