package main

import (
	"context"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/rules"
)

// systems returns the connector types of this build.
func systems() []connectors.System {
	return []connectors.System{incidentio.System(), servicenow.System(), jira.System()}
}

// loadOffline loads a configuration for a command that talks to no system:
// secrets that are not there count as set.
func (a *app) loadOffline(ctx context.Context, dir string, vars *varFlags) (*rules.Set, rules.Diagnostics, error) {
	values, err := vars.values()
	if err != nil {
		return nil, nil, err
	}
	set, found := rules.Load(ctx, dir, rules.Options{Systems: systems(), Vars: values, Env: a.env, Offline: true})
	return set, found, nil
}

func dirOf(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return "."
}
