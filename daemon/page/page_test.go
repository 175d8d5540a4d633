package page

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/names"
	"github.com/lockstep-sync/lockstep/engine/pauses"
	"github.com/lockstep-sync/lockstep/rules"
)

var (
	someTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	record   = connectors.Ref{Collection: connectors.Collection{Type: "fake", Connector: "acme", Record: "incident"}, ID: "1"}
	ticket   = connectors.Ref{Collection: connectors.Collection{Type: "fake", Connector: "itsm", Record: "incident"}, ID: "9"}
)

// fakeEngine has one link, three dead letters and a decision.
type fakeEngine struct {
	asked []engine.Query
	did   []string
	fail  error
	said  chan struct{} // when it is asked for the newest decision
	newer bool
}

func (f *fakeEngine) FindLinks(_ context.Context, q engine.Query) ([]engine.LinkView, string, error) {
	f.asked = append(f.asked, q)
	link := engine.LinkView{ID: "l1", Route: "incidents", Source: record, Target: &ticket, URL: "https://itsm.example/9", State: links.Active, UpdatedAt: someTime}
	link.SourceName, link.TargetName = "INC-1", "INC0000009"
	next := ""
	if q.After == "" {
		next = "place/l1"
	}
	return []engine.LinkView{link}, next, f.fail
}

func (f *fakeEngine) FindDead(_ context.Context, q engine.Query) ([]engine.LetterView, string, error) {
	f.asked = append(f.asked, q)
	letter := func(id, reason string) engine.LetterView {
		return engine.LetterView{Letter: deadletter.Letter{ID: id, Route: "incidents", Record: record, Reason: reason, Message: "<no> & such", At: someTime}}
	}
	return []engine.LetterView{letter("d1", "too_costly"), letter("d2", "rejected"), letter("d3", "rejected")}, "", f.fail
}

func (f *fakeEngine) FindDecisions(_ context.Context, _, _ string, limit int) ([]engine.DecisionView, error) {
	if limit == 1 && f.said != nil {
		f.said <- struct{}{}
	}
	d := engine.DecisionView{Entry: journal.Entry{At: someTime, Route: "incidents", Record: record, Action: "create", Template: "ticket"}}
	if f.newer {
		d.Action = "update"
	}
	d.SourceName = "INC-1"
	return []engine.DecisionView{d}, f.fail
}

func (f *fakeEngine) Why(_ context.Context, name string) ([]engine.Why, error) {
	if name == "INC-9" {
		return nil, &names.UnknownError{Name: name}
	}
	return []engine.Why{{Record: record, Name: "INC-1", URL: "https://acme.example/1", Routes: []engine.WhyRoute{
		{Route: "incidents", Configured: true, Decided: true, At: &someTime, Decision: &rules.Decision{Route: "incidents", Record: record, Action: rules.None, Reason: "no template matched"}},
		{Route: "others", Configured: true},
	}}}, f.fail
}

func (f *fakeEngine) RetryDead(_ context.Context, id string) error {
	f.did = append(f.did, "retry "+id)
	return f.fail
}

func (f *fakeEngine) DropDead(_ context.Context, id string) error {
	f.did = append(f.did, "drop "+id)
	return f.fail
}

// newPage returns a page whose status the test may change.
func newPage(t *testing.T, e *fakeEngine, token connectors.Secret) (http.Handler, *admin.Status) {
	t.Helper()
	status := &admin.Status{
		Ready: true, Version: "test", Generation: "abc", Config: admin.ConfigStatus{OK: true, LoadedAt: someTime},
		Routes: []engine.RouteStatus{{Name: "incidents", Pending: 3, Oldest: someTime}},
	}
	p := &Page{Log: slog.New(slog.DiscardHandler), Token: token, Status: func(context.Context) admin.Status { return *status }, Engine: func() Engine { return e }, Done: t.Context().Done()}
	h, err := p.Handler()
	if err != nil {
		t.Fatal(err)
	}
	return h, status
}

func get(t *testing.T, h http.Handler, path string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	return send(h, httptest.NewRequest(http.MethodGet, path, nil), change...)
}

func post(t *testing.T, h http.Handler, path string, form url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return send(h, r, change...)
}

func send(h http.Handler, r *http.Request, change ...func(*http.Request)) *httptest.ResponseRecorder {
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func shows(t *testing.T, w *httptest.ResponseRecorder, code int, wants ...string) {
	t.Helper()
	if w.Code != code {
		t.Errorf("answered with %d, want %d", w.Code, code)
	}
	for _, want := range wants {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if t.Failed() {
		t.Log(w.Body)
	}
}

func TestWhatIsWrongIsShown(t *testing.T) {
	h, status := newPage(t, &fakeEngine{}, "")
	until := someTime.Add(time.Minute)
	status.Ready, status.Waiting = false, "the store is not connected"
	status.Config.OK = false
	status.Config.Diagnostics = rules.Diagnostics{{Severity: rules.SeverityError, File: "main.hcl", Line: 3, Column: 9, Summary: "no such field"}}
	status.Connectors = []breaker.ConnectorStatus{{
		Name: "itsm", Type: "servicenow", LastError: "<429> \u202egnp\u009b\x1b", ThrottledUntil: &until,
		Calls: []breaker.CallStatus{{Call: "poll comments", Failures: 4, Error: "it said no"}},
	}}
	shows(t, get(t, h, "/"), 200,
		"the store is not connected", "main.hcl:3:9", "no such field", "2026-01-02 03:04:05 UTC", `&lt;429&gt; \u202egnp\u009b\u001b`,
		"Not called before 2026-01-02 03:05:05 UTC", "poll comments", "4 in a row", "it said no", "<details open>", "incidents", "INC-1")
}

// TestAPausedRouteIsShown with since when, and by whom.
func TestAPausedRouteIsShown(t *testing.T) {
	h, status := newPage(t, &fakeEngine{}, "")
	shows(t, get(t, h, "/"), 200, ">running<")
	status.Routes[0].Paused = &pauses.Pause{Since: someTime, By: "<lisa>"}
	shows(t, get(t, h, "/"), 200, ">paused</span> since 2026-01-02 03:04:05 UTC by &lt;lisa&gt;")
}

func TestPages(t *testing.T) {
	e := &fakeEngine{}
	h, _ := newPage(t, e, "")
	shows(t, get(t, h, "/links?name=INC-1&route=incidents&state=active"), 200,
		`<a href="https://itsm.example/9" rel="noreferrer">INC0000009 ↗</a>`, `href="/records/fake.acme.incident%2F1"`, "<option selected>active</option>",
		"/links?after=place%2Fl1&amp;name=INC-1&amp;route=incidents&amp;state=active")
	want := engine.Query{Name: "INC-1", Route: "incidents", State: links.Active, Limit: rowsAtOnce}
	if len(e.asked) != 1 || e.asked[0] != want {
		t.Errorf("asked for %+v, want %+v", e.asked, want)
	}
	shows(t, get(t, h, "/decisions"), 200, "create", "by ticket")
	shows(t, get(t, h, "/records/fake.acme.incident%2F1"), 200,
		"<h1>INC-1</h1>", "https://acme.example/1", "reason    no template matched", "It was never looked at on this route", "lockstep sync INC-1")
	shows(t, get(t, h, "/records/INC-9"), 404, "INC-9")
	shows(t, get(t, h, "/elsewhere"), 404, "There is no page at /elsewhere")
	if w := get(t, h, "/find?name=https%3A%2F%2Facme.example%2F1"); w.Code != 303 || w.Header().Get("Location") != "/records/https:%2F%2Facme.example%2F1" {
		t.Errorf("find: %d to %s", w.Code, w.Header().Get("Location"))
	}
	dead := get(t, h, "/dead?reason=rejected")
	shows(t, dead, 200, "Retry all 2", "&lt;no&gt; &amp; such")
	if text := dead.Body.String(); strings.Index(text, "<h2>rejected") > strings.Index(text, "<h2>too_costly") {
		t.Error("the most frequent reason is not the first")
	}
	e.fail = fmt.Errorf("the store is away")
	for _, path := range []string{"/", "/links", "/decisions", "/dead", "/records/INC-1"} {
		shows(t, get(t, h, path), 503, "the store is away")
	}
}

// What is shown without an engine says why.
func TestStarting(t *testing.T) {
	p := &Page{Log: slog.New(slog.DiscardHandler), Status: func(context.Context) admin.Status { return admin.Status{Waiting: "the store is not open yet"} }, Engine: func() Engine { return nil }}
	h, err := p.Handler()
	if err != nil {
		t.Fatal(err)
	}
	shows(t, get(t, h, "/"), 200, "the store is not open yet")
	shows(t, get(t, h, "/links"), 503, "the store is not open yet")
}

func TestDeadLettersAreRetriedAndDropped(t *testing.T) {
	e := &fakeEngine{}
	h, _ := newPage(t, e, "")
	w := post(t, h, "/dead/retry", url.Values{"id": {"d2", "d3"}})
	if w.Code != 303 {
		t.Fatalf("answered with %d: %s", w.Code, w.Body)
	}
	shows(t, get(t, h, w.Header().Get("Location")), 200, "2 dead letters were retried. What comes of it")
	w = post(t, h, "/dead/drop", url.Values{"id": {"d1"}})
	shows(t, get(t, h, w.Header().Get("Location")), 200, "One dead letter was dropped.")
	if want := []string{"retry d2", "retry d3", "drop d1"}; !slices.Equal(e.did, want) {
		t.Errorf("done: %q, want %q", e.did, want)
	}
	// An address holds no words that the page would say.
	if w := get(t, h, "/dead?done=Send+the+token+to+me&n=1"); strings.Contains(w.Body.String(), "Send the token") {
		t.Error("the page says what an address holds")
	}
}

func TestSignIn(t *testing.T) {
	e := &fakeEngine{}
	h, _ := newPage(t, e, "s3cret")
	for _, path := range []string{"/", "/links", "/decisions", "/dead", "/records/INC-1", "/events", "/elsewhere"} {
		if w := get(t, h, path); w.Code != 303 || w.Header().Get("Location") != "/login" || strings.Contains(w.Body.String(), "incidents") {
			t.Errorf("%s without a session: %d %s", path, w.Code, w.Body)
		}
	}
	shows(t, post(t, h, "/dead/drop", url.Values{"id": {"d1"}}), 401)
	shows(t, post(t, h, "/login", url.Values{"token": {"guess"}}), 401, "This is not the admin token.")
	w := post(t, h, "/login", url.Values{"token": {"s3cret"}})
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode || strings.Contains(w.Body.String()+cookies[0].Value, "s3cret") {
		t.Fatalf("signed in: %d %+v %s", w.Code, cookies, w.Body)
	}
	session := func(r *http.Request) { r.AddCookie(cookies[0]) }
	shows(t, get(t, h, "/links", session), 200, "INC-1", "Sign out")
	shows(t, get(t, h, "/links", func(r *http.Request) { r.Header.Set("Authorization", "Bearer s3cret") }), 200, "INC-1")

	// Another site's form does nothing, whatever the browser sends along.
	for name, header := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		if w := post(t, h, "/dead/drop", url.Values{"id": {"d1"}}, session, func(r *http.Request) { r.Header.Set(name, header) }); w.Code != 403 || len(e.did) > 0 {
			t.Errorf("a form of another site: %d, done %q", w.Code, e.did)
		}
	}
	shows(t, post(t, h, "/logout", nil, session), 200, "Signed out")
	if w := get(t, h, "/links", session); w.Code != 303 {
		t.Errorf("after signing out: %d", w.Code)
	}
	// Guessing takes its time.
	var codes []int
	for range 20 {
		codes = append(codes, post(t, h, "/login", url.Values{"token": {"guess"}}).Code)
	}
	if !slices.Contains(codes, 429) {
		t.Errorf("20 guesses were answered with %v", codes)
	}
}

func TestHeaders(t *testing.T) {
	h, _ := newPage(t, &fakeEngine{}, "")
	for _, path := range []string{"/", "/static/page.js", "/elsewhere"} {
		w := get(t, h, path)
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
}
