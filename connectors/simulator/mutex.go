package simulator

import (
	"sync"
	"time"
)

// A Mutex guards the state of a system. Whoever locks it finds the state as of
// now: what was to take effect late, and is due, has taken effect.
type Mutex struct {
	// Now is the system's clock; nil is time.Now. It does not change.
	Now func() time.Time

	mu   sync.Mutex // guards late, and what the system guards with it
	late []lateEffect
}

type lateEffect struct {
	due time.Time
	do  func()
}

// Lock locks the mutex and does what is due, in the order in which it was put
// off.
func (m *Mutex) Lock() {
	m.mu.Lock()
	now := m.now()
	var waiting []lateEffect
	for _, l := range m.late {
		if now.Before(l.due) {
			waiting = append(waiting, l)
		} else {
			l.do()
		}
	}
	m.late = waiting
}

// Unlock unlocks the mutex.
func (m *Mutex) Unlock() { m.mu.Unlock() }

// putOff has something done, with the mutex held, once the time has passed; the
// mutex is held.
func (m *Mutex) putOff(d time.Duration, do func()) {
	m.late = append(m.late, lateEffect{m.now().Add(d), do})
}

func (m *Mutex) now() time.Time {
	if m.Now == nil {
		return time.Now()
	}
	return m.Now()
}
