package daemon

import (
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/daemontest"
	"github.com/lockstep-sync/lockstep/engine"

	"github.com/nats-io/nats-server/v2/server"
)

// natsServer returns a NATS server on loopback.
func natsServer(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s.ClientURL()
}

// TestTwoDaemonsShareACluster: each takes webhooks, and one of them stops in
// the middle of it; every record has one ticket with its last title.
func TestTwoDaemonsShareACluster(t *testing.T) {
	url := natsServer(t)
	one := newRig(t, memoryConfig)
	one.options.NATSURL = url
	two := newRig(t, memoryConfig)
	two.options.NATSURL, two.world = url, one.world
	two.options.Systems = one.options.Systems
	one.start()
	two.start()

	const records = 20
	for round := range 3 {
		for i := range records {
			from := []*rig{one, two}[(i+round)%2]
			if round == 2 {
				from = two
			}
			from.report(fmt.Sprint(i), fmt.Sprintf("record %d round %d", i, round))
		}
		if round == 1 {
			one.end()
		}
	}
	daemontest.Eventually(t, "every record to have its last title", func() bool {
		last := 0
		for _, title := range one.world.titles() {
			if strings.HasSuffix(title, "round 2") {
				last++
			}
		}
		return last == records
	})
	if n := len(one.world.titles()); n != records {
		t.Errorf("%d tickets for %d records", n, records)
	}
	links, _, err := two.client.Links(t.Context(), engine.Query{})
	if err != nil || len(links) != records {
		t.Errorf("%d links, %v", len(links), err)
	}
}

// TestAReloadStorm changes the files, sends signals and asks for reloads all
// at once, while incidents are edited: the last files run, nothing is lost.
func TestAReloadStorm(t *testing.T) {
	r := newRig(t, memoryConfig)
	reload := make(chan struct{})
	r.options.Reload = reload
	r.start()
	var storm sync.WaitGroup
	for range 4 {
		storm.Go(func() {
			for range 10 {
				reload <- struct{}{}
				_, _, _ = r.client.Reload(t.Context(), false) // bad files are refused, as they should be
			}
		})
	}
	storm.Go(func() {
		for i := range 30 {
			text := replaced(t, memoryConfig, "{{ incident.name }}", fmt.Sprintf("%d {{ incident.name }}", i))
			if i%3 == 1 {
				text = "this is not { HCL"
			}
			next := filepath.Join(filepath.Dir(r.file), ".main.hcl.swp")
			daemontest.WriteFile(t, next, text)
			daemontest.Rename(t, next, r.file)
		}
	})
	for i := range 20 {
		r.report(fmt.Sprint(i), fmt.Sprintf("incident %d", i))
	}
	storm.Wait()
	daemontest.Eventually(t, "the last files to run", func() bool {
		s := r.status()
		return s.Config.OK && !s.Config.Stale && s.Ready
	})
	for i := range 20 {
		r.report(fmt.Sprint(i), fmt.Sprintf("incident %d edited", i))
		r.ticket(fmt.Sprintf("29 incident %d edited", i))
	}
	if n := len(r.world.titles()); n != 20 {
		t.Errorf("%d tickets, want 20", n)
	}
}

// TestAStoppedDaemonLeavesNoGoroutines, also after reloads that came and went.
func TestAStoppedDaemonLeavesNoGoroutines(t *testing.T) {
	r := newRig(t, memoryConfig)
	cycle := func(name string) {
		r.start()
		r.report("1", name)
		r.ticket(name)
		daemontest.WriteFile(t, r.file, replaced(t, memoryConfig, `route "incidents"`, `route "other"`))
		if _, _, err := r.client.Reload(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		daemontest.WriteFile(t, r.file, memoryConfig)
		if _, _, err := r.client.Reload(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		r.end()
		http.DefaultClient.CloseIdleConnections()
	}
	cycle("first") // what a process starts once and keeps
	before := runtime.NumGoroutine()
	for i := range 3 {
		cycle(fmt.Sprint("again ", i))
	}
	daemontest.Eventually(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}
