package jetstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/jetstream"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/engine/storetest"
)

var incidents = connectors.Collection{Type: "incidentio", Connector: "acme", Record: "incident"}

// bubble runs a test on simulated time.
func bubble(t *testing.T, f func(t *testing.T)) {
	ats.Register()
	defer ats.Unregister()
	storetest.Bubble(t, f)
}

// fill leaves something of every kind in a store: two hints that wait, one in
// work, one acknowledged, one scheduled in an hour with a second on its slot.
func fill(t *testing.T, kept store.Store) {
	t.Helper()
	ctx := t.Context()
	delivered := make(chan store.Hint, 10)
	stop, err := kept.Hints.Consume(ctx, "route", incidents, kept.Hints.End, func(h store.Hint) { delivered <- h })
	check(t, err)
	check(t, kept.Hints.Add(ctx, incidents.Ref("done"), ""))
	(<-delivered).Ack()
	check(t, kept.Hints.Add(ctx, incidents.Ref("in work"), "evt_1"))
	<-delivered
	pass(time.Second) // acks are not confirmed
	stop()
	check(t, kept.Hints.Add(ctx, incidents.Ref("waits"), ""))
	check(t, kept.Hints.Add(ctx, incidents.Ref("waits too"), ""))
	check(t, kept.Hints.AddAt(ctx, "slot", incidents.Ref("never"), time.Now().Add(time.Minute), 1))
	check(t, kept.Hints.AddAt(ctx, "slot", incidents.Ref("later"), time.Now().Add(time.Hour), 5))
	for _, b := range []store.Bucket{kept.Links, kept.Targets, kept.Dead, kept.State} {
		_, err := b.Create(ctx, "key", []byte("value"))
		check(t, err)
		_, err = b.Create(ctx, "deleted", []byte("value"))
		check(t, err)
		check(t, b.Delete(ctx, "deleted", 0))
	}
	check(t, kept.Journal.Append(ctx, incidents.Ref("1"), []byte(`{"entry":1}`)))
	check(t, kept.Journal.Append(ctx, incidents.Ref("2"), []byte(`{"entry":2}`)))
}

// full checks that all that fill left is there, an hour or less later.
func full(t *testing.T, kept store.Store) {
	t.Helper()
	ctx := t.Context()
	for _, b := range []store.Bucket{kept.Links, kept.Targets, kept.Dead, kept.State} {
		e, err := b.Get(ctx, "key")
		check(t, err)
		if string(e.Value) != "value" {
			t.Errorf("value %q", e.Value)
		}
		if _, err := b.Update(ctx, "key", []byte("value"), e.Revision); err != nil {
			t.Errorf("update: %v", err)
		}
		if _, err := b.Get(ctx, "deleted"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
	}
	entries, err := kept.Journal.Read(ctx, connectors.Ref{}, time.Time{}, 0)
	check(t, err)
	if diff := cmp.Diff([][]byte{[]byte(`{"entry":2}`), []byte(`{"entry":1}`)}, entries); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
	delivered := make(chan store.Hint, 100)
	stop, err := kept.Hints.Consume(ctx, "route", incidents, kept.Hints.End, func(h store.Hint) { h.Ack(); delivered <- h })
	check(t, err)
	defer stop()
	got := map[string]int{}
	for end := time.After(2 * time.Hour); ; {
		select {
		case h := <-delivered:
			got[h.Ref.ID] = h.Tries
			continue
		case <-end:
		}
		break
	}
	delete(got, "done") // an ack may be lost with the server
	if diff := cmp.Diff(map[string]int{"in work": 0, "waits": 0, "waits too": 0, "later": 5}, got); diff != "" {
		t.Errorf("hints and tries (-want +got):\n%s", diff)
	}
}

func TestRestart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		dir := t.TempDir()
		s := serve(t, dir)
		fill(t, open(t, s, jetstream.Options{}).Engine())
		shutdown(s)
		full(t, open(t, serve(t, dir), jetstream.Options{}).Engine())
	})
}

func TestScheduledWhileDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		dir := t.TempDir()
		s := serve(t, dir)
		fill(t, open(t, s, jetstream.Options{}).Engine())
		shutdown(s)
		pass(48 * time.Hour)
		full(t, open(t, serve(t, dir), jetstream.Options{}).Engine())
	})
}

// What the files hold at some moment is what a power cut leaves.
func TestCrash(t *testing.T) {
	bubble(t, func(t *testing.T) {
		dir, copied := t.TempDir(), t.TempDir()
		fill(t, open(t, serve(t, dir), jetstream.Options{}).Engine())
		check(t, os.CopyFS(copied, os.DirFS(dir)))
		full(t, open(t, serve(t, copied), jetstream.Options{}).Engine())
	})
}

// A new name must not lose what comes between its making and a crash.
func TestCrashAfterConsume(t *testing.T) {
	bubble(t, func(t *testing.T) {
		dir, copied := t.TempDir(), t.TempDir()
		kept := open(t, serve(t, dir), jetstream.Options{}).Engine()
		check(t, kept.Hints.Add(t.Context(), incidents.Ref("old"), ""))
		stop, err := kept.Hints.Consume(t.Context(), "route", incidents, kept.Hints.End, func(store.Hint) {})
		check(t, err)
		defer stop()
		check(t, kept.Hints.Add(t.Context(), incidents.Ref("new"), ""))
		check(t, os.CopyFS(copied, os.DirFS(dir)))
		again := open(t, serve(t, copied), jetstream.Options{}).Engine()
		var refs []connectors.Ref
		err = again.Hints.Forget(t.Context(), "route", func(ref connectors.Ref) error {
			refs = append(refs, ref)
			return nil
		})
		check(t, err)
		if diff := cmp.Diff([]connectors.Ref{incidents.Ref("new")}, refs); diff != "" {
			t.Errorf("pending (-want +got):\n%s", diff)
		}
	})
}

// switchboard connects to whichever server is there.
type switchboard struct{ atomic.Pointer[server.Server] }

func (s *switchboard) InProcessConn() (net.Conn, error) {
	if running := s.Load(); running != nil {
		return running.InProcessConn()
	}
	return nil, errors.New("connection refused")
}

func TestServerComesBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		dir := t.TempDir()
		var board switchboard
		first := serve(t, dir)
		board.Store(first)
		nc, err := nats.Connect("", nats.InProcessServer(&board), nats.MaxReconnects(-1))
		check(t, err)
		defer nc.Close()
		opened, err := jetstream.Open(t.Context(), nc, jetstream.Options{})
		check(t, err)
		kept := opened.Engine()
		delivered := make(chan store.Hint, 10)
		stop, err := kept.Hints.Consume(t.Context(), "route", incidents, kept.Hints.End, func(h store.Hint) { h.Ack(); delivered <- h })
		check(t, err)
		watch(t, opened, jetstream.Watch{})

		board.Store(nil)
		shutdown(first)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := kept.Hints.Add(ctx, incidents.Ref("lost"), ""); err == nil {
			t.Error("a hint was taken without a server")
		}
		synctest.Wait()
		if err := opened.Err(); err == nil || !strings.Contains(err.Error(), "the connection to NATS is lost") {
			t.Errorf("without a server: %v", err)
		}
		pass(10 * time.Minute)

		board.Store(serve(t, dir))
		pass(time.Minute)
		check(t, opened.Err())
		check(t, kept.Hints.Add(t.Context(), incidents.Ref("after"), ""))
		for h := range delivered {
			if h.Ref.ID == "after" { // "lost" may have gone out when the connection was back
				break
			}
		}
		stop()
	})
}

func TestDeletedConsumerIsMadeAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, t.TempDir())
		kept := open(t, s, jetstream.Options{}).Engine()
		delivered := make(chan store.Hint, 10)
		// Where the route was: its end would be after what is added meanwhile.
		from, err := kept.Hints.End(t.Context())
		check(t, err)
		begin := func(context.Context) (store.Position, error) { return from, nil }
		stop, err := kept.Hints.Consume(t.Context(), "route", incidents, begin, func(h store.Hint) { h.Ack(); delivered <- h })
		check(t, err)
		defer stop()
		check(t, kept.Hints.Add(t.Context(), incidents.Ref("1"), ""))
		<-delivered
		js := raw(t, s)
		check(t, js.DeleteConsumer(t.Context(), "lockstep_hints", "route"))
		check(t, kept.Hints.Add(t.Context(), incidents.Ref("2"), ""))
		for late := time.After(5 * time.Minute); ; {
			select {
			case h := <-delivered: // the first may come again
				if h.Ref.ID == "2" {
					return
				}
			case <-late:
				t.Fatal("no hint arrives any more")
			}
		}
	})
}

func TestConsumerSettings(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, t.TempDir())
		kept := open(t, s, jetstream.Options{}).Engine()
		js := raw(t, s)
		consume := func() natsjs.ConsumerConfig {
			t.Helper()
			stop, err := kept.Hints.Consume(t.Context(), "route", incidents, kept.Hints.End, func(store.Hint) {})
			check(t, err)
			stop()
			c, err := js.Consumer(t.Context(), "lockstep_hints", "route")
			check(t, err)
			return c.CachedInfo().Config
		}
		first := consume()
		if first.AckWait != store.HintWait || first.MaxAckPending != 4096 || first.MaxDeliver != -1 || first.FilterSubject != "lockstep.hints.incidentio.acme.incident.*" {
			t.Errorf("consumer is %+v", first)
		}
		// As a Forget that was interrupted leaves it.
		changed := first
		changed.AckWait, changed.MaxAckPending = time.Second, -1
		_, err := js.UpdateConsumer(t.Context(), "lockstep_hints", changed)
		check(t, err)
		if diff := cmp.Diff(first, consume()); diff != "" {
			t.Errorf("consumer (-first +again):\n%s", diff)
		}
	})
}

func TestUnreadableHint(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, t.TempDir())
		kept := open(t, s, jetstream.Options{}).Engine()
		delivered := make(chan store.Hint, 10)
		stop, err := kept.Hints.Consume(t.Context(), "route", incidents, kept.Hints.End, func(h store.Hint) { h.Ack(); delivered <- h })
		check(t, err)
		defer stop()
		_, err = raw(t, s).Publish(t.Context(), "lockstep.hints.incidentio.acme.incident.x", []byte("no ref"))
		check(t, err)
		check(t, kept.Hints.Add(t.Context(), incidents.Ref("1"), ""))
		if h := <-delivered; h.Ref != incidents.Ref("1") {
			t.Errorf("got %q", h.Ref)
		}
		pass(time.Minute)
		if pending, _, err := kept.Hints.Backlog(t.Context(), "route"); err != nil || pending != 0 {
			t.Errorf("backlog %d, %v", pending, err)
		}
	})
}

// Another daemon that works on the same hints keeps them.
func TestForgetWhatAnotherHolds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, t.TempDir())
		mine, other := open(t, s, jetstream.Options{}).Engine(), open(t, s, jetstream.Options{}).Engine()
		held := make(chan store.Hint, 100)
		stop, err := other.Hints.Consume(t.Context(), "route", incidents, other.Hints.End, func(h store.Hint) { h.Keep(); held <- h })
		check(t, err)
		defer stop()
		for i := range 5 {
			check(t, mine.Hints.Add(t.Context(), incidents.Ref(fmt.Sprint(i)), ""))
		}
		began := time.Now()
		if err := mine.Hints.Forget(t.Context(), "route", func(connectors.Ref) error { return nil }); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

func TestMarkersOfOtherClients(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, t.TempDir())
		kept := open(t, s, jetstream.Options{}).Engine()
		kv, err := raw(t, s).KeyValue(t.Context(), "lockstep_links")
		check(t, err)
		_, err = kept.Links.Create(t.Context(), "key", []byte("value"))
		check(t, err)
		e, err := kv.Get(t.Context(), "key")
		check(t, err)
		if string(e.Value()) != "value" {
			t.Errorf("the bucket shows %q", e.Value())
		}
		for _, remove := range []func() error{
			func() error { return kv.Delete(t.Context(), "key") },
			func() error { return kv.Purge(t.Context(), "key") },
		} {
			check(t, remove())
			if _, err := kept.Links.Get(t.Context(), "key"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("get: %v", err)
			}
			check(t, kept.Links.Each(t.Context(), func(e store.Entry) error { return fmt.Errorf("%q is there", e.Key) }))
			_, err := kept.Links.Create(t.Context(), "key", []byte("value"))
			check(t, err)
		}
	})
}

// What was purged or deleted is not left in the files.
func TestContentsAreOverwritten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		dir := t.TempDir()
		s := serve(t, dir)
		kept := open(t, s, jetstream.Options{}).Engine()
		const canary = "a canary that nobody may find"
		for i := range 5 {
			check(t, kept.Journal.Append(t.Context(), incidents.Ref("1"), []byte(canary)))
			check(t, kept.Journal.Append(t.Context(), incidents.Ref("2"), bytes.Repeat([]byte("x"), 5000)))
			_, err := kept.Dead.Put(t.Context(), fmt.Sprint(i), []byte(canary))
			check(t, err)
		}
		if !found(t, dir, canary) {
			t.Fatal("the search does not work")
		}
		check(t, kept.Journal.Purge(t.Context(), incidents.Ref("1")))
		for i := range 5 {
			check(t, kept.Dead.Delete(t.Context(), fmt.Sprint(i), 0))
		}
		shutdown(s)
		if found(t, dir, canary) {
			t.Error("the canary is still in the files")
		}
	})
}

func found(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		found = found || bytes.Contains(content, []byte(text))
		return err
	}))
	return found
}

// pass lets simulated time go by.
func pass(d time.Duration) { <-time.After(d) }

func raw(t *testing.T, s *server.Server) natsjs.JetStream {
	t.Helper()
	js, err := natsjs.New(dial(t, s))
	check(t, err)
	return js
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
