//go:build linux || darwin

package embed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Files may not grow beyond a limit: the server gives up, says why, and takes
// writes again when the limit is lifted, with all that it acknowledged.
func TestFileSizeLimit(t *testing.T) {
	s := start(t, Options{Dir: t.TempDir()})
	js := streams(t, s)
	makeStream(t, js, "a")
	makeStream(t, js, "b")
	lift := limitFiles(t, 64<<10)
	acknowledged := fillUp(t, s, js, "a")
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), s.opts.Dir+": file too large") {
		t.Errorf("check: %v", err)
	}
	lift()
	recovers(t, s)
	holds(t, js, "a", acknowledged)
	publish(t, js, "a", "after")
	publish(t, js, "b", "after")
}

// limitFiles sets the limit of this process until the returned function, or
// the end of the test, lifts it.
func limitFiles(t *testing.T, size uint64) (lift func()) {
	t.Helper()
	var before syscall.Rlimit
	check(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	lift = func() { check(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before)) }
	t.Cleanup(lift)
	check(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: before.Max}))
	return lift
}

func makeStream(t *testing.T, js jetstream.JetStream, name string) {
	t.Helper()
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{name + ".>"}})
	check(t, err)
}

func publish(t *testing.T, js jetstream.JetStream, stream, key string) {
	t.Helper()
	_, err := js.Publish(t.Context(), stream+"."+key, []byte(key))
	check(t, err)
}

// fillUp publishes until the server says that it can store no more, and
// returns how many messages it acknowledged.
func fillUp(t *testing.T, s *Server, js jetstream.JetStream, stream string) int {
	t.Helper()
	text := make([]byte, 1000)
	for n := 0; ; n++ {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		go func() { // the server leaves unanswered what it cannot store
			for ctx.Err() == nil {
				select {
				case <-s.Trouble():
					if s.failure() != nil {
						cancel()
					}
				case <-ctx.Done():
				}
			}
		}()
		_, err := js.Publish(ctx, fmt.Sprintf("%s.%d", stream, n), text)
		cancel()
		if err == nil {
			continue
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d messages: %v", n, err)
		}
		return n
	}
}

// recovers waits until the server takes writes again.
func recovers(t *testing.T, s *Server) {
	t.Helper()
	began := time.Now()
	for err := s.Check(); err != nil; err = s.Check() {
		if time.Since(began) > time.Minute {
			t.Fatalf("it does not recover: %v", err)
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Logf("recovered after %v", time.Since(began))
}

func holds(t *testing.T, js jetstream.JetStream, stream string, n int) {
	t.Helper()
	began := time.Now()
	for {
		// A request that went out before the connection was lost gets no answer.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		have, err := js.Stream(ctx, stream)
		cancel()
		switch {
		case err == nil:
			if have.CachedInfo().State.Msgs < uint64(n) {
				t.Errorf("%d messages of %d are there", have.CachedInfo().State.Msgs, n)
			}
			return
		case time.Since(began) > time.Minute:
			t.Fatal(err)
		}
	}
}

// The files may be taken away and put back.
func TestDirectoryTakenAway(t *testing.T) {
	for _, c := range []struct {
		name       string
		take, back func(t *testing.T, dir string)
	}{
		{
			name: "moved",
			take: func(t *testing.T, dir string) { check(t, os.Rename(dir, dir+".away")) },
			back: func(t *testing.T, dir string) { check(t, os.Rename(dir+".away", dir)) },
		},
		{
			name: "removed and restored",
			take: func(t *testing.T, dir string) {
				check(t, os.CopyFS(dir+".away", os.DirFS(dir)))
				check(t, os.RemoveAll(dir))
			},
			back: func(t *testing.T, dir string) { check(t, os.Rename(dir+".away", dir)) },
		},
		{
			name: "emptied and restored",
			take: func(t *testing.T, dir string) {
				check(t, os.Rename(dir, dir+".away"))
				check(t, os.Mkdir(dir, 0o700))
			},
			back: func(t *testing.T, dir string) {
				check(t, os.Remove(dir))
				check(t, os.Rename(dir+".away", dir))
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			lock, err := Lock(dir)
			check(t, err)
			t.Cleanup(func() { check(t, lock.Unlock()) })
			s := start(t, Options{Dir: dir, Lock: lock})
			js := streams(t, s)
			makeStream(t, js, "a")
			publish(t, js, "a", "before")
			check(t, s.Check())
			c.take(t, dir)
			for range 2 { // it does not start over by itself
				if err := s.Check(); err == nil || !strings.Contains(err.Error(), "data directory "+dir+": the files of 1 of 1 streams are gone") {
					t.Errorf("check: %v", err)
				}
			}
			c.back(t, dir)
			recovers(t, s)
			holds(t, js, "a", 1)
			publish(t, js, "a", "after")
			if _, err := Lock(dir); !errors.Is(err, ErrLocked) {
				t.Errorf("another process could lock it: %v", err)
			}
		})
	}
}

// What another process locked meanwhile stays with it.
func TestDirectoryReplacedAndLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lock, err := Lock(dir)
	check(t, err)
	defer func() { check(t, lock.Unlock()) }()
	s := start(t, Options{Dir: dir, Lock: lock})
	makeStream(t, streams(t, s), "a")
	check(t, s.Check())
	check(t, os.Remove(filepath.Join(dir, "lock")))
	other, err := Lock(dir)
	check(t, err)
	if err := s.Check(); !errors.Is(err, ErrLocked) {
		t.Errorf("check: %v", err)
	}
	check(t, other.Unlock())
	recovers(t, s)
}
