package servicenow

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
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
	if !c.signed(header, body) {
		return connectors.Delivery{}, connectors.ErrSignature
	}
	var hook struct {
		Table string `json:"table"`
		SysID string `json:"sys_id"`
	}
	if err := json.Unmarshal(body, &hook); err != nil {
		return connectors.Delivery{}, fmt.Errorf("not the JSON that was expected: %w", err)
	}
	ref := connectors.Collection{Type: Type, Connector: c.name, Record: hook.Table}.Ref(hook.SysID)
	if hook.Table == "" || hook.SysID == "" {
		return connectors.Delivery{}, errors.New("table or sys_id is missing")
	}
	if failure := checkRef("receive", ref); failure != nil {
		return connectors.Delivery{}, errors.New("table or sys_id is not one of ServiceNow's")
	}
	// ServiceNow gives no id to a delivery; the same bytes say the same.
	digest := sha256.Sum256(body)
	return connectors.Delivery{ID: hex.EncodeToString(digest[:]), Refs: []connectors.Ref{ref}}, nil
}

func (c *Connector) signed(header http.Header, body []byte) bool {
	if c.secret == "" {
		return false
	}
	given, ok := strings.CutPrefix(strings.TrimSpace(header.Get(SignatureHeader)), "sha256=")
	signature, err := hex.DecodeString(given)
	if !ok || err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(c.secret.Reveal()))
	mac.Write(body)
	return hmac.Equal(signature, mac.Sum(nil))
}
