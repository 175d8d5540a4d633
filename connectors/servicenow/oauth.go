package servicenow

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

// A token is refreshed this long before it expires, or a quarter of its life
// before where that is shorter. Without a life of its own it is taken to have
// the product's default.
const (
	refreshEarly    = 60 * time.Second
	defaultLifetime = 30 * time.Minute
)

// scope is what the REST APIs ask of a token.
const scope = "useraccount"

// tokens gets, keeps and renews access tokens, one request at a time.
type tokens struct {
	http     *transport.Client
	app      OAuth
	username string
	password connectors.Secret

	renewing chan struct{} // held while a token is asked for

	mu       sync.Mutex // guards what follows
	access   connectors.Secret
	refresh  connectors.Secret
	previous connectors.Secret // may still stand in an error
	renewAt  time.Time
	expires  time.Time
	unscoped bool // the instance does not know the scope
}

func newTokens(client *transport.Client, app OAuth, username string, password connectors.Secret) *tokens {
	return &tokens{http: client, app: app, username: username, password: password, renewing: make(chan struct{}, 1)}
}

func (t *tokens) secrets() []connectors.Secret {
	t.mu.Lock()
	defer t.mu.Unlock()
	return []connectors.Secret{t.app.ClientSecret, t.access, t.refresh, t.previous}
}

// current is a token that needs no renewal yet.
func (t *tokens) current(now time.Time) (connectors.Secret, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.access, t.access != "" && now.Before(t.renewAt)
}

// get returns a token; fresh is true if it was made for this call.
func (t *tokens) get(ctx context.Context) (token connectors.Secret, fresh bool, err error) {
	if token, ok := t.current(time.Now()); ok {
		return token, false, nil
	}
	select {
	case t.renewing <- struct{}{}:
		defer func() { <-t.renewing }()
	case <-ctx.Done():
		return "", false, &connectors.Error{Class: connectors.ClassRetry, Op: opToken, Message: "not sent: waiting for a token", Err: ctx.Err()}
	}
	if token, ok := t.current(time.Now()); ok { // somebody else got it meanwhile
		return token, true, nil
	}
	token, err = t.renew(ctx)
	if err == nil {
		return token, true, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if class, _ := connectors.ClassOf(err); class != connectors.ClassUnauthorised && t.access != "" && time.Now().Before(t.expires) {
		return t.access, false, nil // it could not be renewed early, and is still good
	}
	return "", false, err
}

// drop forgets a token that was refused.
func (t *tokens) drop(token connectors.Secret) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.access == token {
		t.previous, t.access = t.access, ""
	}
}

// renew uses the refresh token, if there is one, and else the grant.
func (t *tokens) renew(ctx context.Context) (connectors.Secret, error) {
	t.mu.Lock()
	refresh := t.refresh
	t.mu.Unlock()
	if refresh != "" {
		token, err := t.ask(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh.Reveal()}})
		if class, _ := connectors.ClassOf(err); err == nil || class != connectors.ClassUnauthorised {
			return token, err
		}
		t.mu.Lock()
		t.refresh = "" // it has expired or was revoked
		t.mu.Unlock()
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if t.username != "" {
		form = url.Values{"grant_type": {"password"}, "username": {t.username}, "password": {t.password.Reveal()}}
	}
	if !t.unscoped {
		form.Set("scope", scope)
	}
	token, err := t.ask(ctx, form)
	var failure *connectors.Error
	if errors.As(err, &failure) && form.Has("scope") && strings.Contains(failure.Message, "scope") {
		form.Del("scope")
		if token, err = t.ask(ctx, form); err == nil {
			t.unscoped = true // only ever touched by who holds renewing
		}
	}
	return token, err
}

// ask sends a request for a token. The parameters travel in the body alone.
func (t *tokens) ask(ctx context.Context, form url.Values) (connectors.Secret, error) {
	form.Set("client_id", t.app.ClientID)
	form.Set("client_secret", t.app.ClientSecret.Reveal())
	var granted struct {
		Access  string  `json:"access_token"`
		Refresh string  `json:"refresh_token"`
		Expires seconds `json:"expires_in"`
	}
	asked := time.Now()
	_, err := t.http.Do(ctx, transport.Request{
		Op: opToken, Method: http.MethodPost, Path: "/oauth_token.do", Form: form,
		Repeatable: true, NoAuthorization: true, Into: &granted,
	})
	if err != nil {
		return "", t.blame(err)
	}
	if granted.Access == "" {
		return "", &connectors.Error{Class: connectors.ClassUnauthorised, Op: opToken, Message: "the answer holds no access token"}
	}
	life := time.Duration(granted.Expires) * time.Second
	if life <= 0 {
		life = defaultLifetime
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.previous, t.access = t.access, connectors.Secret(granted.Access)
	if granted.Refresh != "" {
		t.refresh = connectors.Secret(granted.Refresh)
	}
	t.expires = asked.Add(life)
	t.renewAt = t.expires.Add(-min(refreshEarly, life/4))
	return t.access, nil
}

// blame names the setting that a refused request for a token is about. Unless
// the application itself is not known, it is the user's password where there is
// one.
func (t *tokens) blame(err error) error {
	var failure *connectors.Error
	if !errors.As(err, &failure) || failure.Class != connectors.ClassUnauthorised {
		return err
	}
	switch {
	case failure.Status == http.StatusNotFound:
		failure.Setting = ""
	case t.username != "" && !strings.Contains(failure.Message, "_client"):
		failure.Setting = "password"
	default:
		failure.Setting = "oauth.client_secret"
	}
	return err
}

// seconds are a number, which some versions write as text.
type seconds int64

// UnmarshalJSON reads 1799 or "1799".
func (s *seconds) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var n int64
	for _, c := range strings.Trim(string(b), `"`) {
		if c < '0' || c > '9' || n > 1<<31 {
			return errors.New("not a number of seconds")
		}
		n = n*10 + int64(c-'0')
	}
	*s = seconds(n)
	return nil
}
