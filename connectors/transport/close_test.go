package transport

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/connectors"
)

// counted is a connection that is counted while it is open.
type counted struct {
	net.Conn
	closed func()
}

func (c counted) Close() error {
	c.closed()
	return c.Conn.Close()
}

// TestAClosedClientLeavesNoConnection: neither of a request that was under way
// when it was closed, nor of one that came later, nor of content that was read
// to its end later still.
func TestAClosedClientLeavesNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, goOn := make(chan bool), make(chan bool)
		s := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				asked <- true
				<-goOn
			}
			_, _ = io.WriteString(w, `{"some":"content"}`)
		})
		var open atomic.Int64
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := s.connect(ctx)
			if err != nil {
				return nil, err
			}
			open.Add(1)
			return counted{conn, sync.OnceFunc(func() { open.Add(-1) })}, nil
		}
		client := s.client(t, func(o *Options) { o.Env = connectors.Env{RoundTripper: &http.Transport{DialContext: dial}} })
		left := func(want int64, when string) {
			t.Helper()
			synctest.Wait()
			if n := open.Load(); n != want {
				t.Errorf("%d connections %s, want %d", n, when, want)
			}
		}
		get := Request{Op: "read", Method: http.MethodGet, Path: "/"}
		slow := get
		slow.Path = "/slow"

		succeeds(t, client, get)
		left(1, "kept for the next request")
		answered := make(chan error)
		ask := func() {
			go func() {
				_, err := client.Do(t.Context(), slow)
				answered <- err
			}()
			<-asked
		}
		ask()
		content, _, err := client.Open(t.Context(), get)
		check(t, err)
		client.Close()
		left(2, "in use")
		succeeds(t, client, get)
		left(2, "in use after a later request")
		goOn <- true
		check(t, <-answered)
		left(1, "while content is read")
		ask()
		_, err = io.ReadAll(content)
		check(t, err)
		check(t, content.Close())
		left(1, "in use by the last request")
		goOn <- true
		check(t, <-answered)
		left(0, "at the end")
	})
}
