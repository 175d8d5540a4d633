package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
)

// link puts routes and templates together: each template is compiled and
// checked against the source of every route that lists it.
func (l *loader) link(set *Set, routes []*routeDecl) {
	templates := l.templatesOf(routes)
	compiled := map[compiledKey]*candidate{}
	var bySource []sourceFindings
	compileFor := func(t *template, source connectors.Collection, route string) *candidate {
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
		r.decider = newDecider(l, r)
		add := func(ref templateRef) *candidate {
			t := templates[ref.name]
			if t == nil {
				return nil
			}
			if t.made.Target == d.source {
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
				r.decider.candidates = append(r.decider.candidates, c)
			}
		}
		if d.noMatch != nil {
			if c := add(*d.noMatch); c != nil {
				r.NoMatch, r.decider.noMatch = c.template, c
			}
		}
		r.decider.unlisted = l.unlisted(r.Source, templates)
	}
	l.addBySource(bySource)
	broken := slices.ContainsFunc(routes, func(r *routeDecl) bool { return r.broken })
	sources := l.sourcesOf(routes)
	for _, name := range sortedKeys(templates) {
		t := templates[name]
		if l.givenUp() {
			return
		}
		if !t.used && !t.decl.extended && !broken {
			l.checkUnused(t, sources)
		}
		l.stateOfUnlisted(t, sources)
		set.Templates[name] = t.made
	}
	l.checkTables()
	l.checkRoutes(routes, compiled, templates)
	l.checkCycles(routes, compiled, templates)
	l.checkWriters(routes, compiled, templates)
	l.checkNothingUses()
	set.uses = l.uses.list()
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
func (l *loader) addBySource(all []sourceFindings) {
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

// templatesOf decodes the templates that can be chosen or are not used at all.
// One that only others extend needs no target and is checked with these.
func (l *loader) templatesOf(routes []*routeDecl) map[string]*template {
	used := map[string]bool{}
	for _, r := range routes {
		for _, ref := range r.templates {
			used[ref.name] = true
		}
		if r.noMatch != nil {
			used[r.noMatch.name] = true
		}
	}
	templates := map[string]*template{}
	for _, name := range sortedKeys(l.templates) {
		if l.givenUp() {
			break
		}
		d := l.templates[name]
		if d.extended && !used[name] && d.attrs["target"] == nil {
			continue
		}
		if d.extended && !used[name] {
			// What is wrong with it is wrong with those that extend it; what they
			// replace does no harm.
			kept := l.findings
			l.findings = findings{}
			t := l.template(d)
			l.findings = kept
			if t != nil && t.ok {
				templates[name] = t
			}
			continue
		}
		if t := l.template(d); t != nil {
			t.used = used[name]
			templates[name] = t
		}
	}
	return templates
}

// adopt fills in what of a template is known with its first source.
func (l *loader) adopt(t *template, c *candidate, source connectors.Collection) {
	comments := l.comments(t.decl, l.schema(source), t.schema)
	l.checkAttachments(t, l.schema(source))
	l.useTable(t, source)
	if c == nil {
		return
	}
	if t.made.Comments.Inbound == nil && t.made.Comments.Outbound == nil {
		t.made.Comments = comments
	}
	t.made.WritesBack = t.made.WritesBack || len(c.inbound) > 0 || t.made.State != nil && t.made.State.Direction != Outbound ||
		len(t.made.Comments.Inbound) > 0 || len(t.made.Files.Inbound) > 0
	t.made.WantsParentTicket = t.made.WantsParentTicket || c.wantsTicket
	if t.made.State != nil && t.made.State.SourceField == "" {
		t.made.State.SourceField = c.state
	}
}

func (l *loader) checkAttachments(t *template, source *connectors.Schema) {
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
// links keep theirs. nil: there is none, or it does not fit the source.
func (l *loader) unlisted(source connectors.Collection, templates map[string]*template) func(name string) *candidate {
	compiled := map[string]*candidate{}
	return func(name string) *candidate {
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

// sourcesOf are the record types that routes read, and then all others that there
// are. Of the connectors of one system one stands for all: they have the same.
func (l *loader) sourcesOf(routes []*routeDecl) (all recordTypes) {
	seen := map[[2]string]bool{}
	add := func(c connectors.Collection) {
		if key := [2]string{c.Type, c.Record}; !seen[key] {
			seen[key] = true
			all.known = append(all.known, c)
		}
	}
	for _, r := range routes {
		if r.sourceOK {
			add(r.source)
		}
	}
	all.read = len(all.known)
	for _, name := range sortedKeys(l.connectors) {
		made := l.connectors[name].made
		if made == nil {
			continue
		}
		for _, record := range made.System.Records {
			if _, ok := made.System.Schema(record); ok {
				add(connectors.Collection{Type: made.System.Type, Connector: name, Record: record})
			}
		}
	}
	return all
}

// recordTypes are the record types of a configuration; routes read the first of
// them.
type recordTypes struct {
	known []connectors.Collection
	read  int
}

// stateOfUnlisted names the state field of the source for a template that no route
// lists: links that it has made may be there still.
func (l *loader) stateOfUnlisted(t *template, sources recordTypes) {
	s := t.made.State
	if s == nil || s.SourceField != "" {
		return
	}
	for _, c := range sources.known[:sources.read] {
		if state := l.schema(c).State; state != nil {
			s.SourceField = state.Field
			return
		}
	}
}

// checkUnused warns of a template that no route uses. Its expressions are
// checked against the source that they fit best.
func (l *loader) checkUnused(t *template, sources recordTypes) {
	l.warn(t.decl.at, fmt.Sprintf("no route uses template %q", t.decl.name),
		"List it in a route's templates, let another template extend it, or delete it.")
	// A source whose record is not even named fits less than one with a
	// misspelled field.
	misfit := func(f *findings) int {
		n := 0
		for _, d := range f.list {
			if d.severity == SeverityError {
				n++
			}
			if strings.HasPrefix(d.summary, "unknown name") {
				n += len(t.fields) + 1
			}
		}
		return n
	}
	var best *findings
	for _, source := range sources.known {
		if source == t.made.Target {
			continue
		}
		f := &findings{}
		l.compile(t, source, f, &uses{})
		if best == nil || misfit(f) < misfit(best) {
			best = f
		}
		if best.errors() == 0 {
			break
		}
	}
	if best != nil {
		l.add(best)
	}
}
