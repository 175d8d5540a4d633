package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

func upload(content io.Reader, size int64) Request {
	return Request{
		Op: "attach", Record: "servicenow.itsm.incident/1", Method: http.MethodPost, Path: "/files",
		Stream: &Stream{Content: content, Size: size}, ContentType: "image/png", Repeatable: true,
	}
}

// slowly returns one byte after each pause.
type slowly struct {
	left  int
	pause time.Duration
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.pause)
	s.left--
	p[0] = 'x'
	return 1, nil
}

func TestStreamIsSentWhole(t *testing.T) {
	for _, test := range []struct {
		name    string
		content io.Reader
		size    int64
		want    string
	}{
		{"sized", strings.NewReader("bytes"), 5, "bytes"},
		{"one byte at a time", iotest.OneByteReader(strings.NewReader("bytes")), 5, "bytes"},
		{"end told with the last byte", iotest.DataErrReader(strings.NewReader("bytes")), 5, "bytes"},
		{"empty", strings.NewReader(""), 0, ""},
		{"of unknown size", strings.NewReader("bytes"), -1, "bytes"},
		{"longer than the time-out takes", &slowly{left: 10, pause: 30 * time.Second}, 10, "xxxxxxxxxx"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSystem(t, answer(201, `{"id":"1"}`))
				var into struct{ ID string }
				r := upload(test.content, test.size)
				r.Into = &into
				succeeds(t, s.client(t, nil), r)
				s.count(t, 1)
				seen := s.requests()[0]
				if seen.body != test.want || seen.header.Get("Content-Type") != "image/png" || into.ID != "1" {
					t.Errorf("sent %q as %q, answered %q", seen.body, seen.header.Get("Content-Type"), into.ID)
				}
				if length := seen.header.Get("Content-Length"); test.size >= 0 && length != fmt.Sprint(test.size) {
					t.Errorf("Content-Length %q", length)
				}
			})
		})
	}
}

func TestStreamFailures(t *testing.T) {
	broken := errors.New("the other system hung up")
	for _, test := range []struct {
		name    string
		content io.Reader
		handler http.HandlerFunc
		class   connectors.Class
	}{
		{"short", strings.NewReader("byte"), answer(201, "{}"), connectors.ClassRetry},
		{"long", strings.NewReader("bytes and more"), answer(201, "{}"), connectors.ClassRetry},
		{"broken off", io.MultiReader(strings.NewReader("by"), iotest.ErrReader(broken)), answer(201, "{}"), connectors.ClassRetry},
		{"stalled", &slowly{left: 5, pause: time.Minute}, answer(201, "{}"), connectors.ClassUnclear},
		{"no answer", strings.NewReader("bytes"), func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, connectors.ClassUnclear},
		{"server error", strings.NewReader("bytes"), answer(500, ""), connectors.ClassUnclear},
		{"refused", strings.NewReader("bytes"), answer(413, "too large"), connectors.ClassRejected},
		{"throttled", strings.NewReader("bytes"), answer(429, ""), connectors.ClassThrottled},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				whole := false
				s := newSystem(t, func(w http.ResponseWriter, r *http.Request) { test.handler(w, r) })
				e := failed(t, s.client(t, nil), upload(test.content, 5))
				if e.Class != test.class {
					t.Errorf("class %s, want %s: %v", e.Class, test.class, e)
				}
				synctest.Wait()
				if n := len(s.requests()); n > 1 {
					t.Errorf("sent %d times", n)
				}
				for _, r := range s.requests() {
					whole = whole || len(r.body) >= 5
				}
				if test.class == connectors.ClassRetry && whole {
					t.Error("the system saw the whole of a request that is said not to have been sent")
				}
			})
		})
	}
}

func TestOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const piece = "0123456789"
		tries := 0
		s := newSystem(t, func(w http.ResponseWriter, _ *http.Request) {
			if tries++; tries == 1 {
				w.WriteHeader(503)
				return
			}
			w.Header().Set("Content-Type", "image/png")
			for range 10 {
				time.Sleep(30 * time.Second) // together longer than the time-out
				_, _ = io.WriteString(w, piece)
				w.(http.Flusher).Flush()
			}
		})
		c := s.client(t, func(o *Options) { o.MaxBody = 20 })
		content, header, err := c.Open(t.Context(), read)
		check(t, err)
		got, err := io.ReadAll(content)
		check(t, err)
		check(t, content.Close())
		if string(got) != strings.Repeat(piece, 10) || header.Get("Content-Type") != "image/png" {
			t.Errorf("got %q of %q", got, header.Get("Content-Type"))
		}
		s.count(t, 2)
	})
}

func TestOpenFailures(t *testing.T) {
	half := func(then func(r *http.Request)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			then(r)
		}
	}
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		opens   bool
		class   connectors.Class
	}{
		{"gone", answer(404, ""), false, connectors.ClassGone},
		{"redirected", answer(303, "", "Location", "http://media.example/x"), false, connectors.ClassRetry},
		{"cut off", half(func(*http.Request) { panic(http.ErrAbortHandler) }), true, connectors.ClassUnclear},
		{"stalled", half(func(r *http.Request) { <-r.Context().Done() }), true, connectors.ClassUnclear},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSystem(t, test.handler)
				content, _, err := s.client(t, nil).Open(t.Context(), read)
				if test.opens {
					check(t, err)
					_, err = io.ReadAll(content)
					content.Close()
				}
				if e := failure(t, err); e.Class != test.class || e.Record != read.Record {
					t.Errorf("got %v, want class %s", e, test.class)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // the caller's context ends it
		s := newSystem(t, half(func(r *http.Request) { <-r.Context().Done() }))
		ctx, cancel := context.WithCancel(t.Context())
		content, _, err := s.client(t, nil).Open(ctx, read)
		check(t, err)
		cancel()
		if _, err := io.ReadAll(content); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		content.Close()
	})
}

func TestOpenFollowsWithoutCredentials(t *testing.T) {
	const secret = "token-0451"
	for _, test := range []struct {
		name, location string
		media          http.HandlerFunc
		class          connectors.Class
		ok             bool
	}{
		{"to another host", "http://media.example/file?sig=" + secret, answer(200, "bytes"), 0, true},
		{"on the same host", "/file", answer(200, "bytes"), 0, true},
		{"to nowhere", "", nil, connectors.ClassRejected, false},
		{"to another scheme", "file:///etc/passwd", nil, connectors.ClassRejected, false},
		{"expired", "http://media.example/file?sig=" + secret, answer(403, "expired"), connectors.ClassRetry, false},
		{"throttled there", "http://media.example/file", answer(429, ""), connectors.ClassRetry, false},
		{"round and round", "http://media.example/file", answer(302, "", "Location", "/file"), connectors.ClassRejected, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/file" {
						test.media(w, r)
						return
					}
					answer(303, "", "Location", test.location)(w, r)
				})
				c := s.client(t, func(o *Options) {
					o.Secrets = func() []connectors.Secret { return []connectors.Secret{secret} }
					o.Authorize = func(_ context.Context, r *http.Request) error {
						r.Header.Set("Authorization", "Bearer "+secret)
						return nil
					}
				})
				r := read
				r.Follow, r.Header = true, http.Header{"X-Own": {secret}}
				content, _, err := c.Open(t.Context(), r)
				if test.ok {
					check(t, err)
					if got, err := io.ReadAll(content); err != nil || string(got) != "bytes" {
						t.Errorf("got %q, %v", got, err)
					}
					content.Close()
				} else if e := failure(t, err); e.Class != test.class || strings.Contains(e.Error(), secret) {
					t.Errorf("got %v, want class %s", e, test.class)
				}
				for _, seen := range s.requests() {
					if seen.path != read.Path && (seen.header.Get("Authorization") != "" || seen.header.Get("X-Own") != "") {
						t.Errorf("%s got %v", seen.path, seen.header)
					}
				}
				if !c.PausedUntil().IsZero() {
					t.Error("another host's 429 is no pause of the system's")
				}
			})
		})
	}
}
