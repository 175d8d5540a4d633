package admin

import (
	"net/http"
	"net/url"

	"github.com/lockstep-sync/lockstep/engine"
)

// A list is answered page by page, with the address of the next one in a Link header.
const (
	defaultPage = 1000
	maxPage     = 10000
)

// queryOf is what is asked of a list; false: that was answered.
func queryOf(w http.ResponseWriter, r *http.Request) (engine.Query, bool) {
	limit, ok := limitOf(w, r, defaultPage, maxPage)
	asked := r.URL.Query()
	return engine.Query{Name: asked.Get("name"), Route: asked.Get("route"), After: asked.Get("after"), Limit: limit}, ok
}

// nextPage says where the next page is.
func nextPage[T any](w http.ResponseWriter, r *http.Request, page []T, next string) []T {
	if next != "" {
		asked := r.URL.Query()
		asked.Set("after", next)
		address := url.URL{Path: r.URL.Path, RawQuery: asked.Encode()}
		w.Header().Set("Link", "<"+address.String()+`>; rel="next"`)
	}
	if page == nil {
		page = []T{}
	}
	return page
}
