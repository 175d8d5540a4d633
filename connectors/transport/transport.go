// Package transport is the one HTTP client under all connectors: time-outs,
// the rate budget, the retry policy of reads, Retry-After, bounds on bodies,
// error classes and redaction. A connector describes its requests and how its
// system words a refusal; it never loops itself.
//
// It knows no system by name.
package transport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Bounds of one exchange.
const (
	DefaultTimeout = 75 * time.Second // of a read: a slow system may take a minute
	// DefaultWriteTimeout is shorter than the time in which a request whose answer
	// was not received may take effect, so that no answer comes after that.
	DefaultWriteTimeout = 45 * time.Second

	DefaultMaxBody = 16 << 20 // bytes of an answer
	DefaultMaxSent = 64 << 20 // bytes of a request
	readAttempts   = 3
	firstBackoff   = 500 * time.Millisecond
)

// Options configure a Client.
type Options struct {
	Connector     string // its name, for metrics
	BaseURL       string
	RatePerMinute int           // requests a minute; 0 is unlimited
	Timeout       time.Duration // of one read; 0 is DefaultTimeout
	WriteTimeout  time.Duration // of one write; 0 is DefaultWriteTimeout
	MaxBody       int64         // bytes of an answer; 0 is DefaultMaxBody
	MaxSent       int64         // bytes of a request; 0 is DefaultMaxSent
	Env           connectors.Env

	// Authorize puts the credentials into a request, on every attempt. It may
	// itself use the client (an OAuth token), with a request that has
	// NoAuthorization. What the system says against the credentials there is
	// said against this request: ClassUnauthorised.
	Authorize func(ctx context.Context, r *http.Request) error
	// Secrets are replaced in every error, in any of their usual encodings.
	Secrets func() []connectors.Secret
	// Refusal reads what the system says in an answer that is not 2xx, or in a
	// 2xx that is not whole. It may set Message, Own, Field, RequestID, Code and, where
	// the system's status is misleading, Class. Of a status 403 or 404 it sets Code
	// only where the answer has the system's own form: without one, something else
	// answered, and nothing is known of the record or of what may be done to it.
	Refusal func(answer *Answer, failure *connectors.Error)
	// Stranger says why the answer does not prove that it was given to these
	// credentials, and names the setting at fault if that is known: some systems
	// answer as if to nobody where they do not take them, with success too. It is
	// asked of every answer to a request with credentials. Empty: it is proved.
	// nil: every answer is.
	Stranger func(answer *Answer) (why, setting string)
	// Address and Credentials are the settings at fault where the system cannot
	// be found at its address, and where it does not take the credentials.
	Address, Credentials string
	// Limit names the limit that an answer which asks for silence speaks of, where
	// that is one of less than the whole system: only requests that count against
	// the same (Request.Limits) are then held up. Empty, and nil: all are.
	Limit func(answer *Answer) string
}

// A Client sends requests to one system. It is safe for concurrent use.
type Client struct {
	opts   Options
	http   *http.Client
	away   *http.Client // for addresses that an answer named
	budget budget
	pauses *connectors.Pauses
	closed atomic.Bool // by Close
	// ahead is by how much the system's clock is ahead of ours, as its last answer
	// said.
	ahead atomic.Int64
}

// New makes a client; it opens no connection.
func New(opts Options) *Client {
	if opts.Timeout == 0 {
		opts.Timeout = DefaultTimeout
	}
	if opts.WriteTimeout == 0 {
		opts.WriteTimeout = DefaultWriteTimeout
	}
	if opts.Env.Pauses == nil {
		opts.Env.Pauses = connectors.NewPauses()
	}
	if opts.MaxBody == 0 {
		opts.MaxBody = DefaultMaxBody
	}
	if opts.MaxSent == 0 {
		opts.MaxSent = DefaultMaxSent
	}
	limiter := rate.NewLimiter(rate.Inf, 1)
	if opts.RatePerMinute > 0 {
		// A tenth of a minute's budget at once, the rest evenly.
		limiter = rate.NewLimiter(rate.Limit(float64(opts.RatePerMinute)/60), max(1, opts.RatePerMinute/10))
	}
	roundTripper := opts.Env.RoundTripper
	if roundTripper == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 32 // the default of 2 makes a pool of workers reconnect
		roundTripper = t
	}
	// A redirect may send a write twice; none of these APIs redirects.
	asIs := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{
		opts:   opts,
		budget: budget{limiter: limiter},
		pauses: opts.Env.Pauses,
		http:   &http.Client{Transport: roundTripper, CheckRedirect: asIs},
		away:   &http.Client{Transport: newAway(opts.BaseURL, roundTripper, opts.Env.RoundTripper != nil), CheckRedirect: asIs},
	}
}

// Close closes the connections that are not in use, and from then on each one
// when its request is done. Requests are still sent: what was begun with a
// client ends with it.
func (c *Client) Close() {
	c.closed.Store(true)
	c.away.CloseIdleConnections() // and those of http
}

// release ends what a request has left open of a client that was closed.
func (c *Client) release() {
	if c.closed.Load() {
		c.away.CloseIdleConnections() // and those of http
	}
}

// Do sends the request and returns the answer if it is 2xx and whole; any
// failure is a *connectors.Error. While the system has asked for silence it
// fails at once with ClassThrottled and sends nothing.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	repeatable := r.Stream == nil && (r.Repeatable || r.Method == http.MethodGet || r.Method == http.MethodHead)
	for attempt := 1; ; attempt++ {
		answer, failure := c.exchange(ctx, r, !repeatable)
		if failure == nil {
			return answer, nil
		}
		again := failure.Class == connectors.ClassRetry || failure.Class == connectors.ClassUnclear
		if !repeatable || !again || attempt == readAttempts || ctx.Err() != nil {
			return nil, failure
		}
		if o := c.opts.Env.Observer; o != nil {
			o.Retried(c.opts.Connector, r.Op)
		}
		backoff := firstBackoff << (attempt - 1)
		backoff += rand.N(backoff)
		waited := connectors.Waiting(ctx)
		select {
		case <-ctx.Done():
			waited()
			return nil, failure
		case <-time.After(backoff):
			waited()
		}
	}
}

func (c *Client) observe(op string, failure *connectors.Error, took time.Duration) {
	o := c.opts.Env.Observer
	if o == nil {
		return
	}
	outcome := "ok"
	if failure != nil {
		outcome = failure.Class.String()
	}
	o.Request(c.opts.Connector, op, outcome, took)
}

func (c *Client) exchange(ctx context.Context, r Request, write bool) (*Answer, *connectors.Error) {
	fail := func(class connectors.Class, message string, err error) *connectors.Error {
		e := &connectors.Error{Class: class, Op: r.Op, Record: r.Record, Message: c.redact(message), Own: message != ""}
		if err != nil {
			e.Err = redacted{text: c.redact(bare(err).Error()), err: err}
		}
		return e
	}
	if e := c.throttled(r, fail); e != nil {
		return nil, e
	}
	answered := connectors.Waiting(ctx)
	defer answered()
	if err := c.budget.wait(ctx, connectors.HasLease(ctx)); err != nil {
		return nil, fail(connectors.ClassRetry, "not sent: waiting for the rate budget", err)
	}
	bounds := c.bounds(ctx, write)
	opened := false
	defer func() {
		if !opened {
			bounds.stop()
			c.release()
		}
	}()

	// Whether anything went out decides between "certainly not done" and
	// "unclear". A RoundTripper that is not net/http's calls the hook itself.
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(bounds.ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	body := c.outgoing(r, bounds)
	request, err := c.build(traced, r, body, write)
	if err != nil {
		return nil, fail(connectors.ClassRejected, "request cannot be made", err)
	}
	if failure := c.ready(ctx, r, request, write, fail); failure != nil {
		return nil, failure
	}
	bounds.moved()
	began := time.Now()
	response, away, failure := c.send(request, r, &sent, body, fail)
	if failure == nil && !away {
		c.noteClock(response.Header)
	}
	if body != nil {
		body.over.Store(true)
	}
	var answer *Answer
	switch {
	case failure != nil:
	case r.open && response.StatusCode/100 == 2:
		opened = true
		answer = &Answer{Status: response.StatusCode, Header: response.Header, content: &incoming{
			ctx: ctx, body: response.Body, bounds: bounds, release: c.release,
			fail: func(err error) error { return fail(connectors.ClassUnclear, "the answer was cut off", err) },
		}}
	default:
		answer, failure = c.readAll(bounds.ctx, response, write, fail)
	}
	answered()
	if failure == nil && !away {
		failure = c.stranger(answer, r, write, fail)
	}
	if failure == nil && answer.Status/100 != 2 {
		failure = c.refusal(answer, r, write, fail)
	}
	if failure == nil && r.Into != nil {
		if err := json.Unmarshal(answer.Body, r.Into); err != nil {
			failure = c.unread(answer, write, err, fail)
		}
	}
	c.observe(r.Op, failure, time.Since(began))
	if failure == nil || failure.Status/100 == 4 && failure.Until.IsZero() {
		c.answered(r)
	}
	if failure != nil {
		c.blame(failure)
		failure.Made = failure.Made || response != nil && response.StatusCode == http.StatusCreated && failure.Class == connectors.ClassUnclear && !isWebPage(response.Header)
		if opened {
			answer.content.Close()
		}
		return nil, failure
	}
	return answer, nil
}

// ready makes a request ready to be sent this moment. What it waits for does not
// count as time of the exchange, and comes before the lease is held, so that
// nothing lies between that and the sending.
func (c *Client) ready(ctx context.Context, r Request, request *http.Request, write bool, fail failFunc) *connectors.Error {
	if c.opts.Authorize != nil && !r.NoAuthorization {
		if err := c.opts.Authorize(ctx, request); err != nil {
			return c.unauthorised(err, fail)
		}
	}
	if write && !r.NoAuthorization {
		if err := connectors.HoldLease(ctx); err != nil {
			return fail(connectors.ClassRetry, "not sent", err)
		}
	}
	// The turn may have come long after another request met a 429.
	return c.throttled(r, fail)
}

// unauthorised is the failure of a request for which there are no credentials,
// and which was not sent.
func (c *Client) unauthorised(err error, fail failFunc) *connectors.Error {
	var already *connectors.Error
	if !errors.As(err, &already) {
		return fail(connectors.ClassUnauthorised, "no credentials", err)
	}
	e := *already
	switch e.Class {
	case connectors.ClassUnclear:
		e.Class = connectors.ClassRetry // the token's answer was lost, no more
	case connectors.ClassRejected, connectors.ClassGone, connectors.ClassConflict:
		e.Class = connectors.ClassUnauthorised
	}
	return &e
}

type failFunc func(class connectors.Class, message string, err error) *connectors.Error

// send sends a request and reads the beginning of the answer; away is true where
// that was given elsewhere, by where the system's own answer led.
func (c *Client) send(request *http.Request, r Request, sent *atomic.Bool, body *outgoing, fail failFunc) (response *http.Response, away bool, _ *connectors.Error) {
	response, err := c.http.Do(request)
	if err != nil {
		err = ended(request.Context(), err)
		if body != nil {
			if failed := body.failed.Load(); failed != nil {
				return nil, false, fail(connectors.ClassRetry, "not sent: the content cannot be read to its end", *failed)
			}
		}
		if sent.Load() {
			return nil, false, fail(connectors.ClassUnclear, "no answer", err)
		}
		return nil, false, fail(connectors.ClassRetry, "not sent", err)
	}
	if !r.open || !r.Follow || !redirects(response.StatusCode) {
		return response, false, nil
	}
	if failure := c.stranger(&Answer{Status: response.StatusCode, Header: response.Header}, r, false, fail); failure != nil {
		response.Body.Close()
		return nil, false, failure
	}
	response, failure := c.follow(request.Context(), response, fail)
	return response, true, failure
}

// tooDeep reports whether JSON nests so deep that encoding/json gives up.
func tooDeep(err error) bool {
	var syntax *json.SyntaxError
	return errors.As(err, &syntax) && strings.Contains(syntax.Error(), "max depth")
}

// ended is the failure of an exchange, by the time-out where that is why it was
// cancelled.
func ended(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return context.Cause(ctx)
	}
	return err
}

// readAll reads an answer to its end.
func (c *Client) readAll(ctx context.Context, response *http.Response, write bool, fail failFunc) (*Answer, *connectors.Error) {
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, c.opts.MaxBody+1))
	err = ended(ctx, err)
	whole := &Answer{Status: response.StatusCode, Header: response.Header, Body: body}
	tooLarge := int64(len(body)) > c.opts.MaxBody
	if tooLarge {
		whole.Body = body[:c.opts.MaxBody]
	}
	if response.StatusCode/100 != 2 || err == nil && !tooLarge {
		return whole, nil // a refusal is one, however much of its text came
	}
	e := fail(connectors.ClassUnclear, "the answer was cut off", err)
	if tooLarge {
		e = fail(connectors.ClassUnclear, fmt.Sprintf("the answer is larger than %d bytes", c.opts.MaxBody), nil)
		if !write {
			e.Class = connectors.ClassRejected // it will not be smaller the next time
		}
	}
	e.Status = response.StatusCode
	e.RequestID = requestID(response.Header)
	c.clean(e)
	return nil, e
}
