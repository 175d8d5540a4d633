package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
)

// grace is how long after a record turned private a write to either side may
// still begin: the source was read within two seconds, the intent was saved,
// and its lease is ten seconds.
const grace = 13 * time.Second

// Invariant 8.
func (w *world) nothingPrivateWasSent() {
	for _, r := range w.records {
		w.mu.Lock()
		all := slices.Clone(w.requests)
		w.mu.Unlock()
		for _, sent := range all {
			concerned := w.concerns(r, source, sent.record, sent.body) || w.concerns(r, target, sent.record, sent.body)
			if concerned && r.privateFor(sent.began) > grace {
				w.fail("invariant 8: %s: %s %s began %s after it had turned private", r, sent.method, sent.path, r.privateFor(sent.began))
			}
		}
	}
}

// privateFor is how long a record had been private at a time; 0: it was public.
func (r *record) privateFor(at time.Time) time.Duration {
	since := time.Time{}
	for i, turn := range r.turns {
		if turn.After(at) {
			break
		}
		if since = turn; i%2 == 1 {
			since = time.Time{}
		}
	}
	if since.IsZero() {
		return 0
	}
	return at.Sub(since)
}

func (w *world) nothingPrivateIsStored() {
	tokens := map[string]*record{}
	for _, r := range w.records {
		for _, e := range r.edits {
			if r.private && e.token != "" {
				tokens[e.token] = r
			}
		}
	}
	if len(tokens) == 0 {
		return
	}
	js, err := natsjs.New(w.daemons[0].nc)
	w.must(err)
	names := js.StreamNames(w.ctx)
	for name := range names.Name() {
		stream, err := js.Stream(w.ctx, name)
		w.must(err)
		state := stream.CachedInfo().State
		for at := state.FirstSeq; at <= state.LastSeq && at > 0; at++ {
			message, err := stream.GetMsg(w.ctx, at)
			if err != nil {
				continue // deleted
			}
			for token, r := range tokens {
				if strings.Contains(message.Subject, token) || strings.Contains(string(message.Data), token) {
					w.fail("invariant 8: %s is private, and %s keeps its %q: %s", r, name, token, message.Data)
				}
			}
		}
	}
}

func (w *world) nothingIsLogged() {
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, fmt.Sprintf("word%dq", w.seed)) {
			w.fail("contents are in the log: %s", line)
			return
		}
	}
}
