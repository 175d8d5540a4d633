package transport

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/connectors"
)

const hidden = "(sensitive)"

// redact replaces the connector's secrets, as written and as they are commonly
// encoded in addresses, headers and bodies.
func (c *Client) redact(text string) string {
	if text == "" || c.opts.Secrets == nil {
		return text
	}
	var forms []string
	for _, secret := range c.opts.Secrets() {
		forms = append(forms, encodings(secret.Reveal())...)
	}
	// The longest first: one secret may be part of another.
	slices.SortFunc(forms, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, form := range forms {
		text = hide(text, form)
	}
	return text
}

// hide replaces a secret. A short one may be a part of any word, so that it is
// hidden only where it stands alone: to cut it out of others would show how it begins
// and ends to whoever knows the words.
func hide(text, form string) string {
	const short = 8 // bytes
	if len(form) >= short {
		return strings.ReplaceAll(text, form, hidden)
	}
	var b strings.Builder
	for last := rune(' '); ; {
		before, after, found := strings.Cut(text, form)
		if !found {
			b.WriteString(text)
			return b.String()
		}
		if before != "" {
			last, _ = utf8.DecodeLastRuneInString(before)
		}
		b.WriteString(before)
		if next, _ := utf8.DecodeRuneInString(after); isWord(last) || after != "" && isWord(next) {
			b.WriteString(form)
		} else {
			b.WriteString(hidden)
		}
		last, _ = utf8.DecodeLastRuneInString(form)
		text = after
	}
}

// isWord reports whether a rune is a part of words.
func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// clean redacts what a system's answer put into an error.
func (c *Client) clean(e *connectors.Error) {
	e.Message, e.Field, e.RequestID, e.Code = c.redact(e.Message), c.redact(e.Field), c.redact(e.RequestID), c.redact(e.Code)
}

func encodings(plain string) []string {
	if plain == "" {
		return nil
	}
	forms := []string{plain, quoted(plain, true), quoted(plain, false)}
	for _, escaped := range []string{url.QueryEscape(plain), url.PathEscape(plain)} {
		forms = append(forms, escaped, lowerHex(escaped))
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		forms = append(forms, encoding.EncodeToString([]byte(plain)))
		forms = append(forms, inside(encoding, plain)...)
	}
	return forms
}

// quoted is the text as JSON writes it, with or without <, > and & escaped.
func quoted(plain string, escapeHTML bool) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(escapeHTML)
	_ = encoder.Encode(plain) // a string always marshals
	text := strings.TrimSuffix(b.String(), "\n")
	return text[1 : len(text)-1]
}

// lowerHex is a percent-encoded text in its other spelling, %2f for %2F.
func lowerHex(escaped string) string {
	b := []byte(escaped)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

// inside is what base64 makes of the text in the middle of a longer one, such
// as the password of "user:password", at each of the three places at which it
// may begin: the characters that nothing but the text decides.
func inside(encoding *base64.Encoding, plain string) []string {
	const least = 8 // shorter ones would be found where they are not
	var forms []string
	for offset := range 3 {
		encoded := encoding.EncodeToString(append(make([]byte, offset), plain...))
		first, last := (offset*8+5)/6, (offset+len(plain))*8/6
		if last-first >= least {
			forms = append(forms, encoded[first:last])
		}
	}
	return forms
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
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
