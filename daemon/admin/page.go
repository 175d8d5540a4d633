package admin

import (
	_ "embed"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/rules/visible"
)

//go:embed page.html
var pageText string

// pageData is what the page for people shows.
type pageData struct {
	Status Status
	Dead   []engine.LetterView
	Now    time.Time
}

// maxPageDead is how many dead letters the page shows; the rest it counts.
const maxPageDead = 50

// page serves the state of the daemon for a person with a browser.
func (a *API) page(w http.ResponseWriter, r *http.Request) {
	data := pageData{Status: a.Status(r.Context()), Now: time.Now().UTC()}
	if e := a.Engine(); e != nil {
		letters, _, err := e.FindDead(r.Context(), engine.Query{Limit: maxPageDead})
		if err != nil {
			answerError(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		data.Dead = letters
	}
	page, err := template.New("page").Funcs(template.FuncMap{"short": short, "time": clockTime}).Parse(pageText)
	if err != nil {
		answerError(w, http.StatusInternalServerError, err.Error())
		return
	}
	var b strings.Builder
	if err := page.Execute(&b, data); err != nil {
		answerError(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_, _ = w.Write([]byte(visible.Text(b.String()))) // the client is gone; nobody to tell
}

func short(digest string) string { return digest[:min(len(digest), 12)] }

func clockTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
