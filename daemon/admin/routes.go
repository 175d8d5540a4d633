package admin

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/lockstep-sync/lockstep/engine"
)

func (a *API) getRoutes(w http.ResponseWriter, r *http.Request) {
	ask(a, w, reading(a, r, func(e Engine) (any, error) { return e.Routes(r.Context()) }))
}

// pausing is what POST /v1/routes/NAME/pause takes; it may be left out.
type pausing struct {
	By string `json:"by"` // who it is, to those who wonder
}

// longestBy bounds what somebody may say of himself.
const longestBy = 200

func (a *API) pauseRoute(w http.ResponseWriter, r *http.Request) {
	var body pausing
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil && !errors.Is(err, io.EOF) {
		answerError(w, http.StatusBadRequest, "the body should be {\"by\"}, or none: "+err.Error())
		return
	}
	if len(body.By) > longestBy {
		answerError(w, http.StatusBadRequest, "by: expected at most 200 characters")
		return
	}
	a.changeRoute(w, r, "paused", func(e Engine) (engine.RouteStatus, error) {
		return e.PauseRoute(r.Context(), r.PathValue("route"), body.By)
	})
}

func (a *API) resumeRoute(w http.ResponseWriter, r *http.Request) {
	a.changeRoute(w, r, "resumed", func(e Engine) (engine.RouteStatus, error) {
		return e.ResumeRoute(r.Context(), r.PathValue("route"))
	})
}

func (a *API) changeRoute(w http.ResponseWriter, r *http.Request, what string, change func(Engine) (engine.RouteStatus, error)) {
	ask(a, w, func(e Engine) (any, error) {
		status, err := change(e)
		if err == nil {
			a.Log.Info("route "+what+" by an operator", "route", r.PathValue("route"))
		}
		return status, err
	})
}
