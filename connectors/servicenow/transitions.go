package servicenow

import (
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// The states of an incident that nothing leads out of: the product documents
// that a closed incident cannot be reopened, and that a canceled one is at the
// end of the state model.
const (
	stateClosed   = "7"
	stateCanceled = "8"
)

var _ connectors.TransitionChecker = (*Connector)(nil)

// CanTransition reports whether the ticket may be moved to the state. Of an incident
// all moves are taken but those out of Closed and Canceled; other tables have
// state models of their own, and there the instance decides.
func (c *Connector) CanTransition(record connectors.Record, to string) bool {
	if record.Ref.Record != "incident" {
		return true
	}
	from, err := values.Text(record.Fields["state"])
	if err != nil {
		return true
	}
	from = strings.TrimSpace(from)
	return from != stateClosed && from != stateCanceled || from == strings.TrimSpace(to)
}

// mandatoryIn are the fields that the product's data policies make mandatory
// when an incident is moved to the state; an instance may have others.
func mandatoryIn(table, state string) []string {
	if table != "incident" {
		return nil
	}
	switch state {
	case "6", stateClosed:
		return []string{"close_code", "close_notes"}
	case "3":
		return []string{"hold_reason"}
	}
	return nil
}
