package rules_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/rules"
)

const exampleRules = `
connector "incidentio" "acme" {
  api_key = env("INCIDENTIO_API_KEY")
}

connector "servicenow" "itsm" {
  url      = "https://acme.service-now.com"
  username = "incidentio.sync"
  password = env("SERVICENOW_PASSWORD")
}

route "incidents" {
  source    = incidentio.acme.incident
  templates = [template.security]
}

template "security" {
  target = servicenow.itsm.incident
  when   = "incident.incident_type.name == 'Security'"
  outbound {
    short_description = "[SEC] {{ incident.name }}"
  }
}
`

// Load reads a directory; the set that it returns decides records, as their
// system's API gives them, without asking any system.
func ExampleLoad() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(exampleRules), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	set, found := rules.Load(context.Background(), dir, rules.Options{
		Systems: []connectors.System{incidentio.System(), servicenow.System()},
		Offline: true, // as 'lockstep check': secrets may be missing
	})
	if set == nil {
		found.WriteText(os.Stdout, false)
		return
	}
	route := set.Route("incidents")
	record, err := incidentio.System().Decode(route.Source, []byte(`{"incident": {
		"id": "01FDAG4SAP5TYPT98WGR2N7W91", "name": "Our database is sad", "visibility": "public", "mode": "standard",
		"incident_status": {"name": "Investigating", "category": "live"}, "incident_type": {"name": "Security"}
	}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	decision := set.Decide("incidents", rules.Input{Record: record})
	fmt.Println(decision.Action, decision.Template, "because", decision.Condition)
	for _, value := range decision.Values {
		fmt.Printf("%s = %q\n", value.Field, value.Value)
	}
	// Output:
	// create security because incident.incident_type.name == 'Security'
	// short_description = "[SEC] Our database is sad"
}
