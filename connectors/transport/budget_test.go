package transport

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// pass lets simulated time go by.
func pass(d time.Duration) { <-time.After(d) }

func TestThrottled(t *testing.T) {
	in := func(d time.Duration) func() string {
		return func() string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	}
	always := func(text string) func() string { return func() string { return text } }
	for _, c := range []struct {
		name   string
		status int
		after  func() string
		date   func() string
		want   time.Duration // 0: no pause
	}{
		{name: "seconds", status: 429, after: always("17"), want: 17 * time.Second},
		{name: "part of a second", status: 429, after: always("1.5"), want: 1500 * time.Millisecond},
		{name: "date", status: 429, after: in(2 * time.Minute), want: 2 * time.Minute},
		{name: "date by a clock that is an hour ahead", status: 429, after: in(time.Hour + 10*time.Second), date: in(time.Hour), want: 10 * time.Second},
		{name: "two hours", status: 429, after: always("7200"), want: time.Hour},
		{name: "a day", status: 429, after: always("86400"), want: time.Hour},
		{name: "more than a day", status: 429, after: always("86401"), want: 30 * time.Second},
		{name: "a point in time for a duration", status: 429, after: always("1795731600"), want: 30 * time.Second},
		{name: "unavailable for a year", status: 503, after: always("31536000"), want: 0},
		{name: "nothing", status: 429, after: always(""), want: 30 * time.Second},
		{name: "nonsense", status: 429, after: always("soon"), want: 30 * time.Second},
		{name: "not a number", status: 429, after: always("NaN"), want: 30 * time.Second},
		{name: "zero", status: 429, after: always("0"), want: time.Second},
		{name: "past", status: 429, after: in(-time.Hour), want: time.Second},
		{name: "negative", status: 429, after: always("-5"), want: time.Second},
		{name: "a little", status: 429, after: always("0.01"), want: time.Second},
		{name: "beyond numbers", status: 429, after: always("1e400"), want: 30 * time.Second},
		{name: "a year", status: 429, after: always("31536000"), want: 30 * time.Second},
		{name: "too far", status: 429, after: always("99999999999999999999"), want: 30 * time.Second},
		{name: "infinite", status: 429, after: always("Inf"), want: 30 * time.Second},
		{name: "a date too far", status: 429, after: always("Fri, 31 Dec 9999 23:59:59 GMT"), want: 30 * time.Second},
		{name: "unavailable for a while", status: 503, after: always("60"), want: time.Minute},
		{name: "unavailable", status: 503, after: always(""), want: 0},
		{name: "another error", status: 500, after: always("60"), want: 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				refuse := true
				s := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
					if !refuse {
						answer(200, "{}")(w, r)
						return
					}
					header := []string{"Retry-After", c.after()}
					if c.date != nil {
						header = append(header, "Date", c.date())
					}
					answer(c.status, "later", header...)(w, r)
				})
				watch := &observer{}
				client := s.client(t, func(o *Options) { o.Env.Observer = watch })
				e := failed(t, client, write)
				refuse = false
				if want := classOf(c.status, true); e.Class != want {
					t.Errorf("%s: %v", e.Class, e)
				}
				if c.want == 0 {
					if until := client.PausedUntil(); !until.IsZero() {
						t.Errorf("paused for %v", time.Until(until))
					}
					succeeds(t, client, read)
					return
				}
				if got := time.Until(e.Until); got != c.want || !client.PausedUntil().Equal(e.Until) {
					t.Errorf("paused for %v, client says %v, want %v", got, time.Until(client.PausedUntil()), c.want)
				}
				if got, want := watch.told[0], "itsm throttled "+c.want.String(); got != want {
					t.Errorf("observer was told %q, want %q", got, want)
				}
				pass(c.want - time.Millisecond)
				for _, r := range []Request{read, write} {
					again := failed(t, client, r)
					if again.Class != connectors.ClassThrottled || !again.Until.Equal(e.Until) || again.Status != 0 {
						t.Errorf("%s: %v", again.Class, again)
					}
				}
				s.count(t, 1)
				pass(time.Millisecond)
				if until := client.PausedUntil(); !until.IsZero() {
					t.Errorf("still paused until %v", until)
				}
				succeeds(t, client, read)
				succeeds(t, client, write)
				s.count(t, 3)
			})
		})
	}
}

func TestReadMeetsPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t, answer(503, "", "Retry-After", "60"))
		if e := failed(t, s.client(t, nil), read); e.Class != connectors.ClassThrottled || time.Until(e.Until) > time.Minute {
			t.Errorf("%s: %v", e.Class, e)
		}
		s.count(t, 1)
	})
}

// A shorter pause does not cut a longer one short.
func TestLongestPauseCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := []string{"100", "10"}
		arrived := make(chan struct{})
		s := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
			after := next[0]
			next = next[1:]
			arrived <- struct{}{}
			answer(429, "", "Retry-After", after)(w, r)
		})
		c := s.client(t, nil)
		done := make(chan struct{})
		for range 2 { // both under way before either answer
			go func() { _, _ = c.Do(t.Context(), write); done <- struct{}{} }()
			synctest.Wait()
		}
		<-arrived
		<-arrived
		<-done
		<-done
		if left := time.Until(c.PausedUntil()); left != 100*time.Second {
			t.Errorf("paused for %v", left)
		}
	})
}

func TestRateBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t, answer(200, "{}"))
		c := s.client(t, func(o *Options) { o.RatePerMinute = 60 })
		began := time.Now()
		for range 66 {
			succeeds(t, c, read)
		}
		if took := time.Since(began); took < 59*time.Second || took > 61*time.Second {
			t.Errorf("66 requests of 60 a minute, 6 at once, took %v", took)
		}
		if first := s.requests()[5].at.Sub(began); first > time.Second {
			t.Errorf("the first six took %v", first)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t, answer(200, "{}"))
		c := s.client(t, nil)
		began := time.Now()
		for range 1000 {
			succeeds(t, c, read)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("without a budget 1000 requests took %v", took)
		}
	})
}

// Requests that wait for the budget while another meets a 429 are not sent.
func TestPauseReachesThoseInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t, answer(429, "", "Retry-After", "600"))
		c := s.client(t, func(o *Options) { o.RatePerMinute = 1 })
		errs := make(chan error, 3)
		for range cap(errs) {
			go func() { _, err := c.Do(t.Context(), write); errs <- err }()
		}
		for range cap(errs) {
			if e := failure(t, <-errs); e.Class != connectors.ClassThrottled {
				t.Errorf("%s: %v", e.Class, e)
			}
		}
		s.count(t, 1)
	})
}

// The same for one that waits for its token.
func TestPauseReachesThoseThatAuthorize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t, answer(429, "", "Retry-After", "600"))
		token := make(chan struct{})
		c := s.client(t, func(o *Options) {
			o.Authorize = func(context.Context, *http.Request) error { <-token; return nil }
		})
		done := make(chan error)
		go func() { _, err := c.Do(t.Context(), write); done <- err }()
		synctest.Wait()
		plain := write
		plain.NoAuthorization = true
		failed(t, c, plain)
		close(token)
		if e := failure(t, <-done); e.Class != connectors.ClassThrottled {
			t.Errorf("%s: %v", e.Class, e)
		}
		s.count(t, 1)
	})
}

func TestCancelled(t *testing.T) {
	block := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		r       Request
		budget  int
		first   bool // a request that uses the budget up
		want    connectors.Class
		sent    int
	}{
		{name: "write under way", handler: block, r: write, want: connectors.ClassUnclear, sent: 1},
		{name: "read under way", handler: block, r: read, want: connectors.ClassUnclear, sent: 1},
		{name: "before the second attempt", handler: answer(500, ""), r: read, want: connectors.ClassUnclear, sent: 1},
		{name: "waiting for the budget", handler: answer(200, "{}"), r: read, budget: 1, first: true, want: connectors.ClassRetry, sent: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSystem(t, c.handler)
				client := s.client(t, func(o *Options) { o.RatePerMinute = c.budget })
				if c.first {
					succeeds(t, client, read)
				}
				ctx, cancel := context.WithCancel(t.Context())
				began := time.Now()
				time.AfterFunc(100*time.Millisecond, cancel)
				_, err := client.Do(ctx, c.r)
				if took := time.Since(began); took != 100*time.Millisecond {
					t.Errorf("stopped after %v", took)
				}
				if e := failure(t, err); e.Class != c.want {
					t.Errorf("%s: %v", e.Class, e)
				}
				s.count(t, c.sent)
				if c.name != "before the second attempt" && !errors.Is(err, context.Canceled) {
					t.Errorf("the cause of %v is lost", err)
				}
			})
		})
	}
}

func TestSendBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t, answer(200, "{}"))
		c := s.client(t, func(o *Options) { o.RatePerMinute = 1 })
		ctx := connectors.WithSendBefore(t.Context(), time.Now().Add(10*time.Second))
		if _, err := c.Do(ctx, write); err != nil {
			t.Fatal(err)
		}
		_, err := c.Do(ctx, write) // its turn comes in a minute
		if e := failure(t, err); e.Class != connectors.ClassRetry {
			t.Errorf("%s: %v", e.Class, e)
		}
		s.count(t, 1)
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "17", "1e400", "-1", "NaN", "0x1p10", "Fri, 31 Dec 9999 23:59:59 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", " 5 "} {
		f.Add(s, "")
	}
	f.Add("Mon, 23 Nov 2026 21:00:00 GMT", "Mon, 23 Nov 2026 20:59:00 GMT")
	f.Fuzz(func(t *testing.T, after, date string) {
		asked, named := retryAfter(http.Header{"Retry-After": {after}, "Date": {date}}, time.Now())
		pause := time.Until(connectors.NewPauses().Ask("", asked, named))
		if pause <= 0 || pause > connectors.LongestPause || !named && asked != 0 {
			t.Errorf("%s is a pause of %v, %t", strconv.Quote(after), pause, named)
		}
	})
}
