package servicenow_test

import (
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
)

func TestCanTransition(t *testing.T) {
	mover := new(servicenow.Connector)
	incident := func(state any) connectors.Record {
		return connectors.Record{
			Ref:    connectors.Ref{Collection: connectors.Collection{Type: "servicenow", Connector: "itsm", Record: "incident"}, ID: "1"},
			Fields: map[string]any{"state": state},
		}
	}
	for _, from := range []any{int64(1), int64(2), int64(3), int64(6), int64(42), nil, "Fancy", map[string]any{}} {
		for _, to := range []string{"1", "2", "3", "6", "7", "8", "42"} {
			if !mover.CanTransition(incident(from), to) {
				t.Errorf("%v to %s is not tried", from, to)
			}
		}
	}
	for _, from := range []any{int64(7), int64(8), "7", "8"} {
		for _, to := range []string{"1", "2", "3", "6", "7", "8", "42"} {
			stays := from == int64(7) && to == "7" || from == int64(8) && to == "8" || from == to
			if got := mover.CanTransition(incident(from), to); got != stays {
				t.Errorf("%v to %s: %t", from, to, got)
			}
		}
	}
	task := incident(int64(7))
	task.Ref.Record = "sc_task"
	if !mover.CanTransition(task, "1") {
		t.Error("another table has the state model of incident")
	}
}
