package page

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/names"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules/visible"
)

//go:embed templates static
var files embed.FS

// An Engine is what the page asks of the engine, by the names that people use.
type Engine interface {
	FindLinks(ctx context.Context, query engine.Query) (page []engine.LinkView, next string, err error)
	FindDead(ctx context.Context, query engine.Query) (page []engine.LetterView, next string, err error)
	FindDecisions(ctx context.Context, name, route string, limit int) ([]engine.DecisionView, error)
	Why(ctx context.Context, name string) ([]engine.Why, error)
	RetryDead(ctx context.Context, id string) error
	DropDead(ctx context.Context, id string) error
}

// A Page serves the operator's page on the admin address.
type Page struct {
	Log *slog.Logger
	// Token opens it, once for a browser, and as a bearer's token; empty: whoever
	// reaches the address may.
	Token  connectors.Secret
	Status func(context.Context) admin.Status
	Engine func() Engine   // nil until it runs
	Done   <-chan struct{} // closed when the daemon stops: streams end

	watch    watch
	sessions Sessions
	attempts *rate.Limiter // to sign in
	views    map[string]*template.Template
}

// Handler returns what serves everything but the admin API.
func (p *Page) Handler() (http.Handler, error) {
	p.sessions.Cookie = "lockstep_admin"
	p.attempts = rate.NewLimiter(1, 10)
	if err := p.parse(); err != nil {
		return nil, err
	}
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(static)))
	mux.HandleFunc("GET /login", p.loginForm)
	mux.HandleFunc("POST /login", p.login)
	for pattern, handle := range map[string]http.HandlerFunc{
		"GET /{$}":               p.overview,
		"GET /links":             p.links,
		"GET /records/{name...}": p.record,
		"GET /find":              p.find,
		"GET /decisions":         p.decisions,
		"GET /dead":              p.dead,
		"POST /dead/retry":       p.retryDead,
		"POST /dead/drop":        p.dropDead,
		"GET /events":            p.events,
		"POST /logout":           p.logout,
		"/":                      p.nothing,
	} {
		mux.Handle(pattern, p.signedIn(handle))
	}
	return headers(http.NewCrossOriginProtection().Handler(mux)), nil
}

// headers are those of every answer: nothing but the page's own files is loaded or run,
// and no other page may frame it.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w)
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		next.ServeHTTP(w, r)
	})
}

func secure(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// signedIn lets in who has the token or has shown it before.
func (p *Page) signedIn(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.Token == "" || p.sessions.SignedIn(r) || admin.HasToken(r, p.Token) {
			next(w, r)
			return
		}
		if r.Method != http.MethodGet {
			message(w, http.StatusUnauthorized, "Not signed in", "Sign in again: the session is over.")
			return
		}
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	})
}

func (p *Page) loginForm(w http.ResponseWriter, r *http.Request) {
	if p.Token == "" || p.sessions.SignedIn(r) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	p.render(w, http.StatusOK, "login", loginView{})
}

type loginView struct{ Wrong string }

func (p *Page) login(w http.ResponseWriter, r *http.Request) {
	switch {
	case !p.attempts.Allow():
		p.render(w, http.StatusTooManyRequests, "login", loginView{"Too many attempts. Wait a few seconds."})
	case p.Token == "" || !sameSecret(strings.TrimSpace(r.PostFormValue("token")), p.Token.Reveal()):
		p.Log.Warn("somebody tried to sign in to the page with a wrong token", "from", r.RemoteAddr)
		p.render(w, http.StatusUnauthorized, "login", loginView{"This is not the admin token."})
	default:
		p.sessions.Begin(w, r)
		goHome(w)
	}
}

func (p *Page) logout(w http.ResponseWriter, r *http.Request) {
	p.sessions.End(w, r)
	message(w, http.StatusOK, "Signed out", "")
}

func (p *Page) nothing(w http.ResponseWriter, r *http.Request) {
	p.fail(w, r, http.StatusNotFound, "Nothing here", "There is no page at "+r.URL.Path+".")
}

// A view is what every page shows around its own part.
type view struct {
	Title  string
	At     string // the path of the page in the menu
	Status admin.Status
	Now    time.Time
	// SignOut is true where there is something to sign out of.
	SignOut bool
	// Said is what came of what a person did, and Name what they look for.
	Said, Name string
	Page       any
}

// show renders a page of a person who is signed in.
func (p *Page) show(w http.ResponseWriter, r *http.Request, code int, name, title string, data any) {
	p.render(w, code, name, view{
		Title: title, At: "/" + strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")[0], Status: p.Status(r.Context()), Now: time.Now(),
		SignOut: p.sessions.SignedIn(r), Said: said(r), Name: r.URL.Query().Get("name"), Page: data,
	})
}

func (p *Page) fail(w http.ResponseWriter, r *http.Request, code int, title, text string) {
	p.show(w, r, code, "message", title, text)
}

// ask puts a question to the engine; false: it has been answered why not.
func ask[T any](p *Page, w http.ResponseWriter, r *http.Request, question func(Engine) (T, error)) (T, bool) {
	var value T
	e := p.Engine()
	if e == nil {
		p.fail(w, r, http.StatusServiceUnavailable, "Starting", "The daemon is still starting: "+p.Status(r.Context()).Waiting)
		return value, false
	}
	value, err := question(e)
	if err != nil {
		code, title := reasonFor(err)
		p.fail(w, r, code, title, err.Error())
		return value, false
	}
	return value, true
}

func reasonFor(err error) (code int, title string) {
	var several *names.AmbiguousError
	var unknown *names.UnknownError
	var nothing *engine.NothingError
	var private *engine.PrivateError
	switch {
	case errors.As(err, &several):
		return http.StatusConflict, "Several records fit"
	case errors.As(err, &unknown), errors.As(err, &nothing), errors.Is(err, store.ErrNotFound):
		return http.StatusNotFound, "Not found"
	case errors.As(err, &private):
		return http.StatusForbidden, "Private"
	case errors.Is(err, engine.ErrCursor):
		return http.StatusBadRequest, "No such page"
	}
	return http.StatusServiceUnavailable, "That did not work"
}

func (p *Page) render(w http.ResponseWriter, code int, name string, data any) {
	var b strings.Builder
	if err := p.views[name].ExecuteTemplate(&b, "layout", data); err != nil {
		p.Log.Error("the page cannot be shown", "page", name, "error", err)
		http.Error(w, "the page cannot be shown; see the daemon's log", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(visible.Text(b.String()))) // the browser is gone; nobody to tell
}

// message answers who is not signed in: no file of the page is theirs to load.
func message(w http.ResponseWriter, code int, title, text string) {
	secure(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	// The browser may be gone; nobody to tell.
	_, _ = fmt.Fprintf(w, `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,"><title>%[1]s · lockstep</title>
<h1>%[1]s</h1>
<p>%[2]s</p>
</html>
`, html.EscapeString(title), html.EscapeString(text))
}

// said says what came of what a person has just done. The address names it, and does
// not hold the words: anybody can make an address.
func said(r *http.Request) string {
	asked := r.URL.Query()
	n, err := strconv.Atoi(asked.Get("n"))
	done := asked.Get("done")
	if err != nil || n < 1 || done != retried && done != dropped {
		return ""
	}
	text := "One dead letter was " + done + "."
	if n > 1 {
		text = fmt.Sprintf("%d dead letters were %s.", n, done)
	}
	if done == retried {
		text += " What comes of it shows among the decisions; what fails again comes back here."
	}
	return text
}
