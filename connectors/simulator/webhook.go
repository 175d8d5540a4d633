package simulator

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

// A Webhook is an address that a system tells of changes: once, in no order, and
// without a look at the answer.
type Webhook struct {
	URL    string // "" sends nothing
	Secret string
	Client *http.Client // nil is http.DefaultClient
}

// Post sends a body, and returns when it was taken or not.
func (w Webhook) Post(header http.Header, body []byte) {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return
	}
	request.Header = header.Clone()
	client := w.Client
	if client == nil {
		client = http.DefaultClient
	}
	if response, err := client.Do(request); err == nil {
		response.Body.Close()
	}
}

// Sign returns a signature of a body: "sha256=" and its HMAC-SHA256 in hex.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
