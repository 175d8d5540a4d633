package reconcile

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/queue"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// An Answer says how a reconcile ended that somebody asked for.
type Answer struct {
	// Failed is why the store kept it from being finished; nil: it did not.
	Failed error
	// Paused is true where the route is paused, or not configured any more.
	Paused bool
	// Again is when it is looked at again; zero: when something changes. With Parked
	// it is not done before.
	Again  time.Time
	Parked bool
	// Reason is why nothing was done, or what it waits for.
	Reason string
}

// ErrStopping says that the engine stops before a reconcile was done.
var ErrStopping = errors.New("the engine is stopping")

// askers wait for what becomes of hints, by the ids that these bear.
type askers struct {
	mu      sync.Mutex
	waiting map[string]chan Answer
}

func (a *askers) add() (id string, answer <-chan Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting == nil {
		a.waiting = map[string]chan Answer{}
	}
	id = rand.Text()
	told := make(chan Answer, 1)
	a.waiting[id] = told
	return id, told
}

func (a *askers) remove(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, id)
}

// tell tells those who wait for one of the hints, once.
func (a *askers) tell(hints []store.Hint, answer Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, h := range hints {
		if told, waits := a.waiting[h.Asker]; waits {
			told <- answer
			delete(a.waiting, h.Asker)
		}
	}
}

// Look has a record looked at now, before what merely may have changed, and waits for
// what becomes of that.
func (e *Workers) Look(ctx context.Context, key queue.Key) (Answer, error) {
	id, told := e.askers.add()
	defer e.askers.remove(id)
	e.Queue.Add(key, store.Hint{Ref: key.Source, At: e.Clock.Now(), Ack: func() {}, Keep: func() {}, Asker: id})
	select {
	case answer := <-told:
		return answer, nil
	case <-ctx.Done():
		return Answer{}, context.Cause(ctx)
	case <-e.Queue.Ended:
		return Answer{}, ErrStopping
	case <-e.Work.Done():
		return Answer{}, ErrStopping
	}
}

// say keeps why nothing was done, or what is waited for, for those who asked.
func (w *session) say(reason string) {
	if reason != "" {
		w.reason = reason
	}
}

// sayFailed says why it failed, without contents of a private record.
func (w *session) sayFailed(failure error) {
	if w.private() {
		w.say(breaker.Redact(failure))
		return
	}
	w.say(w.describe(failure))
}
