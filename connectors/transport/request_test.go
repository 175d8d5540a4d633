package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/connectors"
)

func TestRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t, answer(200, "{}"))
		c := s.client(t, func(o *Options) {
			o.BaseURL += "/api/"
			o.Authorize = func(_ context.Context, r *http.Request) error { r.SetBasicAuth("bot", "pw"); return nil }
		})
		own := http.Header{"accept": {"text/plain"}, "X-Own": {"1", "2"}}
		for _, r := range []Request{
			{Op: "a", Method: http.MethodGet, Path: "/x", Query: map[string][]string{"q": {"a b&c"}}},
			{Op: "b", Method: http.MethodPost, Path: "/x", JSON: map[string]any{"a": "<é>"}, Header: own},
			{Op: "c", Method: http.MethodPost, Path: "/x", Form: map[string][]string{"a": {"b c"}}, NoAuthorization: true},
			{Op: "d", Method: http.MethodPut, Path: "/x", Body: []byte{}, ContentType: "image/png"},
		} {
			succeeds(t, c, r)
		}
		var got []string
		for _, r := range s.requests() {
			got = append(got, strings.Join([]string{r.method, r.path, r.header.Get("Content-Type"), r.header.Get("Accept"), r.header.Get("User-Agent"), r.header.Get("Authorization"), r.body}, " | "))
		}
		want := []string{
			"GET | /api/x?q=a+b%26c |  | application/json | lockstep/test | Basic Ym90OnB3 | ",
			`POST | /api/x | application/json | text/plain | lockstep/test | Basic Ym90OnB3 | {"a":"\u003cé\u003e"}`,
			"POST | /api/x | application/x-www-form-urlencoded | application/json | lockstep/test |  | a=b+c",
			"PUT | /api/x | image/png | application/json | lockstep/test | Basic Ym90OnB3 | ",
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("request %d:\n got %s\nwant %s", i, got[i], want[i])
			}
		}
		if len(own) != 2 || len(own["X-Own"]) != 2 {
			t.Errorf("the caller's header was changed: %v", own)
		}
	})
}

func TestRequestThatCannotBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t, answer(200, "{}"))
		c := s.client(t, func(o *Options) { o.MaxSent = 100 })
		for _, r := range []Request{
			{Op: "x", Method: "bad method", Path: "/"},
			{Op: "x", Method: http.MethodGet, Path: "/%zz"},
			{Op: "x", Method: http.MethodPost, JSON: func() {}},
			{Op: "x", Method: http.MethodPost, Body: make([]byte, 101)},
		} {
			if e := failed(t, c, r); e.Class != connectors.ClassRejected {
				t.Errorf("%s: %v", e.Class, e)
			}
		}
		s.count(t, 0)
		succeeds(t, c, Request{Op: "x", Method: http.MethodPost, Body: make([]byte, 100)})
	})
}

func TestLargeAnswers(t *testing.T) {
	large := strings.Repeat("x", 1001)
	for _, c := range []struct {
		name   string
		status int
		body   string
		r      Request
		want   connectors.Class
	}{
		{"read", 200, large, read, connectors.ClassRejected}, // it stays as large
		{"write", 200, large, write, connectors.ClassUnclear},
		{"refused read", 400, large, read, connectors.ClassRejected},
		{"refused write", 422, large, write, connectors.ClassRejected},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSystem(t, answer(c.status, c.body))
				e := failed(t, s.client(t, func(o *Options) { o.MaxBody = 1000 }), c.r)
				s.count(t, 1)
				if e.Class != c.want || e.Status != c.status || len(e.Error()) > 500 {
					t.Errorf("%s: %v", e.Class, e)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t, answer(200, large[1:]))
		if a := succeeds(t, s.client(t, func(o *Options) { o.MaxBody = 1000 }), read); len(a.Body) != 1000 {
			t.Errorf("%d bytes came", len(a.Body))
		}
	})
}

func TestAnswerIsNotJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t, answer(200, "<html>Your instance is hibernating</html>", "Atl-Traceid", "trace-1"))
		hibernating := func(a *Answer, e *connectors.Error) {
			if strings.Contains(string(a.Body), "hibernating") {
				e.Class, e.Message = connectors.ClassRetry, "the instance hibernates"
			}
		}
		var into any
		r := write
		r.Into = &into
		e := failed(t, s.client(t, func(o *Options) { o.Refusal = hibernating }), r)
		if e.Class != connectors.ClassRetry || e.Message != "the instance hibernates" || e.Status != 200 || e.RequestID != "trace-1" {
			t.Errorf("%s: %v", e.Class, e)
		}
		if e := failed(t, s.client(t, nil), r); e.Class != connectors.ClassUnclear || strings.Contains(e.Error(), "html") {
			t.Errorf("%s: %v", e.Class, e)
		}
		s.count(t, 2)
	})
}

func TestAuthorize(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want connectors.Class
	}{
		{"error", errors.New("no token"), connectors.ClassUnauthorised},
		{"token's answer lost", &connectors.Error{Op: "token", Class: connectors.ClassUnclear}, connectors.ClassRetry},
		{"token endpoint away", &connectors.Error{Op: "token", Class: connectors.ClassRetry}, connectors.ClassRetry},
		{"client refused", fmt.Errorf("oauth: %w", &connectors.Error{Op: "token", Class: connectors.ClassRejected}), connectors.ClassUnauthorised},
		{"no token endpoint", &connectors.Error{Op: "token", Class: connectors.ClassGone}, connectors.ClassUnauthorised},
		{"throttled", &connectors.Error{Op: "token", Class: connectors.ClassThrottled}, connectors.ClassThrottled},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSystem(t, answer(200, "{}"))
				client := s.client(t, func(o *Options) {
					o.Authorize = func(context.Context, *http.Request) error { return c.err }
				})
				if e := failed(t, client, write); e.Class != c.want {
					t.Errorf("%s, want %s: %v", e.Class, c.want, e)
				}
				s.count(t, 0)
			})
		})
	}
}
