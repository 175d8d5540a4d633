package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// second starts another daemon's rig on the same store and world.
func (r *rig) second(hcl string) *rig {
	r.t.Helper()
	other := &rig{t: r.t, world: r.world, store: r.store, log: r.log, shared: true}
	other.start(hcl)
	return other
}

// lookForTickets does what a dead letter asks for where two answers to a creation
// were lost: there must be no ticket, and another is opened.
func (r *rig) lookForTickets() {
	r.t.Helper()
	for _, d := range r.dead() {
		if d.Reason != deadletter.ReasonUnknownTicket {
			continue
		}
		if own, _ := r.world.made(tickets); len(own) > 0 {
			r.t.Errorf("%v is there, and is not found: %+v", own, d)
		}
		check(r.t, r.engine.RetryDead(r.t.Context(), d.ID))
		r.pass(time.Hour)
	}
}

// TestTwoDaemonsOpenOneTicket lets two daemons share a store, its hints going
// to one or the other, and slow, lost and late answers hit either.
func TestTwoDaemonsOpenOneTicket(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			simulate(t, func(r *rig) {
				random := rand.New(rand.NewPCG(seed, 1))
				pause := func() { r.pass(time.Duration(random.Int64N(int64(8 * time.Second)))) }
				slow := func(d time.Duration) func() {
					wait := time.Duration(random.Int64N(int64(d)))
					return func() { time.Sleep(wait) }
				}
				r.shared = true
				r.start(oneRoute)
				other := r.second(oneRoute)
				defer other.kill()
				ref := incidents.Ref("01A")
				r.world.put(ref, false, critical())
				for range 3 {
					f := []fault{
						{ok: true, first: slow(20 * time.Second)},
						{ok: true, first: slow(2 * time.Minute)},
						{ok: true, then: slow(20 * time.Second)},
						{ok: true, then: slow(2 * time.Minute)},
						{class: connectors.ClassUnclear},
						{class: connectors.ClassUnclear, after: true},
						{class: connectors.ClassUnclear, late: 100 * time.Second},
						{class: connectors.ClassRetry},
					}[random.IntN(8)]
					r.world.fail("itsm", []string{"create", "update", "look up", "read"}[random.IntN(4)], f)
				}
				for i := range 4 {
					r.world.edit(ref, "title", fmt.Sprint("title ", i))
					for _, one := range []*rig{r, other} {
						if err := one.engine.Hint(r.t.Context(), []connectors.Ref{ref}, ""); err != nil {
							t.Fatal(err)
						}
					}
					pause()
				}
				r.pass(2 * time.Hour)
				r.lookForTickets()
				if title := r.world.field(r.oneTicket(), "title"); title != "title 3" {
					t.Errorf("the title is %v", title)
				}
				if letters := r.dead(); len(letters) != 0 {
					t.Errorf("dead letters: %+v", letters)
				}
				r.world.resetCalls()
				r.hint(ref)
				r.pass(time.Minute)
				if w := r.writes(); len(w) != 0 {
					t.Errorf("at rest it writes %v", w)
				}
			})
		})
	}
}

// TestATicketIsKnownThoughItsDaemonCrashed right after it had saved the link: an edit of
// the ticket, which the other daemon's poll finds, reaches the record.
func TestATicketIsKnownThoughItsDaemonCrashed(t *testing.T) {
	simulateJetStream(t, func(r *rig) {
		hcl := replaced(t, oneRoute, "  outbound {", "  inbound { detail = \"{{ ticket.detail }}\" }\n  outbound {")
		hcl = replaced(t, hcl, "    detail = \"{{ incident.detail }}\"\n", "")
		r.shared = true
		r.start(hcl)
		other := r.second(hcl)
		r.pass(time.Minute)
		r.crash.Store(reconcile.StepConfirmed)
		crashed := func() bool {
			select {
			case <-r.crashed:
				return true
			default:
				return false
			}
		}
		n := 0
		for ; !crashed() && n < 50; n++ { // until it is this daemon's turn
			ref := incidents.Ref(fmt.Sprintf("0%02d", n))
			r.world.put(ref, false, critical())
			other.hint(ref)
			r.pass(time.Second)
		}
		if !crashed() {
			t.Fatal("the daemon has opened no ticket")
		}
		r.kill()
		other.pass(10 * time.Minute)
		for _, ticket := range r.world.list(tickets) {
			r.world.edit(ticket, "detail", "Edited on "+ticket.ID)
		}
		other.pass(10 * time.Minute)
		for _, l := range other.links() {
			if l.Target == nil {
				t.Errorf("%s has no ticket", l.Source)
			} else if got, want := r.world.field(l.Source, "detail"), "Edited on "+l.Target.ID; got != want {
				t.Errorf("%s says %v, want %q", l.Source, got, want)
			}
		}
		other.kill()
	})
}
