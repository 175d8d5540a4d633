package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// maxRedirects bounds the way to a content that Open follows.
const maxRedirects = 5

// A Stream is content that is sent as it is read: once, never held in memory
// and never sent again, whatever its request is. MaxSent does not bound it; who
// makes it does.
//
// The time-out of the exchange then counts from the last byte that went out, so
// that a large content has the time it takes. Content that cannot be read, is
// shorter or is longer than Size fails before its last byte is sent: the system
// has never seen the whole of the request, and the failure is ClassRetry.
type Stream struct {
	Content io.Reader
	Size    int64 // exact number of bytes; -1: not known, it is sent in chunks
}

// Open sends a read and returns the content that it is answered with while it
// comes. It is bounded by nothing but the time-out, which counts from the last
// byte that came; reading fails with a *connectors.Error. Into is not filled.
// Whoever opens the content closes it.
//
// All else is as with Do, repeating included, until the content begins. With
// Request.Follow it goes where redirects lead; see there.
func (c *Client) Open(ctx context.Context, r Request) (io.ReadCloser, http.Header, error) {
	if r.Method != http.MethodGet {
		return nil, nil, &connectors.Error{Class: connectors.ClassRejected, Op: r.Op, Record: r.Record, Message: "request cannot be made: only a GET can be opened"}
	}
	r.Into, r.open = nil, true
	answer, err := c.Do(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	return answer.content, answer.Header, nil
}

// bounds are the time that a request has: the time-out, which begins when it is
// sent, and again with every byte of content that is streamed.
func (c *Client) bounds(ctx context.Context, write bool) *bounds {
	timeout := c.opts.Timeout
	if write {
		timeout = c.opts.WriteTimeout
	}
	ctx, cancel := context.WithCancelCause(ctx)
	return &bounds{ctx: ctx, cancel: cancel, timeout: timeout}
}

func (c *Client) outgoing(r Request, b *bounds) *outgoing {
	if r.Stream == nil {
		return nil
	}
	return &outgoing{from: r.Stream.Content, left: max(r.Stream.Size, -1), bounds: b}
}

// bounds end a context once nothing has moved for the time-out.
type bounds struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timeout time.Duration

	mu    sync.Mutex
	timer *time.Timer // nil: not begun
	over  bool
}

// moved begins the time-out, or starts it over.
func (b *bounds) moved() {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.over:
	case b.timer == nil:
		b.timer = time.AfterFunc(b.timeout, func() { b.cancel(context.DeadlineExceeded) })
	default:
		b.timer.Reset(b.timeout)
	}
}

func (b *bounds) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	if b.timer != nil {
		b.timer.Stop()
	}
	b.cancel(context.Canceled)
}

// outgoing is a Stream on its way. net/http reads it in one goroutine, and
// whether it failed is asked in another.
type outgoing struct {
	from   io.Reader
	left   int64 // -1: not known
	bounds *bounds
	failed atomic.Pointer[error]
	over   atomic.Bool // an early answer ended the exchange: the content is its owner's again
}

var (
	errShort = errors.New("the content is shorter than it was said to be")
	errLong  = errors.New("the content is longer than it was said to be")
)

func (o *outgoing) Read(p []byte) (int, error) {
	if o.over.Load() {
		return 0, net.ErrClosed
	}
	o.bounds.moved()
	if o.left == 0 {
		return 0, io.EOF
	}
	if o.left > 0 && int64(len(p)) > o.left {
		p = p[:o.left]
	}
	n, err := o.from.Read(p)
	if o.left > 0 {
		o.left -= int64(n)
		switch {
		case o.left == 0 && (err == nil || errors.Is(err, io.EOF)):
			// The last bytes are held back until it is known that they are.
			if err = o.ended(err); err == nil {
				return n, io.EOF
			}
			n = 0
		case errors.Is(err, io.EOF):
			err = errShort
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		o.failed.Store(&err)
	}
	return n, err
}

// ended looks for a byte more than there should be.
func (o *outgoing) ended(err error) error {
	for range 100 { // a reader may return nothing, but not for ever
		if err != nil {
			break
		}
		var one [1]byte
		var n int
		if n, err = o.from.Read(one[:]); n > 0 {
			return errLong
		}
	}
	if err == nil {
		return io.ErrNoProgress
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// incoming is the content of an answer on its way.
type incoming struct {
	ctx     context.Context // of the request
	body    io.ReadCloser
	bounds  *bounds
	fail    func(err error) error
	release func() // when it was read
}

func (i *incoming) Read(p []byte) (int, error) {
	waited := connectors.Waiting(i.ctx)
	n, err := i.body.Read(p)
	waited()
	i.bounds.moved()
	if err != nil && !errors.Is(err, io.EOF) {
		err = i.fail(err)
	}
	return n, err
}

func (i *incoming) Close() error {
	err := i.body.Close()
	i.bounds.stop()
	i.release()
	return err
}

// follow asks for the content where redirects lead, as far as an away goes. The other address is not
// the system's: it gets no credentials and none of the request's headers, and
// what it says is neither a pause nor a refusal of the system. It may itself be
// a secret and stands in no error.
func (c *Client) follow(ctx context.Context, response *http.Response, fail failFunc) (*http.Response, *connectors.Error) {
	for range maxRedirects {
		response.Body.Close()
		from := response.Request.URL
		to, err := from.Parse(response.Header.Get("Location"))
		if err != nil || to.Host == "" || to.Scheme != "https" && to.Scheme != from.Scheme {
			return nil, fail(connectors.ClassRejected, "the content is said to be at an address that cannot be used", nil)
		}
		to.User = nil // what an answer says is no one's credentials
		if response, err = c.fetch(ctx, to); errors.Is(err, errNotPublic) {
			return nil, fail(connectors.ClassRejected, "the content is not fetched from where it is said to be", errNotPublic)
		} else if err != nil {
			return nil, fail(connectors.ClassRetry, "the content cannot be fetched from where it is said to be", err)
		}
		switch {
		case response.StatusCode/100 == 2:
			return response, nil
		case !redirects(response.StatusCode):
			response.Body.Close()
			e := fail(connectors.ClassRetry, fmt.Sprintf("where the content is said to be, the answer is %d", response.StatusCode), nil)
			e.Status = response.StatusCode
			return nil, e
		}
	}
	response.Body.Close()
	return nil, fail(connectors.ClassRejected, "the content is behind too many redirects", nil)
}

func (c *Client) fetch(ctx context.Context, to *url.URL) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return nil, errors.New("not an address")
	}
	request.Header.Set("Accept", "*/*")
	if c.opts.Env.UserAgent != "" {
		request.Header.Set("User-Agent", c.opts.Env.UserAgent)
	}
	return c.away.Do(request)
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}
