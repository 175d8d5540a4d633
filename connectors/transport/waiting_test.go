package transport

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// TestWaitingIsSaid: a request waits for its turn, its answer, the rest of its
// content and the next attempt, and for nothing when it is over.
func TestWaitingIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits atomic.Int32
		var computed time.Duration
		since := time.Now()
		ctx := connectors.WithWaiting(t.Context(), func() func() {
			if waits.Add(1) == 1 {
				computed += time.Since(since)
			}
			return func() {
				if waits.Add(-1) == 0 {
					since = time.Now()
				}
			}
		})
		failures := 1
		s := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
			pass(time.Minute / 2)
			if failures--; failures == 0 {
				answer(500, "")(w, r)
				return
			}
			_, _ = io.WriteString(w, "{")
			w.(http.Flusher).Flush()
			pass(10 * time.Second)
			_, _ = io.WriteString(w, "}")
		})
		c := s.client(t, func(o *Options) { o.RatePerMinute = 10 })
		for range 3 {
			if _, err := c.Do(ctx, read); err != nil {
				t.Fatal(err)
			}
		}
		content, _, err := c.Open(ctx, read)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(content); err != nil {
			t.Fatal(err)
		}
		if err := content.Close(); err != nil {
			t.Fatal(err)
		}
		if computed != 0 || waits.Load() != 0 {
			t.Errorf("%v of it is said to be computing, %d waits are not over", computed, waits.Load())
		}
	})
}
