package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
)

const canary = "canary-7f3a"

// TestARefusedWriteIsNotRepeatedForAPrivateRecord: the record turns private
// while the first request is refused.
func TestARefusedWriteIsNotRepeatedForAPrivateRecord(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.fail("itsm", "update", fault{class: connectors.ClassRejected, field: "title", then: func() { r.world.put(ref, true, nil) }})
		r.world.put(ref, false, map[string]any{"title": "Refused", "detail": canary})
		r.hint(ref)
		r.pass(time.Minute)
		if detail := r.world.field(ticket, "detail"); detail == canary {
			t.Error("it was written after the record had turned private")
		}
		if l := r.links(); l[0].State != engine.Stopped {
			t.Errorf("links: %+v", l)
		}
	})
}

// TestNothingIsOpenedForARecordThatTurnedPrivateMeanwhile: looking the key up
// takes long, and the record turns private.
func TestNothingIsOpenedForARecordThatTurnedPrivateMeanwhile(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.world.fail("itsm", "look up", fault{ok: true, then: func() {
			time.Sleep(5 * time.Second)
			r.world.put(ref, true, nil)
		}})
		r.hint(ref)
		r.pass(time.Hour)
		if n := len(r.world.list(tickets)); n != 0 {
			t.Errorf("%d tickets", n)
		}
	})
}

// TestAClaimThatWasStoppedGoesOnWhenTheRecordIsPublicAgain, with the ticket
// that an unseen answer had opened, or without.
func TestAClaimThatWasStoppedGoesOnWhenTheRecordIsPublicAgain(t *testing.T) {
	for name, done := range map[string]bool{"a ticket was opened": true, "none was": false} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(oneRoute)
				ref := incidents.Ref("01A")
				r.world.put(ref, false, critical())
				r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear, after: done, then: func() { r.world.put(ref, true, nil) }})
				r.hint(ref)
				r.pass(time.Hour)
				if l := r.links(); len(l) != 1 || l[0].State != engine.Stopped {
					t.Fatalf("links: %+v", l)
				}
				if n := r.world.count("create"); n != 1 {
					t.Errorf("%d creates for a private record", n)
				}
				r.world.put(ref, false, map[string]any{"title": "public again"})
				r.pass(time.Hour)
				r.oneTicket()
				if l := r.links(); len(l) != 1 || l[0].State != engine.Active {
					t.Errorf("links: %+v", l)
				}
			})
		})
	}
}

// TestNothingOfARecordThatTurnsPrivateIsKept: it had no ticket, but a dead
// letter and decisions that quote it.
func TestNothingOfARecordThatTurnsPrivateIsKept(t *testing.T) {
	simulate(t, func(r *rig) {
		const quote = "as the test wants"
		r.start(oneRoute)
		r.world.fail("itsm", "create", fault{class: connectors.ClassRejected})
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		if letters := r.dead(); len(letters) != 1 || !strings.Contains(letters[0].Message, quote) {
			t.Fatalf("dead letters: %+v", letters)
		}
		r.world.put(ref, true, nil)
		r.hint(ref)
		for _, d := range r.dead() {
			if strings.Contains(d.Message, quote) {
				t.Errorf("dead letter: %+v", d)
			}
		}
		for _, entry := range r.decisions(ref) {
			if strings.Contains(entry.Error, quote) {
				t.Errorf("decision: %+v", entry)
			}
		}
	})
}
