package incidentio_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// vendorFile is the vendor's description of the API, beside the repository.
func vendorFile() string {
	return filepath.Join("..", "..", "..", "shared", "specs", "incidentio.sync.openapi.json")
}

// A vendor is the vendor's API. Filters are, by operation, the parameters that
// are written NAME[OPERATOR]; the file does not say how, and no style of the
// validator fits, so that only their names are held.
type vendor struct {
	router  routers.Router
	filters map[*openapi3.Operation][]string
}

var loadVendor = sync.OnceValues(func() (*vendor, error) {
	loader := openapi3.NewLoader()
	document, err := loader.LoadFromFile(vendorFile())
	if err != nil {
		return nil, err
	}
	document.Servers = openapi3.Servers{{URL: "https://api.incident.io"}}
	// Its text says "Set to null to unassign", its schema forgets that.
	for _, payload := range []string{"FollowUpsUpdatePayloadV2", "FollowUpsUpdatePayloadV3"} {
		for _, property := range []string{"assignee_id", "assignee_team_id"} {
			document.Components.Schemas[payload].Value.Properties[property].Value.Nullable = true
		}
	}
	v := &vendor{filters: map[*openapi3.Operation][]string{}}
	for _, path := range document.Paths.Map() {
		for _, operation := range path.Operations() {
			operation.Parameters = slices.DeleteFunc(operation.Parameters, func(p *openapi3.ParameterRef) bool {
				if p.Value.In != "query" || !p.Value.Schema.Value.Type.Is("object") {
					return false
				}
				v.filters[operation] = append(v.filters[operation], p.Value.Name)
				return true
			})
		}
	}
	v.router, err = legacy.NewRouter(document, openapi3.DisableExamplesValidation(), openapi3.DisableSchemaPatternValidation())
	return v, err
})

// undeclared are the parameters of a query that the operation does not have.
func (v *vendor) undeclared(o *openapi3.Operation, query url.Values) []string {
	var names []string
	for name := range query {
		filter, _, isFilter := strings.Cut(name, "[")
		if isFilter && slices.Contains(v.filters[o], filter) || !isFilter && o.Parameters.GetByInAndName("query", name) != nil {
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
	return validator{t, v, next}
}

type validator struct {
	t      testing.TB
	vendor *vendor
	next   http.RoundTripper
}

func (v validator) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		sent, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	copied := r.Clone(context.Background())
	copied.Body = io.NopCloser(bytes.NewReader(sent))
	route, params, err := v.vendor.router.FindRoute(copied)
	if err != nil {
		v.t.Errorf("%s %s is not in the vendor's API: %v", r.Method, r.URL.Path, err)
		return v.next.RoundTrip(r)
	}
	if names := v.vendor.undeclared(route.Operation, copied.URL.Query()); len(names) > 0 {
		v.t.Errorf("%s %s has no parameters %v", r.Method, r.URL.Path, names)
	}
	input := &openapi3filter.RequestValidationInput{
		Request: copied, PathParams: params, Route: route,
		Options: &openapi3filter.Options{MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
		v.t.Errorf("request %s %s: %v", r.Method, r.URL, err)
	}
	response, err := v.next.RoundTrip(r)
	if err != nil {
		return response, err
	}
	body, readErr := io.ReadAll(response.Body)
	response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), errorReader{readErr}))
	if readErr != nil || route.Operation.Responses.Status(response.StatusCode) == nil {
		return response, nil // cut off; or an error, of which many operations say nothing
	}
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: response.StatusCode, Header: response.Header,
		Body: io.NopCloser(bytes.NewReader(body)), Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	if err := openapi3filter.ValidateResponse(context.Background(), answer); err != nil {
		v.t.Errorf("answer to %s %s: %v", r.Method, r.URL.Path, err)
	}
	return response, nil
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	return 0, io.EOF
}
