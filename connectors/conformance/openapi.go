package conformance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// A Description is an API's own, against which requests and answers are held.
type Description struct {
	router routers.Router

	// Elsewhere tells requests to another address than the API's; nil: none is.
	Elsewhere func(*http.Request) bool
	// Undeclared are the parameters of a query that the operation does not have,
	// where the validator cannot tell; nil: it can.
	Undeclared func(*openapi3.Operation, url.Values) []string
	// Unsaid tells statuses of which the description says nothing, though any
	// operation may answer so; nil: every status is described.
	Unsaid func(o *openapi3.Operation, status int) bool
}

// NewDescription makes a description of a document whose API is at the address.
func NewDescription(document *openapi3.T, address string) (*Description, error) {
	document.Servers = openapi3.Servers{{URL: address}}
	router, err := legacy.NewRouter(document,
		openapi3.DisableExamplesValidation(), openapi3.DisableSchemaDefaultsValidation(), openapi3.DisableSchemaPatternValidation())
	return &Description{router: router}, err
}

// A Judge is a round tripper that holds every request and whole answer against a
// description.
type Judge struct {
	t           testing.TB
	to          http.RoundTripper
	description *Description

	mu   sync.Mutex
	seen map[string]bool
}

// Judge holds what goes to the round tripper and comes from it.
func (d *Description) Judge(t testing.TB, to http.RoundTripper) *Judge {
	return &Judge{t: t, to: to, description: d, seen: map[string]bool{}}
}

// Want fails where an operation was not answered with a status, each written as
// "getIssue Not Found".
func (j *Judge) Want(operations ...string) {
	j.t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, operation := range operations {
		if !j.seen[operation] {
			j.t.Errorf("%s was not seen", operation)
		}
	}
}

// RoundTrip implements http.RoundTripper.
func (j *Judge) RoundTrip(r *http.Request) (*http.Response, error) {
	d := j.description
	if d.Elsewhere != nil && d.Elsewhere(r) {
		return j.to.RoundTrip(r)
	}
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	copied := r.Clone(context.Background())
	copied.Body = io.NopCloser(bytes.NewReader(sent))
	route, path, err := d.router.FindRoute(copied)
	if err != nil {
		j.t.Errorf("%s %s is not in the API: %v", r.Method, r.URL, err)
		return j.to.RoundTrip(r)
	}
	if d.Undeclared != nil {
		if names := d.Undeclared(route.Operation, copied.URL.Query()); len(names) > 0 {
			j.t.Errorf("%s %s has no parameters %v", r.Method, r.URL.Path, names)
		}
	}
	input := &openapi3filter.RequestValidationInput{
		Request: copied, PathParams: path, Route: route,
		Options: &openapi3filter.Options{
			MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true,
			// Forms with files are described as lists of files.
			ExcludeRequestBody: strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/"),
		},
	}
	if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
		j.t.Errorf("request %s %s: %v", r.Method, r.URL, err)
	}
	response, err := j.to.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	j.seen[route.Operation.OperationID+" "+http.StatusText(response.StatusCode)] = true
	j.mu.Unlock()
	j.answer(input, response)
	return response, nil
}

// answer holds an answer; one that is cut off is left to who reads it.
func (j *Judge) answer(input *openapi3filter.RequestValidationInput, response *http.Response) {
	operation, request := input.Route.Operation, input.Request
	body, err := io.ReadAll(response.Body)
	response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
	switch {
	case err != nil, j.description.Unsaid != nil && j.description.Unsaid(operation, response.StatusCode):
		return
	case response.StatusCode == http.StatusNoContent:
		if len(body) > 0 { // some files describe a body all the same
			j.t.Errorf("answer to %s %s: 204 with a body", request.Method, request.URL)
		}
		return
	}
	checked := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: response.StatusCode, Header: response.Header, Options: input.Options,
	}
	checked.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(context.Background(), checked); err != nil {
		j.t.Errorf("answer to %s %s: %v", request.Method, request.URL, err)
	}
}

// failing is the end of a body.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil || errors.Is(f.err, io.EOF) {
		return 0, io.EOF
	}
	return 0, f.err
}
