package jetstream_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/jetstream"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// watch watches a store until the test ends.
func watch(t *testing.T, kept *jetstream.Store, w jetstream.Watch) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { kept.Watch(ctx, w); close(done) }()
	t.Cleanup(func() { cancel(); <-done; kept.Close() })
}

// losses gathers what Watch tells of.
type losses struct {
	mu   sync.Mutex
	fail error
	told []string
	all  int
}

func (l *losses) lost(_ context.Context, held []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all++
	if l.fail != nil {
		err := l.fail
		l.fail = nil
		return err
	}
	l.told = append(l.told, held...)
	return nil
}

func (l *losses) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told
}

// A stream that somebody deletes on the server is made again, and what it held
// is told; readers go on.
func TestDeletedStreamsAreMadeAgain(t *testing.T) {
	for stream, held := range map[string]string{
		"lockstep_hints":      "records that waited to be looked at",
		"KV_lockstep_links":   "links (which ticket belongs to which record)",
		"KV_lockstep_targets": "the index of tickets",
		"KV_lockstep_dead":    "dead letters",
		"KV_lockstep_marks":   "poll cursors, and what was decided without a ticket",
		"lockstep_journal":    "the journal of decisions",
	} {
		t.Run(stream, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, t.TempDir())
				opened := open(t, s, jetstream.Options{})
				told := &losses{fail: errors.New("not yet")}
				watch(t, opened, jetstream.Watch{Lost: told.lost})
				kept := opened.Engine()
				delivered := make(chan store.Hint, 100)
				stop, err := kept.Hints.Consume(t.Context(), "route", incidents, kept.Hints.End, func(h store.Hint) { h.Ack(); delivered <- h })
				check(t, err)
				defer stop()
				for _, id := range []string{"1", "2", "3"} { // so that the place lies far behind the new beginning
					check(t, kept.Hints.Add(t.Context(), incidents.Ref(id), ""))
					<-delivered
				}
				js, deleted := raw(t, s), time.Now()
				check(t, js.DeleteStream(t.Context(), stream))
				pass(10 * time.Second)
				check(t, opened.Err())
				made, err := js.Stream(t.Context(), stream)
				check(t, err)
				// The server removes the files of the old one some time after it forgot it.
				if after := made.CachedInfo().Created.Sub(deleted); after < time.Second {
					t.Errorf("made again %v after it was deleted", after)
				}
				if diff := cmp.Diff([]string{held}, told.list()); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
				if told.all != 2 {
					t.Errorf("told %d times; it is told again after an error, and only then", told.all)
				}
				check(t, kept.Hints.Add(t.Context(), incidents.Ref("4"), ""))
				select {
				case h := <-delivered:
					if h.Ref != incidents.Ref("4") {
						t.Errorf("got %q", h.Ref)
					}
				case <-time.After(time.Minute):
					t.Error("nothing comes any more")
				}
				for _, b := range []store.Bucket{kept.Links, kept.Targets, kept.Dead, kept.State} {
					_, err := b.Put(t.Context(), "key", []byte("value"))
					check(t, err)
				}
				check(t, kept.Journal.Append(t.Context(), incidents.Ref("1"), []byte(`{}`)))
			})
		})
	}
}

// A missing consumer keeps nothing from being stored: what is needed to make it
// again is.
func TestMissingConsumerKeepsNothingFromBeingStored(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, t.TempDir())
		opened := open(t, s, jetstream.Options{})
		watch(t, opened, jetstream.Watch{})
		kept := opened.Engine()
		var again atomic.Bool
		begin := func(ctx context.Context) (store.Position, error) {
			if again.Load() {
				if opened.Err() == nil {
					return store.Position{}, errors.New("it is not known yet that the consumer is missing")
				}
				if _, err := kept.State.Put(ctx, "place", []byte("1")); err != nil {
					return store.Position{}, err
				}
			}
			return store.Position{}, nil
		}
		delivered := make(chan store.Hint, 10)
		stop, err := kept.Hints.Consume(t.Context(), "route", incidents, begin, func(h store.Hint) { h.Ack(); delivered <- h })
		check(t, err)
		defer stop()
		again.Store(true)
		check(t, raw(t, s).DeleteConsumer(t.Context(), "lockstep_hints", "route"))
		pass(2 * time.Minute)
		check(t, opened.Err())
		check(t, kept.Hints.Add(t.Context(), incidents.Ref("1"), ""))
		if h := <-delivered; h.Ref != incidents.Ref("1") {
			t.Errorf("got %q", h.Ref)
		}
	})
}

// What checks write nobody reads.
func TestChecksLeaveNothingToRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opened := open(t, serve(t, t.TempDir()), jetstream.Options{})
		watch(t, opened, jetstream.Watch{})
		kept := opened.Engine()
		stop, err := kept.Hints.Consume(t.Context(), "route", incidents, kept.Hints.End, func(h store.Hint) { t.Errorf("hint %q", h.Ref) })
		check(t, err)
		defer stop()
		pass(time.Hour)
		if pending, _, err := kept.Hints.Backlog(t.Context(), "route"); err != nil || pending != 0 {
			t.Errorf("backlog %d, %v", pending, err)
		}
		for _, b := range []store.Bucket{kept.Links, kept.Targets, kept.Dead, kept.State} {
			check(t, b.Each(t.Context(), func(e store.Entry) error {
				t.Errorf("there is a key %q", e.Key)
				return nil
			}))
		}
		if entries, err := kept.Journal.Read(t.Context(), connectors.Ref{}, time.Time{}, 10); err != nil || len(entries) != 0 {
			t.Errorf("journal %q, %v", entries, err)
		}
	})
}

// A connection that the client library closes for good is replaced.
func TestClosedConnectionIsReplaced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, t.TempDir())
		nc := dial(t, s)
		opened, err := jetstream.Open(t.Context(), nc, jetstream.Options{})
		check(t, err)
		var taken atomic.Bool
		watch(t, opened, jetstream.Watch{Dial: func(context.Context) (*nats.Conn, error) {
			if !taken.Load() {
				return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
			}
			return nats.Connect("", nats.InProcessServer(s))
		}})
		kept := opened.Engine()
		delivered := make(chan store.Hint, 10)
		stop, err := kept.Hints.Consume(t.Context(), "route", incidents, kept.Hints.End, func(h store.Hint) { h.Ack(); delivered <- h })
		check(t, err)
		defer stop()
		nc.Close()
		pass(10 * time.Second)
		if err := opened.Err(); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("it cannot be made again: %v", err)
		}
		if err := kept.Hints.Add(t.Context(), incidents.Ref("1"), ""); err == nil {
			t.Error("a hint was taken")
		}
		taken.Store(true)
		pass(10 * time.Second)
		check(t, opened.Err())
		check(t, kept.Hints.Add(t.Context(), incidents.Ref("2"), ""))
		if h := <-delivered; h.Ref != incidents.Ref("2") {
			t.Errorf("got %q", h.Ref)
		}
	})
}

// What the host says keeps everything from being stored: writes fail at once,
// and hints are held back, until it says otherwise.
func TestWhatTheHostSays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, t.TempDir())
		opened := open(t, s, jetstream.Options{})
		full := errors.New("data directory " + filepath.Join("a", "b") + ": no space left on device")
		var mu sync.Mutex
		var host error
		set := func(err error) { mu.Lock(); host = err; mu.Unlock() }
		trouble := make(chan struct{}, 1)
		watch(t, opened, jetstream.Watch{Trouble: trouble, Host: func() error {
			mu.Lock()
			defer mu.Unlock()
			return host
		}})
		kept := opened.Engine()
		delivered := make(chan store.Hint, 10)
		stop, err := kept.Hints.Consume(t.Context(), "route", incidents, kept.Hints.End, func(h store.Hint) { h.Ack(); delivered <- h })
		check(t, err)
		defer stop()
		pass(time.Second)
		set(full)
		trouble <- struct{}{}
		pass(200 * time.Millisecond)
		if err := opened.Err(); !errors.Is(err, full) {
			t.Errorf("the store says %v", err)
		}
		began := time.Now()
		if err := kept.Hints.Add(t.Context(), incidents.Ref("1"), ""); !errors.Is(err, full) {
			t.Errorf("add: %v", err)
		}
		if _, err := kept.Links.Put(t.Context(), "key", nil); !errors.Is(err, full) {
			t.Errorf("put: %v", err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v", took)
		}
		// Reading goes on.
		if _, err := kept.Links.Get(t.Context(), "key"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("get: %v", err)
		}
		// Another daemon's hint waits.
		check(t, open(t, s, jetstream.Options{}).Engine().Hints.Add(t.Context(), incidents.Ref("2"), ""))
		pass(5 * time.Second)
		select {
		case h := <-delivered:
			t.Errorf("%q was delivered, of which nothing could be kept", h.Ref)
		default:
		}
		set(nil)
		pass(2 * time.Second)
		check(t, opened.Err())
		if h := <-delivered; h.Ref != incidents.Ref("2") {
			t.Errorf("got %q", h.Ref)
		}
	})
}

// Two daemons whose configurations differ do not change a stream to and fro.
func TestChecksChangeNoSettings(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, t.TempDir())
		watch(t, open(t, s, jetstream.Options{}), jetstream.Watch{})
		js := raw(t, s)
		stream, err := js.Stream(t.Context(), "lockstep_hints")
		check(t, err)
		config := stream.CachedInfo().Config
		config.Duplicates = time.Hour
		_, err = js.UpdateStream(t.Context(), config)
		check(t, err)
		pass(time.Minute)
		info, err := stream.Info(t.Context())
		check(t, err)
		if info.Config.Duplicates != time.Hour {
			t.Errorf("a check set the window to %v", info.Config.Duplicates)
		}
	})
}
