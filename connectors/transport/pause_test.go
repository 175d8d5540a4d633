package transport

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// TestLocalPause: a request for silence about a part of the system holds up
// nothing else.
func TestLocalPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := true
		s := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
			if refuse {
				answer(429, "later", "Retry-After", "7", "X-Limit", "issue")(w, r)
				return
			}
			answer(200, "{}")(w, r)
		})
		c := s.client(t, func(o *Options) {
			o.Limit = func(a *Answer) string { return a.Header.Get("X-Limit") }
		})
		one, other := write, write
		one.Limits, other.Limits = map[string]string{"issue": "1"}, map[string]string{"issue": "2"}
		e := failed(t, c, one)
		if e.Class != connectors.ClassThrottled || !e.Until.Equal(time.Now().Add(7*time.Second)) {
			t.Errorf("%v, until %v", e, e.Until)
		}
		if until := c.PausedUntil(); !until.IsZero() {
			t.Errorf("all of it is paused until %v", until)
		}
		refuse = false
		succeeds(t, c, read)
		succeeds(t, c, other)
		if e := failed(t, c, one); e.Class != connectors.ClassThrottled {
			t.Errorf("%s: %v", e.Class, e)
		}
		s.count(t, 3)
		pass(7 * time.Second)
		succeeds(t, c, one)
	})
}

// TestASystemThatAlwaysSaysNowIsCalledLessAndLess: a Retry-After of nothing is
// not obeyed to the letter, nor is a long one kept after the system answers.
func TestASystemThatAlwaysSaysNowIsCalledLessAndLess(t *testing.T) {
	for after, want := range map[string][]int{
		"0": {1, 2, 4, 8, 16, 30, 30},
		"5": {5, 5, 5, 8, 16, 30, 30},
		"":  {30, 60, 120, 240, 480, 600, 600},
	} {
		t.Run("after "+after, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				refuse := true
				s := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
					if refuse {
						answer(429, "later", "Retry-After", after)(w, r)
						return
					}
					answer(200, "{}")(w, r)
				})
				c := s.client(t, nil)
				for _, seconds := range want {
					failed(t, c, write)
					left := time.Until(c.PausedUntil())
					if left != time.Duration(seconds)*time.Second {
						t.Errorf("a pause of %v, want %ds", left, seconds)
					}
					pass(left)
				}
				refuse = false
				succeeds(t, c, write)
				refuse = true
				failed(t, c, write)
				if left := time.Until(c.PausedUntil()); left != time.Duration(want[0])*time.Second {
					t.Errorf("a pause of %v after an answer, want %ds", left, want[0])
				}
			})
		})
	}
}

// TestRequestsUnderWayAreOneLimit: all that were sent at one moment and met one
// limit ask for one pause.
func TestRequestsUnderWayAreOneLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(100 * time.Millisecond)
			answer(429, "later", "Retry-After", "0")(w, r)
		})
		c := s.client(t, nil)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { _, _ = c.Do(t.Context(), write) })
		}
		all.Wait()
		if left := time.Until(c.PausedUntil()); left != time.Second {
			t.Errorf("a pause of %v", left)
		}
	})
}

// TestPausesOutliveTheClient: one that is made again for the same system keeps
// the pauses, of the whole and of its parts; one of another system has none.
func TestPausesOutliveTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t, answer(429, "later", "Retry-After", "60", "X-Limit", ""))
		pauses := connectors.NewPauses()
		renewed := func(name, url string) *Client {
			return s.client(t, func(o *Options) {
				o.Env.Pauses, o.Limit = pauses, func(a *Answer) string { return a.Header.Get("X-Limit") }
				if name != "" {
					o.Connector = name
				}
				if url != "" {
					o.BaseURL = url
				}
			})
		}
		failed(t, renewed("", ""), write)
		if left := time.Until(renewed("", "").PausedUntil()); left != time.Minute {
			t.Errorf("the next one is paused for %v", left)
		}
		for _, other := range []*Client{renewed("other", ""), renewed("", "http://elsewhere.example")} {
			if until := other.PausedUntil(); !until.IsZero() {
				t.Errorf("another system is paused until %v", until)
			}
		}
	})
}
