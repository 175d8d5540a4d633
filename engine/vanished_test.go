package engine_test

import (
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/engine/deadletter"
)

// remaining is what is left of a configuration from which oneRoute was taken.
const remaining = `
route "follow_ups" {
  source    = fake.acme.follow_up
  templates = [template.task]
}
template "task" {
  target = fake.itsm.ticket
  outbound { title = "{{ follow_up.title }}" }
}
`

// bothStores runs a test on the store in memory and on the real one.
func bothStores(t *testing.T, test func(r *rig)) {
	t.Run("memory", func(t *testing.T) { simulate(t, test) })
	if testing.Short() {
		return // a day of JetStream takes half a minute with the race detector
	}
	t.Run("jetstream", func(t *testing.T) { simulateJetStream(t, test) })
}

// TestAVanishedRouteKeepsItsPlaceForADay: a route that is taken away goes on from where it
// was when it comes back within 24 hours: what a webhook told of, and what polls would have
// found, gets its ticket. After that it is a new route, and what waited is a dead letter.
func TestAVanishedRouteKeepsItsPlaceForADay(t *testing.T) {
	for name, test := range map[string]struct {
		away    time.Duration
		restart bool // the daemon is killed while the route is away
		goesOn  bool
	}{
		"23 hours":                 {23 * time.Hour, false, true},
		"23 hours over a restart":  {23 * time.Hour, true, true},
		"25 hours":                 {25 * time.Hour, false, false},
		"25 hours over a restart":  {25 * time.Hour, true, false},
		"ten minutes and no poll":  {10 * time.Minute, false, true},
		"ten minutes of a restart": {10 * time.Minute, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			bothStores(t, func(r *rig) {
				r.start(oneRoute + remaining)
				r.pass(time.Minute)
				r.apply(remaining)
				r.declare("02A")
				r.hint(incidents.Ref("02A"))
				r.declare("02B") // of which no webhook tells
				if test.restart {
					r.pass(test.away / 2)
					r.kill()
					r.pass(test.away / 4)
					r.start(remaining)
					r.pass(test.away / 4)
				} else {
					r.pass(test.away)
				}
				if n := len(r.world.list(tickets)); n != 0 {
					t.Fatalf("%d tickets while there was no route", n)
				}
				r.apply(oneRoute + remaining)
				r.pass(30 * time.Minute)
				if test.goesOn {
					r.ticketed(2)
					return
				}
				if n := len(r.world.list(tickets)); n != 0 {
					t.Errorf("%d tickets of a route that is new, want none", n)
				}
				letters := r.dead()
				if len(letters) != 1 || letters[0].Reason != deadletter.ReasonRouteGone || letters[0].Record != incidents.Ref("02A") {
					t.Errorf("dead letters: %+v; want one of %s, %s", letters, incidents.Ref("02A"), deadletter.ReasonRouteGone)
				}
				r.world.edit(incidents.Ref("02B"), "title", "Edited since")
				r.hint(incidents.Ref("02B"))
				r.pass(5 * time.Minute)
				if n := len(r.world.list(tickets)); n != 1 {
					t.Errorf("%d tickets after an edit, want 1", n)
				}
			})
		})
	}
}
