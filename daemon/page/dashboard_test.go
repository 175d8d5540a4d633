package page

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// newDashboard brings the page of an admin address with a token to browsers.
func newDashboard(t *testing.T) (http.Handler, *fakeEngine, *Dashboard) {
	t.Helper()
	e := &fakeEngine{}
	h, _ := newPage(t, e, "s3cret")
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	to, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	d := &Dashboard{Host: "127.0.0.1:7000", Code: "c0de", Admin: to, Transport: http.DefaultTransport, Token: "s3cret"}
	return d.Handler(), e, d
}

func own(r *http.Request) { r.Host = "127.0.0.1:7000" }

func TestDashboard(t *testing.T) {
	h, e, _ := newDashboard(t)
	shows(t, get(t, h, "/", own), 401, "lockstep dashboard printed")
	shows(t, get(t, h, "/?code=guess", own), 401)
	w := get(t, h, "/?code=c0de", own)
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode || w.Header().Get("Refresh") != "0; url=/" {
		t.Fatalf("signed in: %d %v %+v", w.Code, w.Header(), cookies)
	}
	session := func(r *http.Request) { own(r); r.AddCookie(cookies[0]) }
	shows(t, get(t, h, "/?code=c0de", own), 401, "This address has been used")
	shows(t, get(t, h, "/?code=c0de", session), 200) // in the same browser it leads on
	shows(t, get(t, h, "/links", session), 200, "INC-1")

	// The page's own forms work, another site's do not, and neither do programs.
	form := url.Values{"id": {"d1"}}
	origin := func(o string) func(*http.Request) { return func(r *http.Request) { r.Header.Set("Origin", o) } }
	if w := post(t, h, "/dead/retry", form, session, origin("http://127.0.0.1:7000")); w.Code != 303 || len(e.did) != 1 {
		t.Errorf("its own form: %d %s, done %q", w.Code, w.Body, e.did)
	}
	for _, other := range []string{"http://127.0.0.1:7001", "https://evil.example", "null"} {
		if w := post(t, h, "/dead/retry", form, session, origin(other)); w.Code != 403 || len(e.did) != 1 {
			t.Errorf("a form of %s: %d, done %q", other, w.Code, e.did)
		}
	}
	shows(t, get(t, h, "/v1/links", session), 404)
	shows(t, get(t, h, "/metrics", session), 404)
}

// A name that somebody else's server resolves to this machine opens nothing.
func TestDashboardByAnotherName(t *testing.T) {
	for host, code := range map[string]int{
		"evil.example:7000": 403, "evil.example": 403, "127.0.0.1:7001": 403, "127.0.0.1": 403,
		"127.0.0.1:7000": 200, "localhost:7000": 200, "[::1]:7000": 200,
	} {
		h, _, _ := newDashboard(t)
		if w := get(t, h, "/?code=c0de", func(r *http.Request) { r.Host = host }); w.Code != code {
			t.Errorf("%s: answered with %d, want %d", host, w.Code, code)
		}
	}
}

func TestDashboardWithoutDaemon(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	to, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	d := &Dashboard{Host: "127.0.0.1:7000", Code: "c0de", Admin: to, Transport: http.DefaultTransport}
	h := d.Handler()
	cookie := get(t, h, "/?code=c0de", own).Result().Cookies()[0]
	w := get(t, h, "/", own, func(r *http.Request) { r.AddCookie(cookie) })
	shows(t, w, 502, "No daemon answers")
	if strings.Contains(w.Body.String(), to.Host) {
		t.Error("the page names the admin address")
	}
}
