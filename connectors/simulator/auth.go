package simulator

import (
	"net/http"
	"strings"
)

// Auth is how a system tells who calls it: by the schemes that it takes, of which at
// least one is set.
type Auth struct {
	// Basic and Bearer find the account of credentials; nil: they are nobody's.
	Basic  func(user, password string) *Account
	Bearer func(token string) *Account
	// Missing answers a call without credentials of a scheme that is taken, and Refused
	// one whose credentials are nobody's.
	Missing, Refused func(*Call) Answer
	// Open reports whether a call needs no credentials; nil: every one does.
	Open func(*Call) bool
}

// An Account is who was authenticated.
type Account struct {
	Name string // for the log
	Is   any    // what the system keeps of it
}

// refusal answers a call whose caller is not known; false: it is, or need not be.
func (a *Auth) refusal(c *Call) (Answer, bool) {
	if a == nil || a.Open != nil && a.Open(c) {
		return Answer{}, false
	}
	user, password, basic := c.BasicAuth()
	token, bearer := strings.CutPrefix(c.Header.Get("Authorization"), "Bearer ")
	switch {
	case a.Basic != nil && basic:
		c.Account = a.Basic(user, password)
	case a.Bearer != nil && bearer && token != "":
		c.Account = a.Bearer(token)
	default:
		return a.Missing(c), true
	}
	if c.Account == nil {
		return a.Refused(c), true
	}
	c.Principal = c.Account.Name
	return Answer{}, false
}

// anonymous answers a call as if its credentials were nobody's.
func (s *System) anonymous(c *Call) Answer {
	if s.Auth == nil {
		return s.Failed(Fault{Status: http.StatusUnauthorized})
	}
	return s.Auth.Refused(c)
}
