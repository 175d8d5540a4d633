package engine_test

import (
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

const escalating = `
route "incidents" {
  source    = fake.acme.incident
  templates = [template.ticket]
}
template "ticket" {
  target = fake.itsm.ticket
  when   = "incident.severity == 'Critical'"
  once { state = 1 }
  outbound { title = "{{ incident.title }}" }
  lifecycle { statuses = ["live"] }
}
route "follow_ups" {
  source    = fake.acme.follow_up
  templates = [template.follow_up]
}
template "follow_up" {
  target = fake.itsm.ticket
  when   = "WHEN"
  outbound {
    title  = "{{ follow_up.title }}"
    parent = "{{ parent.ticket.id }}"
  }
}
`

// followUp makes an incident and a follow-up of it, and tells of both.
func followUp(r *rig, incident map[string]any) (ref, child connectors.Ref) {
	ref, child = incidents.Ref("01A"), followUps.Ref("01F")
	r.world.put(ref, false, incident)
	r.world.put(child, false, map[string]any{"title": "Write a post-mortem"})
	r.world.mu.Lock()
	r.world.records[child].parent = ref
	r.world.mu.Unlock()
	r.hint(ref)
	r.hint(child)
	return ref, child
}

func with(fields map[string]any, name string, v any) map[string]any {
	fields[name] = v
	return fields
}

// TestAChildIsDecidedAgainWhenItsParentChanges: nobody tells of the child.
func TestAChildIsDecidedAgainWhenItsParentChanges(t *testing.T) {
	for _, crash := range []reconcile.Step{"", reconcile.StepDecided, reconcile.StepConfirmed, reconcile.StepJournaled} {
		t.Run("crash "+string(crash), func(t *testing.T) {
			simulate(t, func(r *rig) {
				hcl := replaced(t, escalating, "WHEN", "parent.incident.severity == 'Critical'")
				r.start(hcl)
				ref, _ := followUp(r, with(critical(), "severity", "Minor"))
				r.pass(time.Hour)
				if n := len(r.world.list(tickets)); n != 0 {
					t.Fatalf("%d tickets for a minor incident", n)
				}
				r.crash.Store(crash)
				r.world.edit(ref, "severity", "Critical")
				r.hint(ref)
				if crash != "" {
					r.kill()
					r.crash.Store(reconcile.Step(""))
					r.start(hcl)
				}
				r.pass(20 * time.Minute)
				all := r.world.list(tickets)
				if len(all) != 2 {
					t.Fatalf("%d tickets after it escalated, want those of both", len(all))
				}
				parents := 0
				for _, ticket := range all {
					if r.world.field(ticket, "parent") != nil {
						parents++
					}
				}
				if parents != 1 {
					t.Errorf("%d of the tickets have a parent", parents)
				}
			})
		})
	}
}

// TestAChildWaitsForAnIncidentInTriage: its ticket is opened with its parent's number,
// which it is given only once.
func TestAChildWaitsForAnIncidentInTriage(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(replacedAll(t, escalating, "WHEN", "true", `    parent = "{{ parent.ticket.id }}"`+"\n  }", "  }\n  once { parent = \"{{ parent.ticket.id }}\" }"))
		ref, _ := followUp(r, with(critical(), "status", "triage"))
		r.pass(5 * time.Minute)
		if n := len(r.world.list(tickets)); n != 0 {
			t.Fatalf("%d tickets before the incident has one", n)
		}
		r.world.edit(ref, "status", "live")
		r.hint(ref)
		r.pass(2 * time.Minute)
		all := r.world.list(tickets)
		if len(all) != 2 || r.world.field(all[1], "parent") != all[0].ID {
			t.Errorf("tickets %v, the parent of the second one is %v", all, r.world.field(all[len(all)-1], "parent"))
		}
	})
}

// TestAChildGetsItsParentLater: it had its ticket while the incident was in triage.
func TestAChildGetsItsParentLater(t *testing.T) {
	for _, waits := range []time.Duration{time.Minute, 2 * time.Hour} {
		t.Run(waits.String(), func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(replaced(t, escalating, "WHEN", "true"))
				ref, _ := followUp(r, with(critical(), "status", "triage"))
				r.pass(waits)
				r.world.edit(ref, "status", "live")
				r.hint(ref)
				r.pass(5 * time.Minute)
				all := r.world.list(tickets)
				parents := 0
				for _, ticket := range all {
					if r.world.field(ticket, "parent") != nil {
						parents++
					}
				}
				if len(all) != 2 || parents != 1 {
					t.Errorf("%d tickets, %d with a parent", len(all), parents)
				}
				r.world.resetCalls()
				r.pass(5 * time.Hour)
				if got := r.writes(); len(got) > 0 {
					t.Errorf("and it does not converge: %v", got)
				}
			})
		})
	}
}

// TestAChildThatMovesToAnotherParent is told of that one's changes from then on.
func TestAChildThatMovesToAnotherParent(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(replacedAll(t, escalating, "WHEN", "true", `parent = "{{ parent.ticket.id }}"`, `note = "{{ parent.incident.title }}"`))
		_, child := followUp(r, critical())
		r.pass(time.Minute)
		other := incidents.Ref("01B")
		r.world.put(other, false, with(critical(), "title", "The other one"))
		r.hint(other)
		r.world.mu.Lock()
		r.world.records[child].parent = other
		r.world.mu.Unlock()
		r.world.edit(child, "title", "Moved")
		r.hint(child)
		r.pass(time.Minute)
		note := func() any {
			for _, ticket := range r.world.list(tickets) {
				if r.world.field(ticket, "title") == "Moved" {
					return r.world.field(ticket, "note")
				}
			}
			return nil
		}
		if got := note(); got != "The other one" {
			t.Errorf("moved, the note is %v", got)
		}
		r.world.edit(other, "title", "Renamed")
		r.hint(other)
		r.pass(time.Minute)
		if got := note(); got != "Renamed" {
			t.Errorf("the new parent is renamed, and the note is %v", got)
		}
	})
}
