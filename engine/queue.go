package engine

import (
	"sync"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A queueKey is what one reconcile at a time is about.
type queueKey struct {
	route  string
	source connectors.Ref
}

// A queue hands out keys in the order in which they came, each to one worker
// at a time. A key that gets a hint while it is queued keeps its place; one
// that gets a hint while it is in work is queued again when that work is done.
type queue struct {
	mu      sync.Mutex
	ready   sync.Cond
	resting sync.Cond // nothing is left; see rest
	waiting []queueKey
	items   map[queueKey]*queueItem
	working map[string]int // by route
	closed  bool
}

type queueItem struct {
	hints  []Hint // gathered and not yet taken by a worker
	taken  []Hint // of the work under way
	inWork bool
}

func newQueue() *queue {
	q := &queue{items: map[queueKey]*queueItem{}, working: map[string]int{}}
	q.ready.L, q.resting.L = &q.mu, &q.mu
	return q
}

func (q *queue) add(k queueKey, h Hint) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return // it comes again
	}
	item := q.items[k]
	if item == nil {
		item = &queueItem{}
		q.items[k] = item
	}
	first := len(item.hints) == 0
	item.hints = append(item.hints, h)
	if first && !item.inWork {
		q.waiting = append(q.waiting, k)
		q.ready.Signal()
	}
}

// take waits for a key; false when the queue is closed.
func (q *queue) take() (queueKey, []Hint, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 && !q.closed {
		q.ready.Wait()
	}
	if q.closed {
		return queueKey{}, nil, false
	}
	k := q.waiting[0]
	q.waiting = q.waiting[1:]
	item := q.items[k]
	item.taken, item.hints, item.inWork = item.hints, nil, true
	q.working[k.route]++
	return k, item.taken, true
}

// done ends the work on a key that take handed out.
func (q *queue) done(k queueKey) {
	q.mu.Lock()
	defer q.mu.Unlock()
	item := q.items[k]
	item.taken, item.inWork = nil, false
	if q.working[k.route]--; q.working[k.route] == 0 {
		delete(q.working, k.route)
	}
	if len(item.hints) == 0 {
		delete(q.items, k)
		q.resting.Broadcast()
		return
	}
	q.waiting = append(q.waiting, k)
	q.ready.Signal()
}

// keep tells the store that every hint held here is still wanted.
func (q *queue) keep() {
	q.mu.Lock()
	var hints []Hint
	for _, item := range q.items {
		hints = append(append(hints, item.taken...), item.hints...)
	}
	q.mu.Unlock()
	for _, h := range hints {
		h.Keep()
	}
}

// inWork counts the keys of a route that workers hold.
func (q *queue) inWork(route string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.working[route]
}

// close lets every take return; what is queued comes again from the store.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ready.Broadcast()
	q.resting.Broadcast()
}

// triesOf is how often what was scheduled in a slot has failed. All routes of
// a source see a hint; what one route failed at is no failure of another.
func triesOf(slot string, hints []Hint) (tries int) {
	for _, h := range hints {
		if h.Slot == slot {
			tries = max(tries, h.Tries)
		}
	}
	return tries
}
