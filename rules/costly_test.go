package rules

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
)

// TestDecideIsBounded: what all values together hold, and that a decision that
// is given up comes to an end.
func TestDecideIsBounded(t *testing.T) {
	var fields strings.Builder
	for _, name := range []string{"short_description", "description", "close_notes", "work_notes", "comments", "u_a", "u_b", "u_c"} {
		fields.WriteString(name + ` = "{{ incident.summary + incident.summary }}"` + "\n")
	}
	set := mustLoad(t, `
route "r" {
  source    = incidentio.acme.incident
  templates = [template.t]
}
template "t" {
  target = servicenow.itsm.incident
  when   = "incident.name != ''"
  outbound {
`+fields.String()+`
  }
}
`)
	in := Input{Record: incident(func(f map[string]any) { f["summary"] = strings.Repeat("x", 3<<20) })}
	size, failed := 0, 0
	for _, v := range set.Decide("r", in).Values {
		if errors.Is(v.Err, connectors.ErrTooCostly) {
			failed++
		}
		s, _ := v.Value.(string)
		size += len(s)
	}
	if failed == 0 || size > maxRendered+6<<20 {
		t.Errorf("%d of them failed, the others hold %d bytes", failed, size)
	}
	done := make(chan struct{})
	close(done)
	in.Done = done
	if d := set.Decide("r", in); !errors.Is(d.Err, connectors.ErrTooCostly) || d.Action != None {
		t.Errorf("given up: %s, %v", d.Action, d.Err)
	}
	in.Linked = "t"
	for _, v := range set.Decide("r", in).Values {
		if !errors.Is(v.Err, connectors.ErrTooCostly) {
			t.Errorf("given up: %s is rendered", v.Field)
		}
	}
}
