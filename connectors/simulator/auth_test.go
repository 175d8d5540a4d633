package simulator_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// TestAuth: credentials are of a scheme that is taken and somebody's, or the call is
// open.
func TestAuth(t *testing.T) {
	var mu simulator.Mutex
	answers := func(text string) func(*simulator.Call) simulator.Answer {
		return func(*simulator.Call) simulator.Answer { return say(http.StatusUnauthorized, text) }
	}
	s := simulator.New(simulator.System{
		State:  &mu,
		Handle: func(*simulator.Call) simulator.Answer { return say(http.StatusOK, "done") },
		Failed: func(simulator.Fault) simulator.Answer { return say(http.StatusInternalServerError, "failed") },
		Auth: &simulator.Auth{
			Missing: answers("missing"), Refused: answers("refused"),
			Open: func(c *simulator.Call) bool { return c.URL.Path == "/open" },
			Bearer: func(token string) *simulator.Account {
				if token != "right" {
					return nil
				}
				return &simulator.Account{Name: "ann"}
			},
		},
	})
	for _, test := range []struct {
		path, authorization string
		fault               bool
		want, principal     string
	}{
		{"/", "Bearer right", false, "done", "ann"},
		{"/", "Bearer wrong", false, "refused", ""},
		{"/", "Bearer ", false, "missing", ""},
		{"/", "right", false, "missing", ""},
		{"/", "Basic cmlnaHQ6cmlnaHQ=", false, "missing", ""}, // not taken here
		{"/", "", false, "missing", ""},
		{"/open", "", false, "done", ""},
		{"/", "Bearer right", true, "refused", ""},
	} {
		if test.fault {
			s.Inject(simulator.Fault{Kind: simulator.Anonymous, Times: 1})
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, test.path, nil)
		if test.authorization != "" {
			r.Header.Set("Authorization", test.authorization)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		all := s.Requests()
		if last := all[len(all)-1]; w.Body.String() != test.want || last.Principal != test.principal {
			t.Errorf("%+v: %q, to %q", test, w.Body, last.Principal)
		}
	}
}
