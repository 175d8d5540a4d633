package incidentio_test

import (
	"net/http"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors/conformance"
)

func TestNotFound(t *testing.T) {
	const own = `{"type":"not_found","status":404,"request_id":"r-1","errors":[{"code":"not_found","message":"The resource was not found"}]}`
	conformance.NotFound(t, own, func(t *testing.T, to http.RoundTripper) error {
		_, err := connect(t, to, "key").Read(t.Context(), incidents.Ref("I1"))
		return err
	})
}
