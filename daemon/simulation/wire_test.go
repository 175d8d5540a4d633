package simulation

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"time"
)

// A request is one write that a daemon began.
type request struct {
	daemon  *daemon
	record  string // id; empty: of a new one
	began   time.Time
	method  string
	path    string
	body    string
	read    string // version that the daemon had read, by the intent it saved
	current string // version when the request began
	state   string // raw state when the request began

	committed time.Time // when the system carried it out
}

// A wire leads from a daemon to a system.
type wire struct {
	daemon    *daemon
	connector string
}

// RoundTrip hands the request on, later if the daemon stalls. What a daemon
// that was killed has sent arrives; what comes back does not.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	d := w.daemon
	if d.dead.Load() {
		return nil, errKilled
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if r.Method != http.MethodGet && !strings.HasPrefix(r.URL.Path, "/oauth") {
		d.world.sends(d, w.connector, r, string(body))
	}
	d.mu.Lock()
	stall := time.Duration(0)
	if d.stallAt == stallRequest {
		stall, d.stallAt = d.stall, ""
	}
	d.mu.Unlock()
	if stall > 0 {
		select {
		case <-time.After(stall):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	response, err := d.world.endpoint(w.connector).RoundTrip(r)
	if d.dead.Load() {
		if response != nil {
			response.Body.Close()
		}
		return nil, errKilled
	}
	return response, err
}

// A webhookQueue holds what a system wants to tell.
type webhookQueue struct {
	w         *world
	connector string
}

// A told is one webhook as it was sent.
type told struct {
	connector string
	header    http.Header
	body      []byte
}

// RoundTrip keeps a webhook until the scenario has it delivered.
func (q webhookQueue) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body.Close()
	q.w.mu.Lock()
	q.w.webhooks = append(q.w.webhooks, told{q.connector, r.Header.Clone(), body})
	q.w.mu.Unlock()
	return &http.Response{Status: "202 Accepted", StatusCode: http.StatusAccepted, Body: http.NoBody, Request: r}, nil
}
