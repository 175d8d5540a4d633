package plan

import (
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/engine/links"
)

// A Kind is what an operation does.
type Kind string

// The kinds of operations.
const (
	KindNone       Kind = "none"
	KindCreate     Kind = "create"
	KindAdopt      Kind = "adopt" // the ticket that carries the record's key
	KindUpdate     Kind = "update"
	KindTransition Kind = "transition"
	KindStop       Kind = "stop"
	KindReopen     Kind = "reopen"
	KindGone       Kind = "gone"
	KindWait       Kind = "wait"
	KindGiveUp     Kind = "give_up"
)

// An Operation is one thing that would be done.
type Operation struct {
	Kind   Kind       `json:"kind"`
	Side   links.Side `json:"side,omitempty"` // that is written
	Fields []string   `json:"fields,omitempty"`
	Until  time.Time  `json:"until,omitzero"`
	Reason string     `json:"reason,omitempty"`
}

// Operations are what an update would do, in its order: the target is written
// before the source (rule 3.8). Values that cannot be carried out are given up.
func (u Update) Operations() []Operation {
	if u.Supersede {
		return []Operation{{Kind: KindReopen, Side: links.Target, Reason: "the record came back after its ticket was closed"}}
	}
	var all []Operation
	for _, to := range []links.Side{links.Target, links.Source} {
		fields, moves := []string{}, []string{}
		for _, f := range u.Writes {
			switch {
			case f.Mapping.Side != to:
			case f.Mapping.State:
				moves = append(moves, f.Mapping.Field)
			default:
				fields = append(fields, f.Mapping.Field)
			}
		}
		slices.Sort(fields)
		if len(fields) > 0 {
			all = append(all, Operation{Kind: KindUpdate, Side: to, Fields: fields})
		}
		if len(moves) > 0 {
			all = append(all, Operation{Kind: KindTransition, Side: to, Fields: moves})
		}
	}
	return append(all, GivenUp(u.Letters)...)
}

// GivenUp are the operations that stand for failures.
func GivenUp(failures []Failure) []Operation {
	var all []Operation
	for _, f := range failures {
		all = append(all, Operation{Kind: KindGiveUp, Fields: []string{f.Field}, Reason: f.Reason})
	}
	return all
}
