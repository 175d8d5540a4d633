package rules

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/budget"
	"github.com/lockstep-sync/lockstep/rules/expr"
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
	// Env reads the environment; nil: there is none.
	Env func(string) (string, bool)
	// Offline makes env() of a variable that is not set an empty string that
	// counts as set. Without it, that is an error.
	Offline bool

	// maxSteps bounds what HCL takes to evaluate; 0: by the budget of a load.
	maxSteps int64
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
	l := newLoader(ctx, dir, o)
	defer source.Recovered(l.here(), func(d *hcl.Diagnostic) {
		l.hcl(hcl.Diagnostics{d})
		set, found = nil, l.diagnostics(l.sources, l.hidden)
	})
	set = l.load()
	if l.givenUp() {
		set = nil
	}
	found = l.diagnostics(l.sources, l.hidden)
	if set == nil {
		return nil, found
	}
	set.Warnings = found
	l.ctx = context.WithoutCancel(ctx) // what the set compiles later is no part of the load
	return set, found
}

// here is the place of what is wrong with the configuration as a whole.
func (l *loader) here() hcl.Range {
	return hcl.Range{Filename: l.dir, Start: hcl.InitialPos, End: hcl.InitialPos}
}

// givenUp reports whether the load is to end, and says so once.
func (l *loader) givenUp() bool {
	cause := context.Cause(l.ctx)
	if cause == nil {
		return false
	}
	if !l.saidGivenUp {
		l.saidGivenUp = true
		l.err(l.here(), "the load was given up: "+cause.Error(), "")
	}
	return true
}

// A loader reads one configuration.
type loader struct {
	findings

	ctx   context.Context // of the load: nothing of it outlives that
	meter *budget.Meter
	// What is said once, for everything that follows from it.
	saidGivenUp, saidSpent bool

	dir      string
	options  Options
	systems  map[string]connectors.System
	sources  map[string]*sourceFile
	order    []string          // of the sources
	broken   bool              // some of them are not whole
	included map[string][]byte // what file() read, by path
	read     int64             // bytes of all files
	tokens   int               // of the sources

	functions map[string]function.Function
	variables map[string]*variable
	locals    map[string]*local
	context   *hcl.EvalContext // of every expression, once the locals are known
	hidden    []hcl.Range      // values of sensitive variables, not to be shown

	connectors map[string]*connectorDecl
	tables     map[string]*tableDecl
	templates  map[string]*templateDecl
	inherited  int                           // fields of templates, from those that they extend
	blocks     map[string][]*hclsyntax.Block // of the files, by type

	seen         map[string]seenLocal // the locals that CEL sees
	localValues  map[string]any       // of seen
	plainContext *hcl.EvalContext     // context without marks; nil: nobody asked yet
	envs         map[envKey]*envs
	// language is that of all expressions; nil: there is none yet.
	language *expr.Language
	// commentVars are what conditions of comments see; nil: nobody asked yet.
	commentVars *expr.Env
	uses        uses
	mu          sync.Mutex // guards envs once the set is in use
}

func newLoader(ctx context.Context, dir string, o Options) *loader {
	if o.Env == nil {
		o.Env = func(string) (string, bool) { return "", false }
	}
	if o.maxSteps == 0 {
		o.maxSteps = budget.MaxSteps
	}
	l := &loader{
		ctx: ctx, meter: budget.NewMeter(ctx, o.maxSteps),
		dir: dir, options: o,
		systems:    map[string]connectors.System{},
		sources:    map[string]*sourceFile{},
		included:   map[string][]byte{},
		variables:  map[string]*variable{},
		locals:     map[string]*local{},
		connectors: map[string]*connectorDecl{},
		tables:     map[string]*tableDecl{},
		templates:  map[string]*templateDecl{},
		blocks:     map[string][]*hclsyntax.Block{},
		envs:       map[envKey]*envs{},
	}
	for _, s := range o.Systems {
		l.systems[s.Type] = s
	}
	l.functions = l.meter.Functions(l.hclFunctions())
	return l
}

// load goes from names that nothing else depends on to those that use them.
func (l *loader) load() *Set {
	l.readDir()
	if l.broken {
		return nil // of half a file, most other errors would be noise
	}
	l.sortBlocks()

	var daemon Daemon
	for _, stage := range []func(){
		l.decodeVariables, l.decodeLocals, func() { daemon = l.decodeDaemon() }, l.decodeConnectors, l.decodeTables, l.decodeTemplates,
	} {
		if stage(); l.givenUp() || l.saidSpent {
			return nil // what follows would be about values that nobody worked out
		}
	}
	routes := l.decodeRoutes()

	set := &Set{
		Dir: l.dir, Daemon: daemon,
		Connectors: map[string]*Connector{}, Templates: map[string]*Template{}, Tables: map[string]*StateTable{},
	}
	for name, c := range l.connectors {
		set.Connectors[name] = c.made
	}
	for name, t := range l.tables {
		set.Tables[name] = t.made
	}
	l.link(set, routes)
	if l.errors() > 0 {
		return nil
	}
	set.Generation = l.generation()
	set.Files = slices.Concat(l.order, l.includedFiles())
	return set
}

// The blocks of a configuration, with the number of their labels.
var blockLabels = map[string]int{
	"daemon": 0, "variable": 1, "locals": 0, "connector": 2, "state_table": 1, "route": 1, "template": 1,
}

// sortBlocks sorts the blocks of all files by their type.
func (l *loader) sortBlocks() {
	for _, path := range l.order {
		body := l.sources[path].body
		for _, a := range attributesOf(body) {
			detail := sentences("A configuration is made of blocks.", suggest(a.Name, sortedKeys(blockLabels), "block"))
			if _, ok := blockLabels[a.Name]; ok {
				detail = "Write " + a.Name + " { … }, without the equals sign."
			}
			l.err(a.NameRange, "attribute "+quote(a.Name)+" outside a block", detail)
		}
		for _, b := range body.Blocks {
			want, ok := blockLabels[b.Type]
			if !ok {
				l.err(b.TypeRange, "unknown block "+quote(b.Type), suggest(b.Type, sortedKeys(blockLabels), "block"))
				continue
			}
			if l.checkLabels(b, want) {
				l.blocks[b.Type] = append(l.blocks[b.Type], b)
			}
		}
	}
}

// checkLabels reports whether a block has as many labels as it needs, each of
// them an identifier.
func (l *loader) checkLabels(b *hclsyntax.Block, want int) bool {
	form := map[int]string{0: " { … }", 1: ` "NAME" { … }`, 2: ` "TYPE" "NAME" { … }`}[want]
	if len(b.Labels) != want {
		at := b.TypeRange
		if len(b.Labels) > want {
			at = b.LabelRanges[want]
		}
		number := map[int]string{0: "no name", 1: "one name", 2: "a type and a name"}[want]
		l.err(at, "a "+b.Type+" block has "+number, "Write "+b.Type+form+".")
		return false
	}
	for i, label := range b.Labels {
		if !hclsyntax.ValidIdentifier(label) {
			l.err(b.LabelRanges[i], quote(label)+" is not a name", "A name begins with a letter and has letters, digits, _ and - after it.")
			return false
		}
	}
	return true
}

// attributesOf are the attributes of a body in the order written.
func attributesOf(body *hclsyntax.Body) []*hclsyntax.Attribute {
	all := make([]*hclsyntax.Attribute, 0, len(body.Attributes))
	for _, a := range body.Attributes {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *hclsyntax.Attribute) int { return cmp.Compare(a.SrcRange.Start.Byte, b.SrcRange.Start.Byte) })
	return all
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
