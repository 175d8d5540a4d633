package engine_test

import (
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/memory"
	"github.com/lockstep-sync/lockstep/engine/storetest"
)

// onClock runs a test of a daemon whose wall clock can be set, in each way.
func onClock(t *testing.T, test func(r *rig, set func())) {
	for name, d := range map[string]time.Duration{
		"back an hour": -time.Hour, "back a month": -30 * 24 * time.Hour, "forward an hour": time.Hour, "forward a month": 30 * 24 * time.Hour, "not": 0,
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				clock := storetest.NewClock()
				r.clock, r.store = clock, memory.New(clock)
				test(r, func() { clock.Jump(d) })
			})
		})
	}
}

func TestAClockThatIsSetDelaysNoRetry(t *testing.T) {
	for name, c := range map[string]struct {
		fault fault
		most  time.Duration
	}{
		"that did not work":        {fault{class: connectors.ClassConflict}, 4 * time.Second},
		"that was throttled":       {fault{class: connectors.ClassThrottled, pause: time.Minute}, 64 * time.Second},
		"the answer is lost":       {fault{class: connectors.ClassUnclear}, 140 * time.Second},
		"the answer alone is lost": {fault{class: connectors.ClassUnclear, after: true}, 140 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			onClock(t, func(r *rig, set func()) {
				ref, _ := opened(r, oneRoute)
				r.world.fail("itsm", "update", c.fault)
				r.world.edit(ref, "title", "Database is slow")
				r.hint(ref)
				set()
				r.until(c.most, "the edit", func() bool { return r.world.written("Database is slow") })
				r.world.edit(ref, "title", "Database is fine") // and that nothing is under way any more
				r.hint(ref)
				r.until(time.Minute+c.most, "the next edit", func() bool { return r.world.written("Database is fine") })
			})
		})
	}
}

// TestAClockThatIsSetDelaysNoTicket, and makes none too many: a creation that
// answer to is lost may take effect for as long as ever.
func TestAClockThatIsSetDelaysNoTicket(t *testing.T) {
	for name, f := range map[string]fault{
		"never done": {class: connectors.ClassUnclear},
		"done late":  {class: connectors.ClassUnclear, late: 119 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			onClock(t, func(r *rig, set func()) {
				r.start(oneRoute)
				ref := incidents.Ref("01A")
				r.world.put(ref, false, critical())
				r.world.fail("itsm", "create", f)
				r.hint(ref)
				set()
				r.until(3*time.Minute, "a ticket", func() bool { return len(r.world.list(tickets)) > 0 })
				r.pass(time.Hour)
				r.oneTicket()
			})
		})
	}
}

func TestAClockThatIsSetDelaysNoPoll(t *testing.T) {
	onClock(t, func(r *rig, set func()) {
		ref, _ := opened(r, oneRoute)
		set()
		r.world.edit(ref, "title", "Database is slow")
		r.until(2*time.Minute, "the edit", func() bool { return r.world.written("Database is slow") })
	})
}

// TestAClockThatIsSetDelaysNoOtherWait: the wait for a parent's ticket ends, and
// the key of a new ticket is looked up again.
func TestAClockThatIsSetDelaysNoOtherWait(t *testing.T) {
	onClock(t, func(r *rig, set func()) {
		r.start(oneRoute + `
route "follow_ups" {
  source    = fake.acme.follow_up
  templates = [template.follow_up]
}
template "follow_up" {
  target = fake.itsm.ticket
  once { parent = "{{ parent.ticket.id }}" }
  outbound { title = "{{ follow_up.title }}" }
}
`)
		incident, followUp := incidents.Ref("01A"), followUps.Ref("02F")
		r.world.put(incident, false, critical())
		r.world.put(followUp, false, map[string]any{"title": "Write it up"})
		r.world.mu.Lock()
		r.world.records[followUp].parent = incident
		r.world.changed = nil // no poll tells of the incident
		r.world.mu.Unlock()
		r.hint(followUp)
		r.pass(time.Minute)
		set()
		r.until(11*time.Minute, "the follow-up's ticket", func() bool { return len(r.world.list(tickets)) > 0 })

		set()
		r.world.resetCalls()
		r.pass(20 * time.Minute)
		if n := r.world.count("look up"); n != 1 {
			r.t.Errorf("the key was looked up %d times", n)
		}

		ticket := r.oneTicket()
		r.world.remove(ticket)
		r.hint(followUp)
		set()
		r.until(25*time.Minute, "that the ticket is gone", func() bool { return r.links()[0].State == links.Gone })
	})
}

// TestALeaseGoesByBothClocks: a machine that was suspended has a monotonic clock
// that stood still, and the wall clock may be set back while time goes by.
func TestALeaseGoesByBothClocks(t *testing.T) {
	for name, c := range map[string]struct{ passes, set time.Duration }{
		"suspended":               {0, time.Minute},
		"the wall clock set back": {time.Minute, -time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				clock := storetest.NewClock()
				r.clock, r.store = clock, memory.New(clock)
				ref, ticket := opened(r, oneRoute)
				r.world.edit(ref, "title", "Database is slow")
				r.world.held = func() {
					r.world.held = nil
					time.Sleep(c.passes)
					clock.Jump(c.set)
					r.world.edit(ticket, "title", "typed by hand")
				}
				r.hint(ref)
				r.pass(time.Hour)
				r.lostInJournal(ref, "typed by hand")
			})
		})
	}
}
