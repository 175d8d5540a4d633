package engine_test

import (
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// TestASearchThatLagsOpensNoSecondTicket: a search that does not show a ticket
// yet is no sign that there is none, for as long as index_lag says after the
// last moment at which a create can take effect.
func TestASearchThatLagsOpensNoSecondTicket(t *testing.T) {
	const lag = 10 * time.Minute
	for name, test := range map[string]struct {
		create fault
		crash  reconcile.Step
	}{
		"the answer is lost":               {create: fault{class: connectors.ClassUnclear, after: true}},
		"it took effect as late as it can": {create: fault{class: connectors.ClassUnclear, late: 119 * time.Second}},
		"killed before it was confirmed":   {crash: reconcile.StepCreated},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.lag, r.world.lags["itsm"] = lag, lag
				r.start(oneRoute)
				if test.create.class != 0 {
					r.world.fail("itsm", "create", test.create)
				}
				ref := incidents.Ref("01A")
				r.world.put(ref, false, critical())
				r.crash.Store(test.crash)
				r.hint(ref)
				if test.crash != "" {
					<-r.crashed
					r.kill()
					r.crash.Store(reconcile.Step(""))
					r.start(oneRoute)
				}
				r.pass(lag)
				r.oneTicket()
				r.pass(time.Hour)
				ticket := r.oneTicket()
				if all := r.links(); len(all) != 1 || all[0].State != links.Active || *all[0].Target != ticket {
					t.Errorf("links: %+v", all)
				}
				if n := r.world.count("create"); n != 1 {
					t.Errorf("%d creates", n)
				}
			})
		})
	}
}
