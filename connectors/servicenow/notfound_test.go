package servicenow_test

import (
	"net/http"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors/conformance"
)

func TestNotFound(t *testing.T) {
	const own = `{"error":{"message":"No Record found","detail":"Record doesn't exist or ACL restricts the record retrieval"},"status":"failure"}`
	conformance.NotFound(t, own, func(t *testing.T, to http.RoundTripper) error {
		_, err := connect(t, to, basic()).Read(t.Context(), incidents.Ref("0123"))
		return err
	})
}
