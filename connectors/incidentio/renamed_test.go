package incidentio_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
)

// TestARenamedSeverity: a name in an incident that the account did not have is
// told, once in a while.
func TestARenamedSeverity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := incidentiotest.New(incidentiotest.Options{})
		told := 0
		made, err := incidentio.System().New("acme", &incidentio.Settings{APIKey: incidentiotest.DefaultKey}, connectors.Common{},
			connectors.Env{RoundTripper: server.RoundTripper(), Renamed: func() { told++ }})
		if err != nil {
			t.Fatal(err)
		}
		worst := server.AddSeverity("Worst", 9)
		incident := create(t, server, incidentiotest.SetName("x"), incidentiotest.SetSeverity("Worst"))
		ask := func() int {
			advice, err := made.(connectors.Advisor).Advise(t.Context(), []connectors.Use{{Record: "incident", Field: "severity.name", Values: []any{"Worst"}}})
			if err != nil {
				t.Fatal(err)
			}
			return len(advice)
		}
		look := func(want int) {
			t.Helper()
			if read(t, made, incidents.Ref(incident.ID)); told != want {
				t.Errorf("told %d times, want %d", told, want)
			}
		}
		look(0) // nothing was asked yet
		if n := ask(); n != 0 {
			t.Errorf("%d advices", n)
		}
		look(0)
		server.RenameSeverity(worst.ID, "Catastrophic")
		look(1)
		look(1)
		time.Sleep(2 * time.Hour)
		look(2)
		if n := ask(); n != 1 {
			t.Errorf("%d advices once it is renamed", n)
		}
		time.Sleep(2 * time.Hour)
		look(2)
	})
}
