package simulator_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A till counts the coins that are posted to it.
type till struct {
	*simulator.Endpoint
	mu    simulator.Mutex // guards coins
	coins int
}

func open(now func() time.Time) *till {
	s := &till{mu: simulator.Mutex{Now: now}}
	s.Endpoint = simulator.New(simulator.System{
		State: &s.mu, Handle: s.handle,
		Throttled: func(pause time.Duration) simulator.Answer {
			a := say(http.StatusTooManyRequests, "later")
			a.Header.Set("Retry-After", simulator.RetryAfter(pause))
			return a
		},
		Failed: func(f simulator.Fault) simulator.Answer { return say(max(f.Status, 500), fmt.Sprint(f.Kind)) },
		Spoilt: func(a simulator.Answer) simulator.Answer {
			a.Body = append(a.Body, '?')
			return a
		},
		Secret:  func(r *http.Request) bool { return r.URL.Path == "/key" },
		MaxBody: 8,
	})
	return s
}

func say(status int, text string) simulator.Answer {
	return simulator.Answer{Status: status, Header: http.Header{"X-Till": {"yes"}}, Body: []byte(text)}
}

func (s *till) handle(c *simulator.Call) simulator.Answer {
	c.Principal = c.Header.Get("X-Who")
	if string(c.Body) != "coin" {
		return say(http.StatusBadRequest, "no coin")
	}
	s.coins++
	return say(http.StatusOK, fmt.Sprint("coins: ", s.coins))
}

func (s *till) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.coins
}

// A visitor sends requests.
type visitor struct {
	client *http.Client
	base   string
}

func inMemory(_ *testing.T, s *till) visitor {
	return visitor{&http.Client{Transport: s.RoundTripper()}, "http://till.example"}
}

func overNetwork(t *testing.T, s *till) visitor {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return visitor{server.Client(), server.URL}
}

// post says what came back: status and body, or the error.
func (v visitor) post(ctx context.Context, path, body string) (string, http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.base+path, strings.NewReader(body))
	if err != nil {
		return "", nil, err
	}
	r.Header.Set("X-Who", "anna")
	response, err := v.client.Do(r)
	if err != nil {
		return "", nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return fmt.Sprintf("%s: %s", response.Status, answer), response.Header, err
}

func noon() time.Time { return time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC) }

func TestFaults(t *testing.T) {
	for name, over := range map[string]func(*testing.T, *till) visitor{"memory": inMemory, "network": overNetwork} {
		t.Run(name, func(t *testing.T) {
			for _, test := range []struct {
				fault  simulator.Fault
				want   string // "": there is no whole answer
				done   bool
				status int // in the log; -1: it is not there
			}{
				{simulator.Fault{Kind: simulator.Latency, Delay: time.Microsecond}, "200 OK: coins: 1", true, 200},
				{simulator.Fault{Kind: simulator.SlowAnswer, Delay: time.Microsecond}, "200 OK: coins: 1", true, 200},
				{simulator.Fault{Kind: simulator.Throttle}, "429 Too Many Requests: later", false, 429},
				{simulator.Fault{Kind: simulator.FailBefore, Status: 503}, "503 Service Unavailable: 3", false, 503},
				{simulator.Fault{Kind: simulator.FailAfter}, "500 Internal Server Error: 4", true, 200},
				{simulator.Fault{Kind: simulator.CutBody}, "", true, 200},
				{simulator.Fault{Kind: simulator.SpoiltBody}, "200 OK: coins: 1?", true, 200},
				{simulator.Fault{Kind: simulator.DeepBody}, "200 OK: " + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000), true, 200},
				{simulator.Fault{Kind: simulator.ResetBefore}, "", false, 0},
				{simulator.Fault{Kind: simulator.ResetAfter}, "", true, 200},
				{simulator.Fault{Kind: simulator.CommitLate, Delay: time.Hour}, "", false, -1},
				{simulator.Fault{Kind: simulator.Refuse}, "", false, -1},
			} {
				s := open(noon)
				v := over(t, s)
				test.fault.Times = 1
				s.Inject(test.fault)
				got, header, err := v.post(t.Context(), "/", "coin")
				if (err == nil) != (test.want != "") || err == nil && (got != test.want || header.Get("X-Till") != "yes") {
					t.Errorf("%+v: %q %v %v, want %q", test.fault, got, header, err, test.want)
				}
				if done := s.count() == 1; done != test.done {
					t.Errorf("%+v: done %t, want %t", test.fault, done, test.done)
				}
				status := -1
				for _, r := range s.Requests() {
					status = r.Status
				}
				if status != test.status {
					t.Errorf("%+v: logged with %d, want %d", test.fault, status, test.status)
				}
				if got, _, err := v.post(t.Context(), "/", "coin"); err != nil || !strings.HasPrefix(got, "200") {
					t.Errorf("%+v: afterwards %q %v", test.fault, got, err)
				}
			}
		})
	}
}

func TestFailAfterLeavesRefusals(t *testing.T) {
	s := open(noon)
	s.Inject(simulator.Fault{Kind: simulator.FailAfter})
	if got, _, err := inMemory(t, s).post(t.Context(), "/", "button"); err != nil || got != "400 Bad Request: no coin" {
		t.Errorf("%q %v", got, err)
	}
}

func TestWhichFaultFits(t *testing.T) {
	now := noon()
	s := open(func() time.Time { return now })
	v := inMemory(t, s)
	want := func(statuses ...string) {
		t.Helper()
		for i, status := range statuses {
			if got, _, err := v.post(t.Context(), "/slot/1", "coin"); err != nil || !strings.HasPrefix(got, status) {
				t.Errorf("request %d: %q %v, want %s", i, got, err, status)
			}
		}
	}
	s.Inject(simulator.Fault{Kind: simulator.FailBefore, Status: 501, Method: "GET"})
	s.Inject(simulator.Fault{Kind: simulator.FailBefore, Status: 502, Path: "/other"})
	want("200")
	s.Inject(simulator.Fault{Kind: simulator.FailBefore, Status: 503, Method: "POST", Path: "slot", Times: 2})
	s.Inject(simulator.Fault{Kind: simulator.FailBefore, Status: 504, Until: now.Add(time.Minute)})
	want("503", "503", "504", "504")
	now = now.Add(time.Minute)
	want("200")
	s.Inject(simulator.Fault{Kind: simulator.FailBefore})
	want("500", "500")
	s.ClearFaults()
	want("200")
}

func TestThrottlePause(t *testing.T) {
	for _, test := range []struct {
		fault simulator.Fault
		want  string
	}{
		{simulator.Fault{}, "1"},
		{simulator.Fault{RetryAfter: 7 * time.Second}, "7"},
		{simulator.Fault{RetryAfter: 1500 * time.Millisecond}, "2"},
		{simulator.Fault{Until: noon().Add(90 * time.Second)}, "90"},
		{simulator.Fault{RetryAfter: 7 * time.Second, Until: noon().Add(90 * time.Second)}, "7"},
		{simulator.Fault{Until: noon().Add(time.Millisecond)}, "1"},
	} {
		s := open(noon)
		test.fault.Kind = simulator.Throttle
		s.Inject(test.fault)
		if _, header, err := inMemory(t, s).post(t.Context(), "/", "coin"); err != nil || header.Get("Retry-After") != test.want {
			t.Errorf("%+v: Retry-After %q %v, want %s", test.fault, header.Get("Retry-After"), err, test.want)
		}
	}
}

// TestCommitLate: what is late is done once, when its time has come, also when
// nobody waits for it any more and no fault is left.
func TestCommitLate(t *testing.T) {
	now := noon()
	s := open(func() time.Time { return now })
	s.Inject(simulator.Fault{Kind: simulator.CommitLate, Delay: time.Minute, Times: 1})
	s.Inject(simulator.Fault{Kind: simulator.CommitLate, Delay: time.Second, Times: 1})
	ctx, cancel := context.WithCancel(t.Context())
	for range 2 {
		if _, _, err := inMemory(t, s).post(ctx, "/", "coin"); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%v", err)
		}
	}
	cancel()
	s.ClearFaults()
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{0, 0}, {time.Second, 1}, {time.Minute - time.Second - 1, 1}, {1, 2}, {time.Hour, 2}} {
		now = now.Add(step.pass)
		if got := s.count(); got != step.want {
			t.Errorf("%v after noon: %d coins, want %d", now.Sub(noon()), got, step.want)
		}
	}
	var at []time.Duration
	for _, r := range s.Requests() {
		at = append(at, r.At.Sub(noon()))
	}
	if diff := cmp.Diff([]time.Duration{time.Second, time.Minute}, at); diff != "" {
		t.Errorf("logged (-want +got):\n%s", diff)
	}
}

func TestGivingUp(t *testing.T) {
	for kind, done := range map[simulator.FaultKind]bool{simulator.Latency: false, simulator.SlowAnswer: true} {
		synctest.Test(t, func(t *testing.T) {
			s := open(nil)
			s.Inject(simulator.Fault{Kind: kind, Delay: time.Hour})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			start := time.Now()
			_, _, err := inMemory(t, s).post(ctx, "/", "coin")
			if waited := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || waited != time.Minute {
				t.Errorf("fault %d: %v after %v", kind, err, waited)
			}
			if got := s.count() == 1; got != done {
				t.Errorf("fault %d: done %t, want %t", kind, got, done)
			}
			if _, _, err := inMemory(t, s).post(ctx, "/", "coin"); !errors.Is(err, context.DeadlineExceeded) || s.Count("", "") > 1 {
				t.Errorf("fault %d: sent without a living context: %v", kind, err)
			}
		})
	}
}

func TestTraceTellsWhatWasSent(t *testing.T) {
	for kind, want := range map[simulator.FaultKind]struct {
		sent bool
		err  error
	}{
		simulator.Refuse:      {false, syscall.ECONNREFUSED},
		simulator.ResetBefore: {true, syscall.ECONNRESET},
		simulator.CutBody:     {true, io.ErrUnexpectedEOF},
		simulator.Latency:     {true, nil},
	} {
		s := open(noon)
		s.Inject(simulator.Fault{Kind: kind})
		sent := false
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteHeaders: func() { sent = true }})
		if _, _, err := inMemory(t, s).post(ctx, "/", "coin"); sent != want.sent || !errors.Is(err, want.err) {
			t.Errorf("fault %d: sent %t, %v; want %t, %v", kind, sent, err, want.sent, want.err)
		}
	}
}

func TestRequests(t *testing.T) {
	s := open(noon)
	s.Inject(simulator.Fault{Kind: simulator.FailBefore, Path: "/key", Times: 1})
	v := inMemory(t, s)
	for _, path := range []string{"/key?a=b", "/key", "/slot"} {
		if _, _, err := v.post(t.Context(), path, "coin"); err != nil {
			t.Fatal(err)
		}
	}
	want := []simulator.Request{
		{At: noon(), Method: "POST", Path: "/key", Query: "a=b", Status: 500},
		{At: noon(), Method: "POST", Path: "/key", Principal: "anna", Status: 200},
		{At: noon(), Method: "POST", Path: "/slot", Body: "coin", Principal: "anna", Status: 200},
	}
	if diff := cmp.Diff(want, s.Requests()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, test := range []struct {
		method, path string
		want         int
	}{{"", "", 3}, {"POST", "", 3}, {"GET", "", 0}, {"", "/k", 2}, {"POST", "/slot", 1}} {
		if got := s.Count(test.method, test.path); got != test.want {
			t.Errorf("%q %q: %d, want %d", test.method, test.path, got, test.want)
		}
	}
	s.ResetRequests()
	if got := s.Requests(); len(got) != 0 {
		t.Errorf("not forgotten: %+v", got)
	}
}

func TestTooLarge(t *testing.T) {
	for name, over := range map[string]func(*testing.T, *till) visitor{"memory": inMemory, "network": overNetwork} {
		s := open(noon)
		v := over(t, s)
		if got, _, err := v.post(t.Context(), "/", strings.Repeat("x", 8)); err != nil || got != "400 Bad Request: no coin" {
			t.Errorf("%s: %q %v", name, got, err)
		}
		if got, _, err := v.post(t.Context(), "/", strings.Repeat("x", 9)); err != nil || !strings.HasPrefix(got, "413 ") {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	const n = 50
	s := open(nil)
	s.Inject(simulator.Fault{Kind: simulator.Throttle, Times: n})
	v := inMemory(t, s)
	var all sync.WaitGroup
	for range 2 * n {
		all.Go(func() {
			if _, _, err := v.post(t.Context(), "/", "coin"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if s.count() != n || s.Count("", "") != 2*n {
		t.Errorf("%d coins of %d requests", s.count(), s.Count("", ""))
	}
}
