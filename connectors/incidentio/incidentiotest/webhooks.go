package incidentiotest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Webhook is an endpoint that is told of changes.
type Webhook struct {
	URL    string
	Secret string // whsec_ and base64
	// Svix names the headers svix-*, as Svix does where nothing else is set up.
	Svix bool
	// Events are the event types it is told of; nil: all but those of version 1
	// that have a successor.
	Events []string
	Client *http.Client // nil is one with Svix's time-out
}

// webhookTimeout is how long Svix waits for an answer.
const webhookTimeout = 15 * time.Second

// Subscribe adds an endpoint.
func (s *Server) Subscribe(w Webhook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.Client == nil {
		w.Client = &http.Client{Timeout: webhookTimeout}
	}
	s.webhooks = append(s.webhooks, w)
}

// A message is one delivery on its way to one endpoint.
type message struct {
	Delivery
	webhook Webhook
	tries   int
	due     time.Time
}

// A Delivery is one webhook. ID is the same on every retry.
type Delivery struct {
	ID    string
	Event string
	Body  []byte
}

// emit tells the endpoints of an event. Of a private incident they get an id
// and no more.
func (s *Server) emit(private bool, event, id string, payload any) {
	scope := "public_incident."
	if private {
		scope, payload = "private_incident.", map[string]string{"id": id}
	}
	name := scope + event
	// Nothing of the resources can fail to marshal.
	body, _ := json.Marshal(map[string]any{"event_type": name, name: payload})
	s.counter++
	delivery := Delivery{ID: fmt.Sprintf("msg_%020d", s.counter), Event: name, Body: body}
	for _, w := range s.webhooks {
		if w.Events == nil && strings.HasPrefix(event, "follow_up") && strings.HasSuffix(event, "_v1") ||
			w.Events != nil && !slices.Contains(w.Events, name) {
			continue
		}
		s.outbox = append(s.outbox, message{Delivery: delivery, webhook: w})
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Outbox are the deliveries that no endpoint has taken yet.
func (s *Server) Outbox() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	var waiting []Delivery
	for _, m := range s.outbox {
		waiting = append(waiting, m.Delivery)
	}
	return waiting
}

// Order is how Deliver mistreats the deliveries, as the vendor may.
type Order struct {
	Reversed bool // the newest first
	Twice    bool // each one, also one that was taken
	Drop     bool // none is sent, all are lost
	Tries    int  // how often one is sent until it is taken; 0: once
}

// An Attempt is what an endpoint answered.
type Attempt struct {
	Delivery
	Status int
	Err    error
}

// Deliver sends everything in the outbox now, one after the other. What was not
// taken stays for the next time.
func (s *Server) Deliver(ctx context.Context, o Order) []Attempt {
	s.mu.Lock()
	pending := s.outbox
	s.outbox = nil
	s.mu.Unlock()
	if o.Drop {
		return nil
	}
	if o.Reversed {
		slices.Reverse(pending)
	}
	var attempts []Attempt
	var left []message
	for _, m := range pending {
		taken := false
		for try := 0; try < max(1, o.Tries) && !taken; try++ {
			attempt := s.send(ctx, m)
			attempts = append(attempts, attempt)
			taken = attempt.taken()
		}
		if !taken {
			left = append(left, m)
		} else if o.Twice {
			attempts = append(attempts, s.send(ctx, m))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox = append(left, s.outbox...)
	return attempts
}

func (a Attempt) taken() bool { return a.Err == nil && a.Status/100 == 2 }

// retries is Svix's schedule after a first attempt that failed.
func retries() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
	}
}

// Push delivers as events come, each again by the vendor's schedule until it is
// taken, and returns when ctx is done.
func (s *Server) Push(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
		next := time.Hour
		for _, m := range s.dueMessages(&next) {
			if s.send(ctx, m).taken() || m.tries >= len(retries()) {
				continue
			}
			pause := retries()[m.tries]
			m.tries++
			m.due = s.opts.Now().Add(pause)
			next = min(next, pause)
			s.mu.Lock()
			s.outbox = append(s.outbox, m)
			s.mu.Unlock()
		}
		timer.Reset(next)
	}
}

// dueMessages takes what is due out of the outbox; next is lowered to when the
// next of the others is.
func (s *Server) dueMessages(next *time.Duration) []message {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	var due, waiting []message
	for _, m := range s.outbox {
		if m.due.After(now) {
			waiting = append(waiting, m)
			*next = min(*next, m.due.Sub(now))
			continue
		}
		due = append(due, m)
	}
	s.outbox = waiting
	return due
}

func (s *Server) send(ctx context.Context, m message) Attempt {
	attempt := Attempt{Delivery: m.Delivery}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.webhook.URL, bytes.NewReader(m.Body))
	if err != nil {
		attempt.Err = err
		return attempt
	}
	request.Header, attempt.Err = Headers(m.webhook.Secret, m.ID, s.opts.Now(), m.Body, m.webhook.Svix)
	if attempt.Err != nil {
		return attempt
	}
	response, err := m.webhook.Client.Do(request)
	if err != nil {
		attempt.Err = err
		return attempt
	}
	defer response.Body.Close()
	_, attempt.Err = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	attempt.Status = response.StatusCode
	return attempt
}

// Headers are those of a delivery, signed as Standard Webhooks says.
func Headers(secret, id string, at time.Time, body []byte, svix bool) (http.Header, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) == 0 {
		return nil, errors.New("the webhook's secret is not whsec_ and base64")
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	prefix := "webhook-"
	if svix {
		prefix = "svix-"
	}
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set(prefix+"id", id)
	header.Set(prefix+"timestamp", stamp)
	header.Set(prefix+"signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return header, nil
}
