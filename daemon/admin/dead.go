package admin

import (
	"context"
	"net/http"

	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/store"
)

func (a *API) getDead(w http.ResponseWriter, r *http.Request) {
	ask(a, w, reading(a, r, func(e Engine) (any, error) { return e.Dead(r.Context()) }))
}

func (a *API) getDeadLetter(w http.ResponseWriter, r *http.Request) {
	ask(a, w, reading(a, r, func(e Engine) (any, error) { return deadLetter(r.Context(), e, r.PathValue("id")) }))
}

func (a *API) retryDead(w http.ResponseWriter, r *http.Request) {
	a.removeDead(w, r, "retried", Engine.RetryDead)
}

func (a *API) dropDead(w http.ResponseWriter, r *http.Request) {
	a.removeDead(w, r, "dropped", Engine.DropDead)
}

// removeDead answers with the dead letter that it removed.
func (a *API) removeDead(w http.ResponseWriter, r *http.Request, what string, remove func(Engine, context.Context, string) error) {
	id := r.PathValue("id")
	ask(a, w, func(e Engine) (any, error) {
		d, err := deadLetter(r.Context(), e, id)
		if err != nil {
			return nil, err
		}
		if err := remove(e, r.Context(), id); err != nil {
			return nil, err
		}
		a.Log.Info("dead letter "+what+" by an operator", "dead", id, "route", d.Route, "record", d.Record.String())
		return d, nil
	})
}

func deadLetter(ctx context.Context, e Engine, id string) (deadletter.Letter, error) {
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
