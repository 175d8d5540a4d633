package plan

import (
	"maps"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// A Kind is what an operation does.
type Kind string

// The kinds of operations.
const (
	KindNone       Kind = "none"
	KindTell       Kind = "tell"   // the records that belong to this one are looked at: it turned private or public
	KindChange     Kind = "change" // those are decided again whose rules look at this one: it has changed
	KindClaim      Kind = "claim"  // that a ticket is about to be opened
	KindCreate     Kind = "create"
	KindAdopt      Kind = "adopt" // the ticket that carries the record's key
	KindUpdate     Kind = "update"
	KindTransition Kind = "transition" // an update that moves the state
	KindComment    Kind = "comment"
	KindAttach     Kind = "attach"
	KindStop       Kind = "stop"
	KindReopen     Kind = "reopen"
	KindGone       Kind = "gone"
	KindWait       Kind = "wait"
	KindGiveUp     Kind = "give_up"
)

// An Operation is one thing to be done, with what its carrying out needs. What
// people are shown of it has no contents.
type Operation struct {
	Kind   Kind       `json:"kind"`
	Side   links.Side `json:"side,omitempty"` // that is written
	Fields []string   `json:"fields,omitempty"`
	Until  time.Time  `json:"until,omitzero"`
	Reason string     `json:"reason,omitempty"`

	// Retry says that waiting counts as a failure, and ends in a dead letter after
	// a day of it; Until is then the latest time to look again.
	Retry bool `json:"-"`
	// Counted says that the wait is counted, and ends in nothing after some time.
	Counted bool `json:"-"`

	Writes []Write           `json:"-"` // update and transition
	Moving map[string]any    `json:"-"` // transition: may travel along
	Item   *Item             `json:"-"` // comment and attach
	Draft  *connectors.Draft `json:"-"` // create
	Found  *Tickets          `json:"-"` // adopt: the first of the own ones

	// What becomes of what is stored.
	Link     *links.Link     `json:"-"` // as it will be; nil: it stays
	Unclaim  bool            `json:"-"` // the claim goes
	Remember *links.Unlinked `json:"-"` // of a record without a link
	Purge    bool            `json:"-"` // nothing of the record may be kept
	Failed   []Failure       `json:"-"` // dead letters
	Ended    []Failure       `json:"-"` // dead letters about what is over
	Notes    []Note          `json:"-"`
}

// A Plan is what is to be done about a record on one route, as far as it is
// known by now.
type Plan struct {
	Operations []Operation // in their order
	// Again is true where the plan is to be asked again when they are carried out.
	Again bool

	Link      *links.Link // as it will be before an operation is answered; nil: it stays
	Notes     []Note
	Failed    []Failure // new dead letters
	Recovered []string  // fields whose dead letters have come true
	Ended     []Failure // dead letters about what is over
	Diverged  bool      // something stands on one side alone, and is left there
	Refused   bool      // something is not tried until it changes
}

// only is the plan of one operation.
func only(o Operation) Plan { return Plan{Operations: []Operation{o}} }

// then is the plan of one operation after which the plan is asked again.
func then(o Operation) Plan { return Plan{Operations: []Operation{o}, Again: true} }

func nothing(reason string) Plan { return only(Operation{Kind: KindNone, Reason: reason}) }

// refuse remembers a refusal in the link of the plan, with a dead letter if it
// is a new one.
func (p *Plan) refuse(o *Observation, name, pair string, f Failure) {
	if o.Reject(p.Link, name, pair, f) {
		p.Failed = append(p.Failed, Failure{Field: links.Label(name), Reason: f.Reason, Message: f.Message, Forbidden: f.Forbidden})
	}
}

// writing is the operation that sends fields to one side, in one request (rule 3.8).
func writing(to links.Side, writes []Write) Operation {
	op := Operation{Kind: KindUpdate, Side: to, Writes: writes}
	for _, f := range writes {
		op.Fields = append(op.Fields, f.Mapping.Field)
		if f.Mapping.State {
			op.Kind = KindTransition
		}
	}
	slices.Sort(op.Fields)
	return op
}

// GivenUp are the operations that stand for failures.
func GivenUp(failures []Failure) []Operation {
	var all []Operation
	for _, f := range failures {
		all = append(all, Operation{Kind: KindGiveUp, Fields: []string{f.Field}, Reason: f.Reason})
	}
	return all
}

// Needs is the evidence that a plan asks for. It is asked again with it.
type Needs struct {
	Read          links.Side // the record of that side
	Judge         links.Side // whether the record of that side, which was not found, was deleted
	Decision      bool       // what the rules say, with the record's parent
	Parent        bool       // what the record belongs to
	ParentPrivacy bool       // whether a record that is not found is private, or may be
	ParentTicket  bool       // whether what the record belongs to may still get a ticket
	Tickets       bool       // those that carry the record's key
	Unkeyed       bool       // those that were opened since the claim and carry no key
	Histories     bool       // the changes of both records
	Lists         []ListNeed
	Media         []MediaNeed
	Resolve       map[links.Side][]rules.Value // what the systems make of these values
}

// None reports whether nothing is missing.
func (n *Needs) None() bool {
	return n.Read == "" && n.Judge == "" && !n.Decision && !n.Parent && !n.ParentPrivacy && !n.ParentTicket && !n.Tickets && !n.Unkeyed && !n.Histories &&
		len(n.Lists) == 0 && len(n.Media) == 0 && len(n.Resolve) == 0
}

// An Answer is what is known of a question.
type Answer int

// Unknown is what was not asked.
const (
	Unknown Answer = iota
	No
	Yes
	Maybe // it was asked, and nobody can tell
)

// AnswerOf is the answer that a truth value gives.
func AnswerOf(yes bool) Answer {
	if yes {
		return Yes
	}
	return No
}

// fieldsOf are the names of fields, sorted.
func fieldsOf(fields ...map[string]any) []string {
	all := map[string]any{}
	for _, f := range fields {
		maps.Copy(all, f)
	}
	return slices.Sorted(maps.Keys(all))
}
