package rules

import (
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
)

// realSystems returns the systems of the build.
func realSystems() []connectors.System {
	return []connectors.System{incidentio.System(), servicenow.System(), jira.System()}
}

// TestRealSystems loads the sample and the examples with the connectors' own
// schemas: they have nothing to complain of.
func TestRealSystems(t *testing.T) {
	for _, dir := range []string{"testdata/sample", "../examples/incidentio-servicenow"} {
		set, found := Load(t.Context(), dir, Options{Systems: realSystems(), Offline: true})
		if len(found) > 0 {
			t.Errorf("%s:\n%s", dir, textOf(found))
		}
		if set == nil {
			continue
		}
		d := set.Decide("incidents", Input{Record: incident(nil)})
		if d.Template != "security" || d.Action != Create {
			t.Errorf("%s:\n%s", dir, decisionText(d))
		}
		for _, v := range d.Values {
			if v.Err != nil {
				t.Errorf("%s: %s: %v", dir, v.Field, v.Err)
			}
		}
	}
}
