package incidentiotest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A FaultKind is what goes wrong.
type FaultKind int

// The kinds of fault.
const (
	Latency     FaultKind = iota // Delay passes before anything is done
	SlowAnswer                   // the work is done, then Delay passes
	Throttle                     // 429 with Retry-After; nothing is done
	FailBefore                   // an error (Status, or 500); nothing is done
	FailAfter                    // an error (Status, or 500); the work is done
	CutBody                      // the connection ends within the answer; the work is done
	ResetBefore                  // the connection is reset; nothing is done
	ResetAfter                   // the connection is reset; the work is done
	CommitLate                   // the connection is reset; the work is done once Delay has passed
	Refuse                       // no connection; nothing is sent
)

// A Fault happens to requests that it fits.
type Fault struct {
	Kind   FaultKind
	Method string // "" is any
	Path   string // part of the path; "" is any

	Times int       // how often; 0 is until ClearFaults or Until
	Until time.Time // by the account's clock; zero is without end

	Delay      time.Duration
	RetryAfter time.Duration // of Throttle; 0 is until Until, or 1 s
	Status     int
}

// Inject adds a fault. Of several that fit, the oldest happens.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults ends all faults. Writes that are to be done late stay.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// take is the fault that happens to a request; nil: none does.
func (s *Server) take(method, path string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Method != "" && f.Method != method || !strings.Contains(path, f.Path) ||
			!f.Until.IsZero() && !s.opts.Now().Before(f.Until) {
			continue
		}
		taken := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		return &taken
	}
	return nil
}

// A lateCall takes effect when its time has come.
type lateCall struct {
	call *call
	due  time.Time
}

// settle carries out late calls that are due; s.mu is held.
func (s *Server) settle() {
	var waiting []lateCall
	for _, l := range s.late {
		if s.opts.Now().Before(l.due) {
			waiting = append(waiting, l)
			continue
		}
		s.handle(l.call)
	}
	s.late = waiting
}

// What becomes of a connection.
type ending int

const (
	whole ending = iota
	cut          // within the body
	reset        // without an answer
	never        // there is none
)

// serve answers a request, with the fault that happens to it.
func (s *Server) serve(ctx context.Context, c *call, f *Fault) (answer, ending, error) {
	if f == nil {
		return s.work(c), whole, nil
	}
	switch f.Kind {
	case Latency:
		if err := sleep(ctx, f.Delay); err != nil {
			return answer{}, reset, err
		}
		return s.work(c), whole, nil
	case SlowAnswer:
		a := s.work(c)
		return a, whole, sleep(ctx, f.Delay)
	case Throttle:
		return s.spare(c, func() answer {
			pause := f.RetryAfter
			if pause == 0 && !f.Until.IsZero() {
				pause = f.Until.Sub(s.opts.Now())
			}
			return s.throttle(c.key, max(pause, time.Second), nil)
		}), whole, nil
	case FailBefore:
		return s.spare(c, func() answer { return s.broken(f.Status) }), whole, nil
	case FailAfter:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.settle()
		if a := s.handle(c); a.status/100 != 2 {
			return a, whole, nil
		}
		return s.broken(f.Status), whole, nil
	case CutBody:
		return s.work(c), cut, nil
	case ResetAfter:
		return s.work(c), reset, nil
	case CommitLate:
		s.lock()
		defer s.mu.Unlock()
		s.late = append(s.late, lateCall{c, s.opts.Now().Add(f.Delay)})
		return answer{}, reset, nil
	case Refuse:
		return answer{}, never, nil
	}
	return s.spare(c, func() answer { return answer{} }), reset, nil
}

func (s *Server) work(c *call) answer {
	s.lock()
	defer s.mu.Unlock()
	return s.handle(c)
}

// spare answers without doing anything, and keeps the request.
func (s *Server) spare(c *call, respond func() answer) answer {
	s.lock()
	defer s.mu.Unlock()
	a := respond()
	s.requests = append(s.requests, Request{
		Method: c.method, Path: c.path, Query: c.query.Encode(), Body: string(c.body), Status: a.status,
	})
	return a
}

// broken is the account's own failure.
func (s *Server) broken(status int) answer {
	if status == 0 {
		status = http.StatusInternalServerError
	}
	return s.refuse(problem{status: status, kind: "internal_error", code: "internal_error", message: "An unexpected error occurred"})
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// maxBody bounds a request, as the vendor's 413 does.
const maxBody = 10 << 20

func callOf(r *http.Request) (*call, error) {
	c := &call{method: r.Method, path: r.URL.Path, query: r.URL.Query(), authorization: r.Header.Get("Authorization")}
	if r.Body == nil {
		return c, nil
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = errors.New("the request is too large")
	}
	c.body = body
	return c, err
}

// ServeHTTP serves the account over a listener. A refused connection cannot be
// shown there: it is reset.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := callOf(r)
	if err != nil {
		http.Error(w, "the request cannot be read", http.StatusBadRequest)
		return
	}
	a, end, err := s.serve(r.Context(), c, s.take(c.method, c.path))
	if err != nil || end == reset || end == never {
		hangUp(w)
		return
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	if end != cut {
		// Whoever asked may be gone.
		_, _ = w.Write(a.body)
		return
	}
	_, _ = w.Write(a.body[:len(a.body)/2])
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	hangUp(w)
}

// hangUp resets the connection.
func hangUp(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler) // net/http's own way to end a connection
	}
	connection, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the end would look orderly
	}
	connection.Close()
}

// RoundTripper serves the account without a network.
func (s *Server) RoundTripper() http.RoundTripper { return roundTripper{s} }

type roundTripper struct{ server *Server }

// RoundTrip hands the request to the account. As net/http does, it tells the
// request's trace once the headers have gone out.
func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	c, err := callOf(r)
	if err != nil {
		return nil, err
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	fault := t.server.take(c.method, c.path)
	if fault != nil && fault.Kind == Refuse {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	a, end, err := t.server.serve(r.Context(), c, fault)
	switch {
	case err != nil:
		return nil, err
	case end == reset:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	var body io.Reader = strings.NewReader(string(a.body))
	if end == cut {
		body = io.MultiReader(strings.NewReader(string(a.body[:len(a.body)/2])), cutOff{})
	}
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(body), ContentLength: int64(len(a.body)), Request: r,
	}, nil
}

type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
