package transport

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
)

// redact replaces the connector's secrets, as written and as they are commonly
// encoded in addresses, headers and bodies.
func (c *Client) redact(text string) string {
	if text == "" || c.opts.Secrets == nil {
		return text
	}
	for _, secret := range c.opts.Secrets() {
		plain := secret.Reveal()
		if plain == "" {
			continue
		}
		quoted, _ := json.Marshal(plain) // a string always marshals
		for _, form := range []string{
			plain,
			strings.Trim(string(quoted), `"`),
			url.QueryEscape(plain),
			url.PathEscape(plain),
			base64.StdEncoding.EncodeToString([]byte(plain)),
		} {
			text = strings.ReplaceAll(text, form, "(sensitive)")
		}
	}
	return text
}

// redacted is an error whose text was cleaned; the cause stays reachable for
// errors.Is, never for printing.
type redacted struct {
	text string
	err  error
}

func (r redacted) Error() string        { return r.text }
func (r redacted) Is(target error) bool { return errors.Is(r.err, target) }

// bare takes the method and the address off an error of net/http: the
// operation and the record say it better.
func bare(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
