package engine

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// After so many calls in a row that a connector did not answer, calls wait:
// a system that is down shall not hold up the others' workers.
const (
	failuresToPause = 3
	firstPause      = 2 * time.Second
	longestPause    = time.Minute
	refusedPause    = 30 * time.Second // credentials refused
)

// A guard stands before one connector: it knows how the connector does, and
// answers in its place while calling it is of no use. Every call of the engine
// goes through it.
type guard struct {
	name      string
	kind      string // the connector's type
	connector connectors.Connector
	clock     Clock
	calls     callHealth

	mu        sync.Mutex
	failures  int
	until     time.Time // no calls before
	lastError string    // of the last call, if it failed; never contents
}

func newGuard(name, kind string, c connectors.Connector, clock Clock) *guard {
	return &guard{name: name, kind: kind, connector: c, clock: clock}
}

// enter fails with ClassThrottled while the connector is paused.
func (g *guard) enter(op string) error {
	until := g.connector.Throttled()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.until.After(until) {
		until = g.until
	}
	if !g.clock.Now().Before(until) {
		return nil
	}
	message := "not sent: " + g.name + " is not to be called before " + until.UTC().Format(time.RFC3339)
	if g.lastError != "" {
		message += "; it said: " + g.lastError
	}
	return &connectors.Error{Class: connectors.ClassThrottled, Op: op, Record: g.name, Until: until, Message: message}
}

// leave takes note of how a call went.
func (g *guard) leave(err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	class, known := connectors.ClassOf(err)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case err == nil, known && (class == connectors.ClassGone || class == connectors.ClassRejected || class == connectors.ClassConflict):
		g.failures, g.lastError, g.until = 0, "", time.Time{}
		return
	case class == connectors.ClassThrottled:
		// The transport knows until when.
	case class == connectors.ClassUnauthorised:
		g.failures++
		g.until = g.clock.Now().Add(min(refusedPause<<min(g.failures-1, 5), 10*time.Minute))
	default:
		g.failures++
		if g.failures >= failuresToPause {
			g.until = g.clock.Now().Add(min(firstPause<<min(g.failures-failuresToPause, 5), longestPause))
		}
	}
	g.lastError = plain(err)
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
	if err := g.enter(op); err != nil {
		var none T
		return none, err
	}
	v, err := call()
	g.calls.note(kind, err, g.clock.Now())
	if err != nil || op != opResolve {
		g.leave(err)
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
