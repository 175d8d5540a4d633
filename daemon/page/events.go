package page

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// decisionsEvery and statusEvery are how often what browsers show is looked at, for
	// all of them together. The status counts all links, which costs more.
	decisionsEvery = time.Second
	statusEvery    = 5 * time.Second
	// aliveEvery keeps whatever is between from taking a quiet stream for a dead one.
	aliveEvery = 15 * time.Second
	// mostStreams bounds how many browsers are told.
	mostStreams = 64
)

// A watch tells browsers that something has changed, as long as there is one.
type watch struct {
	mu        sync.Mutex
	listeners map[chan struct{}]bool
	stop      context.CancelFunc
}

// listen returns a channel that receives once something has changed, and what ends
// that; false: there are too many.
func (v *watch) listen(look func(ctx context.Context, changed func())) (<-chan struct{}, func(), bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.listeners) >= mostStreams {
		return nil, nil, false
	}
	if v.listeners == nil {
		v.listeners = map[chan struct{}]bool{}
	}
	told := make(chan struct{}, 1)
	v.listeners[told] = true
	if v.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		v.stop = stop
		go look(ctx, v.tell)
	}
	return told, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.listeners, told)
		if len(v.listeners) == 0 {
			v.stop()
			v.stop = nil
		}
	}, true
}

func (v *watch) tell() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for told := range v.listeners {
		select {
		case told <- struct{}{}:
		default: // it has not looked since the last time
		}
	}
}

// look looks at what browsers show until ctx ends.
func (p *Page) look(ctx context.Context, changed func()) {
	var decided, status string
	var statusAt time.Time
	ticker := time.NewTicker(decisionsEvery)
	defer ticker.Stop()
	for {
		now := decided
		if e := p.Engine(); e != nil {
			if newest, err := e.FindDecisions(ctx, "", "", 1); err == nil {
				now = fingerprint(newest)
			}
		}
		then := status
		if time.Since(statusAt) >= statusEvery {
			status, statusAt = fingerprint(p.Status(ctx)), time.Now()
		}
		if now != decided || then != status {
			decided = now
			changed()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func fingerprint(of any) string {
	b, err := json.Marshal(of)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// events tells a browser that what it shows has changed, in a stream of server-sent
// events. It holds nothing of any record: the browser asks again.
func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	told, end, ok := p.watch.listen(p.look)
	if !ok {
		message(w, http.StatusServiceUnavailable, "Too many browsers", "Close some of them.")
		return
	}
	defer end()
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	text := "retry: 2000\n\n"
	for {
		_ = control.SetWriteDeadline(time.Now().Add(2 * aliveEvery)) // a server without one needs none
		if _, err := fmt.Fprint(w, text); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-p.Done:
			return
		case <-told:
			text = "event: changed\ndata: {}\n\n"
		case <-alive.C:
			text = ": alive\n\n"
		}
	}
}
