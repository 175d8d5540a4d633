package rules

import "github.com/lockstep-sync/lockstep/rules/expr"

// A router decides the records of one route.
type router struct {
	candidates []*compiledTemplate // in the order tried
	noMatch    *compiledTemplate   // nil: no ticket
	// unlisted compiles a template that the route does not list, for links that were
	// made when it did; nil: it is gone, or does not fit the source.
	unlisted func(name string) *compiledTemplate
	record   string // what expressions call the source
	parent   string // what they call its parent, empty if it has none
	locals   map[string]any
}

// A compiledTemplate is a template compiled for the records of one source.
type compiledTemplate struct {
	template *Template
	when     *expr.Condition // nil: always
	values   []*mapping      // of once and outbound, sorted by field
	inbound  []*mapping      // as written
	entries  []*mapping      // inbound, with each entry of a map on its own, sorted by field

	shown    []string // fields of the ticket that go back although it is private
	audience string   // the ticket's field that says who may see it

	needsParent bool // something looks at parent
	wantsTicket bool // a value looks at parent.ticket

	state    string // dotted path of the raw state; empty: no table
	category string // of its category
	mode     string // of what lifecycle.modes is compared with
	modes    []string
	status   string // of what lifecycle.statuses is compared with
	statuses []string
}
