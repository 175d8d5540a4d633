package admin

import (
	"encoding/json"
	"net/http"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/links"
)

func (a *API) getLinks(w http.ResponseWriter, r *http.Request) {
	query, ok := queryOf(w, r)
	if !ok {
		return
	}
	query.State = links.Phase(r.URL.Query().Get("state"))
	ask(a, w, reading(a, r, func(e Engine) (any, error) {
		page, next, err := e.FindLinks(r.Context(), query)
		return nextPage(w, r, page, next), err
	}))
}

func (a *API) getLink(w http.ResponseWriter, r *http.Request) {
	ask(a, w, reading(a, r, func(e Engine) (any, error) { return e.FindLink(r.Context(), r.PathValue("name")) }))
}

func (a *API) unlink(w http.ResponseWriter, r *http.Request) {
	ask(a, w, func(e Engine) (any, error) {
		link, err := e.FindLink(r.Context(), r.PathValue("name"))
		if err != nil {
			return nil, err
		}
		if err := e.Unlink(r.Context(), link.ID); err != nil {
			return nil, err
		}
		a.Log.Info("link parted by an operator", "link", link.ID)
		return e.Link(r.Context(), link.ID)
	})
}

// adoption is what POST /v1/links takes. With check, nothing is stored, and the answer is
// what would be; with dry_run, it says what the first reconcile would write as well.
type adoption struct {
	engine.Adoption
	Check  bool `json:"check,omitempty"`
	DryRun bool `json:"dry_run,omitempty"`
}

func (a *API) adopt(w http.ResponseWriter, r *http.Request) {
	var body adoption
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil {
		answerError(w, http.StatusBadRequest, "the body should be {\"route\",\"source\",\"target\",\"template\",\"check\",\"dry_run\"}: "+err.Error())
		return
	}
	if body.Route == "" || body.Source == "" || body.Target == "" {
		answerError(w, http.StatusBadRequest, "route, source and target are all needed")
		return
	}
	ask(a, w, func(e Engine) (any, error) {
		if body.Check || body.DryRun {
			return e.CheckAdoption(r.Context(), body.Adoption, body.DryRun)
		}
		adopted, err := e.Adopt(r.Context(), body.Adoption)
		if err == nil && !adopted.Already {
			a.Log.Info("pair adopted by an operator", "link", adopted.ID, "route", body.Route)
		}
		return adopted, err
	})
}
