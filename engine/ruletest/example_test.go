package ruletest_test

import (
	"context"
	"fmt"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/engine/ruletest"
	"github.com/lockstep-sync/lockstep/rules"
)

// Run plays every script of a configuration on the real engine, with the systems,
// the store and the time in memory.
func ExampleRun() {
	const dir = "../../examples/incidentio-servicenow"
	set, found := rules.Load(context.Background(), dir, rules.Options{
		Systems: []connectors.System{incidentio.System(), servicenow.System()},
		Offline: true,
	})
	if set == nil {
		fmt.Println(found)
		return
	}
	files, err := ruletest.Files(dir, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	results, err := ruletest.Run(context.Background(), ruletest.Options{Set: set, Files: files})
	if err != nil {
		fmt.Println(err)
		return
	}
	failed := 0
	for _, result := range results {
		if result.Status != ruletest.Passed {
			failed++
		}
	}
	fmt.Println("failed:", failed)
	// Output: failed: 0
}
