package transport

import (
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/connectors"
)

// TestBlame: the setting at fault is named where a failure shows it, and only
// there.
func TestBlame(t *testing.T) {
	options := func(o *Options) {
		o.Address, o.Credentials = "url", "password"
		o.Refusal = func(_ *Answer, e *connectors.Error) { e.Code = "own" }
		o.Stranger = func(a *Answer) (string, string) { return a.Header.Get("X-Stranger"), "password" }
	}
	for name, test := range map[string]struct {
		answer  http.HandlerFunc
		request Request
		class   connectors.Class
		setting string
	}{
		"401":                        {answer(401, ""), read, connectors.ClassUnauthorised, "password"},
		"403 of a table":             {answer(403, ""), read, connectors.ClassForbidden, ""},
		"redirected":                 {answer(302, "", "Location", "/login"), write, connectors.ClassRetry, "url"},
		"an outage":                  {answer(503, ""), write, connectors.ClassUnclear, ""},
		"a page":                     {answer(200, "<html>", "Content-Type", "text/html"), read, connectors.ClassUnclear, ""},
		"a stranger, with success":   {answer(200, "{}", "X-Stranger", "as to nobody"), read, connectors.ClassUnauthorised, "password"},
		"a stranger, refused":        {answer(400, "{}", "X-Stranger", "as to nobody"), write, connectors.ClassUnauthorised, "password"},
		"a stranger's write is done": {answer(201, "{}", "X-Stranger", "as to nobody"), write, connectors.ClassUnclear, "password"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newSystem(t, test.answer).client(t, options)
				r := test.request
				r.Into = &struct{}{}
				if e := failed(t, c, r); e.Class != test.class || e.Setting != test.setting {
					t.Errorf("class %s, setting %q: %v", e.Class, e.Setting, e)
				}
			})
		})
	}
	unknown := New(Options{BaseURL: "https://x.invalid", Address: "url", Env: connectors.Env{RoundTripper: roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "x.invalid", IsNotFound: true}
	})}})
	if e := failed(t, unknown, write); e.Setting != "url" {
		t.Errorf("a name that is not known blames %q: %v", e.Setting, e)
	}
}
