package incidentio_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/lockstep-sync/lockstep/connectors/conformance"
)

// vendorFile is the vendor's description of the API, beside the repository.
func vendorFile() string {
	return filepath.Join("..", "..", "..", "shared", "specs", "incidentio.sync.openapi.json")
}

// loadVendor reads the file once. Parameters that are written NAME[OPERATOR] the
// file does not say how, and no style of the validator fits, so that only their
// names are held.
var loadVendor = sync.OnceValues(func() (*conformance.Description, error) {
	loader := openapi3.NewLoader()
	document, err := loader.LoadFromFile(vendorFile())
	if err != nil {
		return nil, err
	}
	// Its text says "Set to null to unassign", its schema forgets that.
	for _, payload := range []string{"FollowUpsUpdatePayloadV2", "FollowUpsUpdatePayloadV3"} {
		for _, property := range []string{"assignee_id", "assignee_team_id"} {
			document.Components.Schemas[payload].Value.Properties[property].Value.Nullable = true
		}
	}
	filters := map[*openapi3.Operation][]string{}
	for _, path := range document.Paths.Map() {
		for _, operation := range path.Operations() {
			operation.Parameters = slices.DeleteFunc(operation.Parameters, func(p *openapi3.ParameterRef) bool {
				if p.Value.In != "query" || !p.Value.Schema.Value.Type.Is("object") {
					return false
				}
				filters[operation] = append(filters[operation], p.Value.Name)
				return true
			})
		}
	}
	description, err := conformance.NewDescription(document, "https://api.incident.io")
	if err != nil {
		return nil, err
	}
	description.Undeclared = func(o *openapi3.Operation, query url.Values) []string { return undeclared(o, filters[o], query) }
	// Of errors many operations say nothing.
	description.Unsaid = func(o *openapi3.Operation, status int) bool { return o.Responses.Status(status) == nil }
	return description, nil
})

// undeclared are the parameters of a query that the operation does not have.
func undeclared(o *openapi3.Operation, filters []string, query url.Values) []string {
	var names []string
	for name := range query {
		filter, _, isFilter := strings.Cut(name, "[")
		if isFilter && slices.Contains(filters, filter) || !isFilter && o.Parameters.GetByInAndName("query", name) != nil {
			continue
		}
		names = append(names, name)
	}
	return names
}

// held is the round tripper with every request and whole answer held against
// the vendor's description, where that is to be had.
func held(t testing.TB, next http.RoundTripper) http.RoundTripper {
	t.Helper()
	if _, err := os.Stat(vendorFile()); os.IsNotExist(err) {
		return next
	}
	v, err := loadVendor()
	if err != nil {
		t.Fatal(err)
	}
	return v.Judge(t, next)
}
