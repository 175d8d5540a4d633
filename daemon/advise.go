package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
)

// How long the systems are asked what they think of a configuration.
const (
	advisePatience = time.Minute
	adviseAgain    = time.Minute // after a system that did not answer
)

// adviseAll asks every system that can tell whether the configuration fits
// its instance, until each has answered or ctx ends, and calls keep whenever
// there is more to say. What they say is a warning: it stops nothing.
func adviseAll(ctx context.Context, log *slog.Logger, set *rules.Set, all map[string]connectors.Connector, keep func(rules.Diagnostics)) {
	var advice rules.Diagnostics
	uses := set.Uses()
	waiting := make([]string, 0, len(uses))
	for name := range uses {
		waiting = append(waiting, name)
	}
	slices.Sort(waiting)
	for len(waiting) > 0 {
		var again []string
		for _, name := range waiting {
			advisor, ok := all[name].(connectors.Advisor)
			if !ok || len(uses[name]) == 0 {
				continue
			}
			found, err := askAdvisor(ctx, advisor, uses[name])
			if err != nil {
				log.Debug("a system was not asked about the configuration", "connector", name, "error", err)
				again = append(again, name)
				continue
			}
			for _, a := range found {
				d := adviceDiagnostic(set, name, a)
				logDiagnostic(log, d)
				advice = append(advice, d)
			}
		}
		keep(advice)
		waiting = again
		if len(waiting) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(adviseAgain):
		}
	}
}

func askAdvisor(ctx context.Context, advisor connectors.Advisor, uses []connectors.Use) ([]connectors.Advice, error) {
	ctx, cancel := context.WithTimeout(ctx, advisePatience)
	defer cancel()
	return advisor.Advise(ctx, uses)
}

func adviceDiagnostic(set *rules.Set, connector string, a connectors.Advice) rules.Diagnostic {
	summary := fmt.Sprintf("%s: %s.%s", connector, a.Use.Record, a.Use.Field)
	if a.Value != nil {
		summary += fmt.Sprintf(": %v", a.Value)
	}
	return rules.Diagnostic{
		Severity: "warning", File: set.Dir, Line: 1, Column: 1,
		Summary: summary, Detail: a.Message,
	}
}
