package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/backfill"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/jetstream"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/names"
	"github.com/lockstep-sync/lockstep/engine/pauses"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// fakeEngine has one link, "l1", and two dead letters, "d1" and "d2".
type fakeEngine struct {
	did   []string
	asked []engine.Query
	fail  error // of every call
	paged bool  // each list has two pages
	away  int   // how many of them find the store gone
}

var quiet = slog.New(slog.DiscardHandler)

var fakeRef = connectors.Ref{Collection: connectors.Collection{Type: "fake", Connector: "acme", Record: "incident"}, ID: "1"}

var someTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (f *fakeEngine) FindLinks(_ context.Context, q engine.Query) ([]engine.LinkView, string, error) {
	f.asked = append(f.asked, q)
	next := ""
	if (q.Limit == 1 || f.paged) && q.After == "" {
		next = "a place/l1"
	}
	return []engine.LinkView{{ID: "l1", Route: "incidents", Source: fakeRef, State: links.Active, UpdatedAt: someTime}}, next, f.fail
}

// FindLink knows "l1" and its record as "INC-1"; "INC-2" is somebody's without a link,
// "INC-3" fits two, and whether there is an "INC-4" cannot be asked.
func (f *fakeEngine) FindLink(ctx context.Context, name string) (engine.LinkView, error) {
	switch name {
	case "INC-1":
		name = "l1"
	case "INC-2":
		return engine.LinkView{}, &engine.NothingError{What: "link", Match: names.Match{Record: fakeRef, Name: "INC-2"}}
	case "INC-3":
		return engine.LinkView{}, &names.AmbiguousError{Name: name, Matches: []names.Match{{Record: fakeRef, Link: "l1"}, {Record: fakeRef, Link: "l2"}}}
	case "INC-4":
		return engine.LinkView{}, &names.UnknownError{Name: name, Failed: map[string]error{"acme": errors.New("away")}}
	case "l1":
	default:
		return engine.LinkView{}, errors.Join(f.fail, &names.UnknownError{Name: name})
	}
	return f.Link(ctx, name)
}

func (f *fakeEngine) Link(_ context.Context, id string) (engine.LinkView, error) {
	if f.fail != nil || id != "l1" {
		return engine.LinkView{}, errors.Join(f.fail, store.ErrNotFound)
	}
	return engine.LinkView{ID: id, Source: fakeRef}, nil
}

func (f *fakeEngine) Unlink(ctx context.Context, id string) error {
	_, err := f.Link(ctx, id)
	f.did = append(f.did, "unlink "+id)
	return err
}

func (f *fakeEngine) Adopt(_ context.Context, pair engine.Adoption) (engine.Adopted, error) {
	f.did = append(f.did, strings.TrimSpace("adopt "+pair.Route+" "+pair.Source+" "+pair.Target+" "+pair.Template))
	if pair.Route == "none" {
		return engine.Adopted{}, &engine.AdoptError{Message: `there is no route "none"`}
	}
	return engine.Adopted{LinkView: engine.LinkView{ID: "l2", Route: pair.Route, Source: fakeRef, Target: &fakeRef}}, f.fail
}

func (f *fakeEngine) CheckAdoption(_ context.Context, _ engine.Adoption, operations bool) (engine.Adopted, error) {
	f.did = append(f.did, fmt.Sprint("check ", operations))
	return engine.Adopted{LinkView: engine.LinkView{ID: "l2"}, Already: true}, f.fail
}

func (f *fakeEngine) FindDead(_ context.Context, q engine.Query) ([]engine.LetterView, string, error) {
	f.asked = append(f.asked, q)
	if f.away > 0 {
		f.away--
		return nil, "", fmt.Errorf("list dead letters: %w", jetstream.ErrDisconnected)
	}
	return []engine.LetterView{
		{Letter: deadletter.Letter{ID: "d1", Route: "incidents", Record: fakeRef, Reason: "rejected", Message: "<no> & such", At: someTime}, Named: engine.Named{SourceName: "INC-1"}},
		{Letter: deadletter.Letter{ID: "d2", Record: fakeRef}},
	}, "", f.fail
}

func (f *fakeEngine) FindLetter(ctx context.Context, name string) (engine.LetterView, error) {
	all, _, err := f.FindDead(ctx, engine.Query{})
	for _, d := range all {
		if d.ID == name {
			return d, err
		}
	}
	return engine.LetterView{}, errors.Join(err, &names.UnknownError{Name: name})
}

func (f *fakeEngine) ReadRecord(_ context.Context, name string) (engine.RecordView, error) {
	if name == "INC-9" {
		return engine.RecordView{}, &engine.PrivateError{Record: fakeRef}
	}
	return engine.RecordView{Record: fakeRef, Name: name, Fields: map[string]any{"n": 1}, Inputs: map[string]*journal.Snapshot{"incidents": {}}}, f.fail
}

func (f *fakeEngine) FollowDecisions(ctx context.Context, name, _ string, _ int, begun func(), take func(engine.DecisionView) error) error {
	if name == "INC-99" {
		return &names.UnknownError{Name: name}
	}
	begun()
	for _, action := range []string{"create", "update"} {
		if err := take(engine.DecisionView{Entry: journal.Entry{Action: action, Record: fakeRef}}); err != nil {
			return err
		}
	}
	if f.fail != nil {
		return f.fail
	}
	<-ctx.Done()
	return nil
}

func (f *fakeEngine) Complete(_ context.Context, of, prefix string, _ int) ([]names.Suggestion, error) {
	return []names.Suggestion{{Name: prefix + "1", About: of}}, f.fail
}

func (f *fakeEngine) Why(_ context.Context, name string) ([]engine.Why, error) {
	return []engine.Why{{Record: fakeRef, Name: name}}, f.fail
}

// Backfill knows the route "incidents"; with the route "busy" one is under way.
func (f *fakeEngine) Backfill(_ context.Context, request backfill.Request) (backfill.Job, error) {
	f.did = append(f.did, "backfill "+request.Route)
	switch request.Route {
	case "busy":
		return backfill.Job{ID: "b1"}, backfill.ErrUnderWay
	case "incidents":
		return backfill.Job{ID: "b2", Request: request}, f.fail
	}
	return backfill.Job{}, &backfill.RouteError{Name: request.Route}
}

func (f *fakeEngine) BackfillJob(context.Context) (backfill.Job, error) {
	return backfill.Job{ID: "b1", Listed: true, Total: 9, Done: 3}, f.fail
}

func (f *fakeEngine) StopBackfill(context.Context) (backfill.Job, error) {
	return backfill.Job{ID: "b1", Stopped: true}, f.fail
}

func (f *fakeEngine) BackfillDryRun(_ context.Context, request backfill.Request, tell func(reconcile.Planned) error) error {
	if request.Route == "none" {
		return &backfill.RouteError{Name: "none"}
	}
	if err := tell(reconcile.Planned{Record: fakeRef, Name: "INC-1", Route: "incidents", Operations: []plan.Operation{{Kind: plan.KindCreate, Fields: []string{"title"}}}}); err != nil {
		return err
	}
	return f.fail
}

func (f *fakeEngine) RetryDead(_ context.Context, id string) error {
	f.did = append(f.did, "retry "+id)
	return f.fail
}

func (f *fakeEngine) Retry(_ context.Context, id string, timeout time.Duration) (engine.Outcome, error) {
	f.did = append(f.did, "retry "+id+" for "+timeout.String())
	return engine.Outcome{Record: fakeRef, Result: engine.Written, Wrote: []string{"title"}}, f.fail
}

func (f *fakeEngine) Sync(_ context.Context, name string, timeout time.Duration) ([]engine.Outcome, error) {
	if name == "INC-8" {
		return nil, &engine.NoRouteOfError{Record: fakeRef}
	}
	f.did = append(f.did, "sync "+name+" for "+timeout.String())
	return []engine.Outcome{{Record: fakeRef, Result: engine.InStep}}, f.fail
}

func (f *fakeEngine) DropDead(_ context.Context, id string) error {
	f.did = append(f.did, "drop "+id)
	return f.fail
}

func (f *fakeEngine) Routes(context.Context) ([]engine.RouteStatus, error) {
	return []engine.RouteStatus{{Name: "incidents", Templates: []string{}}}, f.fail
}

func (f *fakeEngine) PauseRoute(_ context.Context, route, by string) (engine.RouteStatus, error) {
	if route != "incidents" {
		return engine.RouteStatus{}, &engine.NoRouteError{Name: route}
	}
	f.did = append(f.did, "pause "+route+" "+by)
	return engine.RouteStatus{Name: route, Paused: &pauses.Pause{Since: someTime, By: by}}, f.fail
}

func (f *fakeEngine) ResumeRoute(_ context.Context, route string) (engine.RouteStatus, error) {
	f.did = append(f.did, "resume "+route)
	return engine.RouteStatus{Name: route}, f.fail
}

func (f *fakeEngine) FindDecisions(_ context.Context, name, route string, limit int) ([]engine.DecisionView, error) {
	if name != fakeRef.String() || route == "other" {
		return []engine.DecisionView{}, f.fail
	}
	return []engine.DecisionView{{Entry: journal.Entry{Action: "create"}, Named: engine.Named{SourceName: "INC-1"}}}[:min(limit, 1)], f.fail
}

func (f *fakeEngine) Export(_ context.Context, since time.Time, write func([]byte) error) error {
	if f.fail != nil || since.After(someTime) {
		return f.fail
	}
	return errors.Join(write([]byte(`{"action":"create"}`)), write([]byte(`{"action":"update"}`)))
}

func TestJournal(t *testing.T) {
	a, _ := newAdmin(&fakeEngine{})
	for query, want := range map[string]struct {
		code int
		body string
	}{
		"":                            {200, "{\"action\":\"create\"}\n{\"action\":\"update\"}\n"},
		"?since=2026-02-01T00:00:00Z": {200, ""},
		"?since=yesterday":            {400, "{\"error\":\"since: expected a time as 2026-01-02T15:04:05Z\"}\n"},
	} {
		recorder := httptest.NewRecorder()
		a.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/v1/journal"+query, nil))
		if recorder.Code != want.code || recorder.Body.String() != want.body {
			t.Errorf("%s: %d %q, want %d %q", query, recorder.Code, recorder.Body, want.code, want.body)
		}
	}
}

var badFiles = rules.Diagnostics{{Severity: "error", File: "main.hcl", Line: 3, Column: 9, Summary: "no such field", Detail: "Write another."}}

func newAdmin(e Engine) (*API, *Status) {
	status := &Status{
		Ready: true, Generation: "abc", Config: ConfigStatus{OK: true, Diagnostics: rules.Diagnostics{}},
		Routes: []engine.RouteStatus{{Name: "incidents", Links: 1}}, Connectors: []breaker.ConnectorStatus{},
	}
	return &API{
		Log:    quiet,
		Status: func(context.Context) Status { return *status },
		Reload: func(context.Context, bool) error { return nil },
		Engine: func() Engine { return e },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("lockstep_ready 1\n"))
		}),
		Passes: func(err error) bool { return errors.Is(err, jetstream.ErrDisconnected) },
	}, status
}

func TestAdminAnswers(t *testing.T) {
	ref := fakeRef.String()
	tests := []struct {
		method, target, body string
		code                 int
		says                 string // part of the body
		did                  string
	}{
		{"GET", "/v1/status", "", 200, `"generation":"abc"`, ""},
		{"GET", "/v1/links", "", 200, `[{"id":"l1","route":"incidents",`, ""},
		{"GET", "/v1/links/l1", "", 200, `"source":"` + ref + `"`, ""},
		{"GET", "/v1/links/l9", "", 404, `{"error":"nothing is called \"l9\"`, ""},
		{"GET", "/v1/links/INC-1", "", 200, `"id":"l1"`, ""},
		{"GET", "/v1/links/INC-2", "", 404, "INC-2 has no link", ""},
		{"GET", "/v1/links/INC-3", "", 409, `"matches":[{"record":"` + ref + `","name":"","url":"","link":"l1"},`, ""},
		{"GET", "/v1/links/INC-4", "", 502, "acme could not be asked: away", ""},
		{"DELETE", "/v1/links/INC-1", "", 200, `"id":"l1"`, "unlink l1"},
		{"DELETE", "/v1/links/INC-3", "", 409, "fits several", ""},
		{"GET", "/v1/records/INC-1", "", 200, `"fields":{"n":1}}`, ""},
		{"GET", "/v1/records/INC-1?inputs=true", "", 200, `"inputs":{"incidents":`, ""},
		{"GET", "/v1/records/" + ref, "", 200, `"name":"` + ref + `"`, ""},
		{"GET", "/v1/records/INC-9", "", 403, "is private", ""},
		{"GET", "/v1/why/INC-1", "", 200, `[{"record":"` + ref + `","name":"INC-1"`, ""},
		{"GET", "/v1/names?of=links&prefix=INC-", "", 200, `[{"name":"INC-1","about":"links"}]`, ""},
		{"GET", "/v1/links?limit=1", "", 200, `[{"id":"l1",`, ""},
		{"GET", "/v1/links?limit=0", "", 400, "limit: ", ""},
		{"GET", "/v1/dead?limit=many", "", 400, "limit: ", ""},
		{"DELETE", "/v1/links/l1", "", 200, `"id":"l1"`, "unlink l1"},
		{"POST", "/v1/links", `{"route":"incidents","source":"` + ref + `","target":"` + ref + `"}`, 200, `"id":"l2"`, "adopt incidents " + ref + " " + ref},
		{"POST", "/v1/links", `{"route":"none","source":"` + ref + `","target":"` + ref + `"}`, 422, "no route", "adopt none " + ref + " " + ref},
		{"POST", "/v1/links", `{"route":"incidents","source":"INC-1","target":"ENG-7","template":"t"}`, 200, `"already":false`, "adopt incidents INC-1 ENG-7 t"},
		{"POST", "/v1/links", `{"route":"incidents","source":"INC-1","target":"ENG-7","check":true}`, 200, `"already":true`, "check false"},
		{"POST", "/v1/links", `{"route":"incidents","source":"INC-1","target":"ENG-7","dry_run":true}`, 200, `"already":true`, "check true"},
		{"POST", "/v1/links", `{"route":"incidents","source":"x"}`, 400, "all needed", ""},
		{"POST", "/v1/links", `{"route":"incidents"}`, 400, "all needed", ""},
		{"POST", "/v1/links", `{"rout":"incidents"}`, 400, "unknown field", ""},
		{"GET", "/v1/decisions?record=" + ref, "", 200, `"action":"create"`, ""},
		{"GET", "/v1/decisions?route=other&record=" + ref, "", 200, `[]`, ""},
		{"GET", "/v1/decisions", "", 200, `[]`, ""},
		{"GET", "/v1/decisions?limit=0", "", 400, "limit: ", ""},
		{"GET", "/v1/dead", "", 200, `"message":"<no> & such"`, ""},
		{"GET", "/v1/dead/d1", "", 200, `"id":"d1"`, ""},
		{"GET", "/v1/dead/d9", "", 404, `{"error":`, ""},
		{"POST", "/v1/dead/d1/retry", "", 200, `"id":"d1"`, "retry d1"},
		{"POST", "/v1/dead/d9/retry", "", 404, `{"error":`, ""},
		{"POST", "/v1/dead/d1/retry", `{"timeout":"1m"}`, 200, `"outcome":{"route":""`, "retry d1 for 1m0s"},
		{"POST", "/v1/dead/d1/retry", `{"timeout":"1h"}`, 400, "timeout: ", ""},
		{"POST", "/v1/dead/d9/retry", `{"timeout":"1m"}`, 404, `{"error":`, ""},
		{"POST", "/v1/sync", `{"name":"INC-1","timeout":"1m"}`, 200, `"result":"in_step"`, "sync INC-1 for 1m0s"},
		{"POST", "/v1/sync", `{"name":"INC-1"}`, 200, `"result":"in_step"`, "sync INC-1 for 0s"},
		{"POST", "/v1/sync", `{"name":"INC-8"}`, 422, "no route begins with records of", ""},
		{"POST", "/v1/sync", `{"name":"INC-1","timeout":"1 minute"}`, 400, "the body should be", ""},
		{"POST", "/v1/sync", `{"name":"INC-1","timeout":"1h"}`, 400, "a timeout from", ""},
		{"POST", "/v1/sync", `{"timeout":"1m"}`, 400, "a name is needed", ""},
		{"GET", "/v1/sync", "", 405, `{"error":`, ""},
		{"DELETE", "/v1/dead/d2", "", 200, `"id":"d2"`, "drop d2"},
		{"GET", "/v1/routes", "", 200, `"paused":null`, ""},
		{"POST", "/v1/routes/incidents/pause", `{"by":"lisa@laptop"}`, 200, `"paused":{"since":"2026-01-02T03:04:05Z","by":"lisa@laptop"}`, "pause incidents lisa@laptop"},
		{"POST", "/v1/routes/incidents/pause", "", 200, `"name":"incidents"`, "pause incidents "},
		{"POST", "/v1/routes/incidents/pause", `{"who":"lisa"}`, 400, "unknown field", ""},
		{"POST", "/v1/routes/incidents/pause", `{"by":"` + strings.Repeat("x", 201) + `"}`, 400, "by: ", ""},
		{"POST", "/v1/routes/none/pause", "", 404, `there is no route \"none\"`, ""},
		{"POST", "/v1/routes/incidents/resume", "", 200, `"paused":null`, "resume incidents"},
		{"GET", "/v1/routes/incidents/pause", "", 405, `{"error":`, ""},
		{"POST", "/v1/backfill", `{"route":"incidents"}`, 202, `"id":"b2"`, "backfill incidents"},
		{"POST", "/v1/backfill", `{"route":"busy"}`, 409, `"job":{"id":"b1"`, "backfill busy"},
		{"POST", "/v1/backfill", `{"route":"none"}`, 404, `there is no route \"none\"`, "backfill none"},
		{"POST", "/v1/backfill", `{"routes":"none"}`, 400, "unknown field", ""},
		{"GET", "/v1/backfill", "", 200, `"total":9`, ""},
		{"DELETE", "/v1/backfill", "", 200, `"stopped":true`, ""},
		{"GET", "/v1/backfill/plan", "", 200, `"name":"INC-1"`, ""},
		{"GET", "/v1/backfill/plan?route=none", "", 404, `there is no route \"none\"`, ""},
		{"GET", "/v1/backfill/plan?since=yesterday", "", 400, "expected a time", ""},
		{"POST", "/v1/reload", "", 200, `"generation":"abc"`, ""},
		{"GET", "/metrics", "", 200, "lockstep_ready 1", ""},
		{"HEAD", "/v1/status", "", 200, "", ""},
		{"GET", "/v1/nothing", "", 404, `{"error":`, ""},
		{"POST", "/v1/status", "", 405, `{"error":`, ""},
		{"GET", "/v1/reload", "", 405, `{"error":`, ""},
		{"GET", "/v1/dead/d1/retry", "", 405, `{"error":`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.target, func(t *testing.T) {
			e := &fakeEngine{}
			a, _ := newAdmin(e)
			w := httptest.NewRecorder()
			a.Handler().ServeHTTP(w, httptest.NewRequest(tt.method, tt.target, strings.NewReader(tt.body)))
			if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("answered %d %s, want %d with %s", w.Code, w.Body, tt.code, tt.says)
			}
			if got := strings.Join(e.did, ", "); got != tt.did {
				t.Errorf("did %q, want %q", got, tt.did)
			}
			if w.Code == 405 && w.Header().Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
}

func TestAdminFailures(t *testing.T) {
	tests := []struct {
		name string
		fail error
		code int
	}{
		{"conflict", store.ErrConflict, 409},
		{"outage", errors.New("no answer"), 503},
		{"a system's outage", &connectors.Error{Class: connectors.ClassUnclear}, 502},
		{"no such record", &connectors.Error{Class: connectors.ClassGone}, 422},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, _ := newAdmin(&fakeEngine{fail: tt.fail})
			w := httptest.NewRecorder()
			a.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/v1/dead", nil))
			if w.Code != tt.code {
				t.Errorf("answered %d %s, want %d", w.Code, w.Body, tt.code)
			}
		})
	}
	t.Run("starting", func(t *testing.T) {
		a, _ := newAdmin(nil)
		a.Engine = func() Engine { return nil }
		for path, code := range map[string]int{"/v1/links": 503, "/v1/dead/d1": 503, "/v1/status": 200, "/metrics": 200} {
			w := httptest.NewRecorder()
			a.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.Code != code {
				t.Errorf("%s: answered %d, want %d", path, w.Code, code)
			}
		}
	})
}

// A connection to the store that is made again at once is nobody's business.
func TestAdminReadsWaitForTheStore(t *testing.T) {
	for _, c := range []struct{ away, code int }{{3, 200}, {1000, 503}} {
		synctest.Test(t, func(t *testing.T) {
			a, _ := newAdmin(&fakeEngine{away: c.away})
			w := httptest.NewRecorder()
			began := time.Now()
			a.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/v1/dead", nil))
			if w.Code != c.code {
				t.Errorf("answered %d %s, want %d", w.Code, w.Body, c.code)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestAdminReloadRefused(t *testing.T) {
	a, status := newAdmin(&fakeEngine{})
	status.Config = ConfigStatus{OK: false, Diagnostics: badFiles}
	for fail, code := range map[error]int{ErrBadConfig: 409, errors.New("the store is away"): 503} {
		a.Reload = func(context.Context, bool) error { return fail }
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/v1/reload", nil))
		var got reloadRefused
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if w.Code != code || !cmp.Equal(got.Diagnostics, badFiles, cmp.Comparer(sameDiagnostic)) || got.Error == "" {
			t.Errorf("%v: answered %d %s, want %d with the diagnostics", fail, w.Code, w.Body, code)
		}
	}
}

func sameDiagnostic(a, b rules.Diagnostic) bool {
	return a.Severity == b.Severity && a.File == b.File && a.Line == b.Line && a.Column == b.Column &&
		a.Summary == b.Summary && a.Detail == b.Detail
}

func TestAdminToken(t *testing.T) {
	a, _ := newAdmin(&fakeEngine{})
	a.Token = "s3cret"
	handler := a.Handler()
	for header, code := range map[string]int{
		"":               401,
		"Bearer":         401,
		"Bearer s3cre":   401,
		"Bearer s3crett": 401,
		"Basic s3cret":   401,
		"s3cret":         401,
		"Bearer s3cret":  200,
		"bearer s3cret":  200,
	} {
		for _, path := range []string{"/v1/status", "/metrics", "/v1/nothing"} {
			r := httptest.NewRequest("GET", path, nil)
			if header != "" {
				r.Header.Set("Authorization", header)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != code && (w.Code != 404 || code != 200) {
				t.Errorf("%s with %q: answered %d, want %d", path, header, w.Code, code)
			}
			if w.Code == 401 && (w.Header().Get("WWW-Authenticate") == "" || strings.Contains(w.Body.String(), "s3cret")) {
				t.Errorf("%s with %q: %v %s", path, header, w.Header(), w.Body)
			}
		}
	}
}

func TestClientAgainstAdmin(t *testing.T) {
	e := &fakeEngine{}
	a, status := newAdmin(e)
	a.Token = "s3cret"
	server := httptest.NewServer(a.Handler())
	defer server.Close()
	address := server.Listener.Addr().String()
	ctx := t.Context()

	c := NewClient(address, "s3cret")
	if got, raw, err := c.Status(ctx); err != nil || got.Generation != "abc" || !json.Valid(raw) {
		t.Errorf("status: %v, %s, %v", got, raw, err)
	}
	if got, _, err := c.Link(ctx, "l1"); err != nil || got.ID != "l1" {
		t.Errorf("link: %v, %v", got, err)
	}
	var refused *AnswerError
	if _, _, err := c.Link(ctx, "../status"); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("an id that is a path: %v", err)
	}
	if got, _, err := c.Adopt(ctx, engine.Adoption{Route: "incidents", Source: "INC-1", Target: "ENG-7"}); err != nil || got.ID != "l2" {
		t.Errorf("adopt: %v, %v", got, err)
	}
	if got, _, err := c.Decisions(ctx, fakeRef.String(), "", 5); err != nil || len(got) != 1 || got[0].Action != "create" {
		t.Errorf("decisions: %v, %v", got, err)
	}
	if got, _, err := c.RetryDead(ctx, "d1"); err != nil || got.ID != "d1" {
		t.Errorf("retry: %v, %v", got, err)
	}
	a.Reload = func(context.Context, bool) error { return ErrBadConfig }
	status.Config = ConfigStatus{Diagnostics: badFiles}
	if _, _, err := c.Reload(ctx, false); !errors.As(err, &refused) || refused.Status != 409 || len(refused.Diagnostics) != 1 {
		t.Errorf("reload: %v", err)
	}

	if _, _, err := NewClient(address, "other").Status(ctx); !errors.As(err, &refused) || refused.Status != 401 {
		t.Errorf("another token: %v", err)
	}
	server.Close()
	var unreachable *UnreachableError
	if _, _, err := c.Status(ctx); !errors.As(err, &unreachable) || !strings.Contains(err.Error(), address) {
		t.Errorf("a daemon that is gone: %v", err)
	}
	if _, _, err := NewClient("unix:///nowhere/admin.sock", "").Status(ctx); !errors.As(err, &unreachable) {
		t.Errorf("a socket that is not there: %v", err)
	}
}
