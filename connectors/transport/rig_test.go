package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A system is an HTTP server and the connections to it, both of net/http, over
// pipes: they live inside a testing/synctest bubble.
type system struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	seen []*seen // every request that arrived, in order
	dial func(ctx context.Context) (net.Conn, error)
}

type seen struct {
	method, path, body string
	header             http.Header
	at                 time.Time
}

func newSystem(t *testing.T, handler http.HandlerFunc) *system {
	t.Helper()
	s := &system{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.note(r)
		handler(w, r)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(s) // until it is closed
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return s
}

func (s *system) note(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, &seen{r.Method, r.URL.RequestURI(), string(body), r.Header, time.Now()})
}

func (s *system) requests() []*seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

func (s *system) count(t *testing.T, want int) {
	t.Helper()
	if got := len(s.requests()); got != want {
		t.Errorf("the system saw %d requests, want %d", got, want)
	}
}

func (s *system) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *system) Close() error   { s.once.Do(func() { close(s.closed) }); return nil }
func (s *system) Addr() net.Addr { return &net.TCPAddr{} }

func (s *system) connect(ctx context.Context) (net.Conn, error) {
	if s.dial != nil {
		return s.dial(ctx)
	}
	ours, theirs := net.Pipe()
	select {
	case s.conns <- theirs:
		return ours, nil
	case <-s.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// client makes a client of the system; change may alter its options.
func (s *system) client(t *testing.T, change func(*Options)) *Client {
	t.Helper()
	roundTripper := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.connect(ctx) },
	}
	opts := Options{Connector: "itsm", BaseURL: "http://system.example", Env: connectors.Env{RoundTripper: roundTripper, UserAgent: "lockstep/test"}}
	if change != nil {
		change(&opts)
	}
	c := New(opts)
	t.Cleanup(roundTripper.CloseIdleConnections)
	return c
}

func answer(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

var (
	read  = Request{Op: "read", Record: "servicenow.itsm.incident/1", Method: http.MethodGet, Path: "/record/1"}
	write = Request{Op: "update", Record: "servicenow.itsm.incident/1", Method: http.MethodPatch, Path: "/record/1", JSON: map[string]string{"state": "2"}}
)

// failed does the request, which must fail, and returns the failure.
func failed(t *testing.T, c *Client, r Request) *connectors.Error {
	t.Helper()
	_, err := c.Do(t.Context(), r)
	return failure(t, err)
}

func failure(t *testing.T, err error) *connectors.Error {
	t.Helper()
	var e *connectors.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *connectors.Error", err)
	}
	return e
}

func succeeds(t *testing.T, c *Client, r Request) *Answer {
	t.Helper()
	a, err := c.Do(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
