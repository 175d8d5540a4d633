// Package oauth gets the access tokens of OAuth 2.0 (RFC 6749) for a connector: by the
// client credentials grant, or the password grant where there is a user.
package oauth

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

// Op is the operation of a request for a token, in errors.
const Op = "token"

// refreshEarly is how long before it expires a token is refreshed, or a quarter of its
// life before where that is shorter.
const refreshEarly = 60 * time.Second

// Options say how a system gives tokens.
type Options struct {
	Client *transport.Client
	Path   string // of the token endpoint

	ClientID     string
	ClientSecret connectors.Secret
	Username     string // "": the client credentials grant
	Password     connectors.Secret
	// Scope is asked for, unless the system does not know it.
	Scope string
	// Lifetime is that of a token which does not tell its own.
	Lifetime time.Duration
	// Application and User are the settings at fault where a token is refused.
	Application, User string
}

// Tokens gets, keeps and renews access tokens, one request at a time. It is safe for
// concurrent use.
type Tokens struct {
	o Options

	renewing chan struct{} // held while a token is asked for

	mu       sync.Mutex // guards what follows
	access   connectors.Secret
	refresh  connectors.Secret
	previous connectors.Secret // may still stand in an error
	renewAt  time.Time
	expires  time.Time
	unscoped bool // the system does not know the scope
}

// New has no token yet.
func New(o Options) *Tokens { return &Tokens{o: o, renewing: make(chan struct{}, 1)} }

// Secrets are what must not stand in an error; none without Tokens (nil).
func (t *Tokens) Secrets() []connectors.Secret {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return []connectors.Secret{t.o.ClientSecret, t.access, t.refresh, t.previous}
}

// Authorize gives a request a token.
func (t *Tokens) Authorize(ctx context.Context, r *http.Request) error {
	token, fresh, err := t.get(ctx)
	if err != nil {
		return err
	}
	if used, ok := ctx.Value(usedTokenKey{}).(*usedToken); ok {
		used.token, used.fresh = token, fresh
	}
	r.Header.Set("Authorization", "Bearer "+token.Reveal())
	return nil
}

// A usedToken tells Do which token a request was sent with.
type usedToken struct {
	token connectors.Secret
	fresh bool // made for this request
}

type usedTokenKey struct{}

// Do sends a request of the method, to which Authorize gives a token. One of which the
// system no longer knows is dropped: that 401 proves that nothing was done, and the next
// attempt gets a new token. A read makes that attempt at once. Without Tokens (nil) it
// only sends.
func (t *Tokens) Do(ctx context.Context, method string, send func(context.Context) error) error {
	if t == nil {
		return send(ctx)
	}
	for again := method == http.MethodGet; ; again = false {
		used := &usedToken{}
		err := send(context.WithValue(ctx, usedTokenKey{}, used))
		var failure *connectors.Error
		if err == nil || !errors.As(err, &failure) || failure.Status != http.StatusUnauthorized || used.token == "" {
			return err
		}
		t.drop(used.token)
		if used.fresh {
			return err
		}
		failure.Class = connectors.ClassRetry
		if !again {
			return err
		}
	}
}

// current is a token that needs no renewal yet.
func (t *Tokens) current(now time.Time) (connectors.Secret, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.access, t.access != "" && now.Before(t.renewAt)
}

// get returns a token; fresh is true if it was made for this call.
func (t *Tokens) get(ctx context.Context) (token connectors.Secret, fresh bool, err error) {
	if token, ok := t.current(time.Now()); ok {
		return token, false, nil
	}
	select {
	case t.renewing <- struct{}{}:
		defer func() { <-t.renewing }()
	case <-ctx.Done():
		return "", false, &connectors.Error{Class: connectors.ClassRetry, Op: Op, Message: "not sent: waiting for a token", Err: ctx.Err()}
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
	if !connectors.IsClass(err, connectors.ClassUnauthorised) && t.access != "" && time.Now().Before(t.expires) {
		return t.access, false, nil // it could not be renewed early, and is still good
	}
	return "", false, err
}

// drop forgets a token that was refused.
func (t *Tokens) drop(token connectors.Secret) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.access == token {
		t.previous, t.access = t.access, ""
	}
}

// renew uses the refresh token, if there is one, and else the grant.
func (t *Tokens) renew(ctx context.Context) (connectors.Secret, error) {
	t.mu.Lock()
	refresh := t.refresh
	t.mu.Unlock()
	if refresh != "" {
		token, err := t.ask(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh.Reveal()}})
		if !connectors.IsClass(err, connectors.ClassUnauthorised) {
			return token, err
		}
		t.mu.Lock()
		t.refresh = "" // it has expired or was revoked
		t.mu.Unlock()
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if t.o.Username != "" {
		form = url.Values{"grant_type": {"password"}, "username": {t.o.Username}, "password": {t.o.Password.Reveal()}}
	}
	if t.o.Scope != "" && !t.unscoped {
		form.Set("scope", t.o.Scope)
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
func (t *Tokens) ask(ctx context.Context, form url.Values) (connectors.Secret, error) {
	form.Set("client_id", t.o.ClientID)
	form.Set("client_secret", t.o.ClientSecret.Reveal())
	var granted struct {
		Access  string  `json:"access_token"`
		Refresh string  `json:"refresh_token"`
		Expires seconds `json:"expires_in"`
	}
	asked := time.Now()
	_, err := t.o.Client.Do(ctx, transport.Request{
		Op: Op, Method: http.MethodPost, Path: t.o.Path, Form: form,
		Repeatable: true, NoAuthorization: true, Into: &granted,
	})
	if err != nil {
		return "", t.blame(err)
	}
	if granted.Access == "" {
		return "", &connectors.Error{Class: connectors.ClassUnauthorised, Op: Op, Message: "the answer holds no access token"}
	}
	life := time.Duration(granted.Expires) * time.Second
	if life <= 0 {
		life = t.o.Lifetime
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
func (t *Tokens) blame(err error) error {
	var failure *connectors.Error
	if !errors.As(err, &failure) || failure.Class != connectors.ClassUnauthorised {
		return err
	}
	switch {
	case failure.Status == http.StatusNotFound:
		failure.Setting = ""
	case t.o.Username != "" && !strings.Contains(failure.Message, "_client"):
		failure.Setting = t.o.User
	default:
		failure.Setting = t.o.Application
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
