package queue

import (
	"sync"
	"sync/atomic"
)

// A Load tells how many computations take long, each of which may keep a
// processor busy: those that go on beside the workers, and those that were given
// up and still run.
type Load struct {
	Tell func(n int) // nil: nobody asks

	count atomic.Int64
	mu    sync.Mutex // held while telling
	told  int
}

// Add counts n more computations, or fewer, and has that told.
func (l *Load) Add(n int) {
	l.count.Add(int64(n))
	if l.Tell != nil {
		go l.report()
	}
}

func (l *Load) report() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := int(l.count.Load()); n != l.told {
		l.told = n
		l.Tell(n)
	}
}
