package admin

import (
	"context"
	"net/http"

	"github.com/lockstep-sync/lockstep/engine"
)

func (a *API) getDead(w http.ResponseWriter, r *http.Request) {
	query, ok := queryOf(w, r)
	if !ok {
		return
	}
	query.Reason = r.URL.Query().Get("reason")
	ask(a, w, reading(a, r, func(e Engine) (any, error) {
		page, next, err := e.FindDead(r.Context(), query)
		return nextPage(w, r, page, next), err
	}))
}

func (a *API) getDeadLetter(w http.ResponseWriter, r *http.Request) {
	ask(a, w, reading(a, r, func(e Engine) (any, error) { return e.FindLetter(r.Context(), r.PathValue("name")) }))
}

// retryDead answers with the dead letter, or with a timeout, when it is known, with what
// became of it.
func (a *API) retryDead(w http.ResponseWriter, r *http.Request) {
	timeout, waits, ok := waited(w, r)
	if !ok {
		return
	}
	if !waits {
		a.removeDead(w, r, "retried", Engine.RetryDead)
		return
	}
	ask(a, w, func(e Engine) (any, error) {
		d, err := e.FindLetter(r.Context(), r.PathValue("name"))
		if err != nil {
			return nil, err
		}
		a.Log.Info("dead letter retried by an operator", "dead", d.ID, "route", d.Route, "record", d.Record.String())
		outcome, err := e.Retry(r.Context(), d.ID, timeout)
		return Retried{Letter: d, Outcome: outcome}, err
	})
}

// Retried is what became of a dead letter that was retried.
type Retried struct {
	Letter  engine.LetterView `json:"letter"` // as it was
	Outcome engine.Outcome    `json:"outcome"`
}

func (a *API) dropDead(w http.ResponseWriter, r *http.Request) {
	a.removeDead(w, r, "dropped", Engine.DropDead)
}

// removeDead answers with the dead letter that it removed.
func (a *API) removeDead(w http.ResponseWriter, r *http.Request, what string, remove func(Engine, context.Context, string) error) {
	ask(a, w, func(e Engine) (any, error) {
		d, err := e.FindLetter(r.Context(), r.PathValue("name"))
		if err != nil {
			return nil, err
		}
		if err := remove(e, r.Context(), d.ID); err != nil {
			return nil, err
		}
		a.Log.Info("dead letter "+what+" by an operator", "dead", d.ID, "route", d.Route, "record", d.Record.String())
		return d, nil
	})
}
