package simulator

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"syscall"
)

// read reads a request's body and closes it.
func (e *Endpoint) read(r *http.Request) (*Call, error) {
	c := &Call{Request: r}
	if r.Body == nil {
		return c, nil
	}
	defer r.Body.Close()
	if e.system.MaxBody == 0 {
		body, err := io.ReadAll(r.Body)
		c.Body = body
		return c, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, e.system.MaxBody+1))
	if int64(len(body)) > e.system.MaxBody {
		c.tooLarge = true
		return c, nil
	}
	c.Body = body
	return c, err
}

// ServeHTTP serves the system over a listener. A refused connection cannot be
// shown there: it is reset.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := e.read(r)
	if err != nil {
		hangUp(w) // whoever asked did not finish
		return
	}
	a, end, err := e.play(c, e.take(r, e.system.State.now()))
	if err != nil {
		end = reset // whoever asked is gone
	}
	write(w, a, end)
}

func write(w http.ResponseWriter, a Answer, end ending) {
	if end == reset {
		hangUp(w)
		return
	}
	maps.Copy(w.Header(), a.Header)
	w.WriteHeader(a.Status)
	if end == whole {
		_, _ = w.Write(a.Body) // whoever asked may be gone
		return
	}
	_, _ = w.Write(a.Body[:len(a.Body)/2])
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

// RoundTripper serves the system without a network.
func (e *Endpoint) RoundTripper() http.RoundTripper { return roundTripper{e} }

type roundTripper struct{ endpoint *Endpoint }

// RoundTrip hands the request to the system. As net/http does, it tells the
// request's trace once the headers have gone out.
func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	c, err := t.endpoint.read(r)
	if err != nil {
		return nil, err
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	fault := t.endpoint.take(r, t.endpoint.system.State.now())
	if fault != nil && fault.Kind == Refuse {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	a, end, err := t.endpoint.play(c, fault)
	switch {
	case err != nil:
		return nil, err
	case end == reset:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return response(r, a, end), nil
}

// response returns the answer as net/http would have read it.
func response(r *http.Request, a Answer, end ending) *http.Response {
	var body io.Reader = bytes.NewReader(a.Body)
	if end == cut {
		body = io.MultiReader(bytes.NewReader(a.Body[:len(a.Body)/2]), cutOff{})
	}
	header := http.Header{"Content-Length": {strconv.Itoa(len(a.Body))}}
	maps.Copy(header, a.Header)
	return &http.Response{
		Status: fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)), StatusCode: a.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(body), ContentLength: int64(len(a.Body)), Request: r,
	}
}

type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
