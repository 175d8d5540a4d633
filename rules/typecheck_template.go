package rules

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
)

// A compiler compiles templates. A set keeps it for those that links have and no
// route lists.
type compiler struct {
	catalog *catalog
	locals  seenLocals
	envs    *environments
	ended   func() bool // nobody waits for what it compiles
	mu      sync.Mutex  // guards envs once the set is in use
}

func newCompiler(c *catalog, locals seenLocals, ended func() bool) *compiler {
	return &compiler{catalog: c, locals: locals, envs: newEnvironments(c, locals), ended: ended}
}

// entries returns the mappings of an inbound field: of a map each entry is one of
// its own, named FIELD/ENTRY, so that an edit of one says nothing of another.
func (l *compiler) entries(m *mapping, schema *connectors.Schema) []*mapping {
	if m.value.kind != objectValue || schema.Fields[m.field].Type.Kind != connectors.Map {
		return []*mapping{m}
	}
	all := make([]*mapping, len(m.value.members))
	for i, member := range m.value.members {
		entry := &mapping{field: m.field + "/" + member.name, section: m.section, at: member.at, value: member.value, reads: member.value.reads()}
		entry.digest = l.digest(entry)
		all[i] = entry
	}
	return all
}

// findPairs finds the mappings of which each writes what the other reads.
func (c *compiledTemplate) findPairs(record string) {
	// Only what reads a field at all can be its pair: to ask each for each would
	// take the product of their numbers.
	readers := map[string][]int{} // of fields of the ticket, in order
	for i, in := range c.entries {
		for _, field := range in.topFields(ticketName) {
			readers[field] = append(readers[field], i)
		}
	}
	for _, out := range c.values {
		if out.section == onceSection {
			continue
		}
		in := slices.Concat(readers[out.field], readers[wholeRecord])
		slices.Sort(in)
		for _, i := range in {
			if in := c.entries[i]; out.readsField(record, in.field) && in.readsField(ticketName, out.field) {
				out.partner, in.partner = in.field, out.field
			}
		}
	}
}

// wholeRecord stands for a record that is read as a whole.
const wholeRecord = ""

// topFields returns the fields that a mapping reads of what expressions call root, each
// once.
func (m *mapping) topFields(root string) []string {
	var all []string
	for _, read := range m.reads {
		if read[0] != root {
			continue
		}
		field := wholeRecord
		if len(read) > 1 {
			field = read[1]
		}
		if !slices.Contains(all, field) {
			all = append(all, field)
		}
	}
	return all
}

// readsField reports whether a mapping reads a field, or an entry of a map, of
// what expressions call root.
func (m *mapping) readsField(root, field string) bool {
	path := append(expr.Path{root}, strings.SplitN(field, "/", 2)...)
	return slices.ContainsFunc(m.reads, func(read expr.Path) bool {
		n := min(len(read), len(path))
		return slices.Equal(read[:n], path[:n])
	})
}

// readsOf returns the fields that a mapping reads of what expressions call root.
func (m *mapping) readsOf(root string) [][]string {
	var paths [][]string
	for _, read := range m.reads {
		if len(read) > 1 && read[0] == root {
			paths = append(paths, slices.Clone(read[1:]))
		}
	}
	return paths
}

// compile compiles a template for a source and checks it against both schemas;
// nil if it has mistakes. It changes nothing but f, u and the environments.
func (l *compiler) compile(t *template, source connectors.Collection, f *findings, u *uses) *compiledTemplate {
	before := f.errors()
	env := l.envs.envsOf(source, t.result.Target)
	if env.err != nil {
		f.err(t.decl.at, fmt.Sprintf("records of %s cannot be named in expressions", source), capital(env.err.Error()))
		return nil
	}
	from := l.catalog.schema(source)
	c := &compiledTemplate{template: t.result}
	seen := l.readables(source)
	if t.when != nil {
		found := len(f.list)
		condition, diags := env.condition.Condition(t.when)
		f.hcl(diags)
		f.explain(found, t.inherited(t.decl.from["when"]))
		if c.when = condition; condition != nil {
			u.reads(t.result.Name, condition.Reads(), seen, t.when.Range())
			u.compares(t.result.Name, append(condition.Comparisons(), condition.LookUps()...), seen)
			judge(condition, t.when, closedIn(seen, nil), f)
			c.needsParent = readsParent(condition.Reads())
		}
	}
	outward := &writer{
		findings: f, uses: u, by: usedBy{t.result.Target, t.result.Name}, to: t.result.Target, schema: t.schema,
		convert: l.catalog.systems[t.result.Target.Type].Convert,
	}
	inward := &writer{
		findings: f, uses: u, by: usedBy{source, t.result.Name}, to: source, schema: from, convert: l.catalog.systems[source.Type].Convert,
	}
	for _, d := range t.fields {
		if l.ended() {
			return nil // nobody waits for it
		}
		found := len(f.list)
		in, w, visible := env.outbound, outward, seen
		if d.field.section == inboundSection {
			in, w = env.inbound, inward
			visible = append(slices.Clone(seen), readable{expr.Path{ticketName}, t.result.Target, t.schema})
		}
		var v *value
		if d.value != nil {
			v = d.value.compile(in, f)
		}
		w.field(d.field, v, d.field.section == onceSection)
		f.explain(found, t.inherited(d.field.of))
		if v == nil {
			continue
		}
		m := &mapping{field: d.field.name, section: d.field.section, at: d.field.at, value: v, reads: v.reads()}
		m.digest = l.digest(m)
		u.reads(t.result.Name, m.reads, visible, d.field.at)
		u.compares(t.result.Name, append(v.comparisons(), v.lookUps()...), visible)
		judgeValue(v, closedIn(visible, t.labels()), f)
		c.needsParent = c.needsParent || readsParent(m.reads)
		if d.field.section == inboundSection {
			c.inbound = append(c.inbound, m)
			c.entries = append(c.entries, l.entries(m, from)...)
			continue
		}
		c.wantsTicket = c.wantsTicket || readsParentTicket(m.reads)
		c.values = append(c.values, m)
	}
	for _, mappings := range [][]*mapping{c.values, c.entries} {
		slices.SortFunc(mappings, func(a, b *mapping) int { return cmp.Compare(a.field, b.field) })
	}
	c.findPairs(source.Record)
	c.shown = shownOfPrivate(t.schema)
	c.audience = t.schema.Audience
	l.compileState(c, from, f, t)
	l.compileLifecycle(c, from, f, t)
	if f.errors() > before {
		l.explainSensitive(f)
		return nil
	}
	return c
}

// shownOfPrivate are the fields of a ticket that are no contents: they go back of a
// private one as well.
func shownOfPrivate(s *connectors.Schema) []string {
	shown := []string{"id", "number", "url"}
	if s.State != nil {
		for _, path := range []string{s.State.Field, s.State.Category} {
			if top, _, _ := strings.Cut(path, "."); top != "" {
				shown = append(shown, top)
			}
		}
	}
	return shown
}

// readables returns the records that the expressions of a template see.
func (l *compiler) readables(source connectors.Collection) []readable {
	schema := l.catalog.schema(source)
	seen := []readable{{expr.Path{source.Record}, source, schema}}
	if parent := l.catalog.parentSchema(source); parent != nil {
		of := source
		of.Record = schema.Parent
		seen = append(seen, readable{expr.Path{parentName, schema.Parent}, of, parent})
	}
	return seen
}

func readsParent(paths []expr.Path) bool {
	return slices.ContainsFunc(paths, func(p expr.Path) bool { return p[0] == parentName })
}

func readsParentTicket(paths []expr.Path) bool {
	return slices.ContainsFunc(paths, func(p expr.Path) bool {
		return p[0] == parentName && (len(p) == 1 || p[1] == ticketName)
	})
}

// compileState finds where the source's raw state is.
func (l *compiler) compileState(c *compiledTemplate, from *connectors.Schema, f *findings, t *template) {
	if t.result.State == nil {
		return
	}
	c.state = stateField(f, t, "source_field", t.sourceField, from)
	if from.State != nil && c.state == from.State.Field {
		c.category = from.State.Category
	}
}

// compileLifecycle says which modes and statuses of the source get tickets.
// The defaults are incident.io's; they say nothing of a source that has other
// categories.
func (l *compiler) compileLifecycle(c *compiledTemplate, from *connectors.Schema, f *findings, t *template) {
	if from.Mode != "" {
		c.mode, c.modes = from.Mode, t.result.Lifecycle.Modes
		checkModes(from, f, t)
	}
	if from.State == nil || from.State.Category == "" {
		return
	}
	var known []string
	for _, k := range from.State.Known {
		if name, ok := strings.CutPrefix(k, CategoryPrefix); ok {
			known = append(known, name)
		}
	}
	a := t.decl.attrsOf["lifecycle"]["statuses"]
	written := a != nil && !isNull(a.Expr)
	if !written && !slices.ContainsFunc(t.result.Lifecycle.Statuses, func(s string) bool { return slices.Contains(known, s) }) {
		return
	}
	c.status, c.statuses = from.State.Category, t.result.Lifecycle.Statuses
	if !written || len(known) == 0 {
		return
	}
	for _, s := range t.statuses {
		if !slices.Contains(known, s.Reveal()) {
			f.err(s.at, fmt.Sprintf("%s has no status category %s", from.Record, s.Quote()), suggestFor(s.String, known, "status category"))
		}
	}
}

// checkModes reports written modes that the source does not have.
func checkModes(from *connectors.Schema, f *findings, t *template) {
	var known []string
	for _, choice := range from.Fields[from.Mode].Choices {
		known = append(known, fmt.Sprint(choice.Value))
	}
	if len(known) == 0 {
		return
	}
	for _, mode := range t.modes {
		if !slices.Contains(known, mode.Reveal()) {
			f.err(mode.at, fmt.Sprintf("%s has no mode %s", from.Record, mode.Quote()), suggestFor(mode.String, known, "mode"))
		}
	}
}

// digest tells a mapping that was edited from one that was not: it is of the
// mapping as written, with the values of the locals that it names.
func (l *compiler) digest(m *mapping) string {
	h := sha256.New()
	m.value.walk(func(v *value) {
		fmt.Fprintf(h, "%d %d %d|", v.kind, len(v.elems), len(v.members))
		for _, m := range v.members {
			fmt.Fprintf(h, "%q ", m.name)
		}
		switch v.kind {
		case constantValue:
			fmt.Fprintf(h, "%T %v|", v.constant, v.constant)
		case textValue:
			fmt.Fprintf(h, "%q|", v.text.Value())
		case refValue:
			fmt.Fprintf(h, "%q %t %t|", v.ref.key.Reveal(), v.ref.hasFallback, v.ref.fallback != nil)
		}
	})
	var locals []string
	for _, path := range m.reads {
		switch {
		case path[0] != localName:
		case len(path) == 1:
			locals = append(locals, sortedKeys(l.locals.seen)...)
		default:
			locals = append(locals, path[1])
		}
	}
	slices.Sort(locals)
	for _, name := range slices.Compact(locals) {
		fmt.Fprintf(h, "local %q %s|", name, l.locals.seen[name].json)
	}
	const enough = 16 // bytes
	return hex.EncodeToString(h.Sum(nil)[:enough])
}

// explainSensitive adds to the findings of an expression what they cannot know:
// that a local which it does not see is there, and sensitive.
func (l *compiler) explainSensitive(f *findings) {
	for i := range f.list {
		d := &f.list[i]
		name, _, _ := strings.Cut(strings.TrimPrefix(d.summary, `unknown field "`), `"`)
		_, seen := l.locals.seen[name]
		if l.locals.known[name] != nil && !seen && strings.HasPrefix(d.summary, "unknown field "+quote(name)) && strings.HasPrefix(d.detail, localName+" has no field ") {
			d.detail = fmt.Sprintf("local.%s is made from env() or from a sensitive variable, and expressions do not see sensitive locals.", name)
		}
	}
}
