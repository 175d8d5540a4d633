package engine_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// takeAway makes a connector unreachable, or reachable again.
func (w *world) takeAway(connector string, away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away == nil {
		w.away = map[string]bool{}
	}
	w.away[connector] = away
}

// calledAt keeps the times of the calls of a connector.
func (w *world) calledAt(connector string) func() []time.Time {
	var mu sync.Mutex
	var all []time.Time
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = func(_, called string) {
		mu.Lock()
		defer mu.Unlock()
		if called == connector {
			all = append(all, time.Now())
		}
	}
	return func() []time.Time {
		mu.Lock()
		defer mu.Unlock()
		return append([]time.Time(nil), all...)
	}
}

// linked opens a ticket for each of n incidents.
func linked(r *rig, n int) []connectors.Ref {
	r.t.Helper()
	var refs []connectors.Ref
	for i := range n {
		ref := incidents.Ref(fmt.Sprintf("01A%02d", i))
		r.world.put(ref, false, critical())
		r.hint(ref)
		refs = append(refs, ref)
	}
	if all := r.world.list(tickets); len(all) != n {
		r.t.Fatalf("%d tickets, want %d", len(all), n)
	}
	return refs
}

// written reports whether every ticket has the title.
func (w *world) written(title string) bool {
	for _, ref := range w.list(tickets) {
		if w.field(ref, "title") != title {
			return false
		}
	}
	return true
}

// TestAllIsWrittenSoonAfterAnOutage: however many records were in work when a
// system went away, it is called soon after it is back, and everything that
// waited is written then.
func TestAllIsWrittenSoonAfterAnOutage(t *testing.T) {
	for _, c := range []struct{ away, first, all time.Duration }{
		{time.Second, 5 * time.Second, 15 * time.Second},
		{7 * time.Second, 5 * time.Second, 15 * time.Second},
		{10 * time.Second, 5 * time.Second, 15 * time.Second},
		{time.Minute, 16 * time.Second, 25 * time.Second},
		{10 * time.Minute, 32 * time.Second, 40 * time.Second},
		{26 * time.Hour, 32 * time.Second, 40 * time.Second},
	} {
		for _, n := range []int{1, 2, 8, 40} {
			if c.away > time.Hour && n > 2 {
				continue
			}
			t.Run(fmt.Sprintf("%d records, %v", n, c.away), func(t *testing.T) {
				simulate(t, func(r *rig) {
					r.start(oneRoute)
					refs := linked(r, n)
					r.world.takeAway("itsm", true)
					for _, ref := range refs {
						r.world.edit(ref, "title", "Database is slow")
						if err := r.engine.Hint(t.Context(), []connectors.Ref{ref}, ""); err != nil {
							t.Fatal(err)
						}
					}
					r.pass(c.away)
					r.world.takeAway("itsm", false)
					calls, back := r.world.calledAt("itsm"), time.Now()
					for !r.world.written("Database is slow") {
						if r.pass(100 * time.Millisecond); time.Since(back) > time.Hour {
							t.Fatal("not all is written within an hour")
						}
					}
					first, all := calls()[0].Sub(back), time.Since(back)
					t.Logf("first call after %v, all written after %v", first, all)
					if first > c.first || all > c.all {
						t.Errorf("first call after %v (want %v), all written after %v (want %v)", first, c.first, all, c.all)
					}
					if letters := r.dead(); len(letters) != 0 {
						t.Errorf("dead letters: %+v", letters)
					}
				})
			})
		}
	}
}

// TestAnOutageIsAskedAfterRarely: a system that is away is not stormed.
func TestAnOutageIsAskedAfterRarely(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		refs := linked(r, 40)
		r.world.takeAway("itsm", true)
		calls := r.world.calledAt("itsm")
		for _, ref := range refs {
			r.world.edit(ref, "title", "Database is slow")
			r.hint(ref)
		}
		r.pass(time.Minute)
		if n := len(calls()); n > 40 {
			t.Errorf("%d calls in the first minute", n)
		}
		before := len(calls())
		r.pass(time.Hour)
		if n := len(calls()) - before; n > 130 {
			t.Errorf("%d calls in the hour after it", n)
		}
	})
}

// TestPollsGoOnWithTheSystem: what changed in a system while it was away is
// found as soon as it is back, not a poll's interval later.
func TestPollsGoOnWithTheSystem(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		refs := linked(r, 1)
		r.pass(time.Minute)
		r.world.takeAway("acme", true)
		r.pass(10 * time.Minute)
		r.world.edit(refs[0], "title", "Database is slow")
		r.world.takeAway("acme", false)
		r.pass(35 * time.Second)
		if !r.world.written("Database is slow") {
			t.Error("the change was not found within 35 seconds")
		}
	})
}

// TestARecordThatAlwaysFailsDoesNotKeepOthersWaiting: one record that a system
// fails for every time is looked at less and less; the others are written.
func TestARecordThatAlwaysFailsDoesNotKeepOthersWaiting(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		refs := linked(r, 3)
		bad := r.world.list(tickets)[0]
		r.world.mu.Lock()
		r.world.broken = map[connectors.Ref]connectors.Class{bad: connectors.ClassForbidden}
		r.world.mu.Unlock()
		late := 0
		for i := range 200 {
			title := fmt.Sprintf("Database is slow %d", i)
			for _, ref := range refs {
				r.world.edit(ref, "title", title)
				r.hint(ref)
			}
			r.pass(time.Minute)
			for _, ticket := range r.world.list(tickets)[1:] {
				if r.world.field(ticket, "title") != title {
					late++
				}
			}
		}
		if late > 20 {
			t.Errorf("%d of 400 edits were not written within a minute", late)
		}
	})
}

// TestASuccessResetsTheGuard: failures that are not in a row pause nothing.
func TestASuccessResetsTheGuard(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		refs := linked(r, 1)
		for i := range 10 {
			r.world.fail("itsm", "read", fault{class: connectors.ClassRetry}, fault{class: connectors.ClassRetry}, fault{ok: true})
			title := fmt.Sprintf("Database is slow %d", i)
			r.world.edit(refs[0], "title", title)
			r.hint(refs[0])
			for !r.world.written(title) {
				if r.pass(time.Second); throttled(r, "itsm") {
					t.Fatal("it is paused after two failures in a row")
				}
			}
		}
	})
}

func throttled(r *rig, connector string) bool {
	synctest.Wait()
	for _, c := range r.engine.Connectors() {
		if c.Name == connector {
			return c.ThrottledUntil != nil
		}
	}
	return false
}

// TestCallsUnderWayCountOnce: eight calls that were under way when the
// credentials were refused are one refusal, and pause as long as one.
func TestCallsUnderWayCountOnce(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		refs := linked(r, 8)
		r.world.mu.Lock()
		r.world.slow = map[string]time.Duration{"itsm": time.Second}
		r.world.mu.Unlock()
		for range refs {
			r.world.fail("itsm", "read", fault{class: connectors.ClassUnauthorised})
		}
		for _, ref := range refs {
			r.world.edit(ref, "title", "Database is slow")
			if err := r.engine.Hint(t.Context(), []connectors.Ref{ref}, ""); err != nil {
				t.Fatal(err)
			}
		}
		r.pass(2 * time.Second)
		if !throttled(r, "itsm") {
			t.Fatal("it is not paused")
		}
		r.pass(45 * time.Second)
		if !r.world.written("Database is slow") {
			t.Error("not all is written 45 seconds after a moment of refusals")
		}
	})
}
