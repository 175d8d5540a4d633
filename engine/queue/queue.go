package queue

import (
	"sync"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// A Key is what one reconcile at a time is about.
type Key struct {
	Route  string
	Source connectors.Ref
}

// A Queue hands out keys, each to one worker at a time. Which of them go first
// and how many run at once is the business of its lanes. A key that gets a hint
// while it is queued keeps its place; one that gets a hint while it is in work
// is queued again when that work is done.
type Queue struct {
	work func(*Turn) // runs in a goroutine of its own
	Load *Load

	mu      sync.Mutex
	resting sync.Cond // nothing is left; see rest
	items   map[Key]*queueItem
	lanes   map[Lane]*laneQueue
	working map[string]int // by route
	places  uint64         // given so far
	running int            // turns that the end waits for
	beside  int            // of them those without a worker
	opened  bool
	closed  bool
	Ended   chan struct{} // closed when the queue is and nothing is in work
	// occupied receives when the first hint comes into an empty queue.
	Occupied chan struct{}
}

type queueItem struct {
	hints   []store.Hint // gathered and not yet taken by a worker
	taken   []store.Hint // of the work under way
	inWork  bool
	lane    Lane // where it waits
	urgency urgency
	place   uint64
}

// New makes a queue that runs work for every key that it hands out, in a
// goroutine of its own, once it is opened.
func New(work func(*Turn)) *Queue {
	q := &Queue{
		work: work, Load: &Load{}, items: map[Key]*queueItem{}, lanes: map[Lane]*laneQueue{}, working: map[string]int{},
		Ended: make(chan struct{}), Occupied: make(chan struct{}, 1),
	}
	q.resting.L = &q.mu
	return q
}

// Open begins to hand out keys.
func (q *Queue) Open() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.opened = true
	for l := range q.lanes {
		q.handOut(l)
	}
}

// Add queues a hint under its key. A queue that is closed drops it: the store
// delivers it again.
func (q *Queue) Add(k Key, h store.Hint) {
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
			case q.Occupied <- struct{}{}:
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
		q.wait(k, item, Lane{})
	case urgent < item.urgency:
		item.urgency = urgent
		if !item.inWork {
			q.laneOf(item.lane).add(k, item)
		}
	}
}

// wait gives a key a place in a lane. q.mu is held.
func (q *Queue) wait(k Key, item *queueItem, l Lane) {
	q.places++
	item.lane, item.place = l, q.places
	q.laneOf(l).add(k, item)
	q.handOut(l)
}

func (q *Queue) laneOf(l Lane) *laneQueue {
	r := q.lanes[l]
	if r == nil {
		r = &laneQueue{lane: l}
		q.lanes[l] = r
	}
	return r
}

// handOut gives the free workers of a lane something to do. q.mu is held.
func (q *Queue) handOut(l Lane) {
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
		q.working[k.Route]++
		t := &Turn{queue: q, Key: k, Hints: item.taken, urgency: item.urgency, Lane: l}
		go q.work(t)
	}
	if r != nil && r.busy == 0 && r.empty() {
		delete(q.lanes, l)
	}
}

// A Turn is the work on one key, and one worker of the lane that it is in.
type Turn struct {
	queue   *Queue
	Key     Key
	Hints   []store.Hint
	urgency urgency

	Lane Lane // changed by its worker alone

	// Guarded by the queue.
	left   bool // it has no worker any more
	beside bool // and goes on all the same
	gone   bool
	over   bool
}

// MoveTo goes on as one of the workers of another lane. Where all of them are
// busy the turn ends here, and the key waits for its turn there, with its hints
// and at the place that it has.
func (t *Turn) MoveTo(l Lane) bool {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case t.over:
		return false
	case t.left, t.Lane == l:
		return true
	}
	from, r := t.Lane, q.laneOf(l)
	q.lanes[from].busy--
	defer q.handOut(from)
	if r.busy < workersOfLane {
		r.busy++
		t.Lane = l
		return true
	}
	item := q.items[t.Key]
	if len(item.hints) > 0 {
		item.urgency = min(item.urgency, t.urgency)
	} else {
		item.urgency = t.urgency
	}
	item.hints, item.taken, item.inWork = append(item.taken, item.hints...), nil, false
	item.lane = l
	r.add(t.Key, item)
	t.left, t.over = true, true
	q.gone(t)
	q.notWorking(t.Key)
	return false
}

// StepAside gives the worker to another key, while this one stays in work and
// its turn goes on without one, unless too many do so already.
func (t *Turn) StepAside() {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.left || t.over || q.beside >= mostBeside {
		return
	}
	q.beside++
	q.Load.Add(1)
	t.beside = true
	q.leave(t)
}

// Leave gives the worker to another key for good, while this one stays in work.
func (t *Turn) Leave() {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.beside {
		t.beside = false
		q.beside--
		q.Load.Add(-1)
	}
	q.leave(t)
	q.gone(t)
}

// leave frees a turn's worker. q.mu is held.
func (q *Queue) leave(t *Turn) {
	if t.left {
		return
	}
	t.left = true
	q.lanes[t.Lane].busy--
	q.handOut(t.Lane)
}

// gone takes note that nobody has to wait for a turn. q.mu is held.
func (q *Queue) gone(t *Turn) {
	if !t.gone {
		t.gone = true
		q.running--
		q.ending()
	}
}

func (q *Queue) ending() {
	if q.closed && q.running == 0 {
		select {
		case <-q.Ended:
		default:
			close(q.Ended)
		}
	}
}

func (q *Queue) notWorking(k Key) {
	if q.working[k.Route]--; q.working[k.Route] == 0 {
		delete(q.working, k.Route)
	}
}

// Done ends a turn, if it is not over yet.
func (t *Turn) Done() {
	t.Leave()
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.over {
		return
	}
	t.over = true
	q.notWorking(t.Key)
	item := q.items[t.Key]
	item.taken, item.inWork = nil, false
	if len(item.hints) == 0 {
		delete(q.items, t.Key)
		q.resting.Broadcast()
		return
	}
	q.wait(t.Key, item, Lane{})
}

// KeepHints tells the store that every hint held here is still wanted; false: none
// is held.
func (q *Queue) KeepHints() bool {
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

// InWork counts the keys of a route that are in work.
func (q *Queue) InWork(route string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.working[route]
}

// Close ends handing out; what is queued comes again from the store.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ending()
	q.resting.Broadcast()
}

// Tries returns how often what was scheduled in a slot has failed. All routes of
// a source see a hint; what one route failed at is not a failure of another.
func Tries(slot string, hints []store.Hint) (tries int) {
	for _, h := range hints {
		if h.Slot == slot {
			tries = max(tries, h.Tries)
		}
	}
	return tries
}

// WaitIdle waits until there is nothing in the queue, or it is closed.
func (q *Queue) WaitIdle() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) > 0 && !q.closed {
		q.resting.Wait()
	}
}

// Stored reports whether one of the hints lies in the store, and so comes again if it is
// not acknowledged.
func Stored(hints []store.Hint) bool {
	for _, h := range hints {
		if !h.FromResync && !h.FromBackfill && h.Asker == "" {
			return true
		}
	}
	return false
}

// OnlyResync reports whether nothing but a sweep asked for a look.
func OnlyResync(hints []store.Hint) bool {
	for _, h := range hints {
		if !h.FromResync {
			return false
		}
	}
	return true
}
