package demo

import (
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
)

// TestWatchedRun plays the scenario at the pace of a terminal, on which people
// read each scene before the next: nothing in it may depend on the next scene's
// coming at once.
func TestWatchedRun(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out strings.Builder
	err := Run(t.Context(), Options{
		Out: &out, Color: true, Command: "lockstep", Listen: "127.0.0.1:0", Version: "test",
		Systems: []connectors.System{incidentio.System(), servicenow.System(), jira.System()},
	})
	if err != nil || !strings.Contains(out.String(), "a restart lost nothing") {
		t.Errorf("%v:\n%s", err, out.String())
	}
}
