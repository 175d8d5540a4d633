package oauth_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/oauth"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

// A system gives numbered tokens, and takes none below the least.
type system struct {
	given, least int
	grants       []string
	denied       bool
}

func (s *system) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, `{"ok":true}`
	switch {
	case r.URL.Path == "/token" && s.denied:
		status, body = http.StatusUnauthorized, `{"error":"invalid_client"}`
	case r.URL.Path == "/token":
		form, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		s.grants = append(s.grants, string(form))
		s.given++
		body = fmt.Sprintf(`{"access_token":"t%d","expires_in":"600"}`, s.given)
	default:
		var n int
		if _, err := fmt.Sscanf(r.Header.Get("Authorization"), "Bearer t%d", &n); err != nil || n < s.least {
			status = http.StatusUnauthorized
		}
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// TestDo: a token serves many requests, one that is not known any more is replaced, and
// only a read is sent again by itself.
func TestDo(t *testing.T) {
	s := &system{}
	var tokens *oauth.Tokens
	client := transport.New(transport.Options{
		Connector: "desk", BaseURL: "https://desk.example", Env: connectors.Env{RoundTripper: s},
		Authorize: func(ctx context.Context, r *http.Request) error { return tokens.Authorize(ctx, r) },
		Secrets:   func() []connectors.Secret { return tokens.Secrets() },
	})
	tokens = oauth.New(oauth.Options{Client: client, Path: "/token", ClientID: "id", ClientSecret: "hush", Scope: "all", Application: "oauth.client_secret", User: "password"})
	send := func(method string) error {
		return tokens.Do(t.Context(), method, func(ctx context.Context) error {
			_, err := client.Do(ctx, transport.Request{Op: "op", Method: method, Path: "/thing"})
			return err
		})
	}
	for range 2 {
		if err := send(http.MethodGet); err != nil || s.given != 1 {
			t.Fatalf("%v after %d tokens", err, s.given)
		}
	}
	if want := "client_id=id&client_secret=hush&grant_type=client_credentials&scope=all"; s.grants[0] != want {
		t.Errorf("asked by %s, want %s", s.grants[0], want)
	}
	s.least = 2
	if err := send(http.MethodGet); err != nil || s.given != 2 {
		t.Errorf("a read with a token that is forgotten: %v after %d tokens", err, s.given)
	}
	s.least = 3
	if class, _ := connectors.ClassOf(send(http.MethodPost)); class != connectors.ClassRetry || s.given != 2 {
		t.Errorf("a write with a token that is forgotten: %v after %d tokens", class, s.given)
	}
	if err := send(http.MethodPost); err != nil || s.given != 3 {
		t.Errorf("the next write: %v after %d tokens", err, s.given)
	}
	s.least, s.denied = 4, true
	if err := send(http.MethodGet); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("an application that is refused: %v", err)
	}
}

// TestWithoutTokens: a connector with other credentials only sends.
func TestWithoutTokens(t *testing.T) {
	var tokens *oauth.Tokens
	sent := 0
	if err := tokens.Do(t.Context(), http.MethodGet, func(context.Context) error { sent++; return nil }); err != nil || sent != 1 || tokens.Secrets() != nil {
		t.Errorf("%v, sent %d times", err, sent)
	}
}
