package rules

import (
	"context"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/budget"
)

// Options is what a configuration is loaded with.
type Options struct {
	// Systems are the connector types that there are.
	Systems []connectors.System
	// Vars are the values given on the command line, by variable.
	Vars map[string]string
	// Env reads the environment; nil: it is empty.
	Env func(string) (string, bool)
	// Offline makes env() of a variable that is not set an empty string that
	// counts as set. Without it, that is an error.
	Offline bool

	// limits bound what HCL takes to evaluate further than the budget of a load.
	limits budget.Limits
}

// A progress is what all stages of a load share: what is wrong so far, and whether
// it goes on.
type progress struct {
	*findings
	ctx   context.Context // of the load: nothing of it outlives that
	meter *budget.Meter
	dir   string
	// hidden are the values of sensitive variables, which no message shows.
	hidden []hcl.Range
	// What is reported once, for everything that follows from it.
	saidGivenUp, saidSpent bool
}

func newProgress(ctx context.Context, dir string, limits budget.Limits) *progress {
	return &progress{findings: &findings{}, ctx: ctx, meter: budget.NewMeter(ctx, limits), dir: dir}
}

// here returns the position of what is wrong with the configuration as a whole.
func (p *progress) here() hcl.Range {
	return hcl.Range{Filename: p.dir}
}

// givenUp reports whether the load is to end, and says so once.
func (p *progress) givenUp() bool {
	cause := context.Cause(p.ctx)
	if cause == nil {
		return false
	}
	if !p.saidGivenUp {
		p.saidGivenUp = true
		p.err(p.here(), "the load was given up: "+cause.Error(), "")
	}
	return true
}

// ended reports whether the load is to end, or nothing more is evaluated: what
// follows would be about values that nobody worked out.
func (p *progress) ended() bool { return p.givenUp() || p.saidSpent }
