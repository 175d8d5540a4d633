package jira_test

import (
	"net/http"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors/conformance"
)

func TestNotFound(t *testing.T) {
	const own = `{"errorMessages":["Issue does not exist or you do not have permission to see it."],"errors":{}}`
	conformance.NotFound(t, own, func(t *testing.T, to http.RoundTripper) error {
		_, err := connect(t, to, nil).Read(t.Context(), issues.Ref("10001"))
		return err
	})
}
