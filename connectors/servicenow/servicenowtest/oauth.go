package servicenowtest

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A grant is what an access token stands for.
type grant struct {
	user    string
	expires time.Time
}

// auth takes users with their passwords, and access tokens. What is not of the REST
// APIs is open to all.
func (s *Server) auth() *simulator.Auth {
	refuse := func(*call) answer {
		a := failure(http.StatusUnauthorized, "User Not Authenticated", "Required to provide Auth information")
		a.Header.Set("WWW-Authenticate", `BASIC realm="Service-now"`)
		a.Header.Set("Server", "ServiceNow")
		return a
	}
	account := func(user *record, ok bool) *simulator.Account {
		if !ok {
			return nil
		}
		return &simulator.Account{Name: user.text("user_name"), Is: user}
	}
	return &simulator.Auth{
		Open:    func(c *call) bool { return !strings.HasPrefix(c.URL.Path, "/api/now/") },
		Missing: refuse, Refused: refuse,
		Basic: func(name, password string) *simulator.Account { return account(s.login(name, password)) },
		Bearer: func(token string) *simulator.Account {
			g, known := s.tokens[token]
			if !known || !s.opts.Now().Before(g.expires) {
				return nil
			}
			return account(s.user(g.user))
		},
	}
}

func (s *Server) login(name, password string) (*record, bool) {
	user, ok := s.user(name)
	if !ok || user.text("password") == "" || subtle.ConstantTimeCompare([]byte(user.text("password")), []byte(password)) == 0 {
		return nil, false
	}
	return user, true
}

// user is the active user with the name, whatever its case.
func (s *Server) user(name string) (*record, bool) {
	for _, r := range s.tables["sys_user"].rows {
		if strings.EqualFold(r.text("user_name"), name) && r.text("active") == "true" {
			return r, true
		}
	}
	return nil, false
}

// asksForToken reports whether a request is for the OAuth endpoint: its body
// holds secrets.
func asksForToken(r *http.Request) bool { return r.URL.Path == "/oauth_token.do" }

// token is the OAuth endpoint. It takes its parameters from the body alone.
func (s *Server) token(c *call) answer {
	denied := func(why string) answer { return failure(http.StatusUnauthorized, "access_denied", why) }
	if c.Method != http.MethodPost {
		return failure(http.StatusMethodNotAllowed, "Method not supported", c.Method)
	}
	if !strings.HasPrefix(c.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return denied("the parameters are not form-encoded")
	}
	form, err := url.ParseQuery(string(c.Body))
	if err != nil || form.Get("client_id") != s.opts.ClientID ||
		subtle.ConstantTimeCompare([]byte(form.Get("client_secret")), []byte(s.opts.ClientSecret)) == 0 {
		return denied("invalid_client")
	}
	user, withRefresh := s.opts.Username, true
	switch form.Get("grant_type") {
	case "client_credentials":
		withRefresh = false
	case "password":
		if _, ok := s.login(form.Get("username"), form.Get("password")); !ok {
			return denied("invalid_grant")
		}
		user = form.Get("username")
	case "refresh_token":
		name, ok := s.refresh[form.Get("refresh_token")]
		if !ok {
			return denied("invalid_grant")
		}
		user = name
	default:
		return denied("unsupported_grant_type")
	}
	if scope := form.Get("scope"); scope != "" && scope != "useraccount" {
		return denied("invalid_scope")
	}
	s.sequence++
	access := "access-" + sysID("oauth_credential", s.sequence)
	s.tokens[access] = grant{user: user, expires: s.opts.Now().Add(s.opts.TokenLifetime)}
	body := map[string]any{
		"scope": "useraccount", "token_type": "Bearer", "access_token": access,
		"expires_in": int(s.opts.TokenLifetime / time.Second),
	}
	if withRefresh {
		refresh := form.Get("refresh_token")
		if refresh == "" {
			refresh = fmt.Sprintf("refresh-%s", sysID("oauth_refresh", s.sequence))
			s.refresh[refresh] = user
		}
		body["refresh_token"] = refresh
	}
	return newAnswer(http.StatusOK, "application/json;charset=UTF-8", encode(body))
}

// ExpireTokens makes every access token invalid, and with refresh every refresh
// token too.
func (s *Server) ExpireTokens(refresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
	if refresh {
		clear(s.refresh)
	}
}
