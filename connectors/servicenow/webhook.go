package servicenow

import (
	"errors"
	"net/http"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// SignatureHeader carries "sha256=" and the HMAC-SHA256 of the body in hex,
// keyed with webhook_secret's bytes as written.
const SignatureHeader = "X-Lockstep-Signature"

// Receive checks and reads what the business rule sends. There is no time in
// the signature: a body only says that a record may have changed, which is
// harmless to hear again.
func (c *Connector) Receive(header http.Header, body []byte, _ time.Time) (connectors.Delivery, error) {
	var hook struct {
		Table string `json:"table"`
		SysID string `json:"sys_id"`
	}
	id, err := c.secret.Receive(header.Get(SignatureHeader), body, &hook)
	if err != nil {
		return connectors.Delivery{}, err
	}
	ref := connectors.Collection{Type: Type, Connector: c.name, Record: hook.Table}.Ref(hook.SysID)
	if hook.Table == "" || hook.SysID == "" {
		return connectors.Delivery{}, errors.New("table or sys_id is missing")
	}
	if failure := checkRef("receive", ref); failure != nil {
		return connectors.Delivery{}, errors.New("table or sys_id is not one of ServiceNow's")
	}
	return connectors.Delivery{ID: id, Refs: []connectors.Ref{ref}}, nil
}
