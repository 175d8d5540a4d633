package rules

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A checker has templates compiled and checks them, and what they write, against
// the schemas of the records.
type checker struct {
	*progress
	decl     *declaration
	compiler *compiler
	compiled map[compiledKey]*compiledTemplate
	uses     uses
	states   *tableChecker
}

// typecheck compiles and checks each template against the source of every route that
// lists it. nil: the load is over.
func typecheck(p *progress, d *declaration, c *compiler) (*model, *uses) {
	l := &checker{progress: p, decl: d, compiler: c, compiled: map[compiledKey]*compiledTemplate{}}
	l.states = newTableChecker(p.findings, &l.uses)
	var bySource []sourceFindings
	for _, r := range d.routes {
		if !r.sourceOK {
			continue
		}
		for _, ref := range r.refs() {
			t := d.templates[ref.name]
			switch {
			case t == nil:
			case t.result.Target == r.source:
				l.err(ref.at, fmt.Sprintf("template %q writes where route %q reads", ref.name, r.name),
					fmt.Sprintf("Each ticket would be a new record of %s, and get a ticket itself. Choose another target.", r.source))
			default:
				if found, ok := l.check(t, r); ok {
					bySource = append(bySource, found)
				}
			}
		}
	}
	l.addBySource(bySource)
	if !l.checkUnlisted() {
		return nil, nil
	}
	l.states.check(d.tables)
	return &model{routes: d.routes, templates: d.templates, compiled: l.compiled, tables: d.tables}, &l.uses
}

// check compiles a template for the source of a route; false: that is done, or the
// load is over.
func (l *checker) check(t *template, r *routeDecl) (sourceFindings, bool) {
	key := compiledKey{t, r.source}
	found := sourceFindings{template: t, route: r.name, source: r.source}
	if _, ok := l.compiled[key]; ok || l.givenUp() {
		return found, false
	}
	c := l.compiler.compile(t, r.source, &found.findings, &l.uses)
	l.compiled[key] = c
	l.adopt(t, c, r.source)
	return found, true
}

// checkUnlisted looks at the templates that no route lists. False: the load is over.
func (l *checker) checkUnlisted() bool {
	broken := slices.ContainsFunc(l.decl.routes, func(r *routeDecl) bool { return r.broken })
	sources := l.sourcesOf(l.decl.routes)
	for _, name := range sortedKeys(l.decl.templates) {
		t := l.decl.templates[name]
		if l.givenUp() {
			return false
		}
		if !t.used && !t.decl.extended && !broken {
			l.checkUnused(t, sources)
		}
		l.stateOfUnlisted(t, sources)
	}
	return true
}

// sourceFindings is what is wrong with a template for the records of one
// source, and the first route that brings them.
type sourceFindings struct {
	template *template
	source   connectors.Collection
	route    string
	findings findings
}

// addBySource takes over what is wrong with templates. What is so for every
// source of a template it says once, else it names the source.
func (l *checker) addBySource(all []sourceFindings) {
	type key struct {
		template *template
		at       hcl.Range
		summary  string
	}
	sources := map[*template]int{}
	with := map[key]int{} // sources that have it
	for _, of := range all {
		sources[of.template]++
		own := map[key]bool{}
		for _, d := range of.findings.list {
			if k := (key{of.template, d.at, d.summary}); !own[k] {
				own[k] = true
				with[k]++
			}
		}
	}
	first := map[key]int{} // the source that says it
	for i, of := range all {
		for _, d := range of.findings.list {
			k := key{of.template, d.at, d.summary}
			if _, said := first[k]; !said {
				first[k] = i
			}
			switch {
			case with[k] < sources[of.template]:
				d.detail = sentences(d.detail, fmt.Sprintf("(Route %q brings records of %s here.)", of.route, of.source))
			case first[k] < i:
				continue
			}
			l.report(d)
		}
	}
}

// adopt fills in what of a template is known with its first source.
func (l *checker) adopt(t *template, c *compiledTemplate, source connectors.Collection) {
	comments := l.comments(t, l.decl.catalog.schema(source))
	l.checkAttachments(t, l.decl.catalog.schema(source))
	checkDemands(t, l.findings)
	l.states.use(t, l.decl.tables, source, l.decl.catalog.schema(source))
	if c == nil {
		return
	}
	if t.result.Comments.Inbound == nil && t.result.Comments.Outbound == nil {
		t.result.Comments = comments
	}
	t.result.WritesBack = t.result.WritesBack || len(c.inbound) > 0 || t.result.State != nil && t.result.State.Direction != Outbound ||
		len(t.result.Comments.Inbound) > 0 || len(t.result.Files.Inbound) > 0
	t.result.WantsParentTicket = t.result.WantsParentTicket || c.wantsTicket
	if t.result.State != nil && t.result.State.SourceField == "" {
		t.result.State.SourceField = c.state
	}
}

func (l *checker) checkAttachments(t *template, source *connectors.Schema) {
	for d, to := range map[Direction]*connectors.Schema{Inbound: source, Outbound: t.schema} {
		from := source
		if d == Inbound {
			from = t.schema
		}
		for _, b := range t.decl.clausesOf["attachments"][d] {
			switch {
			case to.Attachments == "":
				l.err(b.DefRange(), article(to.Record)+" takes no attachments", "Leave this block out.")
			case from.Attachments != "bytes":
				l.warn(b.DefRange(), article(from.Record)+" has no files to give", "The API of "+from.Record+" holds links only, so nothing goes this way. Leave this block out.")
			}
		}
	}
}
