// Package simulators serves the vendors' simulators, for the sandbox and the
// demonstration, and says what people can do in them. It knows nothing of the
// daemon.
package simulators

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

// The systems there are, by the types of their connectors.
const (
	IncidentIO = "incidentio"
	ServiceNow = "servicenow"
	Jira       = "jira"
)

// What the simulated systems take as credentials. They guard nothing.
const (
	User = servicenowtest.DefaultUsername
	// WebhookSecret signs the webhooks of every one of them.
	WebhookSecret = "whsec_bG9ja3N0ZXAtc2ltdWxhdG9yLXdlYmhvb2stc2VjcmV0"
)

// The people who work in the simulated systems. What lockstep's own users do
// there it carries nowhere.
const (
	ResponderKey   = "inc_responder_key" // incident.io knows people of the API by their keys
	Agent          = "fred.luddy"
	AgentPassword  = "agent"
	JiraAgent      = "acc-ann"
	JiraAgentEmail = "ann@acme.example"
	JiraAgentToken = "ann-token"
)

// searchLag is how far Jira's search lags behind, which is minutes at times.
const searchLag = 2 * time.Second

// Options are which simulators to serve, and as whom lockstep signs in. The zero
// value is all of them.
type Options struct {
	Address string   // HOST:PORT
	Types   []string // nil: all
	// ServiceNowUser and JiraEmail are lockstep's users; "": the simulators'.
	ServiceNowUser, JiraEmail string
}

// A Group is simulated systems on one address: their APIs share no path. Those
// that are not served are nil.
type Group struct {
	Incidents *incidentiotest.Server
	Tickets   *servicenowtest.Server
	Issues    *jiratest.Server

	serviceNowUser, jiraEmail string

	types      []string // of the incidents that are declared in the steps
	typesNamed bool     // by a configuration
	project    string   // in Jira, whose issue they are about

	address string
	server  *http.Server
	ended   chan struct{} // closed when they are served no longer
	failure error         // why; valid once ended is closed
}

// Start serves simulators until they are closed.
func Start(ctx context.Context, o Options) (*Group, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("simulators: %w", err)
	}
	s := &Group{
		address: listener.Addr().String(), ended: make(chan struct{}), types: []string{"Engineering", "Security"}, project: "ENG",
		serviceNowUser: cmp.Or(o.ServiceNowUser, User), jiraEmail: cmp.Or(o.JiraEmail, jiratest.DefaultEmail),
	}
	serves := func(kind string) bool { return len(o.Types) == 0 || slices.Contains(o.Types, kind) }
	if serves(IncidentIO) {
		s.startIncidents()
	}
	if serves(ServiceNow) {
		s.startTickets()
	}
	if serves(Jira) {
		s.startIssues()
	}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		defer close(s.ended)
		s.failure = s.server.Serve(listener)
	}()
	return s, nil
}

func (s *Group) startIncidents() {
	s.Incidents = incidentiotest.New(incidentiotest.Options{Keys: []incidentiotest.Key{
		{Token: incidentiotest.DefaultKey, Name: "lockstep"}, {Token: ResponderKey, Name: "a responder"},
	}})
	s.Incidents.AddCustomField("Jira issue", "text")
}

func (s *Group) startTickets() {
	s.Tickets = servicenowtest.New(servicenowtest.Options{URL: s.URL(), Username: s.serviceNowUser})
	s.Tickets.AddUser(servicenowtest.User{UserName: Agent, Name: "Fred Luddy", Email: Agent + "@example.com", Password: AgentPassword, Roles: []string{"itil"}})
}

func (s *Group) startIssues() {
	// The host that has the contents of attachments is another one, as Atlassian's.
	s.Issues = jiratest.New(jiratest.Options{
		URL: s.URL(), MediaURL: strings.Replace(s.URL(), "127.0.0.1", "localhost", 1), IndexLag: searchLag, Email: s.jiraEmail,
	})
	s.Issues.GiveToken(JiraAgent, JiraAgentToken)
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
	if s.Tickets != nil {
		s.Tickets.Close()
	}
	if s.Issues != nil {
		s.Issues.Close()
	}
	return err
}

// ServeHTTP tells the systems apart by their APIs' paths.
func (s *Group) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	under := func(prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(r.URL.Path, p) })
	}
	switch {
	case s.Incidents != nil && under("/v1/", "/v2/", "/v3/"):
		s.Incidents.ServeHTTP(w, r)
	case s.Tickets != nil && under("/api/now/", "/oauth_token.do"):
		s.Tickets.ServeHTTP(w, r)
	case s.Issues != nil && under("/rest/", "/file/"):
		s.Issues.ServeHTTP(w, r)
	default:
		http.Error(w, "lockstep's simulators have no pages: incident.io's API is under /v1, /v2 and /v3, ServiceNow's under /api/now, Jira's under /rest/api/3", http.StatusNotFound)
	}
}

// PushIncidents sends changes of incidents to an address as signed webhooks, until
// ctx ends. To "" it sends none.
func (s *Group) PushIncidents(ctx context.Context, address string) {
	if address != "" {
		s.Incidents.Subscribe(incidentiotest.Webhook{URL: address, Secret: WebhookSecret})
		go s.Incidents.Push(ctx)
	}
}

// PushTickets does so with changes of tickets and issues.
func (s *Group) PushTickets(address string) {
	if s.Tickets != nil {
		s.Tickets.SetWebhook(servicenowtest.Webhook{URL: address, Secret: WebhookSecret})
	}
	if s.Issues != nil {
		s.Issues.SetWebhook(jiratest.Webhook{URL: address, Secret: WebhookSecret})
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
  poll_interval  = "2s"
}

connector "servicenow" "itsm" {
  url           = %q
  username      = %q
  password      = %q
  poll_interval = "2s"
}

connector "jira" "eng" {
  url           = %q
  email         = %q
  api_token     = %q
  poll_interval = "2s"
}
`, s.URL(), incidentiotest.DefaultKey, WebhookSecret, s.URL(), s.serviceNowUser, servicenowtest.DefaultPassword, s.URL(), s.jiraEmail, jiratest.DefaultAPIToken)
}
