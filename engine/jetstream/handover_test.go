package jetstream_test

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/lockstep-sync/lockstep/engine/jetstream"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// A machine holds the connections of one daemon, and can lose its power: then
// nothing is read from them or written to them, and nobody is told.
type machine struct {
	server *server.Server
	off    chan struct{}

	mu    sync.Mutex
	conns []net.Conn
}

func (m *machine) InProcessConn() (net.Conn, error) {
	conn, err := m.server.InProcessConn()
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns = append(m.conns, conn)
	return &powered{Conn: conn, off: m.off}, nil
}

type powered struct {
	net.Conn
	off chan struct{}
}

func (p *powered) Read(b []byte) (int, error) {
	for {
		n, err := p.Conn.Read(b)
		select {
		case <-p.off: // it goes nowhere
			if err == nil {
				continue
			}
		default:
		}
		return n, err
	}
}

func (p *powered) Write(b []byte) (int, error) {
	select {
	case <-p.off:
		return len(b), nil
	default:
		return p.Conn.Write(b)
	}
}

func (p *powered) Close() error {
	select {
	case <-p.off:
		return nil // nobody hears of it
	default:
		return p.Conn.Close()
	}
}

// TestHandOver: what a daemon held when it died, and what was on its way to
// it, is another's within ten seconds.
func TestHandOver(t *testing.T) {
	for name, die := range map[string]func(m *machine){
		"the process is killed": func(m *machine) {
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, conn := range m.conns {
				conn.Close()
			}
			close(m.off)
		},
		"the machine loses power": func(m *machine) { close(m.off) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, t.TempDir())
				m := &machine{server: s, off: make(chan struct{})}
				nc, err := nats.Connect("", nats.InProcessServer(m), nats.NoReconnect())
				check(t, err)
				defer func() {
					for _, conn := range m.conns {
						conn.Close()
					}
					nc.Close()
				}()
				dies, err := jetstream.Open(t.Context(), nc, jetstream.Options{})
				check(t, err)
				lives := open(t, s, jetstream.Options{}).Engine()

				var mu sync.Mutex
				held := map[string]store.Hint{}
				stop, err := dies.Engine().Hints.Consume(t.Context(), "route", incidents, dies.Engine().Hints.End, func(h store.Hint) {
					mu.Lock()
					defer mu.Unlock()
					held[h.Ref.ID] = h
				})
				check(t, err)
				defer stop()
				got := make(chan store.Hint, 1000)
				stopLiving, err := lives.Hints.Consume(t.Context(), "route", incidents, lives.Hints.End, func(h store.Hint) { h.Ack(); got <- h })
				check(t, err)
				defer stopLiving()

				pass(77 * time.Second) // whatever was set up
				const each = 40
				for i := range each {
					check(t, lives.Hints.Add(t.Context(), incidents.Ref(fmt.Sprint("before ", i)), ""))
				}
				for range 60 { // it is at it for two minutes
					pass(store.HintWait / 3)
					mu.Lock()
					for _, h := range held {
						h.Keep()
					}
					mu.Unlock()
				}
				mu.Lock()
				mine := len(held)
				mu.Unlock()
				if mine == 0 || len(got) != each-mine {
					t.Fatalf("of %d hints one has %d, the other %d", each, mine, len(got))
				}
				die(m)
				for i := range each {
					check(t, lives.Hints.Add(t.Context(), incidents.Ref(fmt.Sprint("after ", i)), ""))
				}
				pass(10 * time.Second)
				seen := map[string]bool{}
				for len(got) > 0 {
					seen[(<-got).Ref.ID] = true
				}
				if len(seen) != 2*each {
					t.Errorf("ten seconds later %d of %d hints have come to the daemon that lives", len(seen), 2*each)
				}
			})
		})
	}
}
