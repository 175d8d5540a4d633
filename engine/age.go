package engine

import (
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// ages tell how old what is under way is, by the monotonic clock from when this
// process saved or saw it: the wall clock may be set meanwhile, back, and then
// everything would wait for as long again, or forward, and then what may still
// take effect would be taken to be over.
type ages struct {
	clock store.Clock

	mu   sync.Mutex
	seen map[string]sighting // by link
}

// A sighting is a version of a link that is under way.
type sighting struct {
	revision uint64
	at       time.Time     // on this process's clock
	age      time.Duration // then
	own      bool          // this process saved it
}

func newAges(clock store.Clock) *ages { return &ages{clock: clock, seen: map[string]sighting{}} }

// saved is told of every version of a link that this process saves.
func (a *ages) saved(l *Link, revision uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l.underWay() {
		a.seen[l.ID] = sighting{revision: revision, at: a.clock.Now(), own: true}
	} else {
		delete(a.seen, l.ID)
	}
}

// of is how old a version of a link is, as far as that can be told. Of one that
// another process saved, the store's time says how old it was when it was seen
// first.
func (a *ages) of(l stored) (age time.Duration, own bool) {
	now := a.clock.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.seen[l.ID]
	if !ok || s.revision != l.revision {
		s = sighting{revision: l.revision, at: now}
		if !l.at.IsZero() {
			s.age = max(now.Round(0).Sub(l.at), 0)
		}
		a.seen[l.ID] = s
	}
	return s.age + now.Sub(s.at), s.own
}

// forget is for a link that is not under way, or is no more.
func (a *ages) forget(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.seen, id)
}

// underWay reports whether a request of the link may still take effect.
func (l *Link) underWay() bool { return l.Intent != nil || l.Opened != nil }

// left is how long what is under way may still take effect; with search, until a
// search would show it. It is not more than zero when that is over.
func (w *work) left(l stored, search bool) time.Duration {
	age, own := w.engine.ages.of(l)
	return w.patience(l, own, search) - age
}
