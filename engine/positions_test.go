package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/memory"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// everyPlaceOutage is everyOutage on all calls, those about places as well. The
// test says when the store comes back to stay.
func everyPlaceOutage(t *testing.T, test func(r *rig, o *outage)) {
	everyOutage(t, func(_ *testing.T, r *rig, o *outage) {
		o.places = true
		test(r, o)
	})
}

// declare makes incidents that no webhook tells of.
func (r *rig) declare(ids ...string) {
	for _, id := range ids {
		r.world.put(incidents.Ref(id), false, critical())
	}
}

// ticketed fails unless every incident has one ticket.
func (r *rig) ticketed(want int) {
	r.t.Helper()
	if n := len(r.world.list(tickets)); n != want {
		r.t.Errorf("%d tickets, want %d", n, want)
	}
	if letters := r.dead(); len(letters) != 0 {
		r.t.Errorf("dead letters: %+v", letters)
	}
}

// said returns what was found about the store.
func (r *rig) said() string {
	var all []string
	for _, f := range r.engine.Warnings() {
		all = append(all, f.Message)
	}
	return strings.Join(all, "\n")
}

func (r *rig) saysNothing() {
	r.t.Helper()
	if said := r.said(); said != "" {
		r.t.Errorf("it says %s", said)
	}
}

// TestNothingIsPassedOverByAPollWhateverCallOfTheStoreFails: no cursor moves
// before what was found is durable.
func TestNothingIsPassedOverByAPollWhateverCallOfTheStoreFails(t *testing.T) {
	everyPlaceOutage(t, func(r *rig, o *outage) {
		opened(r, oneRoute)
		r.pass(90 * time.Second)
		o.arm()
		r.declare("02A", "02B")
		r.pass(time.Minute)
		r.declare("02C")
		r.pass(time.Minute)
		o.disarm()
		r.kill() // whatever is only in memory is lost
		r.start(oneRoute)
		r.pass(10 * time.Minute)
		r.ticketed(4)
		r.saysNothing()
	})
}

// TestNothingIsPassedOverByAFirstStart: a route begins when it is first there,
// whatever fails then, and however long its system does not answer.
func TestNothingIsPassedOverByAFirstStart(t *testing.T) {
	everyPlaceOutage(t, func(r *rig, o *outage) {
		r.declare("00A") // before
		r.pass(time.Second)
		r.world.takeAway("acme", true)
		o.arm()
		r.startAgain(oneRoute)
		r.declare("02A")
		r.kill()
		r.startAgain(oneRoute)
		o.disarm()
		r.pass(10 * time.Minute)
		r.world.takeAway("acme", false)
		r.declare("02B")
		r.pass(10 * time.Minute)
		r.ticketed(2)
		r.saysNothing()
	})
}

// TestNothingIsPassedOverByAStartWhateverCallOfTheStoreFails: not what waited,
// nor what changed while the daemon was down.
func TestNothingIsPassedOverByAStartWhateverCallOfTheStoreFails(t *testing.T) {
	for name, prepare := range map[string]func(r *rig){
		"as it was": func(*rig) {},
		"the consumer is missing": func(r *rig) {
			check(r.t, r.store.Hints.Forget(r.t.Context(), "incidents "+incidents.String(), func(connectors.Ref) error { return nil }))
		},
		"the record is an older build's": func(r *rig) {
			check(r.t, r.store.State.Delete(r.t.Context(), "places", 0))
			check(r.t, r.store.State.Delete(r.t.Context(), "checkpoints/cursor/"+incidents.String(), 0))
		},
		"the cursor is missing": func(r *rig) {
			check(r.t, r.store.State.Delete(r.t.Context(), "cursor/"+incidents.String(), 0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			everyPlaceOutage(t, func(r *rig, o *outage) {
				opened(r, oneRoute)
				r.pass(90 * time.Second)
				waits := incidents.Ref("02A")
				r.world.fail("acme", "read", fault{ok: true, then: func() { time.Sleep(time.Hour) }})
				r.declare("02A")
				check(r.t, r.engine.Hint(r.t.Context(), []connectors.Ref{waits}, ""))
				r.pass(3 * time.Minute) // the poll has passed it
				r.kill()
				r.declare("02B")
				r.pass(time.Minute)
				prepare(r)
				o.arm()
				r.startAgain(oneRoute)
				o.disarm()
				r.kill()
				r.declare("02C")
				r.start(oneRoute)
				r.pass(10 * time.Minute)
				r.ticketed(4)
			})
		})
	}
}

// TestNothingIsPassedOverByAReloadWhateverCallOfTheStoreFails: a route is taken
// away and given back, and what changed meanwhile is found.
func TestNothingIsPassedOverByAReloadWhateverCallOfTheStoreFails(t *testing.T) {
	everyPlaceOutage(t, func(r *rig, o *outage) {
		opened(r, oneRoute)
		r.pass(90 * time.Second)
		apply := func(hcl string) {
			for range 3 {
				if r.engine.Apply(r.t.Context(), r.config(r.load(hcl))) == nil {
					return
				}
			}
			r.t.Fatal("the reload fails")
		}
		o.arm()
		apply(``)
		r.declare("02A")
		r.pass(time.Minute)
		apply(oneRoute)
		r.declare("02B")
		o.disarm()
		r.pass(10 * time.Minute)
		r.ticketed(3)
		r.saysNothing()
	})
}

// TestAMissingConsumerIsMadeAgainAndSaid: a route is not new because somebody
// deleted its consumer.
func TestAMissingConsumerIsMadeAgainAndSaid(t *testing.T) {
	simulate(t, func(r *rig) {
		opened(r, oneRoute)
		r.pass(5 * time.Minute)
		r.world.fail("acme", "read", fault{ok: true, then: func() { time.Sleep(time.Hour) }})
		r.declare("02A")
		r.pass(5 * time.Minute) // the poll has passed it, and it is in work
		r.kill()
		r.declare("02B")
		check(t, r.store.Hints.Forget(t.Context(), "incidents "+incidents.String(), func(connectors.Ref) error { return nil }))
		r.pass(5 * time.Minute)
		r.start(oneRoute)
		if said := r.said(); !strings.Contains(said, "the consumer of route incidents was missing") {
			t.Errorf("it says %q", said)
		}
		r.pass(10 * time.Minute)
		r.ticketed(3)
	})
}

// TestLostHintsAreFoundAgain: neither a record that waited for another try, nor
// an edit of a ticket, nor what changed meanwhile is passed over.
func TestLostHintsAreFoundAgain(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, pairOfTitles)
		r.pass(30 * time.Hour) // no poll from a day before finds it
		waits := incidents.Ref("02A")
		r.declare("02A")
		for range 100 {
			r.world.fail("acme", "read", fault{class: connectors.ClassUnclear})
		}
		r.hint(waits)
		r.pass(2 * time.Hour)
		r.world.edit(ticket, "title", "Typed at the ticket")
		r.pass(5 * time.Minute) // the poll has passed it
		if title := r.world.field(ref, "title"); title == "Typed at the ticket" {
			t.Fatal("it was carried already: this would show nothing")
		}
		r.kill()
		r.world.mu.Lock()
		clear(r.world.faults)
		r.world.mu.Unlock()
		if n := len(r.world.list(tickets)); n != 1 {
			t.Fatalf("%d tickets: this would show nothing", n)
		}
		r.declare("02B")
		r.store.Hints = memory.New(store.SystemClock{}).Hints
		r.start(pairOfTitles)
		if said := r.said(); !strings.Contains(said, "what waited to be looked at was lost") {
			t.Errorf("it says %q", said)
		}
		r.pass(10 * time.Minute)
		r.ticketed(3)
		if title := r.world.field(ref, "title"); title != "Typed at the ticket" {
			t.Errorf("the incident's title is %v", title)
		}
		r.kill()
		r.start(pairOfTitles)
		r.saysNothing()
	})
}

// TestLostHintsThatWereLongInWorkAreFoundAgain: no cursor is gone back to that
// had passed what was not done.
func TestLostHintsThatWereLongInWorkAreFoundAgain(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		r.world.fail("acme", "read", fault{ok: true, then: func() { time.Sleep(70 * time.Hour) }})
		r.declare("02A")
		for i := range 30 { // all done before the first one
			r.pass(2 * time.Hour)
			r.declare(fmt.Sprint("03", i))
		}
		r.pass(10 * time.Minute)
		r.kill()
		if n := len(r.world.list(tickets)); n != 30 {
			t.Fatalf("%d tickets: this would show nothing", n)
		}
		r.store.Hints = memory.New(store.SystemClock{}).Hints
		r.start(oneRoute)
		r.pass(10 * time.Minute)
		r.ticketed(31)
	})
}

// TestPlacesThatAreLostWhileTheDaemonRunsAreWrittenAgain, with the cursors.
func TestPlacesThatAreLostWhileTheDaemonRunsAreWrittenAgain(t *testing.T) {
	simulate(t, func(r *rig) {
		opened(r, oneRoute)
		r.pass(5*time.Minute + time.Second)
		var keys []string
		check(t, r.store.State.Each(t.Context(), func(e store.Entry) error {
			keys = append(keys, e.Key)
			return nil
		}))
		for _, key := range keys {
			check(t, r.store.State.Delete(t.Context(), key, 0))
		}
		r.declare("02A")
		r.pass(5 * time.Minute)
		if said := r.said(); !strings.Contains(said, "is written again from memory") || !strings.Contains(said, "was lost while the daemon ran; it goes on") {
			t.Errorf("it says %q", said)
		}
		r.kill()
		r.declare("02B")
		r.start(oneRoute)
		r.pass(5 * time.Minute)
		r.ticketed(3)
		r.saysNothing()
	})
}

// TestAPollKeepsToACursorThatWasSetBack while it was under way.
func TestAPollKeepsToACursorThatWasSetBack(t *testing.T) {
	simulate(t, func(r *rig) {
		state, cursor := r.store.State, "cursor/"+incidents.String()
		back, kept := false, ""
		r.store.State = faster{state, func(key string, _ []byte) {
			if key != cursor {
				return
			}
			entry, err := state.Get(t.Context(), cursor)
			check(t, err)
			switch {
			case back && kept == "":
				kept = string(entry.Value)
			case string(entry.Value) == "1" && !back:
				back = true
				_, err := state.Put(t.Context(), cursor, []byte("0"))
				check(t, err)
			}
		}}
		opened(r, oneRoute)
		r.pass(2 * time.Minute)
		r.declare("02A")
		r.pass(5 * time.Minute)
		r.ticketed(2)
		if !back || kept != "0" {
			t.Errorf("set back: %t, and before the next write it was %q", back, kept)
		}
	})
}

// TestAPollFindsForARouteThatComesBack: what one route reads is where another
// opens its tickets; what the poll of those finds while the first route is gone
// it will not find again.
func TestAPollFindsForARouteThatComesBack(t *testing.T) {
	const other = `
route "follow_ups" {
  source    = fake.acme.follow_up
  templates = [template.incident]
}
template "incident" {
  target = fake.acme.incident
  outbound { title = "{{ follow_up.title }}" }
  inbound { title = "{{ ticket.title }}" }
}
`
	simulate(t, func(r *rig) {
		opened(r, oneRoute+other)
		r.pass(5 * time.Minute)
		r.apply(other)
		r.declare("02A")
		r.pass(time.Hour)
		r.apply(oneRoute + other)
		r.pass(10 * time.Minute)
		r.ticketed(2)
	})
}

const pairOfTitles = `
route "incidents" {
  source    = fake.acme.incident
  templates = [template.ticket]
}
template "ticket" {
  target = fake.itsm.ticket
  outbound { title = "{{ incident.title }}" }
  inbound { title = "{{ ticket.title }}" }
}
`

// TestTwoConfigurationsOnOneStore: none ends what the other keeps, a poll of
// the one finds for the other, and after a while it is said.
func TestTwoConfigurationsOnOneStore(t *testing.T) {
	const others = `
route "others" {
  source    = fake.acme.follow_up
  templates = [template.task]
}
template "task" {
  target = fake.itsm.ticket
  outbound { title = "{{ follow_up.title }}" }
}
`
	simulate(t, func(r *rig) {
		r.shared = true
		r.start(oneRoute)
		other := r.second(others)
		defer other.kill()
		r.saysNothing()
		for i := range 30 {
			r.kill()
			r.declare(fmt.Sprint("02", i))
			r.pass(time.Hour)
			r.start(oneRoute)
			r.world.put(followUps.Ref(fmt.Sprint("03", i)), false, map[string]any{"title": "To do"})
			r.pass(5 * time.Minute)
		}
		r.pass(20 * time.Minute)
		r.ticketed(60)
		for range 5 {
			r.pass(time.Minute)
			if entry, err := r.store.State.Get(t.Context(), "places"); err != nil || strings.Contains(string(entry.Value), `"gone"`) {
				t.Errorf("both live, and of their routes is kept %s, %v", entry.Value, err)
			}
		}
		for _, one := range []*rig{r, other} {
			if said := one.said(); !strings.Contains(said, "daemons with different configurations use one store") {
				t.Errorf("it says %q", said)
			}
		}
		names, err := r.store.Hints.Names(t.Context())
		check(t, err)
		if slices.Sort(names); len(names) != 2 {
			t.Errorf("places: %q", names)
		}
		other.apply(oneRoute)
		r.pass(5 * time.Minute)
		r.saysNothing()
	})
}
