package embed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// lies makes the server say of itself that it is sick, n times; -1: for ever.
func lies(s *Server, n int, kind server.HealthZErrorType, text string) {
	s.healthz = func(running *server.Server) *server.HealthStatus {
		if n == 0 {
			return healthz(running)
		}
		n--
		return &server.HealthStatus{Errors: []server.HealthzError{{Type: kind, Error: text}}}
	}
}

// A machine that is busy has the server say that it is not ready, and a look
// may meet a stream that is being made or deleted. Neither is a reason to end a
// healthy server with everybody's connections.
func TestHealthyServerIsLeftAlone(t *testing.T) {
	const busy = "failed to be ready for connections after 1ms: startup did not complete"
	for _, c := range []struct {
		name  string
		times int
		kind  server.HealthZErrorType
		text  string
	}{
		{"busy once", 1, server.HealthzErrorConn, busy},
		{"busy in every look", -1, server.HealthzErrorConn, busy},
		{"a stream is being made", 1, server.HealthzErrorStream, "JetStream stream '$G > a' could not be recovered"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, Options{Dir: t.TempDir()})
			makeStream(t, streams(t, s), "a")
			before := s.running.Load()
			lies(s, c.times, c.kind, c.text)
			check(t, s.Check())
			if s.running.Load() != before {
				t.Error("the server was restarted")
			}
		})
	}
}

func TestSickServerIsRestarted(t *testing.T) {
	for name, harm := range map[string]func(*Server){
		"stopped":           func(s *Server) { end(s.running.Load()) },
		"without JetStream": func(s *Server) { check(t, s.running.Load().DisableJetStream()) },
		"seen twice":        func(s *Server) { lies(s, 2, server.HealthzErrorStream, "write error") },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{Dir: t.TempDir()})
			js := streams(t, s)
			makeStream(t, js, "a")
			publish(t, js, "a", "before")
			check(t, s.Check())
			before := s.running.Load()
			harm(s)
			recovers(t, s)
			if s.running.Load() == before {
				t.Error("the server was not restarted")
			}
			holds(t, js, "a", 1)
		})
	}
}

func TestStreamsComeAndGo(t *testing.T) {
	s := start(t, Options{Dir: t.TempDir()})
	js := streams(t, s)
	makeStream(t, js, "stays") // with the last stream the server removes the directory, while the next is made in it
	for _, round := range []string{"1", "2", "3"} {
		makeStream(t, js, "a"+round)
		makeStream(t, js, "b"+round)
		check(t, s.complete(s.running.Load()))
		check(t, js.DeleteStream(t.Context(), "a"+round))
		check(t, s.complete(s.running.Load()))
		check(t, js.DeleteStream(t.Context(), "b"+round))
	}
	check(t, s.complete(s.running.Load()))
}

// A directory that cannot be read is not one without streams.
func TestLookAt(t *testing.T) {
	dir := t.TempDir()
	look := func(want ...string) {
		t.Helper()
		found, err := lookAt(dir)
		check(t, err)
		for _, name := range want {
			if !found.streams[name] {
				t.Errorf("%s is not found", name)
			}
		}
		if len(found.streams) != len(want) {
			t.Errorf("got %v, want %v", found.streams, want)
		}
	}
	look()
	account := filepath.Join(dir, "jetstream", "$G")
	for _, name := range []string{"a", "b"} {
		stream := filepath.Join(account, "streams", name)
		check(t, os.MkdirAll(stream, 0o700))
		check(t, os.WriteFile(filepath.Join(stream, "meta.inf"), nil, 0o600))
	}
	check(t, os.Mkdir(filepath.Join(account, "streams", "being deleted"), 0o700))
	check(t, os.WriteFile(filepath.Join(dir, "jetstream", "file"), nil, 0o600))
	look("$G/a", "$G/b")
	check(t, os.RemoveAll(account))
	check(t, os.Mkdir(account, 0o700))
	check(t, os.WriteFile(filepath.Join(account, "streams"), nil, 0o600))
	if found, err := lookAt(dir); err == nil {
		t.Errorf("got %v of what cannot be read", found.streams)
	}
}

func TestMissing(t *testing.T) {
	err := missing(names{"$G/a": true, "$G/b": true}, names{"$G/b": true, "$G/new": true})
	if err == nil || !strings.Contains(err.Error(), "the files of 1 of 2 streams are gone") {
		t.Errorf("got %v", err)
	}
	check(t, missing(names{"$G/a": true}, names{"$G/a": true, "$G/new": true}))
}

func TestKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lock, err := Lock(dir)
	check(t, err)
	t.Cleanup(func() { _ = lock.Unlock() })
	s := start(t, Options{Dir: dir, Lock: lock})
	js := streams(t, s)
	makeStream(t, js, "a")
	makeStream(t, js, "b")
	check(t, s.Kept("a"))
	check(t, os.RemoveAll(filepath.Join(dir, "jetstream", "$G", "streams", "a")))
	if err := s.Kept("a"); err == nil || !strings.Contains(err.Error(), "the files of stream a: no such file") {
		t.Errorf("without its files: %v", err)
	}
	check(t, s.Kept("b"))
	check(t, os.Rename(dir, dir+".away"))
	if err := s.Kept("b"); err == nil {
		t.Error("it is kept in a directory that is not there")
	}
	check(t, os.CopyFS(dir, os.DirFS(dir+".away")))
	if err := s.Kept("b"); err == nil || !strings.Contains(err.Error(), "was replaced") {
		t.Errorf("in a copy: %v", err)
	}
}
