package breaker

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// After so many calls in a row that a connector did not answer, or one that it
// could not even be sent, it is taken to be away, and calls wait: a system that is down shall not hold up the others'
// workers. While it is away one call goes through after each pause. A pause is
// a part of the time that the system has been away, so that it is called again
// soon after it is back, however long that took.
const (
	failuresToPause = 3
	pauseShare      = 4 // a pause is the time away divided by this
	shortestPause   = time.Second
	longestPause    = 30 * time.Second
	refusedPause    = 30 * time.Second // credentials refused; doubled each time
	longestRefused  = 10 * time.Minute
	longestFallback = 5 * time.Minute
)

// A Breaker stands before one connector: it knows how the connector does, and
// answers in its place while calling it is of no use (rule 9.5). Every call of
// the engine goes through it.
type Breaker struct {
	Name      string
	Type      string // the connector's type
	Connector connectors.Connector
	clock     store.Clock
	calls     callHealth
	admission admission
	waiting   *Waiters // for the connector to come back

	mu       sync.Mutex
	failures int // in a row
	// outage numbers the runs of failures. Calls that were begun before the
	// pause that is under way, or in a run that ended, say nothing new: round
	// counts the pauses, so that they are known.
	outage, round int
	away          bool
	refusals      int       // of the credentials, in this outage
	since         time.Time // the first failure of the outage
	until         time.Time // no calls before
	lastError     string    // of the last call, if it failed; never contents
	silenced      string    // the last answer that asked for silence; never contents
}

// New makes the breaker of a connector: its name in the configuration and its
// type. w wakes what waits for its return.
func New(name, kind string, c connectors.Connector, clock store.Clock, w *Waiters) *Breaker {
	return &Breaker{Name: name, Type: kind, Connector: c, clock: clock, waiting: w}
}

// AwayError is the failure of a call, or of none, to a connector that may be
// away: whoever meets it may wait for the end of that outage.
type AwayError struct {
	Breaker *Breaker
	outage  int
	// during is true where it was known that the connector was away: then the
	// failure says nothing about what was asked.
	During bool
	lasted time.Duration // so far
	error
}

// Fallback is how long a record waits that nobody wakes, since the process was
// started again.
func (e *AwayError) Fallback() time.Duration {
	return min(max(e.lasted, FirstBackoff), longestFallback)
}

func (e *AwayError) Unwrap() error { return e.error }

// allow fails with ClassThrottled while the connector is paused. The round that
// it returns is what leave wants to know of the call.
func (g *Breaker) allow(op string) (round int, err error) {
	asked := g.Connector.Throttled()
	g.mu.Lock()
	defer g.mu.Unlock()
	until := g.until
	if asked.After(until) {
		until = asked
	}
	now := g.clock.Now()
	if !now.Before(until) {
		if g.away && op != OpResolve {
			g.until = now.Add(g.pause(now)) // the others wait for how this one goes
		}
		return g.round, nil
	}
	message := "not sent: " + g.Name + " is not to be called before " + until.UTC().Format(time.RFC3339)
	if g.lastError != "" {
		message += "; it said: " + g.lastError
	}
	refused := &connectors.Error{Class: connectors.ClassThrottled, Op: op, Record: g.Name, Until: until, Message: message}
	if g.away {
		return g.round, g.awayError(refused, true)
	}
	return g.round, refused
}

// pause is how long calls wait after one that failed, while the connector is
// away; g.mu is held.
func (g *Breaker) pause(now time.Time) time.Duration {
	if g.refusals > 0 {
		return min(refusedPause<<min(g.refusals-1, 5), longestRefused)
	}
	return min(max(now.Sub(g.since)/pauseShare, shortestPause), longestPause)
}

// record takes note of how a call went, and returns its error with what may be
// waited for.
func (g *Breaker) record(err error, round int) error {
	if errors.Is(err, context.Canceled) || wasNotSent(err) {
		return err
	}
	class, known := connectors.ClassOf(err)
	now := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	var said *connectors.Error
	if errors.As(err, &said) && said.Status != 0 && !said.Until.IsZero() {
		g.silenced = Redact(err)
	}
	switch {
	case err == nil, known && answersARecord(class):
		g.answered()
		return err
	case class == connectors.ClassThrottled:
		g.lastError = Redact(err)
		return err // the transport knows until when
	}
	g.lastError = Redact(err)
	if round != g.round {
		return g.awayError(err, true) // begun before the last pause
	}
	failed := g.awayError(err, g.away)
	refused := said != nil && class == connectors.ClassUnauthorised
	if g.failures++; g.failures == 1 {
		g.since = now
	}
	// What could not even be sent is the system's, and was tried more than once
	// where it was a read. Of other failures one may be the record's own.
	unreachable := said != nil && (class == connectors.ClassRetry && said.Status == 0 || said.Status == 502 || said.Status == 503)
	if g.failures < failuresToPause && !g.away && !unreachable && !refused {
		return failed
	}
	if refused {
		g.refusals++
	}
	g.until = now.Add(g.pause(now))
	g.round++
	if !g.away {
		g.away = true
		g.waiting.begin(g, g.outage)
	}
	return failed
}

// awayError needs g.mu.
func (g *Breaker) awayError(err error, during bool) *AwayError {
	e := &AwayError{Breaker: g, outage: g.outage, During: during, error: err}
	if g.failures > 0 {
		e.lasted = g.clock.Now().Sub(g.since)
	}
	return e
}

// answered ends an outage: the connector did answer, whatever it said; g.mu is
// held.
func (g *Breaker) answered() {
	g.lastError = ""
	if g.failures == 0 {
		return
	}
	wasAway := g.away
	g.failures, g.refusals, g.until, g.away = 0, 0, time.Time{}, false
	g.waiting.end(g, g.outage, wasAway)
	g.outage++
}

// Retire ends what is known of a connector whose block has changed: its
// successor is asked again.
func (g *Breaker) Retire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answered()
}

// under reports whether the run of failures is not over.
func (g *Breaker) under(outage int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.outage == outage
}

// lasts reports whether an outage is not over, and when the next call may go
// through.
func (g *Breaker) lasts(outage int) (until time.Time, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until, g.away && g.outage == outage
}

// Redact is an error without what the system said of a record: operation,
// status, and lockstep's own words or else the class say enough for a status page.
func Redact(err error) string {
	var e *connectors.Error
	if !errors.As(err, &e) {
		return "failed"
	}
	short := connectors.Error{Op: e.Op, Status: e.Status, RequestID: e.RequestID, Message: e.Class.String()}
	switch {
	case e.Status == 0, e.Class == connectors.ClassUnauthorised, e.Class == connectors.ClassForbidden:
		short.Message, short.Err = e.Message, e.Err // said by who knows no contents, or to whom none were shown
	case e.Own:
		short.Message = e.Message // its cause may quote the answer
	}
	return short.Error()
}

// Ask runs one call of a connector under its breaker. kind is the operation, with
// the type of record where there is one; see kindOf.
func Ask[T any](ctx context.Context, g *Breaker, kind string, call func() (T, error)) (T, error) {
	op, _, _ := strings.Cut(kind, " ")
	round, err := g.allow(op)
	if err != nil {
		var none T
		return none, err
	}
	if op != opProbe {
		if err := g.admission.admitted(ctx); err != nil {
			var none T
			g.calls.note(kind, err, g.clock.Now())
			return none, g.record(err, round)
		}
	}
	v, err := call()
	g.calls.note(kind, err, g.clock.Now())
	if err != nil || op != OpResolve {
		err = g.record(err, round)
	}
	return v, err
}

// OpResolve is answered from a cache as a rule, and says nothing of how the
// system does when it succeeds.
const OpResolve = "resolve"

func (g *Breaker) Read(ctx context.Context, ref connectors.Ref) (connectors.Record, error) {
	return Ask(ctx, g, Kind(opRead, ref.Record), func() (connectors.Record, error) { return g.Connector.Read(ctx, ref) })
}

// Status says how the connector does.
func (g *Breaker) Status() ConnectorStatus {
	asked := g.Connector.Throttled()
	g.mu.Lock()
	defer g.mu.Unlock()
	s := ConnectorStatus{Name: g.Name, Type: g.Type, OK: true, Calls: []CallStatus{}}
	g.calls.status(&s, g.clock.Now())
	// What makes it wait now, which need not be what failed last.
	until, why := asked, cmp.Or(g.silenced, "the system asked not to be called")
	if g.until.After(asked) {
		until, why = g.until, cmp.Or(g.lastError, s.LastError)
	}
	if g.clock.Now().Before(until) {
		s.OK, s.ThrottledUntil, s.LastError = false, &until, why
	}
	return s
}

// A notSentError is why nothing was sent. It says nothing of the system that was to
// be written to.
type notSentError struct{ error }

// NotSent says why nothing was sent: the record turned private, or somebody else
// acted.
func NotSent(why error) error { return &notSentError{why} }

func (l *notSentError) Unwrap() error { return l.error }

func wasNotSent(err error) bool {
	var lost *notSentError
	return errors.As(err, &lost)
}

// A ConnectorStatus says how a connector does.
type ConnectorStatus struct {
	Name           string     `json:"name"`
	Type           string     `json:"type"`
	OK             bool       `json:"ok"`
	LastError      string     `json:"last_error"`
	ThrottledUntil *time.Time `json:"throttled_until"`
	// Refused is true where waiting will not help: the credentials are not
	// taken, or a kind of call always fails.
	Refused bool `json:"refused"`
	// Setting is the one at fault, where that is known: "SERVICENOW_PASSWORD of
	// connector itsm".
	Setting string `json:"setting,omitempty"`
	// Calls are the kinds of call that were made, by name.
	Calls []CallStatus `json:"calls"`

	// Missing are linked records that read as not found.
	Missing *Absence `json:"missing,omitempty"`

	Attribute string `json:"-"` // at fault; Setting names it to people
}

// An Absence is how many linked records of a connector read as not found, and since
// when. Held is true where they are too many to have been deleted, and so are kept.
type Absence struct {
	Records int       `json:"records"`
	Since   time.Time `json:"since"`
	Held    bool      `json:"held"`
}
