package admin

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/daemon/socket"
	"github.com/lockstep-sync/lockstep/engine/names"
	"github.com/lockstep-sync/lockstep/rules"
	"github.com/lockstep-sync/lockstep/rules/source"
)

// A Client asks a running daemon over its admin address.
type Client struct {
	address   string
	base      string // of the requests' URLs
	token     connectors.Secret
	http      *http.Client
	transport *http.Transport
	err       error // why no request can be made
}

// Timeout bounds an answer, and a request, to the admin address: it may wait for the
// store, or be what a slow system says, which takes a minute for each of several
// answers.
const Timeout = 5 * time.Minute

// maxCertificates bounds a file of certificates.
const maxCertificates = 1 << 20

// plainToTLS is how net/http answers a request that is not encrypted on a
// connection that should be.
const plainToTLS = "Client sent an HTTP request to an HTTPS server."

// maxAnswer bounds what is read of an answer.
const maxAnswer = 256 << 20

// NewClient makes a client for "unix://PATH", "https://HOST:PORT" or
// "HOST:PORT"; the last is https too unless it is loopback, as the token goes
// over no network unencrypted. Any other address is an error of
// every call.
func NewClient(address string, token connectors.Secret) *Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	c := &Client{address: address, token: token, transport: transport}
	c.http = &http.Client{
		Transport: transport, Timeout: Timeout,
		// The daemon sends nobody elsewhere, least of all with the token.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if path, ok := socket.Path(address); ok {
		c.base = "http://lockstep" // the socket needs no host, the request does
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return socket.Dial(ctx, path) }
		return c
	}
	c.base, c.err = baseURL(address)
	return c
}

// baseURL returns where the requests to an admin address on a port go.
func baseURL(address string) (string, error) {
	host, encrypted := strings.CutPrefix(address, "https://")
	host = strings.TrimSuffix(host, "/")
	base := url.URL{Scheme: "https", Host: host}
	_, _, err := net.SplitHostPort(host)
	if !encrypted && rules.IsLocalAddress(host) {
		base.Scheme = "http"
	}
	parsed, invalid := url.Parse(base.String())
	if invalid != nil || parsed.Hostname() == "" || parsed.Host != host || !encrypted && err != nil {
		return "", fmt.Errorf("admin address %s: expected unix://PATH or HOST:PORT, or https://HOST:PORT where the daemon has tls", address)
	}
	return base.String(), nil
}

// TrustCA makes the client trust the certificates in a PEM file in place of
// the system's.
func (c *Client) TrustCA(file string) {
	pool := x509.NewCertPool()
	text, err := source.ReadInput(context.Background(), file, maxCertificates)
	switch {
	case err != nil:
		c.err = fmt.Errorf("cannot read the CA's certificates in %s: %w", file, err)
	case !pool.AppendCertsFromPEM(text):
		c.err = fmt.Errorf("%s holds no CA's certificates: expected PEM", file)
	default:
		c.transport.TLSClientConfig.RootCAs = pool
	}
}

// Reach returns where requests to the admin address go, what carries them there, and
// the token that they bring; an error where the address cannot be one.
func (c *Client) Reach() (*url.URL, http.RoundTripper, connectors.Secret, error) {
	if c.err != nil {
		return nil, nil, "", c.err
	}
	base, err := url.Parse(c.base)
	return base, c.transport, c.token, err
}

// An UnreachableError says that no daemon answers at an admin address.
type UnreachableError struct {
	Address string
	Err     error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no daemon answers at %s: %s", e.Address, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// An AnswerError is the daemon's refusal.
type AnswerError struct {
	Status      int
	Message     string
	Diagnostics rules.Diagnostics // of a reload
	// Matches are what a name fits that fits several things.
	Matches []names.Match
	// Unknown is true where nothing has the name that was asked for.
	Unknown bool
}

func (e *AnswerError) Error() string { return e.Message }

// Status asks how the daemon does. It returns the answer's bytes as well.
func (c *Client) Status(ctx context.Context) (Status, []byte, error) {
	return call[Status](ctx, c, http.MethodGet, "/v1/status", nil)
}

// Reload asks for a reload, which only with empty may leave no route. A bad
// configuration is an *AnswerError with diagnostics.
func (c *Client) Reload(ctx context.Context, empty bool) (Status, []byte, error) {
	path := "/v1/reload"
	if empty {
		path += "?empty=true"
	}
	return call[Status](ctx, c, http.MethodPost, path, nil)
}

// send sends one request. The caller closes the answer's body.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("request: %w", err)
		}
	}
	if c.err != nil {
		return nil, c.err
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(encoded))
	if err != nil {
		return nil, fmt.Errorf("admin address %s: %w", c.address, err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	response, err := c.http.Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return nil, &UnreachableError{Address: c.address, Err: socket.BareError(err)}
	}
	return response, nil
}

// stream asks for an answer that has no end in time. The caller closes its body.
func (c *Client) stream(ctx context.Context, path string) (*http.Response, error) {
	endless, client := *c, *c.http
	client.Timeout = 0
	endless.http = &client
	response, err := endless.send(ctx, http.MethodGet, path, nil)
	if err != nil || response.StatusCode/100 == 2 {
		return response, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, &UnreachableError{Address: c.address, Err: err}
	}
	return nil, c.refusal(response, raw)
}

// refusal is the error of an answer that is one.
func (c *Client) refusal(response *http.Response, raw []byte) error {
	if response.StatusCode == http.StatusBadRequest && response.TLS == nil && bytes.HasPrefix(raw, []byte(plainToTLS)) {
		return fmt.Errorf("the daemon at %s expects TLS: write https://%s", c.address, c.address)
	}
	if response.StatusCode/100 != 2 {
		var refused struct {
			reloadRefused
			Matches []names.Match `json:"matches"`
			Unknown bool          `json:"unknown_name"`
		}
		if json.Unmarshal(raw, &refused) != nil || refused.Error == "" {
			refused.Error = "the daemon answered " + response.Status
		}
		return &AnswerError{Status: response.StatusCode, Message: refused.Error, Diagnostics: refused.Diagnostics, Matches: refused.Matches, Unknown: refused.Unknown}
	}
	return nil
}

// call sends one request and decodes the answer's JSON.
func call[T any](ctx context.Context, c *Client, method, path string, body any) (value T, raw []byte, err error) {
	value, raw, _, err = callFor[T](ctx, c, method, path, body)
	return value, raw, err
}

// callFor is call that says where the next page of a list is.
func callFor[T any](ctx context.Context, c *Client, method, path string, body any) (value T, raw []byte, next string, err error) {
	response, err := c.send(ctx, method, path, body)
	if err != nil {
		return value, nil, "", err
	}
	defer response.Body.Close()
	raw, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return value, nil, "", &UnreachableError{Address: c.address, Err: err}
	}
	if err := c.refusal(response, raw); err != nil {
		return value, raw, "", err
	}
	if err := json.Unmarshal(raw, &value); err != nil {
		return value, raw, "", fmt.Errorf("the daemon's answer: %w", err)
	}
	return value, raw, nextOf(response.Header.Get("Link")), nil
}

// nextOf reads the Link header; empty: there is no next page.
func nextOf(link string) string {
	address, rest, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if !strings.HasPrefix(link, "</v1/") || !strings.Contains(rest, `rel="next"`) {
		return ""
	}
	return address
}
