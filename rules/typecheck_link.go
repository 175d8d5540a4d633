package rules

import (
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
)

// A checker compiles the expressions of templates and checks them, and what they
// write, against the schemas of the records.
type checker struct {
	*progress
	catalog  *catalog
	tables   map[string]*tableDecl
	locals   seenLocals
	language *expr.Language // of all expressions; nil: not built yet
	envs     map[envKey]*envs
	// commentVars are what conditions of comments see; nil: nobody asked yet.
	commentVars *expr.Env
	uses        uses
	mu          sync.Mutex // guards envs once the set is in use
}

func newChecker(p *progress, decl *declarer, names *resolver) *checker {
	return &checker{
		progress: p, catalog: decl.catalog, tables: decl.tables, locals: names.seen, envs: map[envKey]*envs{},
	}
}

// link puts routes and templates together: each template is compiled and
// checked against the source of every route that lists it.
func (l *checker) link(set *Set, routes []*routeDecl, templates map[string]*template) *model {
	compiled := map[compiledKey]*compiledTemplate{}
	var bySource []sourceFindings
	compileFor := func(t *template, source connectors.Collection, route string) *compiledTemplate {
		key := compiledKey{t, source}
		c, ok := compiled[key]
		if !ok && l.givenUp() {
			return nil
		}
		if !ok {
			found := sourceFindings{template: t, route: route, source: source}
			c = l.compile(t, source, &found.findings, &l.uses)
			bySource = append(bySource, found)
			compiled[key] = c
			l.adopt(t, c, source)
		}
		return c
	}
	for _, d := range routes {
		r := &Route{Name: d.name, Source: d.source, Create: d.create, Private: d.private}
		set.Routes = append(set.Routes, r)
		if !d.sourceOK {
			continue
		}
		r.router = newRouter(l, r)
		add := func(ref templateRef) *compiledTemplate {
			t := templates[ref.name]
			if t == nil {
				return nil
			}
			if t.result.Target == d.source {
				l.err(ref.at, fmt.Sprintf("template %q writes where route %q reads", ref.name, d.name),
					fmt.Sprintf("Each ticket would be a new record of %s, and get a ticket itself. Choose another target.", d.source))
				return nil
			}
			c := compileFor(t, d.source, d.name)
			if c != nil {
				r.NeedsParent = r.NeedsParent || c.needsParent
			}
			return c
		}
		for _, ref := range d.templates {
			if c := add(ref); c != nil {
				r.Templates = append(r.Templates, c.template)
				r.router.candidates = append(r.router.candidates, c)
			}
		}
		if d.noMatch != nil {
			if c := add(*d.noMatch); c != nil {
				r.NoMatch, r.router.noMatch = c.template, c
			}
		}
		r.router.unlisted = l.unlisted(r.Source, templates)
	}
	l.addBySource(bySource)
	broken := slices.ContainsFunc(routes, func(r *routeDecl) bool { return r.broken })
	sources := l.sourcesOf(routes)
	for _, name := range sortedKeys(templates) {
		t := templates[name]
		if l.givenUp() {
			return nil
		}
		if !t.used && !t.decl.extended && !broken {
			l.checkUnused(t, sources)
		}
		l.stateOfUnlisted(t, sources)
		set.Templates[name] = t.result
	}
	tables := tableChecker{l.findings, &l.uses}
	tables.check(l.tables)
	return &model{
		routes: routes, templates: templates, compiled: compiled, tables: l.tables,
		variables: l.catalog.variables, locals: l.catalog.evaluator.locals, files: l.catalog.files,
	}
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

type compiledKey struct {
	template *template
	source   connectors.Collection
}

// adopt fills in what of a template is known with its first source.
func (l *checker) adopt(t *template, c *compiledTemplate, source connectors.Collection) {
	comments := l.comments(t, l.catalog.schema(source))
	l.checkAttachments(t, l.catalog.schema(source))
	l.useTable(t, source)
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

// unlisted compiles, when it is asked for, a template that a route does not list:
// links keep theirs. nil: it is gone, or does not fit the source.
func (l *checker) unlisted(source connectors.Collection, templates map[string]*template) func(name string) *compiledTemplate {
	compiled := map[string]*compiledTemplate{}
	return func(name string) *compiledTemplate {
		l.mu.Lock()
		defer l.mu.Unlock()
		c, known := compiled[name]
		if t := templates[name]; !known && t != nil {
			c = l.compile(t, source, &findings{}, &uses{})
			compiled[name] = c
		}
		return c
	}
}
