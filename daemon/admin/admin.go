package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/backfill"
	"github.com/lockstep-sync/lockstep/engine/names"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
)

const (
	maxAdminBody = 64 << 10
	// How long a question is put again to a store that is away, and how often.
	readTimeout = 2 * time.Second
	readAgain   = 50 * time.Millisecond
)

// An Engine is the part of the engine that operators may inspect and control.
type Engine interface {
	FindLinks(ctx context.Context, query engine.Query) (page []engine.LinkView, next string, err error)
	FindLink(ctx context.Context, name string) (engine.LinkView, error)
	Link(ctx context.Context, id string) (engine.LinkView, error)
	Unlink(ctx context.Context, id string) error
	Adopt(ctx context.Context, adoption engine.Adoption) (engine.Adopted, error)
	CheckAdoption(ctx context.Context, adoption engine.Adoption, operations bool) (engine.Adopted, error)
	FindDead(ctx context.Context, query engine.Query) (page []engine.LetterView, next string, err error)
	FindLetter(ctx context.Context, name string) (engine.LetterView, error)
	RetryDead(ctx context.Context, id string) error
	Retry(ctx context.Context, id string, timeout time.Duration) (engine.Outcome, error)
	Sync(ctx context.Context, name string, timeout time.Duration) ([]engine.Outcome, error)
	DropDead(ctx context.Context, id string) error
	Routes(ctx context.Context) ([]engine.RouteStatus, error)
	PauseRoute(ctx context.Context, route, by string) (engine.RouteStatus, error)
	ResumeRoute(ctx context.Context, route string) (engine.RouteStatus, error)
	FindDecisions(ctx context.Context, name, route string, limit int) ([]engine.DecisionView, error)
	FollowDecisions(ctx context.Context, name, route string, limit int, begun func(), take func(engine.DecisionView) error) error
	ReadRecord(ctx context.Context, name string) (engine.RecordView, error)
	Complete(ctx context.Context, of, prefix string, limit int) ([]names.Suggestion, error)
	Why(ctx context.Context, name string) ([]engine.Why, error)
	Backfill(ctx context.Context, request backfill.Request) (backfill.Job, error)
	BackfillJob(ctx context.Context) (backfill.Job, error)
	StopBackfill(ctx context.Context) (backfill.Job, error)
	BackfillDryRun(ctx context.Context, request backfill.Request, tell func(reconcile.Planned) error) error
	Export(ctx context.Context, since time.Time, write func(entry []byte) error) error
}

// An API answers on the address that only operators may reach.
type API struct {
	Log *slog.Logger
	// Token is asked for; empty: whoever reaches the socket may.
	Token   connectors.Secret
	Status  func(context.Context) Status
	Reload  func(ctx context.Context, empty bool) error // empty: it may leave no route
	Engine  func() Engine                               // nil until it runs
	Metrics http.Handler
	// Page answers what is for people, and knows for itself who may see it; nil: no
	// page.
	Page http.Handler
	// Passes tells an outage of the store, which passes, from a mistake. nil: none does.
	Passes func(error) bool
	// Ending is closed when the daemon stops: answers that go on until then end. nil:
	// it never does.
	Ending <-chan struct{}
}

// ErrBadConfig is returned by a reload when the files are bad; the status has their
// diagnostics then.
var ErrBadConfig = errors.New("invalid configuration")

// errStarting is an answer while there is no engine to ask.
var errStarting = errors.New("the daemon is still starting")

// Handler returns what answers.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", methods{http.MethodGet: a.Metrics.ServeHTTP})
	mux.Handle("/v1/status", methods{http.MethodGet: a.getStatus})
	mux.Handle("/v1/reload", methods{http.MethodPost: a.postReload})
	mux.Handle("/v1/links", methods{http.MethodGet: a.getLinks, http.MethodPost: a.adopt})
	mux.Handle("/v1/links/{name...}", methods{http.MethodGet: a.getLink, http.MethodDelete: a.unlink})
	mux.Handle("/v1/decisions", methods{http.MethodGet: a.getDecisions})
	mux.Handle("/v1/records/{name...}", methods{http.MethodGet: a.getRecord})
	mux.Handle("/v1/names", methods{http.MethodGet: a.getNames})
	mux.Handle("/v1/why/{name...}", methods{http.MethodGet: a.getWhy})
	mux.Handle("/v1/backfill", methods{http.MethodGet: a.getBackfill, http.MethodPost: a.startBackfill, http.MethodDelete: a.stopBackfill})
	mux.Handle("/v1/backfill/plan", methods{http.MethodGet: a.planBackfill})
	mux.Handle("/v1/journal", methods{http.MethodGet: a.getJournal})
	mux.Handle("/v1/sync", methods{http.MethodPost: a.postSync})
	mux.Handle("/v1/routes", methods{http.MethodGet: a.getRoutes})
	mux.Handle("/v1/routes/{route}/pause", methods{http.MethodPost: a.pauseRoute})
	mux.Handle("/v1/routes/{route}/resume", methods{http.MethodPost: a.resumeRoute})
	mux.Handle("/v1/dead", methods{http.MethodGet: a.getDead})
	mux.Handle("/v1/dead/{name}", methods{http.MethodGet: a.getDeadLetter, http.MethodDelete: a.dropDead})
	mux.Handle("/v1/dead/{name}/retry", methods{http.MethodPost: a.retryDead})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answerError(w, http.StatusNotFound, "there is nothing at "+r.URL.Path)
	})
	api := a.guarded(patient(mux))
	if a.Page == nil {
		return api
	}
	all := http.NewServeMux()
	all.Handle("/v1/", api)
	all.Handle("/metrics", api)
	all.Handle("/", a.Page)
	return all
}

// patient lets an answer take as long as what a slow system says.
func patient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(Timeout)) // without one, it may take longer
		next.ServeHTTP(w, r)
	})
}

// methods dispatches on the method; others are answered with 405.
type methods map[string]http.HandlerFunc

func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if h, ok := m[method]; ok {
		h(w, r)
		return
	}
	var allowed []string
	for name := range m {
		allowed = append(allowed, name)
	}
	slices.Sort(allowed)
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	answerError(w, http.StatusMethodNotAllowed, r.Method+" is not done here; "+strings.Join(allowed, " or ")+" is")
}

// HasToken reports, in constant time, whether a request brings the admin token.
func HasToken(r *http.Request, token connectors.Secret) bool {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	want, have := sha256.Sum256([]byte(token.Reveal())), sha256.Sum256([]byte(strings.TrimSpace(given)))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(have[:], want[:]) == 1
}

// guarded asks for the token, in constant time, before anything else.
func (a *API) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if a.Token != "" && !HasToken(r, a.Token) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="lockstep"`)
			answerError(w, http.StatusUnauthorized, "the admin token is missing or wrong")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxAdminBody)
		next.ServeHTTP(w, r)
	})
}

// reading returns a question that changes nothing. While a connection to the store
// is made again, which takes a moment, it is put again.
func reading[T any](a *API, r *http.Request, question func(Engine) (T, error)) func(Engine) (T, error) {
	return func(e Engine) (T, error) {
		over := time.Now().Add(readTimeout)
		for {
			value, err := question(e)
			if err == nil || a.Passes == nil || !a.Passes(err) || time.Now().After(over) {
				return value, err
			}
			select {
			case <-r.Context().Done():
				return value, err
			case <-time.After(readAgain):
			}
		}
	}
}

// ask asks the engine and answers with what it says.
func ask(a *API, w http.ResponseWriter, question func(Engine) (any, error)) {
	e := a.Engine()
	if e == nil {
		answerError(w, http.StatusServiceUnavailable, errStarting.Error())
		return
	}
	value, err := question(e)
	if err == nil {
		answer(w, http.StatusOK, value)
		return
	}
	a.fail(w, err)
}

// fail answers with what an error of the engine means.
func (a *API) fail(w http.ResponseWriter, err error) {
	var refused *engine.AdoptError
	var unknown *names.UnknownError
	var several *names.AmbiguousError
	var private *engine.PrivateError
	var nothing *engine.NothingError
	var noRoute *engine.NoRouteError
	var noRouteOf *engine.NoRouteOfError
	switch class, known := connectors.ClassOf(err); {
	case errors.As(err, &several):
		answer(w, http.StatusConflict, ambiguous{Error: several.Error(), Matches: several.Matches})
	case errors.As(err, &unknown) && len(unknown.Failed) > 0:
		answerError(w, http.StatusBadGateway, unknown.Error())
	case errors.As(err, &unknown):
		answer(w, http.StatusNotFound, unknownName{Error: unknown.Error(), Unknown: true})
	case errors.As(err, &noRoute):
		answerError(w, http.StatusNotFound, noRoute.Error())
	case errors.As(err, &noRouteOf):
		answerError(w, http.StatusUnprocessableEntity, noRouteOf.Error())
	case errors.As(err, &nothing):
		answerError(w, http.StatusNotFound, nothing.Error())
	case errors.As(err, &private):
		answerError(w, http.StatusForbidden, private.Error())
	case errors.Is(err, engine.ErrCursor):
		answerError(w, http.StatusBadRequest, "after: "+err.Error())
	case errors.Is(err, store.ErrNotFound):
		answerError(w, http.StatusNotFound, "there is nothing of this id")
	case errors.Is(err, store.ErrConflict):
		answerError(w, http.StatusConflict, "it is being changed; try again")
	case errors.As(err, &refused):
		answerError(w, http.StatusUnprocessableEntity, refused.Message)
	case known && class == connectors.ClassGone:
		answerError(w, http.StatusUnprocessableEntity, err.Error())
	case known:
		answerError(w, http.StatusBadGateway, err.Error())
	default:
		a.Log.Error("admin request failed", "error", err)
		answerError(w, http.StatusServiceUnavailable, err.Error())
	}
}

// unknownName is the answer where nothing has a name.
type unknownName struct {
	Error   string `json:"error"`
	Unknown bool   `json:"unknown_name"`
}

// ambiguous is the answer where a name fits several things.
type ambiguous struct {
	Error   string        `json:"error"`
	Matches []names.Match `json:"matches"`
}

func answer(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // the client is gone; nobody to tell
}

func answerError(w http.ResponseWriter, code int, text string) {
	answer(w, code, map[string]string{"error": text})
}
