package servicenowtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

// A Webhook is the business rule that tells the outside of changes. As the
// product's, it sends once, in no order, and does not look at the answer.
type Webhook struct {
	URL    string // "" sends nothing
	Secret string
	Client *http.Client // nil is http.DefaultClient
}

// SetWebhook changes where webhooks go.
func (s *Server) SetWebhook(w Webhook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.webhook = w
}

// announce sends a webhook of a task; s.mu is held. Event tells journal
// entries and attachments apart.
func (s *Server) announce(r *record, event string) {
	hook := s.webhook
	if hook.URL == "" || !s.isTask(r.table) {
		return
	}
	fields := map[string]string{
		"table": r.table, "sys_id": r.text("sys_id"), "number": r.text("number"),
		"sys_mod_count": r.text("sys_mod_count"), "sys_updated_on": r.text("sys_updated_on"),
	}
	if event != "" {
		fields["event"] = event
	}
	body := encode(fields)
	client := hook.Client
	if client == nil {
		client = http.DefaultClient
	}
	s.sending.Go(func() {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, hook.URL, bytes.NewReader(body))
		if err != nil {
			return
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-Lockstep-Signature", Sign(hook.Secret, body))
		if response, err := client.Do(request); err == nil {
			response.Body.Close()
		}
	})
}

// Sign is the signature of a webhook's body.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
