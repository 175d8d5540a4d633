package engine_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// split routes what is critical to one system and the rest to another.
const split = `
route "split" {
  source    = fake.acme.incident
  templates = [template.itsm, template.eng]
}
template "itsm" {
  target = fake.itsm.ticket
  when   = "incident.severity == 'Critical'"
  outbound { title = "{{ incident.title }}" }
}
template "eng" {
  target = fake.eng.ticket
  outbound { title = "{{ incident.title }}" }
}
`

// apart is the same with a route for each.
const apart = `
route "itsm" {
  source    = fake.acme.incident
  templates = [template.itsm]
}
route "eng" {
  source    = fake.acme.incident
  templates = [template.eng]
}
template "itsm" {
  target = fake.itsm.ticket
  when   = "incident.severity == 'Critical'"
  outbound { title = "{{ incident.title }}" }
}
template "eng" {
  target = fake.eng.ticket
  when   = "incident.severity != 'Critical'"
  outbound { title = "{{ incident.title }}" }
}
`

// TestASlowSystemHoldsUpNoOther: while one system takes three seconds a call
// and has far more to do than it can, the tickets of another are opened and
// edited as fast as ever.
func TestASlowSystemHoldsUpNoOther(t *testing.T) {
	for name, hcl := range map[string]string{"one route for both": split, "a route for each": apart} {
		t.Run(name, func(t *testing.T) {
			idle, busy := p99OfNeighbour(t, hcl, 5*time.Millisecond), p99OfNeighbour(t, hcl, 3*time.Second)
			t.Logf("p99 of the neighbour: %v idle, %v beside a slow system", idle, busy)
			if idle == 0 || busy > 2*idle {
				t.Errorf("p99 of the neighbour: %v idle, %v beside a slow system", idle, busy)
			}
		})
	}
}

// p99OfNeighbour is how long changes take to reach their tickets of itsm, while
// each call of eng takes so long.
func p99OfNeighbour(t *testing.T, hcl string, slow time.Duration) (p99 time.Duration) {
	simulate(t, func(r *rig) {
		r.world.slow = map[string]time.Duration{"acme": 5 * time.Millisecond, "itsm": 5 * time.Millisecond, "eng": slow}
		r.start(hcl)
		said := map[string]time.Time{}
		change := func(id, severity string, i int) {
			title := fmt.Sprintf("%s, change %d", id, i)
			if severity == "Critical" {
				said[title] = time.Now()
			}
			r.world.put(incidents.Ref(id), false, map[string]any{"title": title, "severity": severity, "status": "live", "mode": "standard"})
			r.hint(incidents.Ref(id))
			r.pass(25 * time.Millisecond)
		}
		records := 200
		if testing.Short() {
			records = 80
		}
		for i := range 2 * records { // each is opened and then edited
			change(fmt.Sprintf("S%04d", i%records), "Minor", i)
			change(fmt.Sprintf("Q%04d", i%records), "Critical", i)
		}
		r.pass(time.Second)
		var took []time.Duration
		for title, at := range said {
			written := r.world.titled[title]
			if written.IsZero() {
				r.t.Fatalf("%q was not written", title)
			}
			took = append(took, written.Sub(at))
		}
		slices.Sort(took)
		p99 = took[len(took)*99/100]
	})
	return p99
}
