package rules

import "github.com/lockstep-sync/lockstep/connectors"

// A model is a configuration whose parts are known and of the right types. Proofs
// read it and change nothing.
type model struct {
	routes    []*routeDecl
	templates map[string]*template // that can be chosen, or are not used at all
	compiled  map[compiledKey]*compiledTemplate
	tables    map[string]*tableDecl
	variables map[string]*variable
	locals    map[string]*local
	files     *parsed
	included  map[string][]byte // what file() read
}

type compiledKey struct {
	template *template
	source   connectors.Collection
}
