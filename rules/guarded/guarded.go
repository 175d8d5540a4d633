// Package guarded has strings that may be secret, and then cannot be printed.
package guarded

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
)

// Hidden is what is shown in the place of a secret.
const Hidden = "(sensitive)"

// A String is a string of a configuration. One that is made of a sensitive value
// prints as (sensitive), with every verb and in every encoding: Reveal is the only
// way to what it is.
type String struct {
	text string
	// secret is the text in the place of text where it must not be shown: behind a
	// pointer, because fmt does not ask fields that are not exported how they print.
	secret *string
}

// New makes a string.
func New(text string, sensitive bool) String {
	if sensitive {
		return String{secret: &text}
	}
	return String{text: text}
}

// Reveal returns the string itself, to be used and not to be shown.
func (s String) Reveal() string {
	if s.secret != nil {
		return *s.secret
	}
	return s.text
}

// Sensitive reports whether it must not be shown.
func (s String) Sensitive() bool { return s.secret != nil }

// Empty reports whether there is nothing in it.
func (s String) Empty() bool { return s.Reveal() == "" }

// Quote returns the string in quotes, its beginning if it is longer than any name is.
func (s String) Quote() string {
	if s.secret != nil {
		return Hidden
	}
	return `"` + Shortened(s.text) + `"`
}

// Shortened returns a text, or its beginning if it is longer than any name is.
func Shortened(s string) string {
	const most = 200 // bytes
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// String returns the string, or (sensitive).
func (s String) String() string {
	if s.secret != nil {
		return Hidden
	}
	return s.text
}

// Format prints (sensitive) in the place of a secret, whatever the verb is.
func (s String) Format(f fmt.State, verb rune) {
	if s.secret != nil {
		fmt.Fprint(f, Hidden)
		return
	}
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.text)
}

// MarshalJSON writes the string, or (sensitive).
func (s String) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// LogValue logs the string, or (sensitive).
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }
