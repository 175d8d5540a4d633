package admin

import (
	"net/http"
	"strconv"
)

const (
	defaultDecisions = 100
	maxDecisions     = 10000
)

func (a *API) getDecisions(w http.ResponseWriter, r *http.Request) {
	limit, ok := limitOf(w, r, defaultDecisions, maxDecisions)
	if !ok {
		return
	}
	asked := r.URL.Query()
	if asked.Get("follow") == "true" {
		a.followDecisions(w, r, limit)
		return
	}
	ask(a, w, reading(a, r, func(e Engine) (any, error) {
		return e.FindDecisions(r.Context(), asked.Get("record"), asked.Get("route"), limit)
	}))
}

// limitOf is how many elements of a list are asked for; false: that was answered.
func limitOf(w http.ResponseWriter, r *http.Request, by, most int) (int, bool) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return by, true
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		answerError(w, http.StatusBadRequest, "limit: expected a number from 1 to "+strconv.Itoa(most))
		return 0, false
	}
	return n, true
}
