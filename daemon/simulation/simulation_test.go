package simulation

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server/ats"

	"github.com/lockstep-sync/lockstep/engine/storetest"
)

var (
	oneSeed = flag.Uint64("seed", 0, "the one seed that TestSeed runs")
	seeds   = flag.Uint64("seeds", 30, "how many seeds TestSeeds runs, from 1")
	soak    = flag.Duration("soak", 0, "how long TestSoak runs seeds that nobody has run")
	story   = flag.Bool("story", false, "tell what happened in TestSeed, also where all went well")
)

// TestSeeds runs the same seeds each time.
func TestSeeds(t *testing.T) {
	lib, n := outside(t), *seeds
	if testing.Short() {
		n = min(n, shortSeeds)
	}
	for seed := range n {
		run(t, lib, seed+1)
	}
}

// shortSeeds is how many seeds -short leaves.
const shortSeeds = 5

// TestSeed runs one seed again.
func TestSeed(t *testing.T) {
	if *oneSeed == 0 {
		t.Skip("no -seed")
	}
	run(t, outside(t), *oneSeed)
}

// TestSoak runs new seeds for a time.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("no -soak")
	}
	lib, until, ran := outside(t), time.Now().Add(*soak), 0
	for !t.Failed() && time.Now().Before(until) {
		t.Run("batch", func(t *testing.T) {
			for range 20 {
				run(t, lib, rand.Uint64N(1<<40))
				ran++
			}
		})
	}
	t.Logf("%d seeds", ran)
}

// outside prepares what bubbles share.
func outside(t *testing.T) *library {
	t.Helper()
	ats.Register() // the server's ticker must live outside the bubbles
	t.Cleanup(ats.Unregister)
	return newLibrary(t)
}

// run runs a seed beside others.
func run(t *testing.T, lib *library, seed uint64) {
	t.Helper()
	runScenario(t, lib, fmt.Sprintf("TestSeed$' -seed %d -count 10", seed), seed, func(w *world) {
		w.scenario()
		w.calmDown()
		w.check()
	})
}

// runScenario runs a scenario in a bubble of its own; again says how to run it
// once more.
func runScenario(t *testing.T, lib *library, again string, seed uint64, scenario func(*world)) {
	t.Helper()
	t.Run(fmt.Sprint(seed), func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		storetest.Bubble(t, func(t *testing.T) {
			w := &world{t: t, ctx: t.Context(), seed: seed, random: rand.New(rand.NewPCG(seed, 0)), lib: lib}
			defer func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				if len(w.failures) > 0 {
					t.Errorf("%s\nagain: go test -race ./daemon/simulation -run '%s'", strings.Join(w.failures, "\n"), again)
				}
				if len(w.failures) > 0 || *story {
					t.Log("what happened:\n" + strings.Join(w.story, "\n"))
				}
				if *story {
					t.Log(w.log.String() + w.journaled)
				}
			}()
			if err := w.open(dir); err != nil {
				t.Fatal(err)
			}
			defer w.close()
			scenario(w)
		})
	})
}

// scenario is the time in which anything may happen.
func (w *world) scenario() {
	w.conflict = pick(w, conflicts())
	w.live(operations())
}

// live has one or two daemons run while things happen.
func (w *world) live(all []operation) {
	w.poll = busyPoll
	w.shared = w.random.IntN(3) > 0
	w.daemons = make([]*daemon, 1)
	if w.shared {
		w.daemons = make([]*daemon, 2)
	}
	for i := range w.daemons {
		w.must(w.restart(i))
	}
	if len(w.failures) > 0 {
		return
	}
	w.say("conflict %s, %d daemons", w.conflict, len(w.daemons))
	w.must(w.declare())
	_ = w.deliver()
	w.pass(10 * time.Second)
	for range 30 {
		w.act(all)
		if w.random.IntN(3) > 0 {
			w.pass(w.between(0, 45*time.Second))
		}
		for i, d := range w.daemons {
			if d.dead.Load() && w.random.IntN(2) == 0 {
				w.say("daemon %d had crashed and is started", i)
				w.must(w.restart(i))
			}
		}
	}
}

// calmDown ends everything that goes wrong, and gives lockstep the time to
// converge.
func (w *world) calmDown() {
	w.incidents.ClearFaults()
	w.tickets.ClearFaults()
	w.openTables()
	w.reload, w.poll = 0, busyPoll
	for _, r := range w.records {
		// Some stay private for good.
		if !r.followUp && r.private && w.random.IntN(2) == 0 {
			w.must(w.setPrivate(r, false))
		}
	}
	w.say("calm")
	for _, d := range w.daemons {
		d.kill()
	}
	w.daemons = w.daemons[:1]
	w.shared = w.random.IntN(2) == 0
	w.must(w.restart(0))
	w.resumeAll()
	w.pass(5 * time.Minute)
	// Nothing tells of a follow-up whose incident turned private or public, nor that a
	// record can be read again; the sweep would.
	for _, r := range w.records {
		if r.hidden || r.followUp && len(r.turns) > 0 {
			w.must(w.daemons[0].engine.Hint(w.ctx, []ref{r.ref()}, ""))
		}
	}
	w.pass(10 * time.Minute)
	w.poll = restPoll
	w.must(w.apply(w.daemons[0]))
	w.pass(30 * time.Minute)
	w.say("rest")
}

// everything is hinted, as a sweep would.
func (w *world) hintAll() {
	for _, r := range w.records {
		w.must(w.daemons[0].engine.Hint(w.ctx, []ref{r.ref()}, ""))
	}
	w.pass(30 * time.Second)
}
