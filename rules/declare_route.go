package rules

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A routeDecl is a route block with the places of what is in it.
type routeDecl struct {
	name      string
	at        hcl.Range
	source    connectors.Collection
	sourceAt  hcl.Range
	sourceOK  bool
	create    bool
	private   bool
	templates []templateRef
	noMatch   *templateRef
	broken    bool // what it names is not all known
}

// A templateRef is a template that a route names.
type templateRef struct {
	name string
	at   hcl.Range
}

// refs returns the templates that a route names, that of no_match last.
func (r *routeDecl) refs() []templateRef {
	if r.noMatch == nil {
		return r.templates
	}
	return append(slices.Clone(r.templates), *r.noMatch)
}

// A routeReader reads the route blocks.
type routeReader struct {
	*findings
	read      *decoder
	catalog   *catalog
	templates map[string]*templateDecl
}

// decodeRoutes reads the route blocks, in the order of files and lines.
func (l *routeReader) decodeRoutes(blocks []*hclsyntax.Block) []*routeDecl {
	var all []*routeDecl
	first := map[string]hcl.Range{}
	for _, b := range blocks {
		name := b.Labels[0]
		if at, ok := first[name]; ok {
			l.duplicate(b.LabelRanges[0], at, "route "+quote(name), "A name stands for one route.")
			continue
		}
		first[name] = b.DefRange()
		before := l.errors()
		r := l.decodeRoute(b)
		r.broken = l.errors() > before
		all = append(all, r)
	}
	return all
}

func (l *routeReader) decodeRoute(b *hclsyntax.Block) *routeDecl {
	in := l.read.content(b.Body, b.DefRange(), "route",
		[]string{"source", "create", "private", "templates", "no_match"}, nil, "source", "templates")
	r := &routeDecl{name: b.Labels[0], at: b.DefRange()}
	if a := in.attr("source"); a != nil {
		r.sourceAt = a.Expr.Range()
		r.source, r.sourceOK = l.catalog.collection(l.findings, a)
	}
	r.create = l.read.boolean(in.attr("create"), true)
	r.private = l.read.boolean(in.attr("private"), false)
	if a := in.attr("no_match"); a != nil && !isNull(a.Expr) {
		if name, at, ok := referenceTo(l.findings, a.Expr, "template", l.templates); ok {
			r.noMatch = &templateRef{name, at}
		}
	}
	a := in.attr("templates")
	if a == nil {
		return r
	}
	exprs, diags := hcl.ExprList(a.Expr)
	if diags.HasErrors() {
		l.err(a.Expr.Range(), "templates must be a list", "Write templates = [template.NAME, …], in the order in which they are to be tried.")
		return r
	}
	if len(exprs) == 0 && in.attr("no_match") == nil {
		l.err(a.Expr.Range(), "a route without templates", "List at least one, as in templates = [template.NAME], or set no_match.")
	}
	listed := map[string]hcl.Range{}
	for _, e := range exprs {
		name, at, ok := referenceTo(l.findings, e, "template", l.templates)
		if !ok {
			continue
		}
		if first, ok := listed[name]; ok {
			l.duplicate(at, first, "template "+quote(name)+" in this route", "The first template that matches is chosen; the second of the same can never be.")
			continue
		}
		listed[name] = at
		r.templates = append(r.templates, templateRef{name, at})
	}
	return r
}
