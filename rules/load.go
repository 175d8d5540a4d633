package rules

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/rules/source"
)

// loadTimeout bounds a load.
const loadTimeout = 30 * time.Second

// Load reads the configuration in a directory. The set is nil if and only if
// there are errors; the diagnostics also hold the warnings.
//
// Whatever the directory holds, it returns: within 30 seconds, or soon after ctx
// ends. A file system that does not answer keeps nothing but a goroutine.
func Load(ctx context.Context, dir string, o Options) (*Set, Diagnostics) {
	ctx, cancel := context.WithTimeoutCause(ctx, loadTimeout, fmt.Errorf("it took more than %s", loadTimeout))
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
			Severity: SeverityError, File: dir,
			Summary: "the load was given up: " + context.Cause(ctx).Error(),
			Detail:  "A file or the file system does not answer, or the configuration takes too long to work out.",
		}}
	}
}

func loadAll(ctx context.Context, dir string, o Options) (set *Set, found Diagnostics) {
	if o.Env == nil {
		o.Env = func(string) (string, bool) { return "", false }
	}
	p := newProgress(ctx, dir, o.limits)
	parser := newParser(p, newReader(ctx, dir, o.Offline))
	done := func() Diagnostics { return p.diagnostics(parser.out.files, p.hidden) }
	defer source.Recovered(p.here(), func(d *hcl.Diagnostic) {
		p.hcl(hcl.Diagnostics{d})
		set, found = nil, done()
	})
	if set = load(p, parser, o); p.givenUp() {
		set = nil
	}
	found = done()
	if set == nil {
		return nil, found
	}
	set.Warnings = found
	return set, found
}

// load runs the stages of a load, from names that nothing else depends on to those
// that use them; nil: there are errors. The package's documentation has what each
// is for.
func load(p *progress, parser *parser, o Options) *Set {
	if !parser.parse() {
		return nil
	}
	in := parser.out
	scope, ok := resolve(p, in, parser.reader, o)
	if !ok {
		return nil
	}
	decl, ok := declare(p, in, scope)
	if !ok {
		return nil
	}
	compiler := newCompiler(decl.catalog, visibleLocals(scope.locals), func() bool { return p.ctx.Err() != nil })
	model, uses := typecheck(p, decl, compiler)
	if model == nil {
		return nil
	}
	model.variables, model.locals, model.files, model.included = scope.variables, scope.locals, in, parser.reader.included
	model.prove(p)
	if p.errors() > 0 {
		return nil
	}
	compiler.ended = func() bool { return false } // what the set compiles later does not belong to the load
	set := assemble(p.dir, decl, model, compiler)
	set.uses, set.places = uses.list(), uses.places(in.files, p.hidden)
	set.Generation = parser.reader.generation(in)
	set.Files = slices.Concat(in.order, parser.reader.includedFiles())
	return set
}
