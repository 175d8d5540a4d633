// Package jiratest is a Jira Cloud site in memory: version 3 of its REST API
// over a few projects with their workflows, as strict as the vendor and with
// faults that tests switch on.
//
// It knows Jira and nothing of the connector that is tried on it.
package jiratest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// Options configure a Server. The zero value is a site with one integration
// account, the projects ENG and OPS, and a search that does not lag.
type Options struct {
	// Now is the site's clock; nil is time.Now.
	Now func() time.Time
	// URL is the site's address, as it is in links, and MediaURL the one of
	// the host that has the contents of attachments.
	URL      string // "" is https://acme.atlassian.net
	MediaURL string // "" is https://media.example

	Email    string // "" is bot@acme.example
	APIToken string // "" is api-token

	// IndexLag is how far the search lags behind a write.
	IndexLag time.Duration
	// SearchPage is how many issues a page of a search has at most; 0: as many
	// as are asked for.
	SearchPage int
	// Zone is the time zone of the account's profile, in which dates in JQL are
	// read; nil is eight hours behind UTC.
	Zone *time.Location
	// UploadLimit is how many bytes an attachment may have; 0 is 1,000,000.
	UploadLimit int64
	// Burst is how many requests a second each endpoint takes with GET or POST;
	// PUT and DELETE take half of it. 0 is 100, below 0 any number.
	Burst int
	// NoReturn: a PUT answers 204 although the issue was asked for.
	NoReturn bool
	// PlainTransitions: a transition stores none of the properties given with it.
	PlainTransitions bool
	// Webhook is told of every change.
	Webhook Webhook
}

// Defaults of Options.
const (
	DefaultURL      = "https://acme.atlassian.net"
	DefaultMediaURL = "https://media.example"
	DefaultEmail    = "bot@acme.example"
	DefaultAPIToken = "api-token"
)

// Bot is the account id of the integration account.
const Bot = "acc-bot"

// Limits of the vendor.
const (
	maxText      = 32767
	maxLine      = 255
	writesIn2s   = 20
	writesIn30s  = 100
	defaultBurst = 100
)

// A Server is one site: an endpoint, and what people and administrators do
// there. It is safe for concurrent use.
type Server struct {
	*simulator.Endpoint
	opts Options

	mu       simulator.Mutex // guards everything below
	projects map[string]*project
	fields   []*field
	users    []*User
	issues   map[string]*issue // by id
	sequence int
	pages    map[string]page // of searches, by token
	media    map[string]bool // tokens of contents
	bursts   map[string][]time.Time
	busy     map[string]int // transitions that meet a conflict, by issue id
	noCreate map[string]string
	putBacks []putBack
	webhook  Webhook
	last     http.Header
	lastBody []byte

	sending sync.WaitGroup // webhooks under way
}

// New makes a site.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	for field, value := range map[*string]string{
		&o.URL: DefaultURL, &o.MediaURL: DefaultMediaURL, &o.Email: DefaultEmail, &o.APIToken: DefaultAPIToken,
	} {
		if *field == "" {
			*field = value
		}
	}
	if o.Zone == nil {
		o.Zone = time.FixedZone("PST", -8*3600)
	}
	if o.UploadLimit == 0 {
		o.UploadLimit = 1_000_000
	}
	if o.Burst == 0 {
		o.Burst = defaultBurst
	}
	o.URL = strings.TrimSuffix(o.URL, "/")
	s := &Server{
		opts: o, mu: simulator.Mutex{Now: o.Now}, webhook: o.Webhook,
		projects: map[string]*project{}, issues: map[string]*issue{}, pages: map[string]page{}, media: map[string]bool{},
		bursts: map[string][]time.Time{}, busy: map[string]int{}, noCreate: map[string]string{},
	}
	s.Endpoint = simulator.New(simulator.System{State: &s.mu, Auth: s.auth(), Handle: s.handle, Throttled: throttled, Failed: failed, Spoilt: spoilt, NotFound: hidden})
	s.seed()
	return s
}

// Close waits for webhooks that are under way.
func (s *Server) Close() { s.sending.Wait() }

// now is the site's time as it stamps issues.
func (s *Server) now() time.Time { return s.opts.Now().Truncate(time.Millisecond) }

const timeLayout = "2006-01-02T15:04:05.000-0700"

// stamp writes a time in the site's zone, which is the account's here.
func (s *Server) stamp(at time.Time) string { return at.In(s.opts.Zone).Format(timeLayout) }

type (
	call   = simulator.Call
	answer = simulator.Answer
	object = map[string]any
)

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte(`{"errorMessages":["internal"],"errors":{}}`) // only decoded JSON comes here
	}
	return b
}

func say(status int, v any) answer {
	a := answer{Status: status, Header: http.Header{}}
	a.Header.Set("Content-Type", "application/json;charset=UTF-8") // of a 204, too
	if v != nil {
		a.Body = encode(v)
	}
	return a
}

// refuse is an error as Jira words it.
func refuse(status int, messages ...string) answer {
	if messages == nil {
		messages = []string{}
	}
	return say(status, object{"errorMessages": messages, "errors": object{}})
}

func refuseFields(errors map[string]string) answer {
	return say(http.StatusBadRequest, object{"errorMessages": []string{}, "errors": errors})
}

const gatewayPath = "/ex/jira/35273b54-3f06-40d2-880f-dd28cf8daafa"

// GatewayURL is where Atlassian's gateway leads to the site.
const GatewayURL = "https://api.atlassian.com" + gatewayPath

// resource is the path of a call within the API, which Atlassian's gateway leads to as
// well; false: it is of none.
func resource(c *call) (string, bool) {
	return strings.CutPrefix(strings.TrimPrefix(c.URL.Path, gatewayPath), "/rest/api/3/")
}

// auth takes API tokens. Contents and what is not of the API are open to all.
func (s *Server) auth() *simulator.Auth {
	return &simulator.Auth{
		Open: func(c *call) bool {
			_, ok := resource(c)
			return !ok
		},
		Missing: func(*call) answer {
			a := answer{Status: http.StatusUnauthorized, Header: http.Header{}, Body: []byte("Client must be authenticated to access this resource.")}
			a.Header.Set("Www-Authenticate", `OAuth realm="https%3A%2F%2Facme.atlassian.net"`)
			return a
		},
		Refused: s.anonymous,
		Basic: func(email, token string) *simulator.Account {
			if u := s.account(email, token); u != nil {
				return &simulator.Account{Name: u.AccountID, Is: u}
			}
			return nil
		},
	}
}

// handle answers a call.
func (s *Server) handle(c *call) answer {
	path, ok := resource(c)
	switch {
	case strings.HasPrefix(c.URL.Path, gatewayPath):
		c.Request = c.Clone(c.Context())
		c.URL.Path = strings.TrimPrefix(c.URL.Path, gatewayPath)
	case strings.HasPrefix(c.URL.Path, "/file/"):
		return s.mediaContent(c)
	}
	if !ok {
		return refuse(http.StatusNotFound, "null for uri: "+c.URL.Path)
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if a := s.limit(c, parts); a != nil {
		return *a
	}
	if c.Method != http.MethodGet && c.Method != http.MethodDelete && len(c.Body) > 0 && parts[len(parts)-1] != "attachments" &&
		!strings.HasPrefix(c.Header.Get("Content-Type"), "application/json") {
		return refuse(http.StatusUnsupportedMediaType, "Unsupported Media Type")
	}
	a := s.route(c, parts)
	a.Header.Set("X-Aaccountid", c.Principal)
	a.Header.Set("Atl-Traceid", fmt.Sprintf("trace-%d", len(s.Requests())))
	return a
}

// account is the one that a token of an address is of; nil: it is nobody's.
func (s *Server) account(email, token string) *User {
	for _, u := range s.users {
		if token != "" && u.APIToken == token && u.Email == email && !u.Inactive {
			return u
		}
	}
	return nil
}

// limit counts a request against the limits of its endpoint and of the issue
// that it writes.
func (s *Server) limit(c *call, parts []string) *answer {
	now := s.opts.Now()
	var endpoint strings.Builder
	endpoint.WriteString(c.Method)
	for _, p := range parts {
		if _, err := strconv.Atoi(p); err == nil || s.projects[p] != nil || strings.Contains(p, "-") && s.find(p) != nil {
			p = "*"
		}
		endpoint.WriteString("/" + p)
	}
	most := s.opts.Burst
	if c.Method == http.MethodPut || c.Method == http.MethodDelete {
		most /= 2
	}
	if most > 0 && !s.allow("burst "+endpoint.String(), now, time.Second, most) {
		a := limited("jira-burst-based", time.Second)
		a.Header.Set("X-Ratelimit-Limit", strconv.Itoa(most))
		a.Header.Set("X-Ratelimit-Remaining", "0")
		return &a
	}
	if c.Method == http.MethodGet || len(parts) < 2 || parts[0] != "issue" {
		return nil
	}
	is := s.find(parts[1])
	if is == nil {
		return nil
	}
	if !s.allow("2s "+is.id, now, 2*time.Second, writesIn2s) || !s.allow("30s "+is.id, now, 30*time.Second, writesIn30s) {
		a := limited("jira-per-issue-on-write", time.Second)
		return &a
	}
	return nil
}

// allow counts one event in a window that slides.
func (s *Server) allow(key string, now time.Time, window time.Duration, most int) bool {
	var kept []time.Time
	for _, at := range s.bursts[key] {
		if now.Sub(at) < window {
			kept = append(kept, at)
		}
	}
	if len(kept) >= most {
		s.bursts[key] = kept
		return false
	}
	s.bursts[key] = append(kept, now)
	return true
}

func (s *Server) route(c *call, parts []string) answer {
	match := func(method string, pattern ...string) bool {
		if c.Method != method || len(parts) != len(pattern) {
			return false
		}
		for i, p := range pattern {
			if p != "*" && p != parts[i] {
				return false
			}
		}
		return true
	}
	switch {
	case match("GET", "myself"):
		return say(http.StatusOK, s.shownUser(s.user(c.Principal)))
	case match("GET", "serverInfo"):
		return say(http.StatusOK, object{
			"baseUrl": s.opts.URL, "version": "1001.0.0-SNAPSHOT", "versionNumbers": []any{1001, 0, 0}, "deploymentType": "Cloud",
			"serverTime": s.stamp(s.now()), "serverTitle": "Jira",
		})
	case match("GET", "field"):
		return s.listFields()
	case match("GET", "user", "search"), match("GET", "user", "assignable", "search"):
		return s.searchUsers(c)
	case match("GET", "project", "*"), match("GET", "project", "*", "statuses"):
		return s.projectAPI(parts)
	case match("GET", "issue", "createmeta", "*", "issuetypes"), match("GET", "issue", "createmeta", "*", "issuetypes", "*"):
		return s.createMeta(c, parts[2:])
	case match("POST", "search", "jql"), match("GET", "search", "jql"):
		return s.search(c)
	case match("GET", "search"), match("POST", "search"):
		return refuse(http.StatusGone, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046")
	case match("POST", "comment", "list"):
		return s.commentsByID(c)
	case match("GET", "attachment", "meta"):
		return say(http.StatusOK, object{"enabled": s.opts.UploadLimit > 0, "uploadLimit": max(s.opts.UploadLimit, 0)})
	case match("GET", "attachment", "content", "*"):
		return s.attachmentContent(c, parts[2])
	case match("POST", "issue"):
		return s.create(c)
	}
	if parts[0] != "issue" || len(parts) < 2 {
		return refuse(http.StatusNotFound, "null for uri: "+c.URL.Path)
	}
	is := s.find(parts[1])
	if is == nil || is.hidden {
		return refuse(http.StatusNotFound, "Issue does not exist or you do not have permission to see it.")
	}
	switch {
	case match("GET", "issue", "*"):
		return say(http.StatusOK, s.bean(is, c.URL.Query()))
	case match("PUT", "issue", "*"):
		return s.edit(c, is)
	case match("DELETE", "issue", "*"):
		return refuse(http.StatusForbidden, "You do not have permission to delete issues in this project.")
	case match("GET", "issue", "*", "editmeta"):
		return s.editMeta(is)
	case match("GET", "issue", "*", "transitions"):
		return s.transitions(c, is)
	case match("POST", "issue", "*", "transitions"):
		return s.transit(c, is)
	case match("GET", "issue", "*", "comment"):
		return s.listComments(c, is)
	case match("POST", "issue", "*", "comment"):
		return s.addComment(c, is)
	case match("POST", "issue", "*", "attachments"):
		return s.upload(c, is)
	case match("GET", "issue", "*", "changelog"):
		return s.changelog(c, is)
	case match("GET", "issue", "*", "properties", "*"), match("PUT", "issue", "*", "properties", "*"):
		return s.propertyAPI(c, is, parts[3])
	}
	return refuse(http.StatusMethodNotAllowed, "Method Not Allowed")
}

// readObject reads a body.
func readObject(c *call) (object, bool) {
	var v object
	err := json.Unmarshal(c.Body, &v)
	return v, err == nil && v != nil
}

func intParameter(c *call, name string, otherwise int) int {
	n, err := strconv.Atoi(c.URL.Query().Get(name))
	if err != nil || n < 0 {
		return otherwise
	}
	return n
}
