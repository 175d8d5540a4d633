package page

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"sync"
	"time"
)

const (
	// sessionLasts is how long a browser stays signed in: a working day.
	sessionLasts = 12 * time.Hour
	// mostSessions bounds the memory that signing in takes; the oldest one ends.
	mostSessions = 100
)

// Sessions knows which browsers have signed in. They end with the process. It may be
// used by several goroutines.
type Sessions struct {
	// Cookie is the name of the cookie: a browser sends a host's cookies to all of its
	// ports, so that each port needs a name of its own.
	Cookie string

	mu  sync.Mutex
	all map[[sha256.Size]byte]time.Time // when each ends, by the digest of its id
}

// Begin signs a browser in.
func (s *Sessions) Begin(w http.ResponseWriter, r *http.Request) {
	id, now := rand.Text(), time.Now()
	s.mu.Lock()
	if s.all == nil {
		s.all = map[[sha256.Size]byte]time.Time{}
	}
	var oldest [sha256.Size]byte
	for sum, ends := range s.all {
		if ends.Before(now) {
			delete(s.all, sum)
		} else if first, ok := s.all[oldest]; !ok || ends.Before(first) {
			oldest = sum
		}
	}
	if len(s.all) >= mostSessions {
		delete(s.all, oldest)
	}
	s.all[sha256.Sum256([]byte(id))] = now.Add(sessionLasts)
	s.mu.Unlock()
	http.SetCookie(w, s.cookie(r, id, int(sessionLasts.Seconds())))
}

// End signs a browser out.
func (s *Sessions) End(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(s.Cookie); err == nil {
		s.mu.Lock()
		delete(s.all, sha256.Sum256([]byte(c.Value)))
		s.mu.Unlock()
	}
	http.SetCookie(w, s.cookie(r, "", -1))
}

// SignedIn reports whether a request comes from a browser that has signed in.
func (s *Sessions) SignedIn(r *http.Request) bool {
	c, err := r.Cookie(s.Cookie)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ends, ok := s.all[sha256.Sum256([]byte(c.Value))]
	return ok && time.Now().Before(ends)
}

func (s *Sessions) cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // a loopback or socket address has no TLS that it could be secure over
		Name: s.Cookie, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	}
}

// sameSecret compares in constant time, whatever the lengths are.
func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
