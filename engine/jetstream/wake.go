package jetstream

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/connectors"
)

const (
	// wakeSlack is how long after its time a scheduled hint is given to come from
	// the server, which knows whole seconds.
	wakeSlack = 2 * time.Second
	// wakeTimeout bounds the question whether it came.
	wakeTimeout = 10 * time.Second
)

// wakes see to it that a scheduled hint comes in time although the wall clock
// was set meanwhile. The server goes by that: set back by an hour, it delivers
// an hour late, and set forward, it may put off what is scheduled after. This
// process waits by the monotonic clock, and adds the hint itself where the server
// has not. They are lost with the process.
type wakes struct {
	mu     sync.Mutex
	timers map[string]*time.Timer // by slot
}

// set waits for a slot's hint; one that was waited for before is replaced.
func (w *wakes) set(slot string, wait time.Duration, late func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timers == nil {
		w.timers = map[string]*time.Timer{}
	}
	if old := w.timers[slot]; old != nil {
		old.Stop()
	}
	var mine *time.Timer
	mine = time.AfterFunc(wait, func() {
		w.mu.Lock()
		if w.timers[slot] != mine {
			w.mu.Unlock()
			return
		}
		delete(w.timers, slot)
		w.mu.Unlock()
		late()
	})
	w.timers[slot] = mine
}

// wake adds a hint that the server should have delivered by now. The message
// that schedules it is there until it has, or a newer one takes its place.
func (h *hints) wake(slot string, sequence uint64, ref connectors.Ref, tries int) {
	ctx, cancel := context.WithTimeout(context.Background(), wakeTimeout)
	defer cancel()
	msg, err := h.server.last(ctx, h.stream, h.topology.retry(slot))
	if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && msg.Sequence != sequence {
		return
	}
	if err == nil {
		_, err = h.server.publish(ctx, &nats.Msg{Subject: h.topology.hint(ref), Header: scheduled(slot, tries), Data: []byte(ref.String())})
	}
	if err == nil {
		err = h.server.erase(ctx, h.stream, sequence)
	}
	if err != nil {
		h.logger.Debug("a scheduled hint that is late was left to the server", "error", err)
	}
}

// scheduled is the header of a scheduled hint, which comes back with it.
func scheduled(slot string, tries int) nats.Header {
	return nats.Header{headerSlot: {url.PathEscape(slot)}, headerTries: {strconv.Itoa(tries)}}
}
