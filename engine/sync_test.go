package engine_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
)

// sync has the record looked at on its only route.
func (r *rig) sync(ref connectors.Ref) engine.Outcome {
	r.t.Helper()
	all, err := r.engine.Sync(r.t.Context(), ref.String(), time.Minute)
	check(r.t, err)
	if len(all) != 1 {
		r.t.Fatalf("outcomes: %+v", all)
	}
	return all[0]
}

// TestSyncSaysWhatBecameOfARecord that nobody has told of: one from before the route too.
func TestSyncSaysWhatBecameOfARecord(t *testing.T) {
	for name, simulate := range map[string]func(*testing.T, func(*rig)){"memory": simulate, "JetStream": simulateJetStream} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, minor := incidents.Ref("01A"), incidents.Ref("02B")
				r.world.put(ref, false, critical())
				r.world.put(minor, false, with(critical(), "severity", "Minor"))
				r.start(replacedAll(t, oneRoute, `route "incidents"`, `route "before"`, "'Critical'", "'None'"))
				r.pass(time.Hour)
				r.apply(oneRoute) // a route that they are older than
				r.pass(time.Hour)
				if n := len(r.world.list(tickets)); n != 0 {
					r.t.Fatalf("%d tickets", n)
				}
				o := r.sync(ref)
				if o.Result != engine.Written || o.Failed || o.Link == nil || *o.Link.Target != r.oneTicket() {
					r.t.Errorf("opened: %+v", o)
				}
				if diff := cmp.Diff([]string{"detail", "state", "title"}, o.Wrote); diff != "" {
					r.t.Errorf("wrote (-want +got):\n%s", diff)
				}
				r.pass(time.Minute)
				if o := r.sync(ref); o.Result != engine.InStep || o.Failed || len(o.Wrote) > 0 {
					r.t.Errorf("in step: %+v", o)
				}
				r.world.edit(ref, "title", "Database is slow")
				if o := r.sync(ref); o.Result != engine.Written || len(o.Wrote) != 1 || o.Wrote[0] != "title" {
					r.t.Errorf("edited: %+v", o)
				}
				for range 2 { // the same version is decided again
					r.pass(time.Minute)
					o := r.sync(minor)
					if o.Result != engine.Nothing || o.Failed || o.Reason != "no template matched" || o.Decision == nil || len(o.Decision.Skipped) != 1 {
						r.t.Errorf("no template: %+v", o)
					}
				}
			})
		})
	}
}

// TestSyncOfATicketIsOfItsRecord.
func TestSyncOfATicketIsOfItsRecord(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.edit(ref, "title", "Database is slow")
		if o := r.sync(ticket); o.Result != engine.Written || o.Record != ref {
			t.Errorf("%+v", o)
		}
	})
}

// TestSyncIsOnEveryRoute.
func TestSyncIsOnEveryRoute(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(twoRoutes)
		ref := incidents.Ref("01A")
		r.world.fail("eng", "create", fault{class: connectors.ClassRejected, field: "title"}, fault{class: connectors.ClassRejected})
		r.world.put(ref, false, critical())
		all, err := r.engine.Sync(r.t.Context(), ref.String(), time.Minute)
		check(t, err)
		if len(all) != 2 || all[0].Route != "one" || all[0].Result != engine.Written || all[1].Route != "other" || all[1].Result != engine.Failed || !all[1].Failed || len(all[1].Dead) == 0 {
			t.Errorf("%+v", all)
		}
	})
}

// TestSyncWaitsForASecondLook where one is due soon, and says what it waits for where not.
func TestSyncWaitsForASecondLook(t *testing.T) {
	for name, test := range map[string]struct {
		fault fault
		want  string
	}{
		"an error that passes": {fault{class: connectors.ClassRetry}, engine.Written},
		"throttled for long":   {fault{class: connectors.ClassThrottled, pause: 10 * time.Minute}, engine.Waits},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, ticket := opened(r, oneRoute)
				r.pass(time.Minute)
				r.world.edit(ref, "title", "Database is slow")
				r.world.fail("itsm", "update", test.fault)
				o := r.sync(ref)
				if o.Result != test.want || o.Failed != (test.want == engine.Waits) || o.Failed && (o.Until == nil || len(o.Wrote) > 0) {
					t.Errorf("%+v", o)
				}
				r.pass(20 * time.Minute)
				if title := r.world.field(ticket, "title"); title != "Database is slow" {
					t.Errorf("the ticket says %v", title)
				}
			})
		})
	}
}

// TestSyncOnAPausedRouteWritesNothing and says who paused it.
func TestSyncOnAPausedRouteWritesNothing(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, _ := opened(r, oneRoute)
		r.world.edit(ref, "title", "Database is slow")
		r.pauseRoute("incidents")
		o := r.sync(ref)
		if o.Result != engine.Waits || !o.Failed || !strings.Contains(o.Reason, "by lisa@laptop") {
			t.Errorf("%+v", o)
		}
		if w := r.writes(); len(w) != 0 {
			t.Errorf("it writes %v", w)
		}
	})
}

// TestSyncNamesWhatIsStillRefused: it is not tried again.
func TestSyncNamesWhatIsStillRefused(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, _ := opened(r, oneRoute)
		r.world.fail("itsm", "update", fault{class: connectors.ClassRejected, field: "title"})
		r.world.edit(ref, "title", "Database is slow")
		r.hint(ref)
		r.pass(time.Minute)
		r.world.resetCalls()
		if o := r.sync(ref); o.Result != engine.InStep || !o.Failed || len(o.Dead) != 1 || len(r.writes()) != 0 {
			t.Errorf("%+v, and it writes %v", o, r.writes())
		}
	})
}

// TestSyncKeepsWhatIsKnownOfLostAnswers: a third ticket is not tried for.
func TestSyncKeepsWhatIsKnownOfLostAnswers(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		for range 10 {
			r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear})
		}
		r.hint(ref)
		r.pass(3 * time.Hour)
		tried := r.world.count("create")
		for range 3 {
			if o := r.sync(ref); !o.Failed {
				t.Errorf("%+v", o)
			}
			r.pass(time.Hour)
		}
		if n := r.world.count("create"); n != tried {
			t.Errorf("%d creations after %d", n, tried)
		}
	})
}

// TestSyncRespectsTheLeaseOfAnotherDaemon.
func TestSyncRespectsTheLeaseOfAnotherDaemon(t *testing.T) {
	simulate(t, func(r *rig) {
		r.shared = true
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.fail("itsm", "create", fault{ok: true, first: func() { time.Sleep(20 * time.Second) }})
		r.world.put(ref, false, critical())
		r.hint(ref)
		other := r.second(oneRoute)
		defer other.kill()
		all, err := other.engine.Sync(r.t.Context(), ref.String(), 3*time.Minute)
		check(t, err)
		r.pass(time.Minute)
		if n := len(r.world.list(tickets)); n != 1 {
			t.Errorf("%d tickets; %+v", n, all)
		}
	})
}

// TestSyncEndsWithTheDaemon.
func TestSyncEndsWithTheDaemon(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, _ := opened(r, oneRoute)
		r.world.edit(ref, "title", "Database is slow")
		r.world.fail("itsm", "update", fault{ok: true, first: func() { time.Sleep(time.Hour) }})
		ended := make(chan error, 1)
		go func() {
			_, err := r.engine.Sync(r.t.Context(), ref.String(), 2*time.Hour)
			ended <- err
		}()
		synctest.Wait()
		r.kill()
		if err := <-ended; err == nil {
			t.Error("it ends as if all was well")
		}
	})
}

// TestRetrySaysWhatBecameOfIt.
func TestRetrySaysWhatBecameOfIt(t *testing.T) {
	for name, test := range map[string]struct {
		again  bool
		want   string
		paused bool
	}{
		"well":    {want: engine.Written},
		"not yet": {again: true, want: engine.Failed},
		"paused":  {paused: true, want: engine.Waits},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, _ := opened(r, oneRoute)
				refused := fault{class: connectors.ClassRejected, field: "title"}
				r.world.fail("itsm", "update", refused)
				r.world.edit(ref, "title", "Database is slow")
				r.hint(ref)
				r.pass(time.Minute)
				id := r.dead()[0].ID
				if test.again {
					r.world.fail("itsm", "update", refused)
				}
				if test.paused {
					r.pauseRoute("incidents")
				}
				o, err := r.engine.Retry(r.t.Context(), id, time.Minute)
				check(t, err)
				if o.Result != test.want || o.Failed != (test.want != engine.Written) {
					t.Errorf("%+v", o)
				}
				if test.again && (len(o.Dead) != 1 || o.Dead[0].ID != id) {
					t.Errorf("dead letters: %+v", o.Dead)
				}
			})
		})
	}
}

// TestARetryOfOneFieldIsNotAboutAnother that waits for a retry of its own.
func TestARetryOfOneFieldIsNotAboutAnother(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, _ := opened(r, oneRoute)
		for _, field := range []string{"title", "detail"} {
			r.world.fail("itsm", "update", fault{class: connectors.ClassRejected, field: field})
			r.world.edit(ref, field, "Something else")
			r.hint(ref)
			r.pass(time.Minute)
		}
		letters := r.dead()
		if len(letters) != 2 {
			t.Fatalf("dead letters: %+v", letters)
		}
		o, err := r.engine.Retry(r.t.Context(), letters[0].ID, time.Minute)
		check(t, err)
		if o.Result != engine.Written || o.Failed || len(o.Wrote) != 1 || o.Wrote[0] != letters[0].Field {
			t.Errorf("%+v", o)
		}
	})
}
