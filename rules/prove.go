package rules

// A model is a configuration whose parts are known and of the right types. Proofs
// read it and change nothing.
type model struct {
	routes    []*routeDecl
	templates map[string]*template // that can be chosen, or are not used at all
	compiled  map[compiledKey]*compiledTemplate
	tables    map[string]*tableDecl
	variables map[string]*variable
	locals    map[string]*local
	given     func(variable string) (value string, ok bool, from string)
	files     *parser
}

// proofs are what is to hold of a configuration as a whole. The last is about what
// nothing uses: what the others find may hide a use.
var proofs = []func(*model, *findings){proveRoutes, proveCycles, proveWriters, proveUses}

// prove runs the proofs.
func (m *model) prove(p *progress) {
	for _, proof := range proofs {
		if p.givenUp() {
			return
		}
		proof(m, p.findings)
	}
}
