// Package incidentiotest is an incident.io account in memory: incidents,
// follow-ups and what belongs to them, as strict as the vendor, with webhooks
// and with faults that tests switch on.
//
// It knows incident.io and nothing of the connector that is tried on it.
package incidentiotest

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// Options configure a Server. The zero value is an account with one key that
// may do everything.
type Options struct {
	// Now is the account's clock; nil is time.Now.
	Now func() time.Time
	// Keys are the API keys; nil is one, DefaultKey, that may do everything.
	Keys []Key
	// DashboardURL begins permalinks; "" is https://app.incident.io/acme.
	DashboardURL string
	// RateLimit is the number of requests a minute of each key; 0 is the
	// vendor's 1200.
	RateLimit int
	// HourlyIncidents is how many incidents may be created through the API within an
	// hour; 0: any number. The vendor has such a limit and does not say which.
	HourlyIncidents int
	// KeysForgotten: idempotency keys of incidents are forgotten at once. The vendor does
	// not say how long it keeps one.
	KeysForgotten bool
	// ItemsBump: an update with only a message, a timeline item and an
	// attachment count as a change of their incident. The vendor does not say.
	ItemsBump bool
	// OldestUpdatesFirst lists updates oldest first. The vendor does not say in
	// which order they come; without it they come newest first, as incidents do.
	OldestUpdatesFirst bool
}

// DefaultKey is the key of an account whose Options name none.
const DefaultKey = "inc_development_key"

// maxBody bounds a request, as the vendor's 413 does.
const maxBody = 10 << 20

const (
	defaultDashboard = "https://app.incident.io/acme"
	defaultRate      = 1200
)

// A Key is an API key.
type Key struct {
	Token string
	Name  string
	// Scopes are what it may do, by the vendor's names; nil: everything.
	Scopes []string
	// HidePrivate keys do not see private incidents, nor what belongs to them.
	HidePrivate bool
}

// A Server is one account: an endpoint, and what people do there. It is safe for
// concurrent use.
type Server struct {
	*simulator.Endpoint
	opts   Options
	routes []route

	mu      simulator.Mutex // guards everything below
	counter uint64
	number  int // of the last reference
	stamped time.Time
	keys    []*apiKey
	held    bool
	waiting []func()

	severities []Severity
	statuses   []Status
	types      []Type
	fields     []CustomField
	options    []Option
	roles      []Role
	timestamps []Timestamp
	users      []User
	teams      []Team
	priorities []Priority

	incidents   []*Incident // in the order of creation
	followUps   []*FollowUp
	updates     []*Update
	timeline    []*TimelineItem
	attachments []*Attachment
	activity    []*Activity
	revoked     map[string]bool // scopes
	putBacks    [][]Change
	byKey       map[string]Incident // what an idempotency key made, as it was answered first
	declared    []time.Time         // when incidents were created through the API
	updateByKey map[string]*Update
	itemByKey   map[string]*TimelineItem

	webhooks []Webhook
	outbox   []message
	wake     chan struct{}
}

type apiKey struct {
	Key
	id     string
	tokens float64
	filled time.Time
}

// New makes an account with severities, statuses, types, custom fields, roles,
// timestamps, teams and people, and no incident.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.DashboardURL == "" {
		o.DashboardURL = defaultDashboard
	}
	if o.RateLimit == 0 {
		o.RateLimit = defaultRate
	}
	if o.Keys == nil {
		o.Keys = []Key{{Token: DefaultKey, Name: "lockstep"}}
	}
	o.DashboardURL = strings.TrimSuffix(o.DashboardURL, "/")
	s := &Server{opts: o, mu: simulator.Mutex{Now: o.Now}, byKey: map[string]Incident{}, updateByKey: map[string]*Update{}, itemByKey: map[string]*TimelineItem{}, wake: make(chan struct{}, 1)}
	s.Endpoint = simulator.New(simulator.System{
		State: &s.mu, Auth: s.auth(), Handle: s.handle, Throttled: s.throttled, Failed: s.failed, MaxBody: maxBody,
		NotFound: func() answer { return s.refuse(*notFound()) },
	})
	s.routes = s.allRoutes()
	for _, key := range o.Keys {
		s.keys = append(s.keys, &apiKey{Key: key, id: s.newID(), tokens: float64(o.RateLimit), filled: o.Now()})
	}
	s.seed()
	return s
}

// newID makes a ULID: ids sort by creation.
func (s *Server) newID() string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	s.counter++
	text := make([]byte, 26)
	for i, n := 9, uint64(max(0, s.opts.Now().UnixMilli())); i >= 0; i, n = i-1, n>>5 {
		text[i] = alphabet[n&31]
	}
	for i, n := 25, s.counter; i >= 10; i, n = i-1, n>>5 {
		text[i] = alphabet[n&31]
	}
	return string(text)
}

// stamp is the time of a change: no two are the same, to the microsecond.
func (s *Server) stamp() Moment {
	now := s.opts.Now().UTC().Truncate(time.Microsecond)
	if !now.After(s.stamped) {
		now = s.stamped.Add(time.Microsecond)
	}
	s.stamped = now
	return Moment{now}
}

// commit carries out a change, or keeps it until ReleaseCommits. Its time is
// stamped before.
func (s *Server) commit(apply func(at Moment)) {
	at := s.stamp()
	if s.held {
		s.waiting = append(s.waiting, func() { apply(at) })
		return
	}
	apply(at)
}

// HoldCommits keeps every change from now on from being seen; its updated_at is
// stamped all the same. So rows appear later with a time in the past.
func (s *Server) HoldCommits() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
}

// ReleaseCommits carries out what was held, in order.
func (s *Server) ReleaseCommits() {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.waiting
	s.held, s.waiting = false, nil
	for _, apply := range waiting {
		apply()
	}
}

// handle answers a call.
func (s *Server) handle(r *simulator.Call) answer {
	return s.answer(&call{Call: r, query: r.URL.Query(), key: r.Account.Is.(*apiKey)})
}

// auth takes API keys.
func (s *Server) auth() *simulator.Auth {
	refuse := func(code, message string) func(*simulator.Call) answer {
		return func(*simulator.Call) answer {
			return s.refuse(problem{status: http.StatusUnauthorized, kind: "authentication_error", code: code, message: message})
		}
	}
	return &simulator.Auth{
		Missing: refuse("missing_authorization_material", "No authorization material provided in request"),
		Refused: refuse("invalid_authorization_material", "The API key is not known"),
		Bearer: func(token string) *simulator.Account {
			for _, key := range s.keys {
				if key.Token == token {
					return &simulator.Account{Name: key.Name, Is: key}
				}
			}
			return nil
		},
	}
}

func (s *Server) answer(c *call) answer {
	limits, spent := s.spend(c.key)
	if spent {
		return s.throttle(c.key.Name, time.Second, limits)
	}
	a := s.dispatch(c)
	maps.Copy(a.Header, limits)
	return a
}

// spend takes a token from the key's bucket; true: there was none.
func (s *Server) spend(key *apiKey) (http.Header, bool) {
	limit, now := float64(s.opts.RateLimit), s.opts.Now()
	if passed := now.Sub(key.filled).Seconds(); passed > 0 {
		key.tokens = min(limit, key.tokens+passed*limit/60)
	}
	key.filled = now
	spent := key.tokens < 1
	if !spent {
		key.tokens--
	}
	header := http.Header{}
	header.Set("X-RateLimit-Limit", fmt.Sprintf("%d, %d;window=60", s.opts.RateLimit, s.opts.RateLimit))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(int(key.tokens)))
	header.Set("X-RateLimit-Used", strconv.Itoa(s.opts.RateLimit-int(key.tokens)))
	full := now.Add(time.Duration(math.Ceil((limit-key.tokens)*60/limit)) * time.Second)
	header.Set("X-RateLimit-Reset", strconv.FormatInt(full.Unix(), 10))
	return header, spent
}
