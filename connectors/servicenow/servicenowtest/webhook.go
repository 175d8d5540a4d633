package servicenowtest

import (
	"net/http"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A Webhook is the business rule that tells the outside of changes.
type Webhook = simulator.Webhook

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
	header := http.Header{"Content-Type": {"application/json"}, "X-Lockstep-Signature": {Sign(hook.Secret, body)}}
	s.sending.Go(func() { hook.Post(header, body) })
}

// Sign is the signature of a webhook's body.
func Sign(secret string, body []byte) string { return simulator.Sign(secret, body) }
