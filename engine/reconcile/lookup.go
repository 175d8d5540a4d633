package reconcile

import (
	"context"
	"fmt"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
)

// keyed are the tickets that carry a key, oldest first. Only lockstep's own are
// ever taken for a record's ticket: anybody can write a key into a ticket, and
// what is written into that ticket then is theirs to read (rule 7.3).
type keyed struct {
	own   []connectors.Record
	taken []connectors.Record // created by somebody else
}

// lookUp is the one way to find a ticket by its key.
func (w observer) lookUp(ctx context.Context, g *breaker.Breaker, target connectors.Target, in connectors.Collection, key string) (keyed, error) {
	found, err := breaker.Ask(g, breaker.Kind(breaker.OpLookUp, in.Record), func() ([]connectors.Record, error) {
		return target.FindByKey(ctx, in, key)
	})
	if err != nil {
		return keyed{}, err
	}
	var k keyed
	for _, ticket := range found {
		if ticket.Foreign {
			k.taken = append(k.taken, ticket)
		} else {
			k.own = append(k.own, ticket)
		}
	}
	return k, nil
}

// mostNamed bounds the tickets that one dead letter names.
const mostNamed = 5

// keyTaken says which tickets carry the key that somebody else created, and
// what to do. kept is the record's own ticket; nil: it has none, and gets none.
func (w observer) keyTaken(taken []connectors.Record, key string, kept *connectors.Ref) string {
	var named []string
	for _, t := range taken[:min(len(taken), mostNamed)] {
		by := "created by " + t.CreatedBy
		if t.CreatedBy == "" {
			by = "whose creator cannot be told"
		}
		named = append(named, strings.TrimSpace(fmt.Sprintf("%s %s, %s", t.Number, t.Ref, by)))
	}
	if more := len(taken) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("%d more", more))
	}
	message := fmt.Sprintf("lockstep's key of this record, %s, stands in a ticket that lockstep's own user did not create: %s; it is neither taken over nor written", key, strings.Join(named, "; "))
	if kept != nil {
		return message + fmt.Sprintf(". %s is the record's ticket and is kept in step; remove the key from the other", kept)
	}
	return message + fmt.Sprintf(", and no second ticket is opened. If it is the record's ticket (lockstep had another user then, or someone opened it for this record), "+
		"run: lockstep links adopt %s %s %s. If not, remove the key from it, then run: lockstep dead retry", w.route.Name, w.source, taken[0].Ref)
}
