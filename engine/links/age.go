package links

import (
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// ages tell how old what is under way is, by the monotonic clock from when this
// process saved or saw it: the wall clock may be set meanwhile, back, and then
// everything would wait for as long again, or forward, and then what may still
// take effect would be taken to be over (rule 9.6).
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

// of returns how old a version of a link is, as far as that can be told. Of one that
// another process saved, the store's time says how old it was when it was seen
// first.
func (a *ages) of(l Stored) (age time.Duration, own bool) {
	now := a.clock.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.seen[l.ID]
	if !ok || s.revision != l.Revision {
		s = sighting{revision: l.Revision, at: now}
		if !l.At.IsZero() {
			s.age = max(now.Round(0).Sub(l.At), 0)
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
