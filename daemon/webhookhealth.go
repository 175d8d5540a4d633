package daemon

import (
	"fmt"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/engine/breaker"
)

// Webhooks that are refused are told of once there are so many in a row and none was
// accepted for so long, for some may be anybody's, or once there are very many: a
// secret that was changed a minute ago refuses all of them.
const (
	refusedToTell  = 10
	acceptedCounts = time.Hour
	refusedForSure = 30
)

// webhookHealth remembers how the webhooks of each connector went. A sender whose
// deliveries are refused gives the endpoint up in time, and tells only whoever
// looks there.
type webhookHealth struct {
	mu  sync.Mutex
	all map[string]*webhooksOf
}

type webhooksOf struct {
	refused            int // in a row
	lastOK, lastFailed time.Time
	reason             string // of the last refusal
}

func (h *webhookHealth) of(connector string) *webhooksOf {
	if h.all == nil {
		h.all = map[string]*webhooksOf{}
	}
	if h.all[connector] == nil {
		h.all[connector] = &webhooksOf{}
	}
	return h.all[connector]
}

func (h *webhookHealth) accepted(connector string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.of(connector)
	w.refused, w.lastOK = 0, at
}

// refuse takes note of a refusal, for its "signature" or "body".
func (h *webhookHealth) refuse(connector, reason string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.of(connector)
	w.refused, w.lastFailed, w.reason = w.refused+1, at, reason
}

// addTo says in a connector's status that its webhooks are refused. Anybody can
// send some, so that the connector does not count as refused.
func (h *webhookHealth) addTo(s *breaker.ConnectorStatus, secret string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.all[s.Name]
	if w == nil || w.refused < refusedToTell || w.refused < refusedForSure && w.lastFailed.Sub(w.lastOK) < acceptedCounts {
		return
	}
	call := breaker.CallStatus{Call: "webhook", Failures: w.refused, LastFailed: instant(w.lastFailed), LastOK: instant(w.lastOK)}
	call.Error = fmt.Sprintf("the last %d webhooks were refused for their %s", w.refused, w.reason)
	if w.reason == "signature" {
		call.Error += "; is webhook_secret the one that the sender has? A sender may give up an endpoint that refuses it"
	}
	s.Calls = append(s.Calls, call)
	if !s.OK {
		return // what else fails is said first
	}
	s.OK, s.LastError = false, call.Error
	if w.reason == "signature" {
		s.Setting = secret
	}
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
