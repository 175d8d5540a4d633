package conformance

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/connectors"
)

// NotFound checks what a connector makes of statuses 404 and 403: that a record is
// gone, or may not be read, only where the answer is own, which has the system's
// own form. A proxy's, a gateway's and a load balancer's come and go.
func NotFound(t *testing.T, own string, read func(t *testing.T, to http.RoundTripper) error) {
	t.Helper()
	for _, c := range []struct {
		body string
		want connectors.Class
	}{
		{own, connectors.ClassGone},
		{"", connectors.ClassUnclear},
		{"404 page not found", connectors.ClassUnclear},
		{"null", connectors.ClassUnclear},
		{"{}", connectors.ClassUnclear},
		{`{"message":"no Route matched with those values"}`, connectors.ClassUnclear},
		{`{"type":"about:blank","title":"Not Found","status":404}`, connectors.ClassUnclear},
		{`{"timestamp":"2026-01-02T03:04:05Z","status":404,"error":"Not Found","path":"/x"}`, connectors.ClassUnclear},
	} {
		forbidden := connectors.ClassForbidden
		if c.want != connectors.ClassGone {
			forbidden = connectors.ClassRetry
		}
		for status, want := range map[int]connectors.Class{http.StatusNotFound: c.want, http.StatusForbidden: forbidden} {
			synctest.Test(t, func(t *testing.T) { // what is unclear is tried again, later
				err := read(t, refused{status, c.body})
				if class, ok := connectors.ClassOf(err); !ok || class != want {
					t.Errorf("status %d with %q: %v, want class %s", status, c.body, err, want)
				}
			})
		}
	}
}

// refused answers everything alike.
type refused struct {
	status int
	body   string
}

func (a refused) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(a.body)), Request: r,
	}, nil
}
