package admin

import (
	"encoding/json"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/engine"
)

// A list is read page by page, with what was asked for on each.
func TestListsArePaged(t *testing.T) {
	e := &fakeEngine{}
	a, _ := newAdmin(e)
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/v1/links?limit=1&route=incidents&name=INC-1&state=active", nil))
	if got, want := w.Header().Get("Link"), `</v1/links?after=a+place%2Fl1&limit=1&name=INC-1&route=incidents&state=active>; rel="next"`; got != want {
		t.Errorf("the next page is at %s, want %s", got, want)
	}
	want := []engine.Query{{Name: "INC-1", Route: "incidents", State: "active", Limit: 1}}
	if diff := cmp.Diff(want, e.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}

	e.paged = true
	server := httptest.NewServer(a.Handler())
	defer server.Close()
	c := NewClient(server.Listener.Addr().String(), "")
	all, raw, err := c.Links(t.Context(), engine.Query{Route: "incidents"})
	var decoded []engine.LinkView
	if err != nil || len(all) != 2 || json.Unmarshal(raw, &decoded) != nil || len(decoded) != 2 {
		t.Errorf("%d links of two pages, %v: %s", len(all), err, raw)
	}
	if one, _, err := c.Links(t.Context(), engine.Query{Limit: 1}); err != nil || len(one) != 1 {
		t.Errorf("%d links, %v, want the one that was asked for", len(one), err)
	}
}
