package engine

import (
	"sync"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// A queueKey is what one reconcile at a time is about.
type queueKey struct {
	route  string
	source connectors.Ref
}

// A queue hands out keys, each to one worker at a time. Which of them go first
// and how many run at once is the business of its lanes. A key that gets a hint
// while it is queued keeps its place; one that gets a hint while it is in work
// is queued again when that work is done.
type queue struct {
	work func(*turn) // runs in a goroutine of its own
	load *load

	mu      sync.Mutex
	resting sync.Cond // nothing is left; see rest
	items   map[queueKey]*queueItem
	lanes   map[lane]*waitingRoom
	working map[string]int // by route
	places  uint64         // given so far
	running int            // turns that the end waits for
	beside  int            // of them those without a worker
	opened  bool
	closed  bool
	ended   chan struct{} // closed when the queue is and nothing is in work
	// occupied receives when the first hint comes into an empty queue.
	occupied chan struct{}
}

type queueItem struct {
	hints   []store.Hint // gathered and not yet taken by a worker
	taken   []store.Hint // of the work under way
	inWork  bool
	lane    lane // where it waits
	urgency urgency
	place   uint64
}

func newQueue(work func(*turn)) *queue {
	q := &queue{
		work: work, load: &load{}, items: map[queueKey]*queueItem{}, lanes: map[lane]*waitingRoom{}, working: map[string]int{},
		ended: make(chan struct{}), occupied: make(chan struct{}, 1),
	}
	q.resting.L = &q.mu
	return q
}

// open begins to hand out keys.
func (q *queue) open() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.opened = true
	for l := range q.lanes {
		q.handOut(l)
	}
}

func (q *queue) add(k queueKey, h store.Hint) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return // it comes again
	}
	item := q.items[k]
	if item == nil {
		item = &queueItem{}
		q.items[k] = item
		if len(q.items) == 1 {
			select {
			case q.occupied <- struct{}{}:
			default:
			}
		}
	}
	first := len(item.hints) == 0
	item.hints = append(item.hints, h)
	switch urgent := urgencyOf(h); {
	case first && item.inWork:
		item.urgency = urgent
	case first:
		item.urgency = urgent
		q.wait(k, item, lane{})
	case urgent < item.urgency:
		item.urgency = urgent
		if !item.inWork {
			q.room(item.lane).add(k, item)
		}
	}
}

// wait gives a key a place in a lane. q.mu is held.
func (q *queue) wait(k queueKey, item *queueItem, l lane) {
	q.places++
	item.lane, item.place = l, q.places
	q.room(l).add(k, item)
	q.handOut(l)
}

func (q *queue) room(l lane) *waitingRoom {
	r := q.lanes[l]
	if r == nil {
		r = &waitingRoom{lane: l}
		q.lanes[l] = r
	}
	return r
}

// handOut gives the free workers of a lane something to do. q.mu is held.
func (q *queue) handOut(l lane) {
	r := q.lanes[l]
	for r != nil && q.opened && !q.closed && r.busy < workersOfLane {
		k, ok := r.next(q.items)
		if !ok {
			break
		}
		item := q.items[k]
		item.taken, item.hints, item.inWork = item.hints, nil, true
		r.busy++
		q.running++
		q.working[k.route]++
		t := &turn{queue: q, key: k, hints: item.taken, urgency: item.urgency, lane: l}
		go q.work(t)
	}
	if r != nil && r.busy == 0 && r.empty() {
		delete(q.lanes, l)
	}
}

// A turn is the work on one key, and one worker of the lane that it is in.
type turn struct {
	queue   *queue
	key     queueKey
	hints   []store.Hint
	urgency urgency

	lane lane // changed by its worker alone

	// Guarded by the queue.
	left   bool // it has no worker any more
	beside bool // and goes on all the same
	gone   bool
	over   bool
}

// moveTo goes on as one of the workers of another lane. Where all of them are
// busy the turn ends here, and the key waits for its turn there, with its hints
// and at the place that it has.
func (t *turn) moveTo(l lane) bool {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case t.over:
		return false
	case t.left, t.lane == l:
		return true
	}
	from, r := t.lane, q.room(l)
	q.lanes[from].busy--
	defer q.handOut(from)
	if r.busy < workersOfLane {
		r.busy++
		t.lane = l
		return true
	}
	item := q.items[t.key]
	if len(item.hints) > 0 {
		item.urgency = min(item.urgency, t.urgency)
	} else {
		item.urgency = t.urgency
	}
	item.hints, item.taken, item.inWork = append(item.taken, item.hints...), nil, false
	item.lane = l
	r.add(t.key, item)
	t.left, t.over = true, true
	q.gone(t)
	q.notWorking(t.key)
	return false
}

// stepAside gives the worker to another key, while this one stays in work and
// its turn goes on without one, unless too many do so already.
func (t *turn) stepAside() {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.left || t.over || q.beside >= mostBeside {
		return
	}
	q.beside++
	q.load.add(1)
	t.beside = true
	q.leave(t)
}

// leave gives the worker to another key for good, while this one stays in work.
func (t *turn) leave() {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.beside {
		t.beside = false
		q.beside--
		q.load.add(-1)
	}
	q.leave(t)
	q.gone(t)
}

// leave frees a turn's worker. q.mu is held.
func (q *queue) leave(t *turn) {
	if t.left {
		return
	}
	t.left = true
	q.lanes[t.lane].busy--
	q.handOut(t.lane)
}

// gone takes note that nobody has to wait for a turn. q.mu is held.
func (q *queue) gone(t *turn) {
	if !t.gone {
		t.gone = true
		q.running--
		q.ending()
	}
}

func (q *queue) ending() {
	if q.closed && q.running == 0 {
		select {
		case <-q.ended:
		default:
			close(q.ended)
		}
	}
}

func (q *queue) notWorking(k queueKey) {
	if q.working[k.route]--; q.working[k.route] == 0 {
		delete(q.working, k.route)
	}
}

// done ends a turn, if it is not over yet.
func (t *turn) done() {
	t.leave()
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.over {
		return
	}
	t.over = true
	q.notWorking(t.key)
	item := q.items[t.key]
	item.taken, item.inWork = nil, false
	if len(item.hints) == 0 {
		delete(q.items, t.key)
		q.resting.Broadcast()
		return
	}
	q.wait(t.key, item, lane{})
}

// keep tells the store that every hint held here is still wanted; false: none
// is held.
func (q *queue) keep() bool {
	q.mu.Lock()
	var hints []store.Hint
	for _, item := range q.items {
		hints = append(append(hints, item.taken...), item.hints...)
	}
	q.mu.Unlock()
	for _, h := range hints {
		h.Keep()
	}
	return len(hints) > 0
}

// inWork counts the keys of a route that are in work.
func (q *queue) inWork(route string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.working[route]
}

// close ends handing out; what is queued comes again from the store.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ending()
	q.resting.Broadcast()
}

// triesOf is how often what was scheduled in a slot has failed. All routes of
// a source see a hint; what one route failed at is no failure of another.
func triesOf(slot string, hints []store.Hint) (tries int) {
	for _, h := range hints {
		if h.Slot == slot {
			tries = max(tries, h.Tries)
		}
	}
	return tries
}
