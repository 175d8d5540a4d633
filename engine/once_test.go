package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// byKeyAlone makes the world one that keeps no keys, and takes them for idempotency
// keys for an hour.
func (r *rig) byKeyAlone() {
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	r.world.keyless, r.world.onceFor = true, time.Hour
}

// TestOneTicketByItsKeyAlone: where a system keeps no key and takes it for an
// idempotency key, a creation whose answer was lost is sent again, and whatever fails
// and wherever the daemon is killed, there is one ticket.
func TestOneTicketByItsKeyAlone(t *testing.T) {
	lost, taken := fault{class: connectors.ClassUnclear}, sample()
	for name, create := range map[string][]fault{
		"no fault":         nil,
		"lost, not done":   {lost},
		"lost, done":       {{class: connectors.ClassUnclear, after: true}},
		"lost, done later": {{class: connectors.ClassUnclear, late: 110 * time.Second}},
		"lost three times": {lost, lost, {class: connectors.ClassUnclear, after: true}},
		"answered unseen":  {{class: connectors.ClassUnclear, after: true, made: true}},
		"then refused":     {{class: connectors.ClassUnclear, after: true}, {class: connectors.ClassThrottled, pause: 5 * time.Minute}},
	} {
		for _, crash := range []reconcile.Step{"", reconcile.StepClaimed, reconcile.StepLookedUp, reconcile.StepCreated, reconcile.StepConfirmed} {
			if !taken() {
				continue
			}
			t.Run(name+"/"+string(crash), func(t *testing.T) {
				simulate(t, func(r *rig) {
					r.byKeyAlone()
					r.start(oneRoute)
					r.world.fail("itsm", "create", create...)
					ref := incidents.Ref("01A")
					r.world.put(ref, false, critical())
					r.crash.Store(crash)
					r.hint(ref)
					r.pass(3 * time.Second)
					if crash != "" {
						r.kill()
						r.crash.Store(reconcile.Step(""))
						r.start(oneRoute)
					}
					r.world.edit(ref, "title", "Edited meanwhile")
					r.hint(ref)
					r.pass(50 * time.Minute)
					if title := r.world.field(r.oneTicket(), "title"); title != "Edited meanwhile" {
						t.Errorf("the ticket says %v", title)
					}
					if all := r.links(); len(all) != 1 || all[0].State != links.Active {
						t.Errorf("links: %+v", all)
					}
					if letters := r.dead(); len(letters) != 0 {
						t.Errorf("dead letters: %+v", letters)
					}
					r.world.resetCalls()
					r.pass(8 * 24 * time.Hour)
					if writes := r.writes(); len(writes) != 0 {
						t.Errorf("at rest it wrote %v", writes)
					}
				})
			})
		}
	}
}

// TestAnOldKeyIsNotReliedOn: an idempotency key may be forgotten. Then a creation is not
// sent again while something may be what it made; where nothing is, it is.
func TestAnOldKeyIsNotReliedOn(t *testing.T) {
	for name, test := range map[string]struct {
		faults []fault
		found  bool
	}{
		"done":               {[]fault{{class: connectors.ClassUnclear, after: true}}, true},
		"not done":           {[]fault{{class: connectors.ClassUnclear}}, false},
		"done, then refused": {[]fault{{class: connectors.ClassUnclear, after: true}, {class: connectors.ClassRejected}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.byKeyAlone()
				r.start(oneRoute)
				r.world.fail("itsm", "create", test.faults...)
				ref, other := incidents.Ref("01A"), incidents.Ref("01B")
				r.world.put(ref, false, critical())
				r.hint(ref)
				r.pass(3 * time.Second)
				if len(test.faults) > 1 {
					r.pass(30 * time.Minute)
				}
				r.world.put(other, false, critical())
				r.hint(other) // whose ticket is not taken for the first one's
				r.pass(3 * time.Second)
				r.kill()
				r.pass(2 * time.Hour)
				r.start(oneRoute)
				r.world.edit(ref, "title", "Edited since")
				r.hint(ref)
				r.pass(time.Hour)
				if n := len(r.world.list(tickets)); n != 2 {
					t.Errorf("%d tickets of two records", n)
				}
				if !test.found {
					if letters := r.dead(); len(letters) != 0 {
						t.Errorf("dead letters: %+v", letters)
					}
					return
				}
				said := ""
				for _, letter := range r.dead() {
					if letter.Reason == deadletter.ReasonUnknownTicket {
						said = letter.Message
					}
				}
				if !strings.Contains(said, "fake.itsm.ticket/0001") || strings.Contains(said, "0002") {
					t.Errorf("dead letters: %+v", r.dead())
				}
			})
		})
	}
}

// TestALostStoreAndAnIdempotencyKey: the ticket that a creation is answered with may be
// one of long ago, which is then brought up to date.
func TestALostStoreAndAnIdempotencyKey(t *testing.T) {
	simulate(t, func(r *rig) {
		r.byKeyAlone()
		r.world.onceFor = 1000 * time.Hour
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		ticket := r.oneTicket()
		r.kill()
		r.world.edit(ref, "title", "Edited while nobody looked")
		lost := &rig{t: t, world: r.world, log: r.log}
		lost.store = newStore()
		lost.start(oneRoute)
		defer lost.kill()
		lost.hint(ref)
		lost.pass(time.Hour)
		if again := lost.oneTicket(); again != ticket || r.world.field(ticket, "title") != "Edited while nobody looked" {
			t.Errorf("%s says %v", again, r.world.field(again, "title"))
		}
		if n := r.world.count("update"); n != 1 {
			t.Errorf("%d updates, want 1", n)
		}
		if letters := lost.dead(); len(letters) != 0 {
			t.Errorf("dead letters: %+v", letters)
		}
	})
}
