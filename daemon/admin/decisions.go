package admin

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/lockstep-sync/lockstep/connectors"
)

const (
	defaultDecisions = 100
	maxDecisions     = 10000
)

func (a *API) getDecisions(w http.ResponseWriter, r *http.Request) {
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
	ask(a, w, reading(a, r, func(e Engine) (any, error) {
		found, err := e.Decisions(r.Context(), ref, limit)
		if found == nil {
			found = []json.RawMessage{}
		}
		return found, err
	}))
}
