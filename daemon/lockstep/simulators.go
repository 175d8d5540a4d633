package main

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
	simulatedUser    = servicenowtest.DefaultUsername
	simulatedWebhook = "whsec_bG9ja3N0ZXAtc2ltdWxhdG9yLXdlYmhvb2stc2VjcmV0"
)

// searchLag is how far Jira's search lags behind, which is minutes at times.
const searchLag = 2 * time.Second

// simulators are the simulated systems on one address: their APIs share no
// path.
type simulators struct {
	incidents *incidentiotest.Server
	tickets   *servicenowtest.Server
	issues    *jiratest.Server

	address string
	server  *http.Server
	served  chan error
}

// startSimulators serves them on address until they are closed.
func startSimulators(ctx context.Context, address string) (*simulators, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("simulators: %w", err)
	}
	s := &simulators{address: listener.Addr().String(), served: make(chan error, 1)}
	s.incidents = incidentiotest.New(incidentiotest.Options{})
	s.incidents.AddCustomField("Jira issue", "text")
	s.tickets = servicenowtest.New(servicenowtest.Options{URL: s.url()})
	// The host that has the contents of attachments is another one, as Atlassian's.
	s.issues = jiratest.New(jiratest.Options{URL: s.url(), MediaURL: strings.Replace(s.url(), "127.0.0.1", "localhost", 1), IndexLag: searchLag})
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	go func() { s.served <- s.server.Serve(listener) }()
	return s, nil
}

func (s *simulators) url() string { return "http://" + s.address }

// close stops serving.
func (s *simulators) close() error {
	err := s.server.Close()
	if failed := <-s.served; !errors.Is(failed, http.ErrServerClosed) {
		err = errors.Join(err, failed)
	}
	s.tickets.Close()
	s.issues.Close()
	return err
}

// ServeHTTP tells the systems apart by their APIs' paths.
func (s *simulators) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/v1/"), strings.HasPrefix(path, "/v2/"), strings.HasPrefix(path, "/v3/"):
		s.incidents.ServeHTTP(w, r)
	case strings.HasPrefix(path, "/api/now/"), path == "/oauth_token.do":
		s.tickets.ServeHTTP(w, r)
	case strings.HasPrefix(path, "/rest/"), strings.HasPrefix(path, "/file/"):
		s.issues.ServeHTTP(w, r)
	default:
		http.Error(w, "lockstep's simulators: incident.io's API is under /v1, /v2 and /v3, ServiceNow's under /api/now, Jira's under /rest", http.StatusNotFound)
	}
}

// secrets are what the example's configuration reads from the environment.
func (s *simulators) secrets() map[string]string {
	return map[string]string{
		"INCIDENTIO_API_KEY":        incidentiotest.DefaultKey,
		"INCIDENTIO_WEBHOOK_SECRET": simulatedWebhook,
		"SERVICENOW_PASSWORD":       servicenowtest.DefaultPassword,
		"JIRA_API_TOKEN":            jiratest.DefaultAPIToken,
	}
}

// blocks are the connector blocks that fit.
func (s *simulators) blocks() string {
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
`, s.url(), incidentiotest.DefaultKey, simulatedWebhook, s.url(), simulatedUser, servicenowtest.DefaultPassword, s.url(), jiratest.DefaultEmail, jiratest.DefaultAPIToken)
}
