package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

func TestStatus(t *testing.T) {
	const retry, throttled, unclear, rejected, unauthorised, conflict = connectors.ClassRetry, connectors.ClassThrottled,
		connectors.ClassUnclear, connectors.ClassRejected, connectors.ClassUnauthorised, connectors.ClassConflict
	for _, c := range []struct {
		status    int
		read      connectors.Class
		write     connectors.Class
		readCount int // requests that a read makes
	}{
		{301, retry, retry, 3},
		{302, retry, retry, 3},
		{303, retry, retry, 3},
		{307, retry, retry, 3},
		{308, retry, retry, 3},
		{400, rejected, rejected, 1},
		{401, unauthorised, unauthorised, 1},
		{403, retry, retry, 3},     // nor this
		{404, unclear, unclear, 3}, // not in the system's own form; see TestNotFound
		{405, rejected, rejected, 1},
		{408, unclear, unclear, 3},
		{409, conflict, conflict, 1},
		{413, rejected, rejected, 1},
		{422, rejected, rejected, 1},
		{425, retry, retry, 3},
		{429, throttled, throttled, 1},
		{500, unclear, unclear, 3},
		{502, unclear, unclear, 3},
		{503, unclear, unclear, 3},
		{504, unclear, unclear, 3},
		{520, unclear, unclear, 3},
	} {
		t.Run(fmt.Sprint(c.status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSystem(t, answer(c.status, "the system's   own\nwords", "Location", "/elsewhere", "X-Request-Id", "req-1"))
				e := failed(t, s.client(t, nil), read)
				s.count(t, c.readCount)
				if e.Class != c.read || e.Status != c.status {
					t.Errorf("read: %s, %d, want %s", e.Class, e.Status, c.read)
				}
				w := newSystem(t, answer(c.status, "the system's   own\nwords", "Location", "/elsewhere", "X-Request-Id", "req-1"))
				e = failed(t, w.client(t, nil), write)
				w.count(t, 1)
				if e.Class != c.write || e.Status != c.status {
					t.Errorf("write: %s, %d, want %s", e.Class, e.Status, c.write)
				}
				words := "the system's own words"
				switch {
				case c.status < 400:
					words = "redirected; the address may be wrong, or the system hibernating or behind a log-in page"
				case c.status == 404, c.status == 403:
					words = "an answer that is not the system's own came where JSON was expected; is the address of the connector right?"
				}
				if own := words != "the system's own words"; e.Own != own {
					t.Errorf("%q is lockstep's own: %t", e.Message, e.Own)
				}
				want := fmt.Sprintf("update servicenow.itsm.incident/1: HTTP %d: %s (request req-1)", c.status, words)
				if e.Error() != want {
					t.Errorf("error %q, want %q", e, want)
				}
			})
		})
	}
}

// TestNotFound: what a proxy or a wrong address answers is no word of the system
// that a record is gone, or may not be read: only the system's own form is, which
// its connector knows.
func TestNotFound(t *testing.T) {
	const form = `{"missing":true}`
	answer := func(body string, header ...string) func(int) http.HandlerFunc {
		return func(status int) http.HandlerFunc { return answer(status, body, header...) }
	}
	refusal := func(a *Answer, e *connectors.Error) {
		e.Message = "words of the system"
		if strings.Contains(string(a.Body), "missing") {
			e.Code = "not_found"
		}
	}
	for name, test := range map[string]struct {
		answer  func(status int) http.HandlerFunc
		own     bool
		message string
	}{
		"its own":          {answer(form, "Content-Type", "application/json"), true, "words of the system"},
		"its own, no type": {answer(form), true, "words of the system"},
		"empty":            {answer(""), false, "an answer that is not the system's own came"},
		"text":             {answer("404 page not found", "Content-Type", "text/plain"), false, "an answer that is not the system's own came"},
		"another's JSON":   {answer(`{"message":"no route"}`, "Content-Type", "application/json"), false, "an answer that is not the system's own came"},
		"HTML":             {answer("<h1>missing</h1>", "Content-Type", "Text/HTML; charset=utf-8"), false, "a web page came"},
		"XHTML":            {answer("<h1>missing</h1>", "Content-Type", "application/xhtml+xml"), false, "a web page came"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, c := range []struct {
					request      Request
					status       int
					own, foreign connectors.Class
				}{
					{read, 404, connectors.ClassGone, connectors.ClassUnclear},
					{write, 404, connectors.ClassGone, connectors.ClassUnclear},
					{read, 403, connectors.ClassForbidden, connectors.ClassRetry},
					{write, 403, connectors.ClassRejected, connectors.ClassRetry},
				} {
					client := newSystem(t, test.answer(c.status)).client(t, func(o *Options) { o.Refusal, o.Address = refusal, "url" })
					e := failed(t, client, c.request)
					class, code, setting := c.foreign, "", "url"
					if test.own {
						class, code, setting = c.own, "not_found", ""
					}
					if e.Class != class || e.Code != code || e.Setting != setting || !strings.HasPrefix(e.Message, test.message) || e.Own == test.own {
						t.Errorf("%s %d: %s, code %q, setting %q, %q, own %t", c.request.Op, c.status, e.Class, e.Code, e.Setting, e.Message, e.Own)
					}
				}
			})
		})
	}
	t.Run("refused credentials", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newSystem(t, answer("")(404)).client(t, func(o *Options) {
				o.Refusal = func(_ *Answer, e *connectors.Error) { e.Class = connectors.ClassUnauthorised }
			})
			if e := failed(t, c, read); e.Class != connectors.ClassUnauthorised {
				t.Errorf("%s: %v", e.Class, e)
			}
		})
	})
}

func TestNoAnswer(t *testing.T) {
	hijack := func(f func(net.Conn, *bufio.ReadWriter)) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			f(conn, rw)
			conn.Close()
		}
	}
	say := func(text string) http.HandlerFunc {
		return hijack(func(_ net.Conn, rw *bufio.ReadWriter) {
			_, _ = rw.WriteString(text)
			_ = rw.Flush()
		})
	}
	dialError := func(err error) func(context.Context) (net.Conn, error) {
		return func(context.Context) (net.Conn, error) { return nil, err }
	}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		dial    func(context.Context) (net.Conn, error)
		want    connectors.Class
		message string
		sent    int // requests that a read makes
		takes   time.Duration
	}{
		{
			name: "refused", dial: dialError(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}),
			want: connectors.ClassRetry, message: "not sent: dial tcp: connection refused",
		},
		{
			name: "no such host", dial: dialError(&net.DNSError{Err: "no such host", Name: "system.example", IsNotFound: true}),
			want: connectors.ClassRetry, message: "not sent: lookup system.example: no such host",
		},
		{
			name: "connecting takes too long", dial: func(ctx context.Context) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() },
			want: connectors.ClassRetry, message: "not sent: context deadline exceeded", takes: DefaultTimeout,
		},
		{
			name: "the answer takes too long", handler: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			want: connectors.ClassUnclear, message: "no answer: context deadline exceeded", sent: 3, takes: DefaultTimeout,
		},
		{
			name: "the connection ends", handler: say(""),
			want: connectors.ClassUnclear, message: "no answer: EOF", sent: 3,
		},
		{
			name: "the connection ends in the header", handler: say("HTTP/1.1 200 OK\r\nA: b"),
			want: connectors.ClassUnclear, message: "no answer: net/http: HTTP/1.x transport connection broken: unexpected EOF", sent: 3,
		},
		{
			name: "the connection ends in the body", handler: say("HTTP/1.1 201 Created\r\nContent-Length: 100\r\nX-Transaction-Id: tx-1\r\n\r\n{\"a\":"),
			want: connectors.ClassUnclear, message: "HTTP 201: the answer was cut off: unexpected EOF (request tx-1)", sent: 3,
		},
		{
			name: "the connection ends in a chunk", handler: say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n"),
			want: connectors.ClassUnclear, message: "HTTP 200: the answer was cut off: unexpected EOF", sent: 3,
		},
		{name: "the body takes too long", handler: hijack(func(conn net.Conn, rw *bufio.ReadWriter) {
			_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
			_ = rw.Flush()
			_, _ = io.Copy(io.Discard, conn)
		}), want: connectors.ClassUnclear, message: "HTTP 200: the answer was cut off: context deadline exceeded", sent: 3, takes: DefaultTimeout},
		{
			name: "a refusal is cut off", handler: say("HTTP/1.1 422 Unprocessable\r\nContent-Length: 100\r\n\r\nno such sta"),
			want: connectors.ClassRejected, message: "HTTP 422: no such sta", sent: 1,
		},
		{
			name: "not HTTP", handler: say("SSH-2.0-OpenSSH_9.6\r\n"),
			want: connectors.ClassUnclear, message: `no answer: net/http: HTTP/1.x transport connection broken: malformed HTTP response "SSH-2.0-OpenSSH_9.6"`, sent: 3,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []Request{read, write} {
				synctest.Test(t, func(t *testing.T) {
					s := newSystem(t, c.handler)
					s.dial = c.dial
					began := time.Now()
					e := failed(t, s.client(t, nil), r)
					if e.Class != c.want {
						t.Errorf("%s: %s, want %s", r.Op, e.Class, c.want)
					}
					message := strings.TrimPrefix(e.Error(), r.Op+" servicenow.itsm.incident/1: ")
					if message != c.message {
						t.Errorf("%s: %q, want %q", r.Op, message, c.message)
					}
					attempts := 1
					if r.Op == "read" && c.want != connectors.ClassRejected {
						attempts = 3
					}
					s.count(t, min(c.sent, attempts))
					takes := c.takes
					if r.Op != "read" {
						takes = min(takes, DefaultWriteTimeout)
					}
					if took := time.Since(began); took < time.Duration(attempts)*takes {
						t.Errorf("%s: gave up after %v", r.Op, took)
					}
				})
			}
		})
	}
}

func TestSockets(t *testing.T) {
	free, err := simulator.FreeAddress()
	check(t, err)
	refused := "http://" + free
	unknown := httptest.NewUnstartedServer(answer(200, "{}"))
	unknown.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // it complains of clients that leave
	unknown.StartTLS()
	defer unknown.Close()
	reset := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}))
	defer reset.Close()
	for _, c := range []struct {
		name, url string
		want      connectors.Class
		cause     error
		message   string
	}{
		{name: "refused", url: refused, want: connectors.ClassRetry, cause: syscall.ECONNREFUSED, message: "not sent: dial tcp "},
		{name: "unknown authority", url: unknown.URL, want: connectors.ClassRetry, message: "not sent: tls: failed to verify certificate: "},
		{name: "TLS to a plain port", url: strings.Replace(reset.URL, "http:", "https:", 1), want: connectors.ClassRetry, message: "not sent: "},
		{name: "reset", url: reset.URL, want: connectors.ClassUnclear, cause: syscall.ECONNRESET, message: "no answer: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := New(Options{BaseURL: c.url})
			defer client.Close()
			e := failed(t, client, write)
			if e.Class != c.want || c.cause != nil && !errors.Is(e, c.cause) || !strings.Contains(e.Error(), c.message) {
				t.Errorf("%s: %v, want %s: %s", e.Class, e, c.want, c.message)
			}
		})
	}
	client := New(Options{BaseURL: reset.URL})
	defer client.Close()
	if strings.Contains(failed(t, client, write).Error(), reset.URL) {
		t.Error("the error repeats the address")
	}
}

func TestReadsAreRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := 2
		s := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
			if failures--; failures >= 0 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			answer(200, `{"name":"x"}`)(w, r)
		})
		watch := &observer{}
		c := s.client(t, func(o *Options) { o.Env.Observer = watch })
		var into struct{ Name string }
		r := read
		r.Into = &into
		a := succeeds(t, c, r)
		if into.Name != "x" || a.Status != 200 || string(a.Body) != `{"name":"x"}` {
			t.Errorf("got %+v, %+v", into, a)
		}
		s.count(t, 3)
		for i, least := range []time.Duration{500 * time.Millisecond, time.Second} {
			if wait := s.requests()[i+1].at.Sub(s.requests()[i].at); wait < least || wait > 2*least+time.Second {
				t.Errorf("wait %d was %v", i, wait)
			}
		}
		if got, want := fmt.Sprint(watch.told), "[itsm read unclear itsm read again itsm read unclear itsm read again itsm read ok]"; got != want {
			t.Errorf("observer was told %s, want %s", got, want)
		}
		failures = 1
		search := Request{Op: "search", Method: http.MethodPost, Path: "/search", JSON: 1, Repeatable: true}
		succeeds(t, c, search)
		s.count(t, 5)
	})
}

type observer struct{ told []string }

func (o *observer) Request(connector, verb, outcome string, _ time.Duration) {
	o.told = append(o.told, connector+" "+verb+" "+outcome)
}

func (o *observer) Retried(connector, verb string) {
	o.told = append(o.told, connector+" "+verb+" again")
}

func (o *observer) Throttled(connector string, pause time.Duration) {
	o.told = append(o.told, connector+" throttled "+pause.String())
}

// A connection that was kept alive and that the system closes as the next
// request arrives: net/http would send some requests again by itself.
func TestWritesAreSentOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		r    Request
	}{
		{"update", write},
		{"no body", Request{Op: "create", Method: http.MethodPost, Path: "/x"}},
		{"form", Request{Op: "create", Method: http.MethodPost, Path: "/x", Form: map[string][]string{"a": {"b"}}}},
		{"delete", Request{Op: "delete", Method: http.MethodDelete, Path: "/x"}},
		{"put", Request{Op: "put", Method: http.MethodPut, Path: "/x", Body: []byte("x"), ContentType: "text/plain"}},
		{"idempotency key", Request{Op: "create", Method: http.MethodPost, Path: "/x", JSON: 1, Header: http.Header{"idempotency-key": {"1"}}}},
		{"idempotency key, no body", Request{Op: "create", Method: http.MethodPost, Path: "/x", Header: http.Header{"X-Idempotency-Key": {"1"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				warm := true
				s := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
					if !warm {
						conn, _, err := http.NewResponseController(w).Hijack()
						if err != nil {
							panic(err)
						}
						conn.Close()
						warm = true // a second one would be answered
						return
					}
					answer(200, "{}")(w, r)
				})
				client := s.client(t, nil)
				succeeds(t, client, read)
				warm = false
				if e := failed(t, client, c.r); e.Class != connectors.ClassUnclear {
					t.Errorf("%s: %v", e.Class, e)
				}
				s.count(t, 2)
				if got := s.requests()[1].method; got != c.r.Method {
					t.Errorf("the system saw a %s", got)
				}
			})
		})
	}
}
