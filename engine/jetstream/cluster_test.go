package jetstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
	"github.com/lockstep-sync/lockstep/engine/jetstream"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// Three servers with three replicas, on real sockets and in real time, one of
// which goes away while two daemons use them.
func TestCluster(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	servers := cluster(t, 3)
	var addresses []string
	for _, s := range servers {
		addresses = append(addresses, s.ClientURL())
	}
	daemon := func() store.Store {
		nc, err := nats.Connect(strings.Join(addresses, ","), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond), nats.ReconnectBufSize(-1))
		check(t, err)
		t.Cleanup(nc.Close)
		var kept *jetstream.Store
		insist(ctx, t, func(ctx context.Context) error { // until there is a leader
			kept, err = jetstream.Open(ctx, nc, jetstream.Options{Replicas: 3})
			return err
		})
		if kept == nil {
			t.FailNow()
		}
		return kept.Engine()
	}
	a, b := daemon(), daemon()

	delivered := make(chan store.Hint, 1000)
	for _, kept := range []store.Store{a, b} {
		stop, err := kept.Hints.Consume(ctx, "route", incidents, kept.Hints.End, func(h store.Hint) { delivered <- h; h.Ack() })
		check(t, err)
		defer stop()
	}
	want := map[connectors.Ref]bool{}
	expect := func() {
		t.Helper()
		got := map[connectors.Ref]bool{}
		for len(got) < len(want) {
			select {
			case h := <-delivered:
				if want[h.Ref] {
					got[h.Ref] = true
				}
			case <-ctx.Done():
				t.Fatalf("only %d of %d hints came", len(got), len(want))
			}
		}
		clear(want)
	}
	hint := func(id string) {
		t.Helper()
		want[incidents.Ref(id)] = true
		insist(ctx, t, func(ctx context.Context) error { return a.Hints.Add(ctx, incidents.Ref(id), "") })
	}
	for i := range 20 {
		hint(fmt.Sprint("before ", i))
	}
	want[incidents.Ref("scheduled")] = true
	check(t, b.Hints.AddAt(ctx, "slot", incidents.Ref("scheduled"), time.Now().Add(2*time.Second), 3))
	expect()

	one, err := a.Links.Create(ctx, "link", []byte("1"))
	check(t, err)
	if _, err := b.Links.Create(ctx, "link", []byte("x")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("created twice: %v", err)
	}
	two, err := b.Links.Update(ctx, "link", []byte("2"), one)
	check(t, err)
	if _, err := a.Links.Update(ctx, "link", []byte("x"), one); !errors.Is(err, store.ErrConflict) {
		t.Errorf("updated twice: %v", err)
	}
	check(t, a.Journal.Append(ctx, incidents.Ref("1"), []byte("entry")))
	check(t, a.Journal.Append(ctx, incidents.Ref("2"), []byte("purged")))
	check(t, b.Journal.Purge(ctx, incidents.Ref("2")))
	_, err = a.Dead.Put(ctx, "dead", []byte("letter"))
	check(t, err)
	check(t, b.Dead.Delete(ctx, "dead", 0))
	if _, err := a.Dead.Get(ctx, "dead"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}

	shutdown(servers[0])
	for i := range 20 {
		hint(fmt.Sprint("after ", i))
	}
	expect()
	for _, kept := range []store.Store{a, b} {
		var e store.Entry
		insist(ctx, t, func(ctx context.Context) error { e, err = kept.Links.Get(ctx, "link"); return err })
		if string(e.Value) != "2" || e.Revision != two {
			t.Errorf("the link is %q at %d, want 2 at %d", e.Value, e.Revision, two)
		}
		// Answered by any replica, so a moment may pass until it has everything.
		insist(ctx, t, func(ctx context.Context) error {
			entries, err := kept.Journal.Read(ctx, connectors.Ref{}, time.Time{}, 10)
			if err == nil && !cmp.Equal([][]byte{[]byte("entry")}, entries) {
				err = fmt.Errorf("journal is %q", bytes.Join(entries, []byte(", ")))
			}
			return err
		})
	}

	// A write whose answer was lost may have counted.
	var race sync.WaitGroup
	var unclear atomic.Int32
	write := func(err error) error {
		if err != nil && !errors.Is(err, store.ErrConflict) {
			unclear.Add(1)
		}
		return err
	}
	for _, kept := range []store.Store{a, b} {
		race.Go(func() {
			for range 50 {
				insist(ctx, t, func(ctx context.Context) error {
					e, err := kept.State.Get(ctx, "count")
					switch {
					case errors.Is(err, store.ErrNotFound):
						_, err = kept.State.Create(ctx, "count", []byte{1})
						return write(err)
					case err != nil:
						return err
					}
					_, err = kept.State.Update(ctx, "count", []byte{e.Value[0] + 1}, e.Revision)
					return write(err)
				})
			}
		})
	}
	race.Wait()
	e, err := a.State.Get(ctx, "count")
	check(t, err)
	if n := int32(e.Value[0]); n < 100 || n > 100+unclear.Load() {
		t.Errorf("two daemons that count to 100 come to %d; %d answers were lost", n, unclear.Load())
	}
}

// insist tries until it works. A request that no leader sees gets no answer.
func insist(ctx context.Context, t *testing.T, f func(ctx context.Context) error) {
	t.Helper()
	for {
		attempt, cancel := context.WithTimeout(ctx, 3*time.Second)
		err := f(attempt)
		cancel()
		switch {
		case err == nil:
			return
		case ctx.Err() != nil:
			t.Errorf("gave up: %v", err) // also called outside the test's own goroutine
			return
		case !errors.Is(err, store.ErrConflict):
			<-time.After(50 * time.Millisecond)
		}
	}
}

// cluster starts servers that know each other's addresses beforehand, which
// JetStream asks for.
func cluster(t *testing.T, size int) []*server.Server {
	t.Helper()
	var ports []int
	var routes []*url.URL
	for range size {
		address, err := simulator.FreeAddress()
		check(t, err)
		_, port, _ := net.SplitHostPort(address)
		n, err := strconv.Atoi(port)
		check(t, err)
		ports = append(ports, n)
		routes = append(routes, &url.URL{Scheme: "nats", Host: address})
	}
	var servers []*server.Server
	for i, port := range ports {
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprint("s", i), Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), Routes: routes,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port},
		})
		check(t, err)
		go s.Start()
		t.Cleanup(func() { shutdown(s) })
		servers = append(servers, s)
	}
	for _, s := range servers {
		if !s.ReadyForConnections(30 * time.Second) {
			t.Fatal("the servers do not start")
		}
	}
	return servers
}
