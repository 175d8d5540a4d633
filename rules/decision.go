package rules

import "github.com/lockstep-sync/lockstep/connectors"

// Input is everything one decision rests on.
type Input struct {
	Record connectors.Record
	// Linked is the template of the link that the record already has on this
	// route; empty if it has none. A link keeps its template.
	Linked string
	// LinkID is what the link is called, or would be.
	LinkID string
	// Parent is what Record.Parent names; nil: not read, or it has none.
	Parent *Parent
	// Ticket is the record's ticket, for what is written back; nil: there is
	// none, or it was not read.
	Ticket *connectors.Record
	// Ancestors are the connectors of the records that this one was opened for by
	// lockstep, directly or over others: no new ticket is opened there for it.
	Ancestors []string
	// WithOnce renders the once mappings of a record that has a ticket as well:
	// some systems ask for them when the ticket's state changes.
	WithOnce bool
	// State, if set, is taken for the label of the record: of one that is gone,
	// and so cannot say.
	State string
	// Done, if not nil, ends the decision when it is closed: whatever is not
	// worked out then fails as too costly.
	Done <-chan struct{}
}

// A Parent is a record's parent with its oldest ticket in each connector.
type Parent struct {
	Record  connectors.Record
	Tickets map[string]Ticket // by connector name
}

// A Ticket is how rules see a ticket that they do not read.
type Ticket struct {
	ID     string
	Number string
	URL    string
}

// Action is what a decision leads to.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	None   Action = "none"
)

// A Decision says what should become of a record on one route. It is plain
// data. Values and Skipped hold contents of the record.
type Decision struct {
	Route    string
	Record   connectors.Ref
	Template string // empty: none was chosen
	// Condition is why Template was chosen, as written, white space folded;
	// empty where it has none, or was taken because nothing else matched.
	Condition string
	Target    connectors.Collection
	Action    Action
	Reason    string // why nothing is done: "no template matched", "private", …
	// ForNow is true where nothing is done until the record moves on: it is in
	// triage, say.
	ForNow bool
	// State is the label that the template's state table gives the source;
	// empty: unmapped, or no table.
	State string
	// Skipped are the templates tried before the one chosen, in order.
	Skipped []Skipped
	// Values are the mappings of once (if Action is Create, or Input.WithOnce)
	// and outbound, sorted by field, also those that failed or are null.
	Values []Value
	// Inbound are the mappings of inbound, sorted by field, if Action is Update
	// and the ticket was given. An entry of a map field is named FIELD/ENTRY.
	Inbound []Value
	// Withheld is true where the ticket is private and the route does not take that:
	// of its contents nothing goes back, items included.
	Withheld bool
	// AwaitsParent is true where a value asked for parent.ticket and the
	// parent has none (yet).
	AwaitsParent bool
	// Err is set where it cannot be decided, because a condition is too costly
	// (connectors.ErrTooCostly): no other template takes the place of its.
	Err error
}

// Skipped is a template whose condition did not match.
type Skipped struct {
	Template  string
	Condition string    // as written, white space folded
	Operands  []Operand // the fields that decided it
	Err       error     // the condition failed; Operands is empty
}

// An Operand is a field reference of a condition with its value, as JSON.
type Operand struct {
	Path string
	JSON string
}

// A Value is one rendered mapping.
type Value struct {
	Field string
	Once  bool   // only at creation
	Expr  string // digest of the mapping as written, to tell an edited one
	// Value is nil (leave the field alone), a scalar as in connectors.Record, a
	// connectors.Lookup, or lists and maps of these.
	Value any
	Err   error // the mapping failed
	// Pair is the field of the mapping of the other direction that writes what
	// this one reads and reads what it writes; empty: it has no pair.
	Pair string
	// Reads are the fields of the other record that the mapping reads, as paths
	// within it.
	Reads [][]string
}
