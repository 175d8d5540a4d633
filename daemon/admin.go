package daemon

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

const (
	maxAdminBody     = 64 << 10
	defaultDecisions = 100
	maxDecisions     = 10000
	// How long a question is put again to a store that is away, and how often.
	readPatience = 2 * time.Second
	readAgain    = 50 * time.Millisecond
)

// adminEngine is the part of the engine that operators may inspect and control.
type adminEngine interface {
	Links(ctx context.Context) ([]engine.LinkView, error)
	Link(ctx context.Context, id string) (engine.LinkView, error)
	Unlink(ctx context.Context, id string) error
	Adopt(ctx context.Context, route string, source, target connectors.Ref) (engine.LinkView, error)
	Dead(ctx context.Context) ([]deadletter.Letter, error)
	RetryDead(ctx context.Context, id string) error
	DropDead(ctx context.Context, id string) error
	Decisions(ctx context.Context, ref connectors.Ref, limit int) ([]json.RawMessage, error)
	Export(ctx context.Context, since time.Time, write func(entry []byte) error) error
}

// admin answers on the address that only operators may reach.
type admin struct {
	log *slog.Logger
	// token is asked for; empty: whoever reaches the socket may.
	token   connectors.Secret
	status  func(context.Context) Status
	reload  func(ctx context.Context, empty bool) error // empty: it may leave no route
	engine  func() adminEngine                          // nil until it runs
	metrics http.Handler
}

// errStarting is an answer while there is no engine to ask.
var errStarting = errors.New("the daemon is still starting")

func (a *admin) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/{$}", methods{http.MethodGet: a.page})
	mux.Handle("/metrics", methods{http.MethodGet: a.metrics.ServeHTTP})
	mux.Handle("/v1/status", methods{http.MethodGet: a.getStatus})
	mux.Handle("/v1/reload", methods{http.MethodPost: a.postReload})
	mux.Handle("/v1/links", methods{http.MethodGet: a.getLinks, http.MethodPost: a.adopt})
	mux.Handle("/v1/links/{id}", methods{http.MethodGet: a.getLink, http.MethodDelete: a.unlink})
	mux.Handle("/v1/decisions", methods{http.MethodGet: a.getDecisions})
	mux.Handle("/v1/journal", methods{http.MethodGet: a.getJournal})
	mux.Handle("/v1/dead", methods{http.MethodGet: a.getDead})
	mux.Handle("/v1/dead/{id}", methods{http.MethodGet: a.getDeadLetter, http.MethodDelete: a.dropDead})
	mux.Handle("/v1/dead/{id}/retry", methods{http.MethodPost: a.retryDead})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answerError(w, http.StatusNotFound, "there is nothing at "+r.URL.Path)
	})
	return a.guarded(patient(mux))
}

// patient lets an answer take as long as what a slow system says.
func patient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerPatience)) // without one, it may take longer
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

// guarded asks for the token, in constant time, before anything else.
func (a *admin) guarded(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(a.token.Reveal()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if a.token != "" {
			scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			have := sha256.Sum256([]byte(strings.TrimSpace(given)))
			if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(have[:], want[:]) != 1 {
				w.Header().Set("WWW-Authenticate", `Bearer realm="lockstep"`)
				answerError(w, http.StatusUnauthorized, "the admin token is missing or wrong")
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxAdminBody)
		next.ServeHTTP(w, r)
	})
}

func (a *admin) getStatus(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, a.status(r.Context()))
}

func (a *admin) postReload(w http.ResponseWriter, r *http.Request) {
	err := a.reload(r.Context(), r.URL.Query().Get("empty") == "true")
	status := a.status(r.Context())
	switch {
	case err == nil:
		answer(w, http.StatusOK, status)
	case errors.Is(err, errBadConfig):
		answer(w, http.StatusConflict, reloadRefused{Error: err.Error() + "; keeping the current one", Diagnostics: status.Config.Diagnostics})
	default:
		answer(w, http.StatusServiceUnavailable, reloadRefused{Error: err.Error(), Diagnostics: status.Config.Diagnostics})
	}
}

// reloadRefused is the answer to a reload that changed nothing.
type reloadRefused struct {
	Error       string            `json:"error"`
	Diagnostics rules.Diagnostics `json:"diagnostics"`
}

func (a *admin) getLinks(w http.ResponseWriter, r *http.Request) {
	ask(a, w, reading(r, func(e adminEngine) (any, error) { return e.Links(r.Context()) }))
}

func (a *admin) getLink(w http.ResponseWriter, r *http.Request) {
	ask(a, w, reading(r, func(e adminEngine) (any, error) { return e.Link(r.Context(), r.PathValue("id")) }))
}

func (a *admin) unlink(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	ask(a, w, func(e adminEngine) (any, error) {
		if err := e.Unlink(r.Context(), id); err != nil {
			return nil, err
		}
		a.log.Info("link parted by an operator", "link", id)
		return e.Link(r.Context(), id)
	})
}

// adoption is what POST /v1/links takes.
type adoption struct {
	Route  string         `json:"route"`
	Source connectors.Ref `json:"source"`
	Target connectors.Ref `json:"target"`
}

func (a *admin) adopt(w http.ResponseWriter, r *http.Request) {
	var body adoption
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil {
		answerError(w, http.StatusBadRequest, "the body should be {\"route\",\"source\",\"target\"}: "+err.Error())
		return
	}
	if body.Route == "" || body.Source.IsZero() || body.Target.IsZero() {
		answerError(w, http.StatusBadRequest, "route, source and target are all needed")
		return
	}
	ask(a, w, func(e adminEngine) (any, error) {
		link, err := e.Adopt(r.Context(), body.Route, body.Source, body.Target)
		if err == nil {
			a.log.Info("pair adopted by an operator", "link", link.ID, "route", body.Route)
		}
		return link, err
	})
}

func (a *admin) getDecisions(w http.ResponseWriter, r *http.Request) {
	var ref connectors.Ref
	if record := r.URL.Query().Get("record"); record != "" {
		var err error
		if ref, err = connectors.ParseRef(record); err != nil {
			answerError(w, http.StatusBadRequest, "record: "+err.Error())
			return
		}
	}
	limit := defaultDecisions
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxDecisions {
			answerError(w, http.StatusBadRequest, "limit: expected a number from 1 to "+strconv.Itoa(maxDecisions))
			return
		}
		limit = n
	}
	ask(a, w, reading(r, func(e adminEngine) (any, error) {
		found, err := e.Decisions(r.Context(), ref, limit)
		if found == nil {
			found = []json.RawMessage{}
		}
		return found, err
	}))
}

func (a *admin) getDead(w http.ResponseWriter, r *http.Request) {
	ask(a, w, reading(r, func(e adminEngine) (any, error) { return e.Dead(r.Context()) }))
}

func (a *admin) getDeadLetter(w http.ResponseWriter, r *http.Request) {
	ask(a, w, reading(r, func(e adminEngine) (any, error) { return deadLetter(r.Context(), e, r.PathValue("id")) }))
}

func (a *admin) retryDead(w http.ResponseWriter, r *http.Request) {
	a.removeDead(w, r, "retried", adminEngine.RetryDead)
}

func (a *admin) dropDead(w http.ResponseWriter, r *http.Request) {
	a.removeDead(w, r, "dropped", adminEngine.DropDead)
}

// removeDead answers with the dead letter that it removed.
func (a *admin) removeDead(w http.ResponseWriter, r *http.Request, what string, remove func(adminEngine, context.Context, string) error) {
	id := r.PathValue("id")
	ask(a, w, func(e adminEngine) (any, error) {
		d, err := deadLetter(r.Context(), e, id)
		if err != nil {
			return nil, err
		}
		if err := remove(e, r.Context(), id); err != nil {
			return nil, err
		}
		a.log.Info("dead letter "+what+" by an operator", "dead", id, "route", d.Route, "record", d.Record.String())
		return d, nil
	})
}

func deadLetter(ctx context.Context, e adminEngine, id string) (deadletter.Letter, error) {
	letters, err := e.Dead(ctx)
	if err != nil {
		return deadletter.Letter{}, err
	}
	for _, d := range letters {
		if d.ID == id {
			return d, nil
		}
	}
	return deadletter.Letter{}, store.ErrNotFound
}

// reading returns a question that changes nothing. While a connection to the store
// is made again, which takes a moment, it is put again.
func reading[T any](r *http.Request, question func(adminEngine) (T, error)) func(adminEngine) (T, error) {
	return func(e adminEngine) (T, error) {
		over := time.Now().Add(readPatience)
		for {
			value, err := question(e)
			if err == nil || !passes(err) || time.Now().After(over) {
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
func ask(a *admin, w http.ResponseWriter, question func(adminEngine) (any, error)) {
	e := a.engine()
	if e == nil {
		answerError(w, http.StatusServiceUnavailable, errStarting.Error())
		return
	}
	value, err := question(e)
	var refused *engine.AdoptError
	switch class, known := connectors.ClassOf(err); {
	case err == nil:
		answer(w, http.StatusOK, value)
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
		a.log.Error("admin request failed", "error", err)
		answerError(w, http.StatusServiceUnavailable, err.Error())
	}
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
