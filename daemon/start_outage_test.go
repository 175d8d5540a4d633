package daemon

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/daemon/daemontest"

	"github.com/nats-io/nats-server/v2/server"
)

// A cutter passes connections on to an address until a client sends what it
// waits for. Then it lets nothing through until it is mended.
type cutter struct {
	listener net.Listener
	to       string
	at       []byte

	mu   sync.Mutex
	cut  bool
	open []net.Conn
}

func newCutter(t *testing.T, to, at string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: l, to: to, at: []byte(at)}
	t.Cleanup(func() { l.Close(); c.close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go c.pass(client)
		}
	}()
	return c
}

func (c *cutter) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer server.Close()
	c.mu.Lock()
	c.open = append(c.open, client, server)
	cut := c.cut
	c.mu.Unlock()
	if cut {
		return
	}
	go func() { _, _ = io.Copy(client, server); client.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if c.meets(buffer[:n]) {
			c.close()
			return
		}
		if _, failed := server.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

// meets reports whether this is where to cut.
func (c *cutter) meets(sent []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = c.cut || c.at != nil && bytes.Contains(sent, c.at)
	return c.cut
}

func (c *cutter) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut, c.at = false, nil
}

func (c *cutter) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.open {
		conn.Close()
	}
	c.open = nil
}

// A store that goes away while the engine starts on it is waited for as any
// other.
func TestStoreGoesAwayDuringTheStart(t *testing.T) {
	t.Parallel()
	for _, at := range []string{
		"$KV.lockstep_marks.ends",         // the first that the engine asks for
		"$KV.lockstep_marks.installation", // in the middle of it
		"$JS.API.CONSUMER.CREATE.lockstep_hints.",
	} {
		t.Run(at, func(t *testing.T) {
			s := natsWith(t, &server.Options{JetStream: true})
			c := newCutter(t, s.Addr().String(), at)
			r := newRig(t, memoryConfig)
			r.options.NATSURL = "nats://" + c.listener.Addr().String()
			started := make(chan error, 1)
			go func() { started <- r.run() }()
			client := admin.NewClient(AdminSocket(r.options.DataDir), "")
			daemontest.Eventually(t, "status to say what it waits for", func() bool {
				select {
				case err := <-started:
					t.Fatalf("it does not wait: %v", err)
				default:
				}
				s, _, err := client.Status(t.Context())
				return err == nil && !s.Ready && strings.Contains(s.Waiting, "the store is not open yet: ")
			})
			c.mend()
			if err := <-started; err != nil {
				t.Fatal(err)
			}
			r.report("1", "after")
			r.ticket("after")
		})
	}
}
