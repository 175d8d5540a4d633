package transport

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

type leaseFunc func(context.Context) error

func (f leaseFunc) Hold(ctx context.Context) error { return f(ctx) }

// TestTheLeaseIsHeldLast: nothing that takes time lies between the lease and
// the request, and holding it takes none of the request's own time.
func TestTheLeaseIsHeldLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		s := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
			order = append(order, "sent")
			time.Sleep(40 * time.Second)
			answer(200, "{}")(w, r)
		})
		c := s.client(t, func(o *Options) {
			o.RatePerMinute = 1
			o.Authorize = func(context.Context, *http.Request) error {
				time.Sleep(time.Minute)
				order = append(order, "authorized")
				return nil
			}
		})
		ctx := connectors.WithLease(t.Context(), leaseFunc(func(context.Context) error {
			time.Sleep(time.Minute)
			order = append(order, "held")
			return nil
		}))
		if _, err := c.Do(ctx, write); err != nil {
			t.Fatal(err)
		}
		if want := []string{"authorized", "held", "sent"}; !slices.Equal(order, want) {
			t.Errorf("%v, want %v", order, want)
		}
		order = nil
		if _, err := c.Do(ctx, read); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(order, "held") {
			t.Error("a read held the lease")
		}
	})
}

func TestALostLeaseSendsNothing(t *testing.T) {
	s := newSystem(t, answer(200, "{}"))
	c := s.client(t, nil)
	lost := errors.New("somebody else has it")
	_, err := c.Do(connectors.WithLease(t.Context(), leaseFunc(func(context.Context) error { return lost })), write)
	if e := failure(t, err); e.Class != connectors.ClassRetry || !errors.Is(err, lost) {
		t.Errorf("%s: %v", e.Class, err)
	}
	s.count(t, 0)
}

// TestWhatIsLeasedGoesFirst: a write does not wait behind all the reads that
// wait for the rate budget, or no write would ever be in time.
func TestWhatIsLeasedGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		s := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			order = append(order, r.Method)
			mu.Unlock()
			answer(200, "{}")(w, r)
		})
		c := s.client(t, func(o *Options) { o.RatePerMinute = 6 })
		succeeds(t, c, read)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { _, _ = c.Do(t.Context(), read) })
		}
		synctest.Wait()
		began := time.Now()
		ctx := connectors.WithLease(t.Context(), leaseFunc(func(context.Context) error { return nil }))
		if _, err := c.Do(ctx, write); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited > 20*time.Second {
			t.Errorf("it waited for %v", waited)
		}
		all.Wait()
		if len(order) != 12 {
			t.Errorf("%d requests: %v", len(order), order)
		}
	})
}

// TestWhoLeavesTheLineHoldsNobodyUp: a request that is cancelled while it waits
// for its turn gives it to the next.
func TestWhoLeavesTheLineHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t, answer(200, "{}"))
		c := s.client(t, func(o *Options) { o.RatePerMinute = 6 })
		succeeds(t, c, read)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { _, _ = c.Do(ctx, read) })
		}
		synctest.Wait()
		cancel()
		all.Wait()
		began := time.Now()
		succeeds(t, c, read)
		if waited := time.Since(began); waited > 10*time.Second {
			t.Errorf("it waited for %v", waited)
		}
	})
}
