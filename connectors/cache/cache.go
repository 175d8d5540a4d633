// Package cache keeps what systems answered for a while: look-ups of users,
// fields and the like, which records are full of. It knows no system.
package cache

import (
	"sync"
	"time"
)

// How long an answer is believed, and how many are kept. What was not there is
// soon asked for again: somebody is about to add it.
const (
	hitLife  = 10 * time.Minute
	missLife = time.Minute
	bound    = 10_000
)

// A Cache keeps answers; it is bounded, and safe for concurrent use.
type Cache[K comparable, V any] struct {
	mu      sync.Mutex
	answers map[K]answer[V]
	missing func(V) bool
}

type answer[V any] struct {
	value     V
	at, until time.Time
}

// New makes a cache. missing tells answers that nothing was found, which are
// kept for a minute only; nil: every answer counts as found.
func New[K comparable, V any](missing func(V) bool) *Cache[K, V] {
	return &Cache[K, V]{answers: map[K]answer[V]{}, missing: missing}
}

// Fetch returns the answer that is kept, or else the one that ask gives. Two that
// ask at once may both do so. A failure is not kept.
func (c *Cache[K, V]) Fetch(key K, ask func() (V, error)) (V, error) {
	if value, ok := c.Get(key); ok {
		return value, nil
	}
	value, err := ask()
	if err == nil {
		c.Put(key, value)
	}
	return value, err
}

// Get returns the answer that is kept and still believed.
func (c *Cache[K, V]) Get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.answers[key]
	return found.value, ok && time.Now().Before(found.until)
}

// Peek returns the last answer, however old.
func (c *Cache[K, V]) Peek(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.answers[key]
	return found.value, ok
}

// Put keeps an answer.
func (c *Cache[K, V]) Put(key K, value V) {
	now := time.Now()
	until := now.Add(hitLife)
	if c.missing != nil && c.missing(value) {
		until = now.Add(missLife)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.answers) >= bound {
		for old, kept := range c.answers {
			if !now.Before(kept.until) {
				delete(c.answers, old)
			}
		}
		for old := range c.answers { // any of them can be asked again
			if len(c.answers) <= bound-bound/10 {
				break
			}
			delete(c.answers, old)
		}
	}
	c.answers[key] = answer[V]{value, now, until}
}

// Forget drops an answer.
func (c *Cache[K, V]) Forget(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.answers, key)
}
