package simulation

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A gate is the way to a system, which may be shut.
type gate struct {
	next http.RoundTripper

	mu    sync.Mutex
	shut  bool
	calls []time.Time // that came through
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mu.Lock()
	shut := g.shut
	if !shut {
		g.calls = append(g.calls, time.Now())
	}
	g.mu.Unlock()
	if shut {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	return g.next.RoundTrip(r)
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut, g.calls = shut, nil
}

func (g *gate) first() (time.Time, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.calls) == 0 {
		return time.Time{}, errors.New("it was not called")
	}
	return g.calls[0], nil
}

// TestBackFromAnOutage: after ten seconds away a system is called within five
// seconds of its return, and all is written within fifteen, however many records
// were in work, through the real store and the connectors' own repeating.
func TestBackFromAnOutage(t *testing.T) {
	lib := outside(t)
	for _, n := range []int{1, 6} {
		for i, away := range []time.Duration{3 * time.Second, 7 * time.Second, 10 * time.Second} {
			runScenario(t, lib, "TestBackFromAnOutage", uint64(10*n+i), func(w *world) {
				g := &gate{next: w.wires["itsm"]}
				w.wires["itsm"] = g
				w.alone(n)
				g.set(true)
				for _, r := range w.records {
					_, err := w.incidents.EditIncident(r.id, incidentiotest.SetName("slow "+r.id))
					w.must(err)
				}
				w.webhooksFor(away)
				g.set(false)
				back := time.Now()
				behind := func() bool {
					return slices.ContainsFunc(w.records, func(r *record) bool { a, b := w.titles(r); return a != b })
				}
				for behind() && time.Since(back) < time.Hour {
					w.webhooksFor(time.Second)
				}
				first, err := g.first()
				w.must(err)
				all := time.Since(back)
				t.Logf("%s", fmt.Sprintf("%d records, %v away: first request after %v, all written after %v", n, away, first.Sub(back), all))
				if first.Sub(back) > 5*time.Second || all > 15*time.Second {
					w.fail("%d records, %v away: first request after %v, all written after %v", n, away, first.Sub(back), all)
				}
			})
		}
	}
}

// TestASlowInstance: with answers that come a minute late tickets are opened,
// once, and edits reach them, slowly.
func TestASlowInstance(t *testing.T) {
	runScenario(t, outside(t), "TestASlowInstance", 1, func(w *world) {
		w.alone(1)
		w.tickets.Inject(simulator.Fault{Kind: simulator.SlowAnswer, Delay: time.Minute, Times: 1 << 30})
		w.must(w.declare())
		r := w.records[1]
		began := time.Now()
		for len(w.tickets.Tickets()) < 2 && time.Since(began) < time.Hour {
			w.webhooksFor(time.Second)
		}
		opened := time.Since(began)
		w.webhooksFor(10 * time.Minute)
		_, err := w.incidents.EditIncident(r.id, incidentiotest.SetName("Database is slow"))
		w.must(err)
		began = time.Now()
		for time.Since(began) < time.Hour {
			if incident, ticket := w.titles(r); incident == ticket {
				break
			}
			w.webhooksFor(time.Second)
		}
		t.Logf("a ticket after %v, an edit after %v", opened, time.Since(began))
		if edited := time.Since(began); opened > 5*time.Minute || edited > 5*time.Minute {
			w.fail("a ticket after %v, an edit after %v", opened, edited)
		}
		w.webhooksFor(time.Hour)
		if n := len(w.tickets.Tickets()); n != 2 {
			w.fail("%d tickets", n)
		}
		if letters, err := w.daemons[0].engine.Dead(w.ctx); err != nil || len(letters) != 0 {
			w.fail("dead letters: %+v, %v", letters, err)
		}
	})
}
