package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
)

// How long the systems are asked what they think of a configuration, and when
// again: what is renamed there fits a configuration no longer.
const (
	adviseTimeout = time.Minute
	adviseAgain   = time.Minute // after a system that did not answer, or names that have changed
	adviseEvery   = time.Hour
)

// An adviser asks every system that can tell whether a configuration fits its
// instance, over and over. What they say is a warning: it stops nothing.
type adviser struct {
	log  *slog.Logger
	set  *rules.Set
	uses map[string][]connectors.Use // by connector
	all  map[string]connectors.Connector
	keep func(rules.Diagnostics) // is called whenever a system has answered

	said   map[string]rules.Diagnostics // by connector, the last time that it answered
	logged map[string]bool
}

// advise asks the systems in the background what they think of a set, and
// stops asking about an older one.
func (p *process) advise(ctx context.Context, set *rules.Set, all map[string]connectors.Connector) {
	if p.advising != nil {
		p.advising()
	}
	ctx, p.advising = context.WithCancel(ctx)
	p.background.Go(func() {
		a := adviser{log: p.log, set: set, uses: set.Uses(), all: all, keep: func(d rules.Diagnostics) { p.reload.advise(set, d) }}
		a.run(ctx, p.renamed)
	})
}

// Advice asks the systems of a configuration once whether it fits their instances,
// for commands that run no daemon. What they say, and that one could not be asked,
// are warnings.
func Advice(ctx context.Context, set *rules.Set, version string) (rules.Diagnostics, error) {
	log := slog.New(slog.DiscardHandler)
	built, err := connectorFactory{log: log, observer: nil, userAgent: "lockstep/" + version, pauses: connectors.NewPauses()}.build(set, nil)
	if err != nil {
		return nil, err
	}
	defer built.closeBut(nil)
	var said rules.Diagnostics
	a := adviser{
		log: log, set: set, uses: set.Uses(), all: built.connectors(), keep: func(d rules.Diagnostics) { said = d },
		said: map[string]rules.Diagnostics{}, logged: map[string]bool{},
	}
	for _, name := range a.ask(ctx, a.askable()) {
		said = append(said, rules.Diagnostic{
			Severity: rules.SeverityWarning, File: set.Dir,
			Summary: name + " could not be asked whether the configuration fits it",
			Detail:  "Names that only the instance knows were not checked there. See lockstep status for what keeps it from answering.",
		})
	}
	return said, nil
}

// askable are the names of the systems that can tell and are written to.
func (a *adviser) askable() (names []string) {
	for name, uses := range a.uses {
		if _, ok := a.all[name].(connectors.Advisor); ok && len(uses) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// run asks until ctx ends. renamed says that a system has other names than when
// it was asked.
func (a *adviser) run(ctx context.Context, renamed <-chan struct{}) {
	a.said, a.logged = map[string]rules.Diagnostics{}, map[string]bool{}
	names := a.askable()
	for due := names; len(names) > 0; {
		failed := a.ask(ctx, due)
		pause, next := adviseEvery, names
		if len(failed) > 0 {
			pause, next = adviseAgain, failed
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-renamed:
			timer.Stop()
			next = names
			select { // what else is renamed at the same time is asked about at once
			case <-ctx.Done():
				return
			case <-time.After(adviseAgain):
			}
		}
		due = next
	}
}

// ask asks some of the systems, and returns those that did not answer.
func (a *adviser) ask(ctx context.Context, names []string) (failed []string) {
	for _, name := range names {
		found, err := askAdvisor(ctx, a.all[name].(connectors.Advisor), a.uses[name])
		if err != nil {
			a.log.Debug("a system was not asked about the configuration", "connector", name, "error", err)
			failed = append(failed, name)
			continue
		}
		var advice rules.Diagnostics
		for _, one := range found {
			if d := adviceDiagnostic(a.set, name, one); !slices.Contains(advice, d) { // else of another template
				advice = append(advice, d)
			}
		}
		a.said[name] = advice
		a.logNew(name)
	}
	var all rules.Diagnostics
	for _, name := range slices.Sorted(maps.Keys(a.said)) {
		all = append(all, a.said[name]...)
	}
	if ctx.Err() == nil {
		a.keep(all)
	}
	return failed
}

// logNew logs what a system did not say the last time.
func (a *adviser) logNew(name string) {
	now := map[string]bool{}
	for _, d := range a.said[name] {
		key := fmt.Sprintf("%s\x00%s:%d:%d\x00%s\x00%s", name, d.File, d.Line, d.Column, d.Summary, d.Detail)
		if now[key] = true; !a.logged[key] {
			logDiagnostic(a.log, d)
		}
	}
	maps.DeleteFunc(a.logged, func(key string, _ bool) bool { return strings.HasPrefix(key, name+"\x00") })
	maps.Copy(a.logged, now)
}

func askAdvisor(ctx context.Context, advisor connectors.Advisor, uses []connectors.Use) ([]connectors.Advice, error) {
	ctx, cancel := context.WithTimeout(ctx, adviseTimeout)
	defer cancel()
	return advisor.Advise(ctx, uses)
}

func adviceDiagnostic(set *rules.Set, connector string, a connectors.Advice) rules.Diagnostic {
	summary := fmt.Sprintf("%s: %s.%s", connector, a.Use.Record, a.Use.Field)
	if a.Value != nil {
		summary += fmt.Sprintf(": %v", a.Value)
	}
	d := set.AdviceAt(connector, a.Use, a.Value)
	d.Summary, d.Detail = summary, a.Message
	return d
}
