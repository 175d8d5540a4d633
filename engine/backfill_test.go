package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/backfill"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// before declares incidents of which no webhook tells and that no poll finds.
func (r *rig) before(n int) (refs []connectors.Ref) {
	for i := range n {
		ref := incidents.Ref(fmt.Sprintf("0%03d", i))
		r.world.put(ref, false, critical())
		refs = append(refs, ref)
	}
	r.pass(time.Minute)
	return refs
}

// backfill runs one to its end.
func (r *rig) backfill(request backfill.Request) backfill.Job {
	r.t.Helper()
	_, err := r.engine.Backfill(r.t.Context(), request)
	check(r.t, err)
	return r.backfilled()
}

// backfilled waits for the end of the one that is under way.
func (r *rig) backfilled() (job backfill.Job) {
	r.t.Helper()
	r.until(6*time.Hour, "the end of the backfill", func() bool {
		var err error
		job, err = r.engine.BackfillJob(r.t.Context())
		return err == nil && job.Over()
	})
	return job
}

// came is what came of the records, without when and how it was called.
func came(j backfill.Job) string {
	return fmt.Sprintf("%d of %d: %d opened, %d updated, %d none, %d failed, %d later %s", j.Done, j.Total, j.Opened, j.Updated, j.None, j.Failed, j.Later, j.Error)
}

func expectCame(t *testing.T, j backfill.Job, want string) {
	t.Helper()
	if got := strings.TrimSpace(came(j)); got != want {
		t.Errorf("came: %s, want %s", got, want)
	}
}

func TestABackfillBringsInWhatWasThereBefore(t *testing.T) {
	for name, simulate := range map[string]func(*testing.T, func(*rig)){"memory": simulate, "JetStream": simulateJetStream} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.before(40)
				r.world.put(incidents.Ref("minor"), false, map[string]any{"title": "Slow", "severity": "Minor", "status": "live", "mode": "standard"})
				r.world.put(incidents.Ref("secret"), true, critical())
				r.pass(time.Minute)
				r.start(oneRoute)
				r.pass(10 * time.Minute)
				r.ticketed(0)
				expectCame(t, r.backfill(backfill.Request{}), "42 of 42: 40 opened, 0 updated, 2 none, 0 failed, 0 later")
				r.ticketed(40)

				r.world.resetCalls()
				expectCame(t, r.backfill(backfill.Request{Route: "incidents"}), "42 of 42: 0 opened, 0 updated, 42 none, 0 failed, 0 later")
				if w := r.writes(); len(w) != 0 {
					t.Errorf("a second run writes %v", w)
				}
				var noRoute *backfill.RouteError
				if _, err := r.engine.Backfill(r.t.Context(), backfill.Request{Route: "incident"}); !errors.As(err, &noRoute) {
					t.Errorf("an unknown route: %v", err)
				}
			})
		})
	}
}

// What matched nothing before is decided by the rules that run now.
func TestABackfillDecidesAgain(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(replaced(t, oneRoute, "== 'Critical'", "== 'Major'"))
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		r.apply(oneRoute)
		r.hint(ref)
		r.ticketed(0)
		expectCame(t, r.backfill(backfill.Request{Since: time.Now().Add(-time.Hour)}), "1 of 1: 1 opened, 0 updated, 0 none, 0 failed, 0 later")
		r.ticketed(1)
		r.pass(2 * time.Hour)
		expectCame(t, r.backfill(backfill.Request{Since: time.Now().Add(-time.Hour)}), "0 of 0: 0 opened, 0 updated, 0 none, 0 failed, 0 later")
	})
}

func TestABackfillGoesOnAfterAKill(t *testing.T) {
	const step = reconcile.StepJournaled
	simulateJetStream(t, func(r *rig) {
		r.before(60)
		r.start(oneRoute)
		r.pass(time.Minute)
		var seen atomic.Int64
		r.during = func(s reconcile.Step) {
			if s == step {
				if seen.Add(1) == 25 {
					r.crash.Store(step)
				}
			}
		}
		_, err := r.engine.Backfill(r.t.Context(), backfill.Request{})
		check(t, err)
		<-r.crashed
		r.kill()
		r.crash.Store(reconcile.Step(""))
		r.startAgain(oneRoute)
		job := r.backfilled()
		if job.Done != 60 || job.Failed != 0 || job.Opened < 30 {
			t.Errorf("came: %s", came(job))
		}
		r.pass(10 * time.Minute)
		r.ticketed(60)
	})
}

// Another daemon takes a job over from one that does not come back, and not before.
func TestABackfillIsTakenOver(t *testing.T) {
	simulateJetStream(t, func(r *rig) {
		r.before(200)
		r.shared = true
		r.start(oneRoute)
		other := r.second(oneRoute)
		r.pass(time.Minute)
		_, err := r.engine.Backfill(r.t.Context(), backfill.Request{})
		check(t, err)
		_, err = other.engine.Backfill(r.t.Context(), backfill.Request{})
		if !errors.Is(err, backfill.ErrUnderWay) {
			t.Errorf("a second one: %v", err)
		}
		r.kill()
		if job := other.backfilled(); job.Done != 200 {
			t.Errorf("came: %s", came(job))
		}
		other.pass(10 * time.Minute)
		other.ticketed(200)
		other.kill()
	})
}

func TestABackfillWaitsAndIsStopped(t *testing.T) {
	simulate(t, func(r *rig) {
		r.before(40)
		r.start(oneRoute)
		r.pauseRoute("incidents")
		_, err := r.engine.Backfill(r.t.Context(), backfill.Request{})
		check(t, err)
		r.pass(time.Minute)
		job, err := r.engine.BackfillJob(r.t.Context())
		if check(t, err); job.Over() || job.Done != 0 || job.Waiting != "route incidents is paused" {
			t.Errorf("while it is paused: %+v", job)
		}
		job, err = r.engine.StopBackfill(r.t.Context())
		if check(t, err); !job.Stopped || !job.Over() {
			t.Errorf("stopped: %+v", job)
		}
		r.resumeRoute("incidents")
		r.pass(time.Hour)
		r.ticketed(0)
		expectCame(t, r.backfill(backfill.Request{}), "40 of 40: 40 opened, 0 updated, 0 none, 0 failed, 0 later")
		kept := 0
		check(t, r.store.State.Each(r.t.Context(), func(e store.Entry) error {
			if strings.HasPrefix(e.Key, "backfill/records/") {
				kept++
			}
			return nil
		}))
		if kept != 0 {
			t.Errorf("%d lists are kept", kept)
		}
	})
}

// What happens meanwhile does not wait for the end of it.
func TestWhatHappensGoesBeforeABackfill(t *testing.T) {
	simulate(t, func(r *rig) {
		r.before(500)
		r.start(oneRoute)
		r.slows("itsm")
		_, err := r.engine.Backfill(r.t.Context(), backfill.Request{})
		check(t, err)
		r.pass(10 * time.Second)
		now := incidents.Ref("now")
		r.world.put(now, false, critical())
		r.hint(now)
		r.until(10*time.Minute, "the ticket of what happened now", func() bool {
			return slices.ContainsFunc(r.links(), func(l engine.LinkView) bool { return l.Source == now && l.Target != nil })
		})
		job, err := r.engine.BackfillJob(r.t.Context())
		if check(t, err); job.Done > 250 {
			t.Errorf("the backfill was ahead: %s", came(job))
		}
	})
}

func TestABackfillsDryRun(t *testing.T) {
	simulate(t, func(r *rig) {
		r.before(5)
		r.world.put(incidents.Ref("secret"), true, critical())
		r.pass(time.Minute)
		r.start(oneRoute)
		kinds, named := map[plan.Kind]int{}, 0
		check(t, r.engine.BackfillDryRun(r.t.Context(), backfill.Request{}, func(p reconcile.Planned) error {
			kinds[p.Operations[0].Kind]++
			if p.Name != "" {
				named++
			}
			if p.Record.ID == "secret" && p.Name != "" {
				t.Errorf("a private record is called %s", p.Name)
			}
			return nil
		}))
		if kinds[plan.KindCreate] != 5 || kinds[plan.KindNone] != 1 {
			t.Errorf("planned: %v", kinds)
		}
		r.ticketed(0)
	})
}
