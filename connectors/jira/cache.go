package jira

import (
	"context"
	"sync"
	"time"
)

// How long an answer is believed, and how many are kept. What was not there is
// soon asked for again: somebody is about to add it.
const (
	hitLife    = 10 * time.Minute
	missLife   = time.Minute
	cacheBound = 10_000
)

// A cache keeps answers for a while; it is bounded.
type cache[V any] struct {
	mu      sync.Mutex
	answers map[string]cached[V]
	missing func(V) bool // nil: every answer is a hit
}

type cached[V any] struct {
	value V
	until time.Time
}

func newCache[V any](missing func(V) bool) *cache[V] {
	return &cache[V]{answers: map[string]cached[V]{}, missing: missing}
}

// get is the answer that is kept, or else the one that ask gives. Two that ask
// at once may both do so.
func (c *cache[V]) get(_ context.Context, key string, ask func() (V, error)) (V, error) {
	c.mu.Lock()
	found, ok := c.answers[key]
	c.mu.Unlock()
	if ok && time.Now().Before(found.until) {
		return found.value, nil
	}
	value, err := ask()
	if err != nil {
		return value, err
	}
	c.put(key, value)
	return value, nil
}

// peek is the last answer, however old.
func (c *cache[V]) peek(key string) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.answers[key]
	return found.value, ok
}

func (c *cache[V]) put(key string, value V) {
	now := time.Now()
	until := now.Add(hitLife)
	if c.missing != nil && c.missing(value) {
		until = now.Add(missLife)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.answers) >= cacheBound {
		for old, answer := range c.answers {
			if !now.Before(answer.until) {
				delete(c.answers, old)
			}
		}
		for old := range c.answers { // still full: any of them can be asked again
			if len(c.answers) < cacheBound {
				break
			}
			delete(c.answers, old)
		}
	}
	c.answers[key] = cached[V]{value, until}
}

// forget drops an answer.
func (c *cache[V]) forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.answers, key)
}
