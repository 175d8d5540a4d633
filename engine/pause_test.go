package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
)

func (r *rig) pauseRoute(name string) engine.RouteStatus {
	r.t.Helper()
	status, err := r.engine.PauseRoute(r.t.Context(), name, "lisa@laptop")
	check(r.t, err)
	return status
}

func (r *rig) resumeRoute(name string) {
	r.t.Helper()
	status, err := r.engine.ResumeRoute(r.t.Context(), name)
	check(r.t, err)
	if status.Paused != nil {
		r.t.Fatalf("it is paused still: %+v", status)
	}
}

// TestAPausedRouteWritesNothingAndLosesNothing whatever happens meanwhile: edits of
// either side, new records, sweeps, a restart, a reload.
func TestAPausedRouteWritesNothingAndLosesNothing(t *testing.T) {
	for name, simulate := range map[string]func(*testing.T, func(*rig)){"memory": simulate, "JetStream": simulateJetStream} {
		if testing.Short() && name == "JetStream" {
			continue // it takes a day of JetStream
		}
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				hcl := replaced(t, oneRoute, "  outbound {", "  inbound { detail = \"{{ ticket.note }}\" }\n  outbound {")
				hcl = replaced(t, hcl, "    detail = \"{{ incident.detail }}\"\n", "")
				ref, ticket := openedSlowly(r, hcl)
				began := time.Now()
				if s := r.pauseRoute("incidents"); s.Paused == nil || !s.Paused.Since.Equal(began) || s.Paused.By != "lisa@laptop" {
					t.Fatalf("status %+v", s)
				}
				next := incidents.Ref("02B")
				r.world.put(next, false, critical())
				for range 3 {
					r.world.edit(ref, "title", "Database is slow")
					r.world.edit(ticket, "note", "The disk is full")
					for _, changed := range []connectors.Ref{ref, ticket, next} {
						r.hint(changed)
					}
				}
				r.pass(20 * time.Minute)
				r.kill()
				r.start(hcl)
				r.pass(20 * time.Minute)
				r.apply(replaced(t, hcl, "state = 1", "state = 2"))
				r.pass(26 * time.Hour)
				if w := r.writes(); len(w) != 0 {
					r.t.Fatalf("while it is paused it writes %v", w)
				}
				status, err := r.engine.Route(r.t.Context(), "incidents")
				check(t, err)
				if status.Paused == nil || !status.Paused.Since.Equal(began) || status.Pending != 2 {
					t.Errorf("status %+v, want it paused since then and two records pending", status)
				}
				r.resumeRoute("incidents")
				r.pass(time.Minute)
				if n := len(r.world.list(tickets)); n != 2 {
					t.Errorf("%d tickets, want one for the new record as well", n)
				}
				if title, detail := r.world.field(ticket, "title"), r.world.field(ref, "detail"); title != "Database is slow" || detail != "The disk is full" {
					t.Errorf("the ticket says %v, the record %v", title, detail)
				}
				if letters := r.dead(); len(letters) != 0 {
					t.Errorf("dead letters: %+v", letters)
				}
			})
		})
	}
}

// openedSlowly is opened on a store that answers in its own time.
func openedSlowly(r *rig, hcl string) (ref, ticket connectors.Ref) {
	r.t.Helper()
	r.start(hcl)
	ref = incidents.Ref("01A")
	r.world.put(ref, false, critical())
	r.hint(ref)
	r.pass(30 * time.Second)
	ticket = r.oneTicket()
	r.world.resetCalls()
	return ref, ticket
}

// TestAPauseStopsWhatIsInWork at whichever point of its way, here or in another daemon,
// which was not told: it goes on where it was once the route is resumed.
func TestAPauseStopsWhatIsInWork(t *testing.T) {
	for _, step := range []reconcile.Step{reconcile.StepDecided, reconcile.StepClaimed, reconcile.StepLookedUp, reconcile.StepIntentSaved} {
		for _, elsewhere := range []bool{false, true} {
			name := map[bool]string{false: "here", true: "told another daemon"}[elsewhere]
			t.Run(string(step)+"/"+name, func(t *testing.T) {
				simulate(t, func(r *rig) {
					r.shared = elsewhere
					ref, edits := incidents.Ref("01A"), step == reconcile.StepIntentSaved
					if edits {
						opened(r, oneRoute)
					} else {
						r.start(oneRoute)
					}
					teller := r
					if elsewhere {
						teller = r.second(oneRoute)
						defer teller.kill()
					}
					paused := false
					r.during = func(s reconcile.Step) {
						if s == step && !paused {
							paused = true
							teller.pauseRoute("incidents")
						}
					}
					teller.during = r.during // whichever has the hint
					if edits {
						r.world.edit(ref, "title", "Database is slow")
					} else {
						r.world.put(ref, false, critical())
					}
					r.hint(ref)
					r.pass(7 * time.Hour)
					if w := r.writes(); !paused || len(w) != 0 {
						r.t.Fatalf("paused %t, it writes %v", paused, w)
					}
					teller.resumeRoute("incidents")
					r.pass(5 * time.Minute)
					want := "Database down"
					if edits {
						want = "Database is slow"
					}
					if title := r.world.field(r.oneTicket(), "title"); title != want {
						t.Errorf("the ticket says %v", title)
					}
					if letters := r.dead(); len(letters) != 0 {
						t.Errorf("dead letters: %+v", letters)
					}
				})
			})
		}
	}
}

// TestAPauseOfADayCountsNoTries: what was failing when its route was paused is not given
// up for it.
func TestAPauseOfADayCountsNoTries(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.fail("itsm", "update", fault{class: connectors.ClassRetry})
		r.world.edit(ref, "title", "Database is slow")
		r.hint(ref)
		r.pauseRoute("incidents")
		r.pass(30 * time.Hour)
		r.resumeRoute("incidents")
		r.pass(2 * time.Minute)
		if title, letters := r.world.field(ticket, "title"), r.dead(); title != "Database is slow" || len(letters) != 0 {
			t.Errorf("the ticket says %v; dead letters: %+v", title, letters)
		}
	})
}

// TestARetryOnAPausedRouteWaits until the route goes on.
func TestARetryOnAPausedRouteWaits(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.fail("itsm", "update", fault{class: connectors.ClassRejected, field: "title"})
		r.world.edit(ref, "title", "Database is slow")
		r.hint(ref)
		r.world.resetCalls()
		r.pauseRoute("incidents")
		r.retryAll()
		r.pass(time.Hour)
		if w := r.writes(); len(w) != 0 {
			t.Fatalf("it writes %v", w)
		}
		r.resumeRoute("incidents")
		r.pass(time.Minute)
		if title := r.world.field(ticket, "title"); title != "Database is slow" {
			t.Errorf("the ticket says %v", title)
		}
	})
}

// TestAChildWaitsWhileTheRouteOfItsParentIsPaused, for longer than parent_wait, which
// begins when the route goes on.
func TestAChildWaitsWhileTheRouteOfItsParentIsPaused(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(replacedAll(t, escalating, "WHEN", "true", `    parent = "{{ parent.ticket.id }}"`+"\n  }", "  }\n  once { parent = \"{{ parent.ticket.id }}\" }"))
		r.pauseRoute("incidents")
		followUp(r, critical())
		r.pass(5 * time.Hour)
		if n := len(r.world.list(tickets)); n != 0 {
			t.Fatalf("%d tickets while the route is paused", n)
		}
		r.resumeRoute("incidents")
		r.pass(2 * time.Minute)
		all := r.world.list(tickets)
		if len(all) != 2 || r.world.field(all[1], "parent") != all[0].ID {
			t.Errorf("tickets %v, the parent of the second one is %v", all, r.world.field(all[len(all)-1], "parent"))
		}
	})
}

// TestAPauseThatCannotBeReadIsAPause: it may be a newer build's.
func TestAPauseThatCannotBeReadIsAPause(t *testing.T) {
	for name, value := range map[string]string{"damaged": "{", "newer": `{"v":9,"until":"2027-01-01"}`} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, ticket := opened(r, oneRoute)
				_, err := r.store.State.Put(r.t.Context(), "paused/incidents", []byte(value))
				check(t, err)
				r.world.edit(ref, "title", "Database is slow")
				r.hint(ref)
				r.pass(time.Hour)
				status, err := r.engine.Route(r.t.Context(), "incidents")
				check(t, err)
				if w := r.writes(); len(w) != 0 || status.Paused == nil {
					t.Fatalf("it writes %v; status %+v", w, status)
				}
				r.resumeRoute("incidents")
				r.pass(time.Minute)
				if title := r.world.field(ticket, "title"); title != "Database is slow" {
					t.Errorf("the ticket says %v", title)
				}
			})
		})
	}
}

// TestNothingIsWrittenWhileThePauseCannotBeAskedFor: there may be one.
func TestNothingIsWrittenWhileThePauseCannotBeAskedFor(t *testing.T) {
	simulate(t, func(r *rig) {
		state := &deafState{Bucket: r.store.State}
		r.store.State = state
		ref, ticket := opened(r, oneRoute)
		state.deaf.Store(true)
		r.world.edit(ref, "title", "Database is slow")
		r.hint(ref)
		r.pass(5 * time.Minute)
		if w := r.writes(); len(w) != 0 {
			t.Fatalf("it writes %v", w)
		}
		state.deaf.Store(false)
		r.pass(15 * time.Minute)
		if title := r.world.field(ticket, "title"); title != "Database is slow" {
			t.Errorf("the ticket says %v", title)
		}
	})
}

// deafState do not answer what is paused.
type deafState struct {
	store.Bucket
	deaf atomic.Bool
}

func (m *deafState) Get(ctx context.Context, key string) (store.Entry, error) {
	if m.deaf.Load() && strings.HasPrefix(key, "paused/") {
		return store.Entry{}, errOutage
	}
	return m.Bucket.Get(ctx, key)
}

// TestAPauseOutlivesALossOfTheMarks while the daemon runs.
func TestAPauseOutlivesALossOfTheMarks(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, _ := opened(r, oneRoute)
		r.pauseRoute("incidents")
		check(t, r.store.State.Delete(r.t.Context(), "paused/incidents", 0))
		check(t, r.engine.Restore(r.t.Context()))
		r.world.edit(ref, "title", "Database is slow")
		r.hint(ref)
		r.pass(time.Hour)
		if w := r.writes(); len(w) != 0 {
			t.Errorf("it writes %v", w)
		}
	})
}

func TestOnlyARouteThatIsThereIsPaused(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		var missing *engine.NoRouteError
		if _, err := r.engine.PauseRoute(r.t.Context(), "incident", ""); !errors.As(err, &missing) {
			t.Errorf("pause: %v", err)
		}
		if _, err := r.engine.ResumeRoute(r.t.Context(), "incident"); !errors.As(err, &missing) {
			t.Errorf("resume: %v", err)
		}
		r.resumeRoute("incidents") // which is not paused
		before := r.pauseRoute("incidents")
		r.pass(time.Minute)
		again, err := r.engine.PauseRoute(r.t.Context(), "incidents", "homer@desk")
		check(t, err)
		if !again.Paused.Since.Equal(before.Paused.Since) || again.Paused.By != "lisa@laptop" {
			t.Errorf("paused again: %+v, before: %+v", again.Paused, before.Paused)
		}
	})
}
