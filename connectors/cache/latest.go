package cache

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A Latest keeps the last value of each key, however old it is: its user says
// which is fresh enough. One at a time asks for a key, others wait for that. There
// is no bound: it is for keys that the configuration names. It is safe for
// concurrent use.
type Latest[K comparable, V any] struct {
	mu  sync.Mutex
	all map[K]*latest[V]
}

type latest[V any] struct {
	turn chan struct{} // who holds it asks
	last atomic.Pointer[V]
}

// NewLatest makes an empty one.
func NewLatest[K comparable, V any]() *Latest[K, V] {
	return &Latest[K, V]{all: map[K]*latest[V]{}}
}

func (l *Latest[K, V]) of(key K) *latest[V] {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.all[key]
	if one == nil {
		one = &latest[V]{turn: make(chan struct{}, 1)}
		l.all[key] = one
	}
	return one
}

// Last is what was got last; nil: nothing was.
func (l *Latest[K, V]) Last(key K) *V { return l.of(key).last.Load() }

// Fetch returns the last value if it is fresh, or else the one that ask gives. A
// failure changes nothing. Who waits longer than the context has its error.
func (l *Latest[K, V]) Fetch(ctx context.Context, key K, fresh func(*V) bool, ask func() (*V, error)) (*V, error) {
	one := l.of(key)
	if last := one.last.Load(); last != nil && fresh(last) {
		return last, nil
	}
	waited := connectors.Waiting(ctx)
	defer waited()
	select {
	case one.turn <- struct{}{}:
		waited()
		defer func() { <-one.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if last := one.last.Load(); last != nil && fresh(last) {
		return last, nil // somebody else has just asked
	}
	now, err := ask()
	if err != nil {
		return nil, err
	}
	one.last.Store(now)
	return now, nil
}
