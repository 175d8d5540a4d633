package engine

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/plan"
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

// A guard stands before one connector: it knows how the connector does, and
// answers in its place while calling it is of no use. Every call of the engine
// goes through it.
type guard struct {
	name      string
	kind      string // the connector's type
	connector connectors.Connector
	clock     store.Clock
	calls     callHealth
	waiting   *waiting // for the connector to come back

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
	forbidden     string    // the record that was forbidden last
	lastError     string    // of the last call, if it failed; never contents
}

func newGuard(name, kind string, c connectors.Connector, clock store.Clock, w *waiting) *guard {
	return &guard{name: name, kind: kind, connector: c, clock: clock, waiting: w}
}

// awayError is the failure of a call, or of none, to a connector that may be
// away: whoever meets it may wait for the end of that outage.
type awayError struct {
	guard  *guard
	outage int
	// during is true where it was known that the connector was away: then the
	// failure says nothing about what was asked.
	during bool
	// ofRecord is true where it may be the record's own.
	ofRecord bool
	lasted   time.Duration // so far
	error
}

// fallback is how long a record waits that nobody wakes, since the process was
// started anew.
func (e *awayError) fallback() time.Duration {
	return min(max(e.lasted, firstBackoff), longestFallback)
}

func (e *awayError) Unwrap() error { return e.error }

// enter fails with ClassThrottled while the connector is paused. The round that
// it returns is what leave wants to know of the call.
func (g *guard) enter(op string) (round int, err error) {
	asked := g.connector.Throttled()
	g.mu.Lock()
	defer g.mu.Unlock()
	until := plan.Later(asked, g.until)
	now := g.clock.Now()
	if !now.Before(until) {
		if g.away && op != opResolve {
			g.until = now.Add(g.pause(now)) // the others wait for how this one goes
		}
		return g.round, nil
	}
	message := "not sent: " + g.name + " is not to be called before " + until.UTC().Format(time.RFC3339)
	if g.lastError != "" {
		message += "; it said: " + g.lastError
	}
	refused := &connectors.Error{Class: connectors.ClassThrottled, Op: op, Record: g.name, Until: until, Message: message}
	if g.away {
		return g.round, g.awayError(refused, true)
	}
	return g.round, refused
}

// pause is how long calls wait after one that failed, while the connector is
// away; g.mu is held.
func (g *guard) pause(now time.Time) time.Duration {
	if g.refusals > 0 {
		return min(refusedPause<<min(g.refusals-1, 5), longestRefused)
	}
	return min(max(now.Sub(g.since)/pauseShare, shortestPause), longestPause)
}

// leave takes note of how a call went, and returns its error with what may be
// waited for.
func (g *guard) leave(err error, round int) error {
	if errors.Is(err, context.Canceled) || lostItsLease(err) {
		return err
	}
	class, known := connectors.ClassOf(err)
	now := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case err == nil, known && (class == connectors.ClassGone || class == connectors.ClassRejected || class == connectors.ClassConflict):
		g.answered()
		return err
	case class == connectors.ClassThrottled:
		g.lastError = plain(err)
		return err // the transport knows until when
	}
	g.lastError = plain(err)
	if round != g.round {
		return g.awayError(err, true) // begun before the last pause
	}
	failed := g.awayError(err, g.away)
	var said *connectors.Error
	refused := errors.As(err, &said) && class == connectors.ClassUnauthorised
	forbidden := refused && said.Status == 403
	if forbidden && !g.away {
		failed.ofRecord = true
		if g.forbidden == said.Record {
			return failed // that one record may not be read says nothing of the credentials
		}
		g.forbidden = said.Record
	}
	if g.failures++; g.failures == 1 {
		g.since = now
	}
	// What could not even be sent is the system's, and was tried more than once
	// where it was a read. Of other failures one may be the record's own.
	unreachable := said != nil && (class == connectors.ClassRetry && said.Status == 0 || said.Status == 502 || said.Status == 503)
	if g.failures < failuresToPause && !g.away && !unreachable && (!refused || forbidden) {
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
func (g *guard) awayError(err error, during bool) *awayError {
	e := &awayError{guard: g, outage: g.outage, during: during, error: err}
	if g.failures > 0 {
		e.lasted = g.clock.Now().Sub(g.since)
	}
	return e
}

// answered ends an outage: the connector did answer, whatever it said; g.mu is
// held.
func (g *guard) answered() {
	g.forbidden, g.lastError = "", ""
	if g.failures == 0 {
		return
	}
	wasAway := g.away
	g.failures, g.refusals, g.until, g.away = 0, 0, time.Time{}, false
	g.waiting.end(g, g.outage, wasAway)
	g.outage++
}

// retire ends what is known of a connector whose block has changed: its
// successor is asked anew.
func (g *guard) retire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answered()
}

// under reports whether the run of failures is not over.
func (g *guard) under(outage int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.outage == outage
}

// lasts reports whether an outage is not over, and when the next call may go
// through.
func (g *guard) lasts(outage int) (until time.Time, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until, g.away && g.outage == outage
}

// plain is an error without what the system said of a record: operation,
// class and status say enough for a status page.
func plain(err error) string {
	var e *connectors.Error
	if !errors.As(err, &e) {
		return "failed"
	}
	short := connectors.Error{Op: e.Op, Status: e.Status, RequestID: e.RequestID, Message: e.Class.String()}
	if e.Status == 0 || e.Class == connectors.ClassUnauthorised {
		short.Message, short.Err = e.Message, e.Err // the transport's words or the gate's, who know no contents
	}
	return short.Error()
}

// ask runs one call of a connector under its guard. kind is the operation, with
// the type of record where there is one; see kindOf.
func ask[T any](g *guard, kind string, call func() (T, error)) (T, error) {
	op, _, _ := strings.Cut(kind, " ")
	round, err := g.enter(op)
	if err != nil {
		var none T
		return none, err
	}
	v, err := call()
	g.calls.note(kind, err, g.clock.Now())
	if err != nil || op != opResolve {
		err = g.leave(err, round)
	}
	return v, err
}

// opResolve is answered from a cache as a rule, and says nothing of how the
// system does when it succeeds.
const opResolve = "resolve"

func (g *guard) read(ctx context.Context, ref connectors.Ref) (connectors.Record, error) {
	return ask(g, kindOf("read", ref.Record), func() (connectors.Record, error) { return g.connector.Read(ctx, ref) })
}

// target returns the connector as something that can be written to.
func (g *guard) target() (connectors.Target, bool) {
	t, ok := g.connector.(connectors.Target)
	return t, ok
}

// status says how the connector does.
func (g *guard) status() ConnectorStatus {
	throttled := g.connector.Throttled()
	g.mu.Lock()
	defer g.mu.Unlock()
	s := ConnectorStatus{Name: g.name, Type: g.kind, OK: true, Calls: []CallStatus{}}
	g.calls.status(&s, g.clock.Now())
	if g.until.After(throttled) {
		throttled = g.until
	}
	if g.clock.Now().Before(throttled) {
		s.OK = false
		s.ThrottledUntil = &throttled
		s.LastError = cmp.Or(s.LastError, g.lastError)
	}
	return s
}
