package servicenowtest

import (
	"context"
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

// The kinds of fault. Those of the answer leave the work done.
const (
	Latency      FaultKind = iota // Delay passes before anything is done
	SlowAnswer                    // the work is done, then Delay passes
	Throttle                      // 429 with Retry-After; nothing is done
	FailBefore                    // an error (Status, or 503); nothing is done
	FailAfter                     // 500 "Transaction cancelled"; the work is done
	CutBody                       // the connection ends within the answer; the work is done
	CancelledMid                  // 200, with an answer that is cut off and has an error appended; the work is done
	ResetBefore                   // the connection is reset; nothing is done
	ResetAfter                    // the connection is reset; the work is done
	CommitLate                    // the connection is reset; the work is done once Delay has passed
	Refuse                        // no connection; nothing is sent
)

// A Fault happens to requests that it fits.
type Fault struct {
	Kind   FaultKind
	Method string // "" is any
	Path   string // part of the path; "" is any

	Times int       // how often; 0 is until ClearFaults or Until
	Until time.Time // by the instance's clock; zero is without end

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
func (s *Server) take(r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Method != "" && f.Method != r.Method || !strings.Contains(r.URL.Path, f.Path) || !f.Until.IsZero() && !s.opts.Now().Before(f.Until) {
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		taken := *f
		return &taken
	}
	return nil
}

// A lateWrite takes effect when its time has come.
type lateWrite struct {
	call call
	due  time.Time
}

// settle carries out late writes that are due; s.mu is held.
func (s *Server) settle() {
	var waiting []lateWrite
	for _, l := range s.late {
		if s.opts.Now().Before(l.due) {
			waiting = append(waiting, l)
		} else {
			s.handle(l.call)
		}
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
func (s *Server) serve(ctx context.Context, c call, f *Fault) (answer, ending, error) {
	s.mu.Lock()
	s.settle()
	if f == nil {
		defer s.mu.Unlock()
		return s.handle(c), whole, nil
	}
	work := func() answer {
		defer s.mu.Unlock()
		return s.handle(c)
	}
	spare := func(a answer, e ending) (answer, ending, error) {
		defer s.mu.Unlock()
		s.requests = append(s.requests, Request{At: s.opts.Now(), Method: c.Method, Path: c.URL.Path, Query: c.URL.RawQuery, Status: a.status})
		return a, e, nil
	}
	switch f.Kind {
	case Latency:
		s.mu.Unlock()
		if err := sleep(ctx, f.Delay); err != nil {
			return answer{}, reset, err
		}
		s.mu.Lock()
		return work(), whole, nil
	case SlowAnswer:
		a := work()
		return a, whole, sleep(ctx, f.Delay)
	case Throttle:
		pause := f.RetryAfter
		if pause == 0 && !f.Until.IsZero() {
			pause = f.Until.Sub(s.opts.Now())
		}
		return spare(throttled(max(pause, time.Second)), whole)
	case FailBefore:
		status := f.Status
		if status == 0 {
			status = http.StatusServiceUnavailable
		}
		return spare(failure(status, http.StatusText(status), ""), whole)
	case FailAfter:
		if a := work(); a.status/100 != 2 {
			return a, whole, nil
		}
		return failure(http.StatusInternalServerError, "Transaction cancelled: maximum execution time exceeded", "Transaction cancelled: maximum execution time exceeded. Check logs for error trace."), whole, nil
	case CutBody:
		return work(), cut, nil
	case CancelledMid:
		a := work()
		a.body = cancelMid(a.body)
		return a, whole, nil
	case ResetAfter:
		return work(), reset, nil
	case CommitLate:
		s.late = append(s.late, lateWrite{call{c.Clone(context.WithoutCancel(c.Context())), c.body}, s.opts.Now().Add(f.Delay)})
		s.mu.Unlock()
		return answer{}, reset, nil
	case Refuse:
		s.mu.Unlock()
		return answer{}, never, nil
	default:
		return spare(answer{}, reset)
	}
}

// cancelMid is an answer that the platform cut off.
func cancelMid(body []byte) []byte {
	half := string(body[:len(body)/2])
	return []byte(half + `}""],"error":{"detail":"Transaction cancelled: maximum execution time exceeded. Check logs for error trace.","message":"Transaction cancelled: maximum execution time exceeded"},"status":"failure"}`)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// ServeHTTP serves the instance over a listener. A refused connection cannot be
// shown there: it is reset.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	if err != nil {
		return
	}
	a, end, err := s.serve(r.Context(), call{r, body}, s.take(r))
	if err != nil {
		return
	}
	if end == reset || end == never {
		hangUp(w)
		return
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	if end == cut {
		_, _ = w.Write(a.body[:len(a.body)/2]) // the client may be gone
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		hangUp(w)
		return
	}
	_, _ = w.Write(a.body) // the client may be gone
}

// hangUp resets the connection.
func hangUp(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler) // net/http's own way to say so
	}
	connection, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // then the end looks less abrupt
	}
	connection.Close()
}

// RoundTripper serves the instance without a network.
func (s *Server) RoundTripper() http.RoundTripper { return roundTripper{s} }

type roundTripper struct{ server *Server }

// RoundTrip hands the request to the instance. As net/http does, it tells the
// request's trace once the headers have gone out.
func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	fault := t.server.take(r)
	if fault != nil && fault.Kind == Refuse {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	a, end, err := t.server.serve(r.Context(), call{r.Clone(r.Context()), body}, fault)
	switch {
	case err != nil:
		return nil, err
	case end == reset:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	var reader io.Reader = strings.NewReader(string(a.body))
	if end == cut {
		reader = io.MultiReader(strings.NewReader(string(a.body[:len(a.body)/2])), failing{})
	}
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(reader), ContentLength: int64(len(a.body)), Request: r,
	}, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
