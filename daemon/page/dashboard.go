package page

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A Dashboard brings the page of a daemon's admin address to a browser on this
// machine, which cannot open a socket and has no token. Whoever opens the address with
// its code, once, is signed in; nobody else sees anything.
type Dashboard struct {
	// Host is where browsers find it: HOST:PORT, on loopback.
	Host string
	// Code signs the first browser in that brings it.
	Code string
	// Admin is where the page is, Transport reaches it, and Token opens it.
	Admin     *url.URL
	Transport http.RoundTripper
	Token     connectors.Secret

	sessions Sessions
	mu       sync.Mutex
	used     bool
}

// Handler returns what serves the page.
func (d *Dashboard) Handler() http.Handler {
	_, port, _ := net.SplitHostPort(d.Host)
	d.sessions.Cookie = "lockstep_dashboard_" + port
	forward := &httputil.ReverseProxy{
		Transport: d.Transport,
		// What the daemon sends as it happens is passed on as it happens.
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(d.Admin)
			r.Out.Host = r.In.Host // by which the page knows its own forms
			r.Out.Header.Del("Cookie")
			if d.Token != "" {
				r.Out.Header.Set("Authorization", "Bearer "+d.Token.Reveal())
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			message(w, http.StatusBadGateway, "No daemon answers",
				"The daemon at the admin address does not answer. Is it running? This page works again as soon as it does.")
		},
	}
	return d.guard(http.NewCrossOriginProtection().Handler(forward))
}

// guard lets in browsers that have signed in, to the page alone: programs have the
// admin address itself.
func (d *Dashboard) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		// A name that somebody else's server resolves to this machine is not ours.
		case !d.isOwnName(r.Host):
			message(w, http.StatusForbidden, "Not this address", "Open http://"+d.Host+"/ instead.")
		case r.URL.Query().Has("code"):
			d.signIn(w, r)
		case !d.sessions.SignedIn(r):
			message(w, http.StatusUnauthorized, "Not signed in",
				"Open the address that lockstep dashboard printed; it works once. For another browser, start it again.")
		case strings.HasPrefix(r.URL.Path, "/v1/") || r.URL.Path == "/metrics":
			message(w, http.StatusNotFound, "Not here", "Programs ask the admin address itself.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// isOwnName reports whether a request was sent to this machine by name.
func (d *Dashboard) isOwnName(host string) bool {
	own, port, err := net.SplitHostPort(d.Host)
	name, at, errAt := net.SplitHostPort(host)
	if err != nil || errAt != nil || port != at {
		return false
	}
	return name == own || slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, name)
}

func (d *Dashboard) signIn(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	good := !d.used && sameSecret(r.URL.Query().Get("code"), d.Code)
	d.used = d.used || good
	d.mu.Unlock()
	switch {
	case good:
		d.sessions.Begin(w, r)
	case !d.sessions.SignedIn(r): // who opens it again in the same browser is
		message(w, http.StatusUnauthorized, "This address has been used",
			"It signs in one browser, once. Start lockstep dashboard again for another one.")
		return
	}
	goHome(w)
}

// goHome leads a browser that has just signed in to the first page. A redirect would
// still be a part of the visit that another site may have begun, on which browsers send
// no strict cookie.
func goHome(w http.ResponseWriter) {
	w.Header().Set("Refresh", "0; url=/")
	message(w, http.StatusOK, "Signed in", "")
}
