package embed

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/connectors"
)

const canary = "a canary in the mine"

func TestServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not [there] yet*", "nats")
	s := start(t, Options{Dir: dir})
	if addr := s.running.Load().Addr(); addr != nil {
		t.Errorf("the server listens on %v", addr)
	}
	write(t, s)
	s.Close()
	if !onDisk(t, dir, canary) {
		t.Error("nothing is on the disk")
	}
	read(t, start(t, Options{Dir: dir}))
	info, err := os.Stat(dir)
	check(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("others may read %s: %v", dir, info.Mode())
	}
}

// A bound on a stream is a bound, not a claim on free space.
func TestLargeStream(t *testing.T) {
	s := start(t, Options{Dir: t.TempDir()})
	_, err := streams(t, s).CreateStream(t.Context(), jetstream.StreamConfig{Name: "large", MaxBytes: 1 << 45})
	check(t, err)
}

func TestConnectionSurvivesNothingButClose(t *testing.T) {
	s := start(t, Options{Dir: t.TempDir()})
	ctx, cancel := context.WithCancel(t.Context())
	nc, err := s.Connect(ctx)
	check(t, err)
	defer nc.Close()
	cancel() // of the connecting alone
	check(t, nc.Flush())
	if _, err := s.Connect(ctx); err == nil {
		t.Error("connected with a cancelled context")
	}
	if nc.Opts.MaxReconnect != -1 || nc.Opts.Name != "lockstep" {
		t.Errorf("%q reconnects %d times", nc.Opts.Name, nc.Opts.MaxReconnect)
	}
}

func TestEncryption(t *testing.T) {
	dir := t.TempDir()
	right := connectors.Secret("correct horse battery staple")
	s := start(t, Options{Dir: dir, EncryptionKey: right})
	write(t, s)
	s.Close()
	if onDisk(t, dir, canary) {
		t.Error("the files can be read")
	}
	if onDisk(t, dir, right.Reveal()) {
		t.Error("the key is among the files")
	}
	for _, c := range []struct {
		key  connectors.Secret
		want string
	}{
		{"", "is encrypted; set the key in daemon { encryption { key } }"},
		{"wrong key", "is the key in daemon { encryption { key } } the one they were written with?"},
	} {
		var log bytes.Buffer
		_, err := Start(Options{Dir: dir, EncryptionKey: c.key, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("key %q: got %v, want %s", c.key.Reveal(), err, c.want)
		}
		if strings.Contains(log.String(), "wrong key") || strings.Contains(err.Error(), "wrong key") {
			t.Errorf("the key is told: %v\n%s", err, &log)
		}
	}
	read(t, start(t, Options{Dir: dir, EncryptionKey: right})) // the failures did no harm
}

func TestEncryptionTurnedOn(t *testing.T) {
	dir := t.TempDir()
	s := start(t, Options{Dir: dir})
	write(t, s)
	s.Close()
	s = start(t, Options{Dir: dir, EncryptionKey: "key"})
	read(t, s)
	s.Close()
	read(t, start(t, Options{Dir: dir, EncryptionKey: "key"}))
}

func TestStreamThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	s := start(t, Options{Dir: dir})
	write(t, s)
	s.Close()
	metas, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "*", "meta.inf"))
	check(t, err)
	if len(metas) != 1 {
		t.Fatalf("streams: %q", metas)
	}
	check(t, os.WriteFile(metas[0], []byte("{"), 0o600))
	if _, err := Start(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "1 of the 1 streams in") {
		t.Errorf("got %v", err)
	}
}

func TestDirectoryThatCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(file, nil, 0o600))
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if s, err := Start(Options{Dir: dir}); err == nil {
			s.Close()
			t.Errorf("%s is taken for a directory", dir)
		}
	}
}

func start(t *testing.T, opts Options) *Server {
	t.Helper()
	s, err := Start(opts)
	check(t, err)
	t.Cleanup(s.Close)
	return s
}

func streams(t *testing.T, s *Server) jetstream.JetStream {
	t.Helper()
	nc, err := s.Connect(t.Context())
	check(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	check(t, err)
	return js
}

func write(t *testing.T, s *Server) {
	t.Helper()
	js := streams(t, s)
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "mine", Subjects: []string{"mine.>"}})
	check(t, err)
	_, err = js.Publish(t.Context(), "mine.1", []byte(canary))
	check(t, err)
}

func read(t *testing.T, s *Server) {
	t.Helper()
	stream, err := streams(t, s).Stream(t.Context(), "mine")
	check(t, err)
	msg, err := stream.GetLastMsgForSubject(t.Context(), "mine.1")
	check(t, err)
	if string(msg.Data) != canary {
		t.Errorf("read %q", msg.Data)
	}
}

func onDisk(t *testing.T, dir, text string) bool {
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

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
