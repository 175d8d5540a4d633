package queue

import (
	"container/heap"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// workersOfLane is how many reconciles of one lane run at once. They wait for
// systems most of their time.
const workersOfLane = 32

// mostBeside bounds the turns that go on without a worker, and with them what
// all records together compute and hold in memory.
const mostBeside = 64

// A Lane is what a reconcile is about to call: the connectors of its record and
// of its ticket. No lane has workers of another, so that a slow system holds up
// those alone that wait for it. Names are empty where no system is to be called,
// or it is not known yet which: every key begins in the lane without names, in
// which only the store is asked (rule 3.1).
type Lane struct{ Source, Target string }

// An urgency says who goes first within a lane.
type urgency int

// The urgencies, the most urgent first.
const (
	live      urgency = iota // a record changed
	again                    // a second look: a try again, a verification
	swept                    // the sweep's turn, or a backfill's
	urgencies int     = iota
)

// Of so many keys of a lane one is a second look, and one the sweep's or a backfill's, whatever
// else waits: what is less urgent is late, and not left for ever.
const (
	everyAgain = 4
	everySwept = 16
)

func urgencyOf(h store.Hint) urgency {
	switch {
	case h.FromResync, h.FromBackfill:
		return swept
	case h.Slot != "":
		return again
	}
	return live
}

// A laneQueue is who waits in a lane, and how many of its workers are busy.
type laneQueue struct {
	lane    Lane
	busy    int
	turns   int // given so far
	waiting [urgencies]positions
}

// A position is one key's; it is void if the key has gone, or waits elsewhere.
type position struct {
	place uint64
	key   Key
}

// add lets a key wait at its place.
func (r *laneQueue) add(k Key, item *queueItem) {
	heap.Push(&r.waiting[item.urgency], position{item.place, k})
}

func (r *laneQueue) empty() bool {
	for _, w := range r.waiting {
		if len(w) > 0 {
			return false
		}
	}
	return true
}

// next takes out the key whose turn it is: of the most urgent ones, or of
// those that have been passed over often enough, the one that came first.
func (r *laneQueue) next(items map[Key]*queueItem) (Key, bool) {
	r.turns++
	order := [urgencies]urgency{live, again, swept}
	switch {
	case r.turns%everySwept == 0:
		order = [urgencies]urgency{swept, live, again}
	case r.turns%everyAgain == 0:
		order = [urgencies]urgency{again, live, swept}
	}
	for _, u := range order {
		for w := &r.waiting[u]; len(*w) > 0; {
			p, _ := heap.Pop(w).(position)
			item := items[p.key]
			if item != nil && !item.inWork && item.lane == r.lane && item.place == p.place && item.urgency == u {
				return p.key, true
			}
		}
	}
	return Key{}, false
}

// positions are a heap with the first place on top.
type positions []position

func (p positions) Len() int           { return len(p) }
func (p positions) Less(i, j int) bool { return p[i].place < p[j].place }
func (p positions) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }

// Push adds a position.
func (p *positions) Push(x any) {
	added, _ := x.(position)
	*p = append(*p, added)
}

// Pop takes the last one off.
func (p *positions) Pop() any {
	all := *p
	last := all[len(all)-1]
	*p = all[:len(all)-1]
	return last
}
