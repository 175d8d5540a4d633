package daemon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/daemontest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
)

// fakeReceiver takes bodies that begin with "signed ".
type fakeReceiver struct{}

var fakeRef = connectors.Ref{Collection: connectors.Collection{Type: "fake", Connector: "acme", Record: "incident"}, ID: "1"}

func (fakeReceiver) Receive(header http.Header, body []byte, _ time.Time) (connectors.Delivery, error) {
	text, signed := strings.CutPrefix(string(body), "signed ")
	switch {
	case !signed:
		return connectors.Delivery{}, fmt.Errorf("canary: %w", connectors.ErrSignature)
	case text == "nonsense":
		return connectors.Delivery{}, errors.New("canary: not an event")
	case text == "of no use":
		return connectors.Delivery{ID: header.Get("Id")}, nil
	}
	return connectors.Delivery{ID: header.Get("Id"), Refs: []connectors.Ref{fakeRef}}, nil
}

type webhookCall struct {
	refs     []connectors.Ref
	delivery string
}

func newPublic(t *testing.T) (p *public, hints *[]webhookCall, counted *[]string, log *daemontest.Log) {
	t.Helper()
	logger, log := daemontest.NewLog()
	hints, counted = &[]webhookCall{}, &[]string{}
	return &public{
		log: logger,
		receivers: func() map[string]connectors.WebhookReceiver {
			return map[string]connectors.WebhookReceiver{"acme": fakeReceiver{}}
		},
		hint: func(_ context.Context, refs []connectors.Ref, delivery string) error {
			*hints = append(*hints, webhookCall{refs, delivery})
			return nil
		},
		ready:  func() error { return nil },
		count:  func(connector string, code int) { *counted = append(*counted, fmt.Sprint(connector, " ", code)) },
		now:    time.Now,
		health: &webhookHealth{},
	}, hints, counted, log
}

func TestWebhookCodes(t *testing.T) {
	big := "signed " + strings.Repeat("x", maxWebhook)
	tests := []struct {
		name, method, path, body string
		code                     int
		counted                  string
		hinted                   bool
	}{
		{"an event", "POST", "/webhooks/acme", "signed event", 202, "acme 202", true},
		{"an event of no use", "POST", "/webhooks/acme", "signed of no use", 202, "acme 202", false},
		{"the largest body", "POST", "/webhooks/acme", big[:maxWebhook], 202, "acme 202", true},
		// Each of the following breaks all that is asked later as well.
		{"another method", "GET", "/webhooks/other", big, 405, " 405", false},
		{"another method, known name", "PUT", "/webhooks/acme", big, 405, "acme 405", false},
		{"an unknown name", "POST", "/webhooks/other", big, 404, " 404", false},
		{"a body too large", "POST", "/webhooks/acme", big, 413, "acme 413", false},
		{"a bad signature", "POST", "/webhooks/acme", "nonsense", 401, "acme 401", false},
		{"an empty body", "POST", "/webhooks/acme", "", 401, "acme 401", false},
		{"not an event", "POST", "/webhooks/acme", "signed nonsense", 400, "acme 400", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, hints, counted, log := newPublic(t)
			server := httptest.NewServer(p.handler())
			defer server.Close()
			request, err := http.NewRequestWithContext(t.Context(), tt.method, server.URL+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Id", "delivery-1")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != tt.code {
				t.Errorf("answered %s (%s), want %d", response.Status, body, tt.code)
			}
			if want := []string{tt.counted}; !cmp.Equal(*counted, want) {
				t.Errorf("counted %q, want %q", *counted, want)
			}
			if tt.hinted != (len(*hints) == 1) {
				t.Errorf("hints %v", *hints)
			}
			if tt.hinted && ((*hints)[0].delivery != "delivery-1" || !cmp.Equal((*hints)[0].refs, []connectors.Ref{fakeRef})) {
				t.Errorf("hinted %v", *hints)
			}
			if strings.Contains(string(body)+log.String(), "canary") {
				t.Errorf("what the connector said of the body got out: %s %s", body, log)
			}
		})
	}
}

func TestWebhookThatCannotBeStored(t *testing.T) {
	p, _, counted, _ := newPublic(t)
	p.hint = func(context.Context, []connectors.Ref, string) error { return errors.New("the disk is full") }
	w := httptest.NewRecorder()
	p.handler().ServeHTTP(w, httptest.NewRequest("POST", "/webhooks/acme", strings.NewReader("signed event")))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("answered %d, %v; want 503 with Retry-After", w.Code, w.Header())
	}
	if !cmp.Equal(*counted, []string{"acme 503"}) {
		t.Errorf("counted %q", *counted)
	}
}

// A body without a length, and one whose sender waits to be told to go on.
func TestWebhookTooLargeWhileItIsSent(t *testing.T) {
	p, _, _, _ := newPublic(t)
	server := httptest.NewServer(p.handler())
	defer server.Close()
	for name, headers := range map[string]string{
		"chunked":         "Transfer-Encoding: chunked\r\n",
		"expect continue": fmt.Sprintf("Content-Length: %d\r\nExpect: 100-continue\r\n", 2<<20),
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "POST /webhooks/acme HTTP/1.1\r\nHost: x\r\n%s\r\n", headers)
			if name == "chunked" {
				go func() {
					chunk := fmt.Sprintf("%x\r\n%s\r\n", 64<<10, strings.Repeat("x", 64<<10))
					for range 32 {
						if _, err := io.WriteString(conn, chunk); err != nil {
							return
						}
					}
					_, _ = io.WriteString(conn, "0\r\n\r\n")
				}()
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != 413 {
				t.Errorf("answered %s, want 413 and nothing before it", response.Status)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	p, _, _, _ := newPublic(t)
	p.ready = func() error { return errors.New("starting: the store is not open yet") }
	tests := []struct {
		method, path string
		code         int
		says         string
	}{
		{"GET", "/healthz", 200, "ok"},
		{"HEAD", "/healthz", 200, ""},
		{"GET", "/readyz", 503, "the store is not open yet"},
		{"POST", "/healthz", 405, ""},
		{"DELETE", "/readyz", 405, ""},
		{"GET", "/", 404, ""},
		{"GET", "/v1/status", 404, ""},
		{"GET", "/metrics", 404, ""},
		{"POST", "/webhooks/", 404, ""},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		p.handler().ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s %s: %d %q, want %d saying %q", tt.method, tt.path, w.Code, w.Body, tt.code, tt.says)
		}
	}
	p.ready = func() error { return nil }
	w := httptest.NewRecorder()
	p.handler().ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	if w.Code != 200 {
		t.Errorf("ready answered %d", w.Code)
	}
}
