package engine_test

import (
	"testing"
	"time"
)

// slows makes every answer of the connectors come a minute late.
func (r *rig) slows(names ...string) {
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	r.world.slow = map[string]time.Duration{}
	for _, name := range names {
		r.world.slow[name] = time.Minute
	}
}

// until passes time until the condition holds, and fails after so long.
func (r *rig) until(most time.Duration, what string, holds func() bool) {
	r.t.Helper()
	for began := time.Now(); !holds(); r.pass(time.Second) {
		if time.Since(began) > most {
			r.t.Fatalf("not within %v: %s", most, what)
		}
	}
}

// TestASlowSystemIsKeptInStep: with answers that come a minute late everything
// goes on, slowly: tickets are opened, once, and edited, and written back.
func TestASlowSystemIsKeptInStep(t *testing.T) {
	for _, slow := range [][]string{{"itsm"}, {"acme"}, {"itsm", "acme"}} {
		t.Run(slow[0]+slow[len(slow)-1], func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(talking)
				r.slows(slow...)
				ref := incidents.Ref("01A")
				r.world.put(ref, false, critical())
				r.world.say(ref, "update", "Lisa", "first words")
				r.hint(ref)
				r.until(10*time.Minute, "a ticket", func() bool { return len(r.world.list(tickets)) > 0 })
				r.until(20*time.Minute, "the comment", func() bool { return len(r.world.said(r.oneTicket())) == 1 })
				r.world.edit(ref, "title", "Database is slow")
				r.until(10*time.Minute, "the edit", func() bool { return r.world.written("Database is slow") })
				if letters := r.dead(); len(letters) != 0 {
					t.Errorf("dead letters: %+v", letters)
				}
				if n := r.world.count("create"); n != 1 {
					t.Errorf("%d creations", n)
				}
			})
		})
	}
}

// TestARenewedLeaseSeesThatTheRecordTurnedPrivate: nothing is opened for a
// record that turned private while a slow system looked its key up.
func TestARenewedLeaseSeesThatTheRecordTurnedPrivate(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.world.fail("itsm", "look up", fault{ok: true, first: func() {
			time.Sleep(30 * time.Second)
			r.world.put(ref, true, nil)
		}})
		r.hint(ref)
		r.pass(time.Hour)
		if n := len(r.world.list(tickets)); n != 0 {
			t.Errorf("%d tickets of a private record", n)
		}
	})
}

// TestARenewedLeaseIsOfWhatWasRead: an edit of the ticket that was made while a
// write waited for its turn is not written over.
func TestARenewedLeaseIsOfWhatWasRead(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.edit(ref, "title", "Database is slow")
		r.world.held = func() {
			r.world.held = nil
			time.Sleep(20 * time.Second)
			r.world.edit(ticket, "title", "typed by hand")
		}
		r.hint(ref)
		r.pass(time.Hour)
		r.lostInJournal(ref, "typed by hand")
	})
}

// TestALeaseIsNotRenewedForWhatSomebodyElseHolds: who stood still for long finds
// another at it, and sends nothing.
func TestALeaseIsNotRenewedForWhatSomebodyElseHolds(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, _ := opened(r, oneRoute)
		r.world.edit(ref, "title", "Database is slow")
		links := r.store.Links
		r.world.held = func() {
			r.world.held = nil
			time.Sleep(20 * time.Second)
			entry, err := links.Get(t.Context(), r.links()[0].ID)
			if err == nil {
				_, err = links.Update(t.Context(), entry.Key, entry.Value, entry.Revision)
			}
			if err != nil {
				t.Error(err)
			}
			r.world.resetCalls()
		}
		r.hint(ref)
		r.pass(25 * time.Second)
		if n := r.world.count("update"); n != 0 {
			t.Errorf("%d requests under a lease that was another's", n)
		}
		r.pass(time.Hour)
		if !r.world.written("Database is slow") {
			t.Error("the edit was not written later")
		}
	})
}
