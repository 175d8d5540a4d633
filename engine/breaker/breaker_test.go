package breaker

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// TestRedact: lockstep's own words are told; those of the system, and what may
// quote its answer, are not.
func TestRedact(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("4711"), "failed"},
		{&connectors.Error{Class: connectors.ClassUnclear, Op: "read", Record: "4711", Status: 500, Message: "it was 4711"}, "read: HTTP 500: unclear"},
		{&connectors.Error{Class: connectors.ClassRetry, Op: "poll", Status: 302, Message: "redirected", Own: true}, "poll: HTTP 302: redirected"},
		{&connectors.Error{Class: connectors.ClassUnclear, Op: "read", Status: 200, Message: "not JSON", Own: true, Err: errors.New("4711")}, "read: HTTP 200: not JSON"},
		{&connectors.Error{Class: connectors.ClassRetry, Op: "read", Message: "not sent", Err: errors.New("refused")}, "read: not sent: refused"},
		{&connectors.Error{Class: connectors.ClassUnauthorised, Op: "read", Status: 401, Message: "log in"}, "read: HTTP 401: log in"},
	} {
		if got := Redact(c.err); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

type silent struct {
	connectors.Connector
	until time.Time
}

func (s *silent) Throttled() time.Time { return s.until }

type stopped struct {
	store.Clock
	now time.Time
}

func (s *stopped) Now() time.Time { return s.now }

// TestStatusSaysWhyItWaits: the reason is of the pause that is under way, not of
// what failed some time before.
func TestStatusSaysWhyItWaits(t *testing.T) {
	clock := &stopped{now: time.Unix(1e9, 0)}
	system := &silent{}
	g := New("itsm", "servicenow", system, clock, NewWaiters(clock, slog.New(slog.DiscardHandler)))
	call := func(kind string, err error) {
		_, _ = Ask(t.Context(), g, kind, func() (int, error) { return 0, err })
	}
	check := func(what, want string, waits time.Duration) {
		t.Helper()
		s := g.Status()
		if s.LastError != want {
			t.Errorf("%s: the reason is %q, want %q", what, s.LastError, want)
		}
		if until := s.ThrottledUntil; waits == 0 && until != nil || waits > 0 && (until == nil || !until.Equal(clock.now.Add(waits)) || s.OK) {
			t.Errorf("%s: waits until %v, ok %t", what, until, s.OK)
		}
	}
	for range failuresToTell {
		call("history incident", &connectors.Error{Class: connectors.ClassUnclear, Op: "history", Status: 500})
		call("read incident", nil)
	}
	const old = "history: HTTP 500: unclear"
	check("a kind of call that always fails", old, 0)

	clock.now = clock.now.Add(time.Minute)
	system.until = clock.now.Add(20 * time.Second)
	check("silence asked for in another life", "the system asked not to be called", 20*time.Second)
	call("read incident", nil) // not sent
	system.until = time.Time{}
	until := clock.now.Add(30 * time.Second)
	call("read incident", &connectors.Error{Class: connectors.ClassThrottled, Op: "read", Status: 429, Message: "words", Until: until})
	system.until = until
	check("429", "read: HTTP 429: throttled", 30*time.Second)

	clock.now = clock.now.Add(time.Minute)
	check("silence is over", old, 0)
	call("read incident", &connectors.Error{Class: connectors.ClassRetry, Op: "read", Message: "not sent", Err: errors.New("connection refused")})
	check("unreachable", "read: not sent: connection refused", shortestPause)
}
