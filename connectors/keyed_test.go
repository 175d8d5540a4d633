package connectors_test

import (
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
)

// TestKeepKeyed: what was deleted since and what has another key is left out, and what
// cannot be read is not taken for absent.
func TestKeepKeyed(t *testing.T) {
	tickets := connectors.Collection{Type: "desk", Connector: "acme", Record: "ticket"}
	outage := &connectors.Error{Class: connectors.ClassUnclear}
	read := func(ref connectors.Ref) (connectors.Record, error) {
		switch ref.ID {
		case "deleted":
			return connectors.Record{}, connectors.NotFound("read", ref, "deleted")
		case "unread":
			return connectors.Record{}, outage
		case "clone":
			return connectors.Record{Ref: ref, Key: "k10"}, nil
		}
		return connectors.Record{Ref: ref, Key: "k1"}, nil
	}
	found, err := connectors.KeepKeyed(tickets, "k1", []string{"7", "deleted", "clone", "8"}, read)
	if err != nil || len(found) != 2 || found[0].Ref.ID != "7" || found[1].Ref.ID != "8" {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err := connectors.KeepKeyed(tickets, "k1", []string{"7", "unread"}, read); found != nil || err == nil {
		t.Errorf("a read that fails: %+v, %v", found, err)
	}
}
