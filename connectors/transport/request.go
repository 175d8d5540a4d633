package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A Request is one call to the system. At most one of JSON, Form, Body and
// Stream is set.
type Request struct {
	Op     string // the operation for errors and metrics: "read", "create"
	Record string // the ref or collection it is about, for errors

	Method string
	Path   string // added to BaseURL
	Query  url.Values
	Header http.Header

	// Limits are what the request counts against, by the name of the limit.
	Limits map[string]string

	JSON        any        // sent as application/json
	Form        url.Values // sent form-encoded
	Body        []byte     // sent as ContentType
	Stream      *Stream    // sent as ContentType, once
	ContentType string

	// Repeatable requests change nothing and may be sent again after an answer
	// that was not received. GET and HEAD always are.
	Repeatable      bool
	NoAuthorization bool

	// Follow lets Open go where redirects lead, to other hosts too, without the
	// credentials. Do never does.
	Follow bool

	// Into, if not nil, receives the answer's JSON.
	Into any

	open bool // the answer's content is wanted as it comes
}

// An Answer is a whole answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte

	content io.ReadCloser // of an answer that was opened
}

func (c *Client) build(ctx context.Context, r Request, stream *outgoing, write bool) (*http.Request, error) {
	address := strings.TrimSuffix(c.opts.BaseURL, "/") + r.Path
	if len(r.Query) > 0 {
		address += "?" + r.Query.Encode()
	}
	body, contentType := r.Body, r.ContentType
	switch {
	case r.JSON != nil:
		encoded, err := json.Marshal(r.JSON)
		if err != nil {
			return nil, err
		}
		body, contentType = encoded, "application/json"
	case r.Form != nil:
		body, contentType = []byte(r.Form.Encode()), "application/x-www-form-urlencoded"
	}
	if int64(len(body)) > c.opts.MaxSent {
		return nil, fmt.Errorf("its body has %d bytes, more than %d", len(body), c.opts.MaxSent)
	}
	var reader io.Reader
	switch {
	case stream != nil && stream.left != 0:
		reader = stream
	case body != nil:
		reader = bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, address, reader)
	if err != nil {
		return nil, err
	}
	if stream != nil {
		request.ContentLength = stream.left
		if stream.left == 0 {
			if err := stream.ended(nil); err != nil {
				return nil, err
			}
		}
	}
	for name, values := range r.Header {
		request.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	if write && (request.Header.Get("Idempotency-Key") != "" || request.Header.Get("X-Idempotency-Key") != "") {
		// These make net/http send a request again of its own accord, if it can
		// read the body again. Without one, a body that cannot be read twice
		// stands in.
		request.GetBody = nil
		if request.Body == nil {
			request.Body = io.NopCloser(strings.NewReader(""))
		}
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if request.Header.Get("Accept") == "" {
		request.Header.Set("Accept", "application/json")
	}
	if c.opts.Env.UserAgent != "" {
		request.Header.Set("User-Agent", c.opts.Env.UserAgent)
	}
	return request, nil
}
