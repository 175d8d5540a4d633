package admin

import "net/http"

// getRecord answers with a record as its system gives it now; with inputs=true, with
// what the rules are asked about it as well.
func (a *API) getRecord(w http.ResponseWriter, r *http.Request) {
	ask(a, w, reading(a, r, func(e Engine) (any, error) {
		record, err := e.ReadRecord(r.Context(), r.PathValue("name"))
		if r.URL.Query().Get("inputs") != "true" {
			record.Inputs = nil
		}
		return record, err
	}))
}

// mostNames is how many names are of help to who is typing one.
const mostNames = 200

// getNames answers with stored names that begin as a person has typed.
func (a *API) getNames(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	ask(a, w, func(e Engine) (any, error) {
		return e.Complete(r.Context(), asked.Get("of"), asked.Get("prefix"), mostNames)
	})
}

func (a *API) getWhy(w http.ResponseWriter, r *http.Request) {
	ask(a, w, reading(a, r, func(e Engine) (any, error) { return e.Why(r.Context(), r.PathValue("name")) }))
}
