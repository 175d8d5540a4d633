// Package simulators serves the vendors' simulators on one address, for the
// sandbox and the demonstration. It knows nothing of the daemon.
package simulators

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

// What the simulated systems take as credentials. They guard nothing.
const (
	User          = servicenowtest.DefaultUsername
	WebhookSecret = "whsec_bG9ja3N0ZXAtc2ltdWxhdG9yLXdlYmhvb2stc2VjcmV0"
)

// searchLag is how far Jira's search lags behind, which is minutes at times.
const searchLag = 2 * time.Second

// A Group is the simulated systems on one address: their APIs share no path.
type Group struct {
	Incidents *incidentiotest.Server
	Tickets   *servicenowtest.Server
	Issues    *jiratest.Server

	address string
	server  *http.Server
	ended   chan struct{} // closed when they are served no longer
	failure error         // why; valid once ended is closed
}

// Start serves them on address, HOST:PORT, until they are closed.
func Start(ctx context.Context, address string) (*Group, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("simulators: %w", err)
	}
	s := &Group{address: listener.Addr().String(), ended: make(chan struct{})}
	s.Incidents = incidentiotest.New(incidentiotest.Options{})
	s.Incidents.AddCustomField("Jira issue", "text")
	s.Tickets = servicenowtest.New(servicenowtest.Options{URL: s.URL()})
	// The host that has the contents of attachments is another one, as Atlassian's.
	s.Issues = jiratest.New(jiratest.Options{URL: s.URL(), MediaURL: strings.Replace(s.URL(), "127.0.0.1", "localhost", 1), IndexLag: searchLag})
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		defer close(s.ended)
		s.failure = s.server.Serve(listener)
	}()
	return s, nil
}

// URL is the address of every one of them.
func (s *Group) URL() string { return "http://" + s.address }

// Ended is closed when they are served no longer; Close says why.
func (s *Group) Ended() <-chan struct{} { return s.ended }

// Close stops serving, and returns what ended it before.
func (s *Group) Close() error {
	err := s.server.Close()
	if <-s.ended; !errors.Is(s.failure, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("simulators: %w", s.failure))
	}
	s.Tickets.Close()
	s.Issues.Close()
	return err
}

// ServeHTTP tells the systems apart by their APIs' paths.
func (s *Group) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/v1/"), strings.HasPrefix(path, "/v2/"), strings.HasPrefix(path, "/v3/"):
		s.Incidents.ServeHTTP(w, r)
	case strings.HasPrefix(path, "/api/now/"), path == "/oauth_token.do":
		s.Tickets.ServeHTTP(w, r)
	case strings.HasPrefix(path, "/rest/"), strings.HasPrefix(path, "/file/"):
		s.Issues.ServeHTTP(w, r)
	default:
		http.Error(w, "lockstep's simulators: incident.io's API is under /v1, /v2 and /v3, ServiceNow's under /api/now, Jira's under /rest", http.StatusNotFound)
	}
}

// Secrets returns what the examples' configurations read from the environment.
func (s *Group) Secrets() map[string]string {
	return map[string]string{
		"INCIDENTIO_API_KEY":        incidentiotest.DefaultKey,
		"INCIDENTIO_WEBHOOK_SECRET": WebhookSecret,
		"SERVICENOW_PASSWORD":       servicenowtest.DefaultPassword,
		"JIRA_API_TOKEN":            jiratest.DefaultAPIToken,
	}
}

// Blocks returns the connector blocks that fit, in canonical style.
func (s *Group) Blocks() string {
	return fmt.Sprintf(`connector "incidentio" "acme" {
  api_url        = %q
  api_key        = %q
  webhook_secret = %q
}

connector "servicenow" "itsm" {
  url      = %q
  username = %q
  password = %q
}

connector "jira" "eng" {
  url       = %q
  email     = %q
  api_token = %q
}
`, s.URL(), incidentiotest.DefaultKey, WebhookSecret, s.URL(), User, servicenowtest.DefaultPassword, s.URL(), jiratest.DefaultEmail, jiratest.DefaultAPIToken)
}
