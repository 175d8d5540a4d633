package incidentio

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/standardwebhooks"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// An event is a webhook's body, taken apart.
type event struct {
	kind    string // "incident_updated_v2"
	private bool
	payload map[string]any
}

// eventOf reads a webhook's body; false: it has no event_type, so it is not an event.
func eventOf(body map[string]any) (event, bool, error) {
	kind, ok := body["event_type"].(string)
	if !ok || kind == "" {
		return event{}, false, nil
	}
	e := event{kind: kind}
	scope, rest, dotted := strings.Cut(kind, ".")
	if dotted {
		e.kind = rest
		e.private = scope == "private_incident"
	}
	if e.payload, ok = body[kind].(map[string]any); !ok && dotted {
		// The name's two parts as two levels.
		outer, _ := body[scope].(map[string]any)
		e.payload, ok = outer[rest].(map[string]any)
	}
	if !ok {
		return event{}, true, fmt.Errorf("webhook %s: its body has no member of that name", kind)
	}
	return e, true, nil
}

// subject is what a webhook is about. record is empty for an event of no use;
// object is the whole record where the webhook holds it.
type subject struct {
	record string
	id     string
	object map[string]any
}

// subject reads the event. Versions of an event are told apart by nothing but
// their name, so that one added later is understood as well. Any other event
// (of actions, post-mortems, what is yet to come) hints the incident that it
// names; a private one names none.
func (e event) subject() (subject, error) {
	var s subject
	switch {
	case strings.HasPrefix(e.kind, "incident_created_"), strings.HasPrefix(e.kind, "incident_updated_"):
		s.record, s.object = incidentRecord, e.payload
		s.id, _ = e.payload["id"].(string)
	case strings.HasPrefix(e.kind, "incident_status_updated_"):
		s.record = incidentRecord
		s.object, _ = e.payload["incident"].(map[string]any)
		s.id, _ = s.object["id"].(string)
	case strings.HasPrefix(e.kind, "follow_up_"):
		s.record, s.object = followUpRecord, e.payload
		s.id, _ = e.payload["id"].(string)
	case strings.HasPrefix(e.kind, "membership_"):
		s.record = incidentRecord
		s.id, _ = e.payload["incident_id"].(string)
	default:
		document, _ := e.payload["postmortem_document"].(map[string]any)
		for _, holder := range []map[string]any{e.payload, document} {
			if id, _ := holder["incident_id"].(string); id != "" {
				s.record, s.id = incidentRecord, id
			}
		}
		return s, nil
	}
	if s.id == "" {
		return subject{}, fmt.Errorf("webhook %s: no id where one is expected", e.kind)
	}
	if e.private {
		s.object = nil // no more than an id is promised, and none is taken
	}
	return s, nil
}

// Receive checks a webhook's signature and says which record may have changed.
func (c *Connector) Receive(h http.Header, body []byte, now time.Time) (connectors.Delivery, error) {
	id, err := standardwebhooks.Verify(c.signingKey, h, body, now)
	if err != nil {
		return connectors.Delivery{}, err
	}
	object, err := values.ParseObject(body)
	if err != nil {
		return connectors.Delivery{}, fmt.Errorf("webhook: %w", err)
	}
	e, isEvent, err := eventOf(object)
	if err != nil {
		return connectors.Delivery{}, err
	}
	if !isEvent {
		return connectors.Delivery{}, errors.New("webhook: no event_type")
	}
	delivery := connectors.Delivery{ID: id}
	s, err := e.subject()
	if err != nil {
		return connectors.Delivery{}, err
	}
	if s.record != "" {
		delivery.Refs = []connectors.Ref{c.collection(s.record).Ref(s.id)}
		if e.private && s.record == incidentRecord {
			c.hidden.told.Put(s.id, true)
		}
	}
	return delivery, nil
}
