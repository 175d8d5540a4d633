// Package servicenowtest is a ServiceNow instance in memory: the Table,
// Attachment and OAuth APIs over a few tables, as strict as the vendor and with
// faults that tests switch on.
//
// It knows ServiceNow and nothing of the connector that is tried on it.
package servicenowtest

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// Options configure a Server. The zero value is an instance with one
// integration user.
type Options struct {
	// Now is the instance's clock; nil is time.Now. Stamps are UTC, to the second.
	Now func() time.Time
	// URL is the instance's address, as it is in links.
	URL string // "" is https://instance.service-now.com

	// Username and Password are the integration user's.
	Username string // "" is incidentio.sync
	Password string // "" is secret
	// Roles are the integration user's; nil are those that the connector's
	// documentation asks for.
	Roles []string

	// ClientID and ClientSecret are of the OAuth application, whose client
	// credentials act as the integration user.
	ClientID      string        // "" is lockstep
	ClientSecret  string        // "" is client-secret
	TokenLifetime time.Duration // 0 is 1800 s

	// RateLimitPerHour is a rate limit rule for every user; 0: there is none.
	RateLimitPerHour int
	// InvalidQueryReturnsNoRows is glide.invalid_query.returns_no_rows.
	// Zone is the time zone of the API users' profiles, in which moments in queries are
	// read; nil: GMT.
	Zone                      *time.Location
	InvalidQueryReturnsNoRows bool
	// MaxAttachment is com.glide.attachment.max_size, here in bytes; 0 is the
	// product's 1024 MB.
	MaxAttachment int
	// AttachmentExtensions is glide.attachment.extensions, without dots; nil: any.
	AttachmentExtensions []string
	// Webhook is told of every change, as a business rule does.
	Webhook Webhook
}

// Defaults of Options.
const (
	DefaultURL          = "https://instance.service-now.com"
	DefaultUsername     = "incidentio.sync"
	DefaultPassword     = "secret"
	DefaultClientID     = "lockstep"
	DefaultClientSecret = "client-secret"
	defaultTokenLife    = 1800 * time.Second
)

// A Server is one instance: an endpoint, and what people and administrators do
// there. It is safe for concurrent use.
type Server struct {
	*simulator.Endpoint
	opts Options

	mu         simulator.Mutex // guards everything below
	tables     map[string]*table
	records    map[string]*record // by sys_id
	sequence   int
	files      map[string][]byte // attachments by sys_id
	tokens     map[string]grant
	refresh    map[string]string // refresh token to user name
	hidden     map[string]func(Row) bool
	anyClass   bool            // a task is answered whatever table of tasks it is asked for by
	protected  map[string]bool // "table.column"
	denied     map[string]bool // tables whose writes fail
	unread     map[string]bool // tables that answer reads with 403
	noJournals bool            // no record shows its journals
	rewrites   []func(table string, row Row)
	putBacks   []putBack
	window     time.Time // hour of the rate limit
	counted    int
	webhook    Webhook

	sending sync.WaitGroup // webhooks under way
}

// A Row is the database values of a record, by column.
type Row map[string]string

// New makes an instance with its users, choices and dictionary.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	for field, value := range map[*string]string{
		&o.URL: DefaultURL, &o.Username: DefaultUsername, &o.Password: DefaultPassword,
		&o.ClientID: DefaultClientID, &o.ClientSecret: DefaultClientSecret,
	} {
		if *field == "" {
			*field = value
		}
	}
	if o.Roles == nil {
		o.Roles = []string{"itil", "personalize_choices", "personalize_dictionary", "journal_reader"}
	}
	if o.TokenLifetime == 0 {
		o.TokenLifetime = defaultTokenLife
	}
	o.URL = strings.TrimSuffix(o.URL, "/")
	s := &Server{
		opts: o, mu: simulator.Mutex{Now: o.Now}, webhook: o.Webhook,
		tables: map[string]*table{}, records: map[string]*record{}, files: map[string][]byte{},
		tokens: map[string]grant{}, refresh: map[string]string{},
		hidden: map[string]func(Row) bool{}, protected: map[string]bool{}, denied: map[string]bool{}, unread: map[string]bool{},
	}
	s.Endpoint = simulator.New(simulator.System{
		State: &s.mu, Auth: s.auth(), Handle: s.handle, Throttled: throttled, Failed: failed, NotFound: hidden, Spoilt: cancelMid, Secret: asksForToken,
	})
	s.seed()
	return s
}

// Close waits for webhooks that are under way.
func (s *Server) Close() { s.sending.Wait() }

// now is the instance's time as it stamps records.
func (s *Server) now() time.Time { return s.opts.Now().UTC().Truncate(time.Second) }

type (
	call   = simulator.Call
	answer = simulator.Answer
)

func newAnswer(status int, contentType string, body []byte) answer {
	h := http.Header{}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return answer{Status: status, Header: h, Body: body}
}

// handle answers a call.
func (s *Server) handle(c *call) answer {
	a := s.route(c)
	a.Header.Set("Server", "ServiceNow")
	return a
}

func (s *Server) route(c *call) answer {
	if asksForToken(c.Request) {
		return s.token(c)
	}
	path, ok := strings.CutPrefix(c.URL.Path, "/api/now/")
	if !ok {
		return failure(http.StatusBadRequest, "Requested URI does not represent any resource", c.URL.Path)
	}
	for _, version := range []string{"v1/", "v2/"} {
		path = strings.TrimPrefix(path, version)
	}
	user := c.Account.Is.(*record)
	limits, exceeded := s.limit()
	if exceeded != nil {
		return *exceeded
	}
	var a answer
	if bad := headers(c); bad != nil {
		a = *bad
	} else {
		parts := strings.Split(path, "/")
		switch parts[0] {
		case "table":
			a = s.tableAPI(c, user, parts[1:])
		case "attachment":
			a = s.attachmentAPI(c, user, parts[1:])
		default:
			a = failure(http.StatusBadRequest, "Requested URI does not represent any resource", c.URL.Path)
		}
	}
	maps.Copy(a.Header, limits)
	return a
}

// headers refuses a request without the headers that the REST APIs ask for.
func headers(c *call) *answer {
	refuse := func(status int, message, detail string) *answer {
		a := failure(status, message, detail)
		return &a
	}
	switch accept := c.Header.Get("Accept"); {
	case accept == "":
		return refuse(http.StatusBadRequest, "Bad Request", "the Accept header is missing")
	case !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*"):
		return refuse(http.StatusNotAcceptable, "Not acceptable", accept)
	}
	if c.Method == http.MethodGet || c.Method == http.MethodHead {
		return nil
	}
	contentType := c.Header.Get("Content-Type")
	switch {
	case contentType == "" && c.Method != http.MethodDelete:
		return refuse(http.StatusBadRequest, "Bad Request", "the Content-Type header is missing")
	case strings.Contains(c.URL.Path, "/table/") && contentType != "" && !strings.HasPrefix(contentType, "application/json"):
		return refuse(http.StatusUnsupportedMediaType, "Unsupported media type", contentType)
	}
	return nil
}

// limit counts a request against the hour's budget.
func (s *Server) limit() (http.Header, *answer) {
	if s.opts.RateLimitPerHour == 0 {
		return nil, nil
	}
	now := s.now()
	if hour := now.Truncate(time.Hour); !hour.Equal(s.window) {
		s.window, s.counted = hour, 0
	}
	s.counted++
	reset := s.window.Add(time.Hour)
	h := http.Header{}
	h.Set("X-Ratelimit-Limit", fmt.Sprint(s.opts.RateLimitPerHour))
	h.Set("X-Ratelimit-Reset", fmt.Sprint(reset.Unix()))
	h.Set("X-Ratelimit-Rule", sysID("sys_rate_limit_rules", 1))
	if s.counted <= s.opts.RateLimitPerHour {
		return h, nil
	}
	a := throttled(reset.Sub(now))
	maps.Copy(a.Header, h)
	return nil, &a
}

// failure is an error as ServiceNow words it.
func failure(status int, message, detail string) answer {
	var said any // null where there is no detail
	if detail != "" {
		said = detail
	}
	return newAnswer(status, "application/json;charset=UTF-8", encode(map[string]any{
		"error": map[string]any{"message": message, "detail": said}, "status": "failure",
	}))
}
