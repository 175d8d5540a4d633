package connectors

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
)

// A Secret is a string that prints as "(sensitive)" wherever it is printed,
// logged or marshalled. Reveal is the only way to its content.
type Secret string

const hidden = "(sensitive)"

// Reveal returns the secret itself, to be put into a request or a signature.
func (s Secret) Reveal() string { return string(s) }

// Format prints (sensitive) for every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// String returns (sensitive).
func (s Secret) String() string { return hidden }

// MarshalText writes (sensitive).
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue logs (sensitive).
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// Signed reports whether "sha256=HEX" is the HMAC-SHA256 of body under the
// secret. Nothing is signed under an empty one.
func (s Secret) Signed(signature string, body []byte) bool {
	if s == "" {
		return false
	}
	given, ok := strings.CutPrefix(strings.TrimSpace(signature), "sha256=")
	sum, err := hex.DecodeString(given)
	if !ok || err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(s))
	mac.Write(body)
	return hmac.Equal(sum, mac.Sum(nil))
}

// Receive checks the signature of a webhook's body and reads its JSON. The id is
// that of a delivery to which the system gives none: the same bytes say the same.
func (s Secret) Receive(signature string, body []byte, into any) (id string, err error) {
	if !s.Signed(signature, body) {
		return "", ErrSignature
	}
	if err := json.Unmarshal(body, into); err != nil {
		return "", fmt.Errorf("not the JSON that was expected: %w", err)
	}
	digest := sha256.Sum256(body)
	return hex.EncodeToString(digest[:]), nil
}
