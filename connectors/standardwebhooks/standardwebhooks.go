// Package standardwebhooks checks the webhooks of systems that sign them by the Standard
// Webhooks specification (standardwebhooks.com), under its headers or those of Svix.
package standardwebhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// tolerance is how far a delivery's time may be from ours, either way.
// Of the Standard Webhooks libraries.
const tolerance = 5 * time.Minute

// Key is the signing key in a webhook secret: whsec_ and base64, or base64 alone, if that
// can be a key.
func Key(secret connectors.Secret) ([]byte, error) {
	const leastBare = 24 // bytes, of the Standard Webhooks specification
	text, prefixed := strings.CutPrefix(strings.TrimSpace(secret.Reveal()), "whsec_")
	if text == "" && !prefixed {
		return nil, nil
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
		key, err := encoding.DecodeString(text)
		if err == nil && (prefixed && len(key) > 0 || len(key) >= leastBare) {
			return key, nil
		}
	}
	return nil, errors.New("webhook_secret is not a signing secret: copy it whole from the endpoint's page, whsec_ and what follows")
}

// header returns a Standard Webhooks header in either of its spellings.
func header(h http.Header, name string) string {
	if value := h.Get("webhook-" + name); value != "" {
		return value
	}
	return h.Get("svix-" + name)
}

// Verify checks a delivery's signature and age and returns its id, the same on
// every retry.
func Verify(key []byte, h http.Header, body []byte, now time.Time) (string, error) {
	id, stamp := header(h, "id"), header(h, "timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if len(key) == 0 || id == "" || err != nil {
		return "", connectors.ErrSignature
	}
	// Compared in seconds: a time far away does not overflow a duration.
	if age := now.Unix() - seconds; age > int64(tolerance.Seconds()) || age < -int64(tolerance.Seconds()) {
		return "", connectors.ErrSignature
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, stamp)
	mac.Write(body)
	want := []byte(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	// While a secret is rotated there is one signature for each of the two.
	for signature := range strings.FieldsSeq(header(h, "signature")) {
		version, given, _ := strings.Cut(signature, ",")
		if version == "v1" && hmac.Equal([]byte(given), want) {
			return id, nil
		}
	}
	return "", connectors.ErrSignature
}
