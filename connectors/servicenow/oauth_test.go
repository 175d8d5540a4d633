package servicenow_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// forms remembers the parameters of token requests.
type forms struct {
	to  http.RoundTripper
	mu  sync.Mutex
	all []url.Values
}

func (f *forms) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/oauth_token.do" {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		var b strings.Builder
		buffer := make([]byte, 4096)
		for {
			n, err := body.Read(buffer)
			b.Write(buffer[:n])
			if err != nil {
				break
			}
		}
		values, err := url.ParseQuery(b.String())
		if err != nil || r.URL.RawQuery != "" {
			return nil, err
		}
		f.mu.Lock()
		f.all = append(f.all, values)
		f.mu.Unlock()
	}
	return f.to.RoundTrip(r)
}

func (f *forms) grants() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, form := range f.all {
		names = append(names, form.Get("grant_type"))
	}
	return strings.Join(names, " ")
}

func TestGrants(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings *servicenow.Settings
		first    string
		renewed  string // after the token's life
		revoked  string // after refresh tokens were revoked as well
	}{
		{"client credentials", oauth(), "client_credentials", "client_credentials", "client_credentials"},
		{"password", passwordGrant(), "password", "refresh_token", "refresh_token password"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := servicenowtest.New(options())
				seen := &forms{to: server.RoundTripper()}
				c := connect(t, seen, test.settings)
				probe := func(want string) {
					t.Helper()
					before := len(seen.grants())
					if err := probe(t.Context(), c); err != nil {
						t.Fatal(err)
					}
					if got := strings.TrimSpace(seen.grants()[before:]); got != want {
						t.Errorf("asked for tokens by %q, want %q", got, want)
					}
				}
				probe(test.first)
				probe("") // it is kept
				time.Sleep(29*time.Minute - time.Second)
				probe("")
				time.Sleep(2 * time.Second) // less than 60 s are left
				probe(test.renewed)
				server.ExpireTokens(true)
				time.Sleep(30 * time.Minute)
				probe(test.revoked)
				for _, r := range server.Requests() {
					if r.Status == http.StatusUnauthorized && r.Path != "/oauth_token.do" {
						t.Errorf("a request was sent with a token that had expired: %s", r.Path)
					}
				}
			})
		})
	}
}

func TestTokenIsAskedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := servicenowtest.New(options())
		c := connect(t, server.RoundTripper(), oauth())
		server.Inject(simulator.Fault{Kind: simulator.Latency, Path: "/oauth_token.do", Delay: 3 * time.Second})
		var done sync.WaitGroup
		for range 20 {
			done.Go(func() {
				if err := probe(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		done.Wait()
		if n := server.Count("POST", "/oauth_token.do"); n != 1 {
			t.Errorf("%d requests for a token, want 1", n)
		}
	})
}

func TestTokenThatTheInstanceForgot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := servicenowtest.New(options())
		c := connect(t, server.RoundTripper(), oauth())
		record := create(t, c, "first", nil)

		server.ExpireTokens(true)
		if _, err := c.Read(t.Context(), record.Ref); err != nil {
			t.Errorf("a read goes on with a new token: %v", err)
		}

		server.ExpireTokens(true)
		server.ResetRequests()
		_, err := c.Create(t.Context(), draft("second", nil))
		wantClass(t, err, connectors.ClassRetry)
		if n := server.Count("POST", "/table/incident"); n != 1 {
			t.Errorf("the write was sent %d times", n)
		}
		create(t, c, "second", nil) // the engine's next attempt
		if n := len(server.Tickets()); n != 2 {
			t.Errorf("%d tickets", n)
		}

		// A token that was just made, and is refused, means bad permissions.
		server.ExpireTokens(true)
		server.Inject(simulator.Fault{Kind: simulator.FailBefore, Status: 401, Path: "/table/"})
		_, err = c.Read(t.Context(), record.Ref)
		wantClass(t, err, connectors.ClassUnauthorised)
	})
}

func TestNoToken(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault simulator.Fault
		class connectors.Class
	}{
		{"refused", simulator.Fault{Kind: simulator.FailBefore, Status: 401}, connectors.ClassUnauthorised},
		{"bad request", simulator.Fault{Kind: simulator.FailBefore, Status: 400}, connectors.ClassUnauthorised},
		{"no such endpoint", simulator.Fault{Kind: simulator.FailBefore, Status: 404}, connectors.ClassUnauthorised},
		{"outage", simulator.Fault{Kind: simulator.Refuse}, connectors.ClassRetry},
		{"lost answer", simulator.Fault{Kind: simulator.ResetAfter}, connectors.ClassRetry},
		{"cut answer", simulator.Fault{Kind: simulator.CutBody}, connectors.ClassRetry},
		{"server error", simulator.Fault{Kind: simulator.FailBefore, Status: 500}, connectors.ClassRetry},
		{"429", simulator.Fault{Kind: simulator.Throttle, RetryAfter: time.Second}, connectors.ClassThrottled},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := servicenowtest.New(options())
				c := connect(t, server.RoundTripper(), passwordGrant())
				test.fault.Path = "/oauth_token.do"
				server.Inject(test.fault)
				_, err := c.Create(t.Context(), draft("k", nil))
				wantClass(t, err, test.class)
				if server.Count("POST", "/table/") != 0 {
					t.Error("the write was sent without a token")
				}
			})
		})
	}
}

func TestEarlyRenewalThatFailsKeepsTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := servicenowtest.New(options())
		c := connect(t, server.RoundTripper(), oauth())
		if err := probe(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(29*time.Minute + 5*time.Second)
		server.Inject(simulator.Fault{Kind: simulator.Refuse, Path: "/oauth_token.do"})
		if err := probe(t.Context(), c); err != nil {
			t.Errorf("the token is good for 55 s more: %v", err)
		}
	})
}

func TestWrongCredentials(t *testing.T) {
	server := servicenowtest.New(options())
	user, wrong := servicenowtest.DefaultUsername, connectors.Secret("wrong-0451")
	c := connect(t, server.RoundTripper(), &servicenow.Settings{URL: servicenowtest.DefaultURL, Username: &user, Password: &wrong})
	failure := wantClass(t, probe(t.Context(), c), connectors.ClassUnauthorised)
	if !strings.Contains(failure.Error(), "User Not Authenticated") || strings.Contains(failure.Error(), "wrong-0451") {
		t.Errorf("%v", failure)
	}
	server.DenyReads("sys_user", true)
	if err := probe(t.Context(), connect(t, server.RoundTripper(), basic())); err != nil {
		t.Errorf("credentials that may not read sys_user are still good: %v", err)
	}
}
