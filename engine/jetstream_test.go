package engine_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server/ats"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/daemon/embed"
	"github.com/lockstep-sync/lockstep/engine/jetstream"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/storetest"
)

// simulateJetStream is simulate on the real store: an embedded server with
// its files, on simulated time. The server lives as long as the bubble; what
// is killed is the engine.
func simulateJetStream(t *testing.T, test func(r *rig)) {
	ats.Register() // its ticker must live outside the bubble
	defer ats.Unregister()
	dir := t.TempDir()
	storetest.Bubble(t, func(t *testing.T) {
		server, err := embed.Start(embed.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		nc, err := server.Connect(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		opened, err := jetstream.Open(ctx, nc, jetstream.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := &rig{t: t, world: newWorld(), store: opened.Engine(), log: &logBuffer{}}
		defer func() {
			r.kill()
			if t.Failed() {
				t.Log(r.log.String())
			}
		}()
		test(r)
	})
}

// TestOneTicketOnJetStream kills the daemon at every step of a creation, with
// the worst answers to the create, on the real store.
func TestOneTicketOnJetStream(t *testing.T) {
	faults := map[string][]fault{
		"no fault":         nil,
		"lost, done":       {{class: connectors.ClassUnclear, after: true}},
		"lost, done later": {{class: connectors.ClassUnclear, late: 110 * time.Second}},
	}
	taken := sample()
	for name, create := range faults {
		for _, crash := range []reconcile.Step{"", reconcile.StepDecided, reconcile.StepClaimed, reconcile.StepCreated, reconcile.StepConfirmed} {
			if !taken() {
				continue
			}
			t.Run(name+"/"+string(crash), func(t *testing.T) {
				simulateJetStream(t, func(r *rig) {
					r.start(oneRoute)
					r.world.fail("itsm", "create", create...)
					ref := incidents.Ref("01A")
					r.world.put(ref, false, critical())
					r.crash.Store(crash)
					r.hint(ref)
					r.pass(3 * time.Second)
					if crash != "" {
						r.kill()
						r.crash.Store(reconcile.Step(""))
						r.start(oneRoute)
					}
					r.pass(20 * time.Minute)
					ticket := r.oneTicket()
					r.world.edit(ref, "title", "Database is back")
					r.pass(5 * time.Minute)
					if title := r.world.field(ticket, "title"); title != "Database is back" {
						t.Errorf("after an edit the ticket says %v", title)
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
}
