package admin

import (
	"context"
	"net/http"
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

func (a *API) retryDead(w http.ResponseWriter, r *http.Request) {
	a.removeDead(w, r, "retried", Engine.RetryDead)
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
