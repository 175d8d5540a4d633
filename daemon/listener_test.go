package daemon

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/rules"
)

// A pipeListener accepts what is dialled to it, without a network, so that
// its time can be simulated.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// trickle writes text and then one byte a second until the other end closes,
// and says how long that took.
func trickle(t *testing.T, conn net.Conn, text string) time.Duration {
	t.Helper()
	begun := time.Now()
	go func() { _, _ = io.Copy(io.Discard, conn) }() // the answer, if there is one
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	for time.Since(begun) < time.Hour {
		time.Sleep(time.Second)
		if _, err := io.WriteString(conn, "x"); err != nil {
			return time.Since(begun)
		}
	}
	t.Error("the connection is kept for ever")
	return time.Hour
}

// Who sends slowly, or not at all, holds a connection for a bounded time.
func TestSlowClientsAreCutOff(t *testing.T) {
	ca := newTestCA(t)
	ca.install(ca.issue(100 * time.Hour))
	files := rules.TLS{Cert: rules.File{Path: ca.path("tls.pem")}, Key: rules.File{Path: ca.path("tls.key")}}
	synctest.Test(t, func(t *testing.T) {
		certificates, found := newCertificates(files, quiet)
		if certificates == nil {
			t.Fatal(found)
		}
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
		})
		serve := func(p *process) *pipeListener {
			listener := newPipeListener()
			stop := p.serve("test", listener, handler, &steps{log: quiet})
			t.Cleanup(func() { _ = stop(t.Context()) })
			return listener
		}
		plain := serve(&process{log: quiet})
		encrypted := serve(&process{log: quiet, certificates: certificates})

		const post = "POST / HTTP/1.1\r\nHost: lockstep\r\nContent-Length: 1000\r\n"
		for _, tt := range []struct {
			name     string
			listener *pipeListener
			text     string
			most     time.Duration
		}{
			{"no byte of a request", plain, "", 6 * time.Second},
			{"half a header", plain, "GET / HTTP/1.1\r\nHo", 6 * time.Second},
			{"half a body", plain, post + "\r\n", 22 * time.Second},
			{"no handshake", encrypted, "", 6 * time.Second},
			{"half a handshake", encrypted, "\x16\x03\x01\x02\x00\x01\x00", 6 * time.Second},
		} {
			if got := trickle(t, tt.listener.dial(), tt.text); got > tt.most {
				t.Errorf("%s: cut off after %s, want at most %s", tt.name, got, tt.most)
			}
		}

		// One that never reads its answer, one that never asks again.
		conn := plain.dial()
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: lockstep\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(61 * time.Second)
		if n, err := io.Copy(io.Discard, conn); n >= 1<<20 {
			t.Errorf("%d bytes of an answer that nobody read for a minute: %v", n, err)
		}
		conn = plain.dial()
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: lockstep\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if _, err := io.Copy(io.Discard, conn); err != nil || time.Since(begun) > 31*time.Second {
			t.Errorf("an idle connection was kept for %s: %v", time.Since(begun), err)
		}
	})
}

// A header has a bound as a body has.
func TestLargeHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newPipeListener()
		stop := (&process{log: quiet}).serve("test", listener, http.NotFoundHandler(), &steps{log: quiet})
		defer func() { _ = stop(t.Context()) }()
		conn := listener.dial()
		go func() {
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: lockstep\r\nX: "+strings.Repeat("x", 80<<10)+"\r\n\r\n")
		}()
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 431 ") {
			t.Errorf("%.60q, %v", answer, err)
		}
	})
}

// Whoever opens connections without end has them wait.
func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newPipeListener()
		guarded := (&process{}).guard(listener)
		accepted := make(chan net.Conn)
		go func() {
			for {
				conn, err := guarded.Accept()
				if err != nil {
					close(accepted)
					return
				}
				accepted <- conn
			}
		}()
		var first net.Conn
		for range maxConnections {
			go listener.dial()
			if conn := <-accepted; first == nil {
				first = conn
			}
		}
		go listener.dial()
		synctest.Wait()
		select {
		case <-accepted:
			t.Error("one more connection was accepted")
		default:
		}
		first.Close()
		<-accepted
		guarded.Close()
	})
}
