package transport

import (
	"errors"
	"net"
	"net/http"

	"github.com/lockstep-sync/lockstep/connectors"
)

// stranger is the failure of a request whose answer does not prove that it was
// given to its credentials; nil where it does. What nobody may see is neither
// gone nor empty.
func (c *Client) stranger(answer *Answer, r Request, write bool, fail failFunc) *connectors.Error {
	if c.opts.Stranger == nil || r.NoAuthorization {
		return nil
	}
	why, setting := c.opts.Stranger(answer)
	if why == "" {
		return nil
	}
	class := connectors.ClassUnauthorised
	if write && answer.Status/100 == 2 {
		class = connectors.ClassUnclear // it may have been done, by nobody
	}
	e := fail(class, why, nil)
	e.Status, e.RequestID, e.Setting = answer.Status, requestID(answer.Header), setting
	return e
}

// blame names the setting at fault where a failure shows it.
func (c *Client) blame(failure *connectors.Error) {
	var unknown *net.DNSError
	switch {
	case failure.Setting != "":
	case failure.Status == http.StatusUnauthorized:
		failure.Setting = c.opts.Credentials
	case failure.Status/100 == 3, errors.As(cause(failure), &unknown) && unknown.IsNotFound:
		failure.Setting = c.opts.Address
	}
}

// cause is what net/http said, which an error's text is cleaned of.
func cause(failure *connectors.Error) error {
	if cleaned, ok := errors.AsType[redacted](failure.Err); ok {
		return cleaned.err
	}
	return failure.Err
}
