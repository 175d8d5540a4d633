package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/budget"
	"github.com/lockstep-sync/lockstep/rules/source"
)

// loadPatience bounds a load.
const loadPatience = 30 * time.Second

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

// Load reads the configuration in a directory. The set is nil if and only if
// there are errors; the diagnostics also hold the warnings.
//
// Whatever the directory holds, it returns: within 30 seconds, or soon after ctx
// ends. A file system that does not answer keeps nothing but a goroutine.
func Load(ctx context.Context, dir string, o Options) (*Set, Diagnostics) {
	ctx, cancel := context.WithTimeoutCause(ctx, loadPatience, fmt.Errorf("it took more than %s", loadPatience))
	type result struct {
		set   *Set
		found Diagnostics
	}
	done := make(chan result, 1)
	go func() {
		defer cancel()
		set, found := loadAll(ctx, dir, o)
		done <- result{set, found}
	}()
	select {
	case r := <-done:
		return r.set, r.found
	case <-ctx.Done():
	}
	// What is under way looks at the context now and then; only the system's own
	// calls do not.
	const grace = time.Second
	select {
	case r := <-done:
		return r.set, r.found
	case <-time.After(grace):
		return nil, Diagnostics{{
			Severity: SeverityError, File: dir, Line: 1, Column: 1,
			Summary: "the load was given up: " + context.Cause(ctx).Error(),
			Detail:  "A file or the file system does not answer, or the configuration takes too long to work out.",
		}}
	}
}

func loadAll(ctx context.Context, dir string, o Options) (set *Set, found Diagnostics) {
	if o.Env == nil {
		o.Env = func(string) (string, bool) { return "", false }
	}
	l := &loading{progress: newProgress(ctx, dir, o.limits), options: o}
	l.files = newParser(l.progress, o.Offline)
	done := func() Diagnostics { return l.diagnostics(l.files.sources, l.hidden) }
	defer source.Recovered(l.here(), func(d *hcl.Diagnostic) {
		l.hcl(hcl.Diagnostics{d})
		set, found = nil, done()
	})
	set = l.load()
	if l.givenUp() {
		set = nil
	}
	found = done()
	if set == nil {
		return nil, found
	}
	set.Warnings = found
	l.ctx = context.WithoutCancel(ctx) // what the set compiles later does not belong to the load
	return set, found
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

// here is the position of what is wrong with the configuration as a whole.
func (p *progress) here() hcl.Range {
	return hcl.Range{Filename: p.dir, Start: hcl.InitialPos, End: hcl.InitialPos}
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

// A loading runs the stages of a load, from names that nothing else depends on to
// those that use them. The package's documentation has what each is for.
type loading struct {
	*progress
	options Options
	files   *parser
}

func (l *loading) load() *Set {
	l.files.readDir()
	if l.files.broken {
		return nil // of half a file, most other errors would be noise
	}
	l.files.sortBlocks()

	names := newResolver(l.progress, l.files, l.options)
	decl := newDeclarer(names)
	daemon := daemonBlock{names.decoder}
	set := &Set{
		Dir: l.dir, Connectors: map[string]*Connector{}, Templates: map[string]*Template{}, Tables: map[string]*StateTable{},
	}
	for _, stage := range []func(){
		names.decodeVariables, names.decodeLocals, func() { set.Daemon = daemon.decodeDaemon() },
		decl.decodeConnectors, decl.decodeTables, decl.decodeTemplates,
	} {
		if stage(); l.givenUp() || l.saidSpent {
			return nil // what follows would be about values that nobody worked out
		}
	}
	routes := decl.decodeRoutes()
	for name, c := range decl.connectors {
		set.Connectors[name] = c.result
	}
	for name, t := range decl.tables {
		set.Tables[name] = t.result
	}

	types := newChecker(l.progress, decl, names)
	model := types.link(set, routes, decl.templatesOf(routes))
	if model == nil {
		return nil
	}
	model.given = names.given
	model.prove(l.progress)
	if l.errors() > 0 {
		return nil
	}
	set.uses = types.uses.list()
	set.Generation = l.files.generation()
	set.Files = slices.Concat(l.files.order, l.files.includedFiles())
	return set
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// quote is a name in a message, its beginning if it is longer than any name is.
func quote(s string) string { return `"` + shortened(s) + `"` }

func shortened(s string) string {
	const most = 200 // bytes
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// plain is a value without its marks.
func plain(v cty.Value) (value cty.Value, sensitive bool) {
	v, marks := v.UnmarkDeep()
	return v, len(marks) > 0
}
