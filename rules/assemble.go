package rules

import (
	"github.com/lockstep-sync/lockstep/connectors"
)

// assemble makes a set of what all stages have found to be right.
func assemble(dir string, d *declaration, m *model, c *compiler) *Set {
	set := &Set{
		Dir: dir, Daemon: d.daemon,
		Connectors: map[string]*Connector{}, Templates: map[string]*Template{}, Tables: map[string]*StateTable{},
	}
	for name, c := range d.catalog.connectors {
		set.Connectors[name] = c.result
	}
	for name, t := range d.tables {
		set.Tables[name] = t.result
	}
	for name, t := range d.templates {
		set.Templates[name] = t.result
	}
	for _, r := range d.routes {
		set.Routes = append(set.Routes, route(r, m, c))
	}
	return set
}

// route returns a route with its router.
func route(d *routeDecl, m *model, l *compiler) *Route {
	r := &Route{Name: d.name, Source: d.source, Create: d.create, Private: d.private}
	r.router = &router{
		record: r.Source.Record, parent: l.catalog.schema(r.Source).Parent, locals: l.locals.values,
		unlisted: l.unlisted(r.Source, m.templates),
	}
	add := func(ref templateRef) *compiledTemplate {
		c := m.compiled[compiledKey{m.templates[ref.name], d.source}]
		r.NeedsParent = r.NeedsParent || c.needsParent
		return c
	}
	for _, ref := range d.templates {
		c := add(ref)
		r.Templates = append(r.Templates, c.template)
		r.router.candidates = append(r.router.candidates, c)
	}
	if d.noMatch != nil {
		r.router.noMatch = add(*d.noMatch)
		r.NoMatch = r.router.noMatch.template
	}
	return r
}

// unlisted compiles, when it is asked for, a template that a route does not list:
// links keep theirs. nil: it is gone, or does not fit the source.
func (l *compiler) unlisted(source connectors.Collection, templates map[string]*template) func(name string) *compiledTemplate {
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
