package rules

// A declaration is what the blocks of a configuration say, as plain data.
type declaration struct {
	daemon    Daemon
	catalog   *catalog
	tables    map[string]*tableDecl
	routes    []*routeDecl
	templates map[string]*template // that can be chosen, or are not used at all
}

// declare reads blocks. False: the load is over.
func declare(p *progress, in *parsed, scope *evaluator) (*declaration, bool) {
	read := newDecoder(scope)
	d := &declaration{
		catalog: &catalog{systems: scope.systems, connectors: map[string]*connectorDecl{}}, tables: map[string]*tableDecl{},
	}
	daemon := daemonBlock{p.findings, read, in.files, p.hidden}
	connectors := connectorReader{p.findings, read, d.catalog}
	tables := tableReader{p.findings, read, d.catalog, d.tables}
	templates := templateReader{progress: p, read: read, templates: map[string]*templateDecl{}}
	for _, step := range []func(){
		func() { d.daemon = daemon.decodeDaemon(in.blocks["daemon"]) },
		func() { connectors.decodeConnectors(in.blocks["connector"]) },
		func() { tables.decodeTables(in.blocks["state_table"]) },
		func() { templates.decodeTemplates(in.blocks["template"]) },
	} {
		if step(); p.ended() {
			return nil, false
		}
	}
	routes := routeReader{p.findings, read, d.catalog, templates.templates}
	d.routes = routes.decodeRoutes(in.blocks["route"])
	bodies := bodyReader{p, read, &valueDecoder{p.findings, scope}, d.catalog, d.tables, templates.templates}
	d.templates = bodies.templatesOf(d.routes)
	return d, true
}
