package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/plan"
)

// twoTemplates open tickets of the same type.
const twoTemplates = `
route "incidents" {
  source    = fake.acme.incident
  templates = [template.major, template.ticket, template.other]
}
template "major" {
  target = fake.itsm.ticket
  when   = "incident.severity == 'Major'"
  outbound { title = "{{ incident.title }}" }
}
template "ticket" {
  target = fake.itsm.ticket
  when   = "incident.severity == 'Critical'"
  outbound {
    title  = "{{ incident.title }}"
    detail = "{{ incident.detail }}"
  }
}
template "other" {
  target = fake.eng.ticket
  when   = "incident.severity == 'Minor'"
  outbound { title = "{{ incident.title }}" }
}
`

// adoptable starts with a record and a ticket that somebody opened by hand.
func adoptable(r *rig, hcl string, record map[string]any) (ref, ticket connectors.Ref) {
	r.t.Helper()
	ref, ticket = incidents.Ref("01A"), tickets.Ref("by-hand")
	r.start(strings.Replace(hcl, "templates =", "create = false\n  templates =", 1))
	r.world.put(ref, false, record)
	r.world.put(ticket, false, map[string]any{"title": "opened by hand"})
	r.pass(time.Hour)
	r.world.resetCalls()
	return ref, ticket
}

// TestTheTemplateOfAnAdoption is the one that was named, or that the rules choose.
func TestTheTemplateOfAnAdoption(t *testing.T) {
	for name, test := range map[string]struct {
		severity, named, want, refused string
	}{
		"the rules' choice":           {severity: "Critical", want: "ticket"},
		"another one that was named":  {severity: "Critical", named: "major", want: "major"},
		"one of another type":         {severity: "Critical", named: "other", refused: "writes records of fake.eng.ticket"},
		"one that is not there":       {severity: "Critical", named: "minor", refused: `no template "minor"`},
		"the rules choose another":    {severity: "Minor", refused: "the rules choose template other for N01A, which opens tickets in fake.eng.ticket"},
		"the rules choose none":       {severity: "None", refused: "name one with -template (major, ticket)"},
		"they choose none, one named": {severity: "None", named: "ticket", want: "ticket"},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, ticket := adoptable(r, twoTemplates, with(critical(), "severity", test.severity))
				got, err := r.engine.Adopt(r.t.Context(), engine.Adoption{Route: "incidents", Source: ref.String(), Target: ticket.String(), Template: test.named})
				if test.refused != "" {
					if err == nil || !strings.Contains(err.Error(), test.refused) || len(r.links()) != 0 {
						t.Errorf("%v, want %q; links %+v", err, test.refused, r.links())
					}
					return
				}
				check(t, err)
				if got.Template != test.want || got.Already {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

// TestACheckedAdoptionStoresNothing and says what the first reconcile would write: it
// does just that.
func TestACheckedAdoptionStoresNothing(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := adoptable(r, twoTemplates, critical())
		adoption := engine.Adoption{Route: "incidents", Source: ref.String(), Target: ticket.String()}
		got, err := r.engine.CheckAdoption(r.t.Context(), adoption, true)
		check(t, err)
		var writes []string
		for _, op := range got.Operations {
			if op.Kind == plan.KindUpdate {
				writes = append(writes, op.Fields...)
			}
		}
		if strings.Join(writes, ",") != "detail" || *got.Target != ticket || got.Template != "ticket" {
			t.Errorf("it would write %v: %+v", writes, got)
		}
		r.pass(time.Hour)
		if len(r.links()) != 0 || len(r.writes()) != 0 {
			t.Fatalf("links %+v, writes %v", r.links(), r.writes())
		}
		_, err = r.engine.Adopt(r.t.Context(), adoption)
		check(t, err)
		r.pass(time.Minute)
		if title, detail := r.world.field(ticket, "title"), r.world.field(ticket, "detail"); title != "opened by hand" || detail != "Error rate hit 12%." {
			t.Errorf("title %v, detail %v", title, detail)
		}
		if w := r.writes(); len(w) != 1 {
			t.Errorf("writes %v", w)
		}
	})
}

// TestAnAdoptionNamesTheLinkInItsWay, of the record or of the ticket.
func TestAnAdoptionNamesTheLinkInItsWay(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		byHand, other := tickets.Ref("by-hand"), incidents.Ref("02B")
		r.world.put(byHand, false, map[string]any{"title": "opened by hand"})
		r.world.put(other, false, critical())
		id := r.links()[0].ID
		for name, pair := range map[string][2]connectors.Ref{"the record's": {ref, byHand}, "the ticket's": {other, ticket}} {
			_, err := r.engine.Adopt(r.t.Context(), engine.Adoption{Route: "incidents", Source: pair[0].String(), Target: pair[1].String()})
			if err == nil || !strings.Contains(err.Error(), id) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
