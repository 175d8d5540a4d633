package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

const (
	maxWebhook  = 1 << 20 // bytes of a webhook's body
	maxDrain    = 4 << 20 // bytes read and dropped, so that the sender sees the answer
	hintTimeout = 10 * time.Second
)

// public answers on the address that the world may reach: webhooks and
// health.
type public struct {
	log *slog.Logger
	// receivers are the connectors that take webhooks, by name.
	receivers func() map[string]connectors.WebhookReceiver
	// hint stores that records may have changed, durably.
	hint func(ctx context.Context, refs []connectors.Ref, delivery string) error
	// ready is nil when the daemon does its work, else why it does not.
	ready func() error
	// count is told of every webhook; connector is empty if it has no receiver.
	count func(connector string, code int)
	now   func() time.Time
	// health remembers how webhooks went.
	health *webhookHealth
}

func (p *public) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/webhooks/{name}", p.webhook)
	mux.HandleFunc("/healthz", getOnly(func(w http.ResponseWriter, _ *http.Request) {
		plainText(w, http.StatusOK, "ok")
	}))
	mux.HandleFunc("/readyz", getOnly(func(w http.ResponseWriter, _ *http.Request) {
		if err := p.ready(); err != nil {
			plainText(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		plainText(w, http.StatusOK, "ready")
	}))
	return mux
}

// webhook stores what a webhook says may have changed and only then answers
// 202. The order of its questions is part of the contract with senders.
func (p *public) webhook(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	receiver := p.receivers()[name]
	if receiver == nil {
		name = "" // not a label for anyone to choose
	}
	answer := func(code int, text string) {
		p.count(name, code)
		plainText(w, code, text)
	}

	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		answer(http.StatusMethodNotAllowed, "webhooks are sent with POST")
		return
	}
	if receiver == nil {
		answer(http.StatusNotFound, "no connector of this name takes webhooks")
		return
	}
	body, err := readBody(w, r)
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			answer(http.StatusRequestEntityTooLarge, "the body is larger than "+strconv.Itoa(maxWebhook)+" bytes")
			return
		}
		answer(http.StatusBadRequest, "the body ended early")
		return
	}
	delivery, err := receiver.Receive(r.Header, body, p.now())
	if errors.Is(err, connectors.ErrSignature) {
		p.log.Warn("webhook refused", "connector", name, "reason", "signature")
		p.health.refuse(name, "signature", p.now())
		answer(http.StatusUnauthorized, connectors.ErrSignature.Error())
		return
	}
	if err != nil {
		// The error may quote the body, which may be private.
		p.log.Warn("webhook refused", "connector", name, "reason", "body")
		p.health.refuse(name, "body", p.now())
		answer(http.StatusBadRequest, "the body is not an event of this system")
		return
	}
	p.health.accepted(name, p.now())
	if len(delivery.Refs) > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), hintTimeout)
		defer cancel()
		if err := p.hint(ctx, delivery.Refs, delivery.ID); err != nil {
			p.log.Error("webhook not stored", "connector", name, "error", err)
			w.Header().Set("Retry-After", "5")
			answer(http.StatusServiceUnavailable, "the event cannot be stored now")
			return
		}
	}
	p.log.Debug("webhook", "connector", name, "delivery", delivery.ID, "records", len(delivery.Refs))
	answer(http.StatusAccepted, "accepted")
}

// readBody reads a body of at most maxWebhook bytes. Of one that is larger it
// drops a little more than that, because a sender that is cut off while it
// still writes may never read the answer.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength <= maxWebhook {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhook))
		if _, ok := errors.AsType[*http.MaxBytesError](err); !ok {
			return body, err
		}
	}
	if !strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		// What the sender thinks of this does not change the answer.
		_, _ = io.CopyN(io.Discard, r.Body, maxDrain)
	}
	return nil, &http.MaxBytesError{Limit: maxWebhook}
}

func getOnly(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			plainText(w, http.StatusMethodNotAllowed, "only GET")
			return
		}
		next(w, r)
	}
}

func plainText(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // the client is gone; nobody to tell
}
