package jetstream_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/nats-io/nats.go"

	"github.com/lockstep-sync/lockstep/engine/jetstream"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/engine/storetest"
)

func TestStore(t *testing.T) {
	// The server's clock of access times must tick outside the bubbles.
	ats.Register()
	defer ats.Unregister()
	storetest.Test(t, func(t *testing.T) store.Store {
		return open(t, serve(t, t.TempDir()), jetstream.Options{}).Engine()
	})
}

// serve runs a server on the directory until the test ends.
func serve(t *testing.T, dir string) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { shutdown(s) })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s
}

func shutdown(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func dial(t *testing.T, s *server.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func open(t *testing.T, s *server.Server, opts jetstream.Options) *jetstream.Store {
	t.Helper()
	kept, err := jetstream.Open(t.Context(), dial(t, s), opts)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}
