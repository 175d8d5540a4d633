package conformance

import (
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A trouble is a fault with what the contract makes of it.
type trouble struct {
	name        string
	fault       simulator.Fault
	read, write connectors.Class
	sent        bool // the request reaches the system
	again       bool // a read may be sent again
}

// classes are those that a call may fail with. A write may be preceded by a read,
// whose failure leaves the write undone; and where a list is not found, no record
// is gone.
func (t trouble) classes(c call) []connectors.Class {
	all := []connectors.Class{t.read}
	if c.writes {
		all = append(all, t.write)
		if t.read == connectors.ClassUnclear {
			all = append(all, connectors.ClassRetry)
		}
	}
	if t.read == connectors.ClassGone && c.ofList {
		all = append(all, connectors.ClassRejected)
	}
	return all
}

func troubles() []trouble {
	const (
		retry        = connectors.ClassRetry
		throttled    = connectors.ClassThrottled
		unclear      = connectors.ClassUnclear
		rejected     = connectors.ClassRejected
		unauthorised = connectors.ClassUnauthorised
		forbidden    = connectors.ClassForbidden
	)
	return []trouble{
		{"no connection", simulator.Fault{Kind: simulator.Refuse}, retry, retry, false, true},
		{"429", simulator.Fault{Kind: simulator.Throttle, RetryAfter: 7 * time.Second}, throttled, throttled, true, false},
		{"500 before", simulator.Fault{Kind: simulator.FailBefore, Status: 500}, unclear, unclear, true, true},
		{"500 after", simulator.Fault{Kind: simulator.FailAfter, Status: 500}, unclear, unclear, true, true},
		{"502", simulator.Fault{Kind: simulator.FailBefore, Status: 502}, unclear, unclear, true, true},
		{"reset before", simulator.Fault{Kind: simulator.ResetBefore}, unclear, unclear, true, true},
		{"reset after", simulator.Fault{Kind: simulator.ResetAfter}, unclear, unclear, true, true},
		{"cut body", simulator.Fault{Kind: simulator.CutBody}, unclear, unclear, true, true},
		{"deep answer", simulator.Fault{Kind: simulator.DeepBody}, rejected, unclear, true, false},
		{"slow answer", simulator.Fault{Kind: simulator.SlowAnswer, Delay: 5 * time.Minute}, unclear, unclear, true, true},
		{"late commit", simulator.Fault{Kind: simulator.CommitLate, Delay: 20 * time.Second}, unclear, unclear, true, true},
		{"401", simulator.Fault{Kind: simulator.FailBefore, Status: 401}, unauthorised, unauthorised, true, false},
		{"403", simulator.Fault{Kind: simulator.FailBefore, Status: 403}, forbidden, rejected, true, false},
		{"400", simulator.Fault{Kind: simulator.FailBefore, Status: 400}, rejected, rejected, true, false},
		{"404", simulator.Fault{Kind: simulator.FailBefore, Status: 404}, connectors.ClassGone, connectors.ClassGone, true, false},
	}
}
