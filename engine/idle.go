package engine

// Loops returns how many goroutines of the engine do nothing but wait for the clock
// and then look: one a polling, and those of goLoop. When as many
// calls of the clock's After are waited for, each of them has done what it does
// before the clock moves on. It is for clocks that are moved by hand.
func (e *Engine) Loops() int {
	e.applying.Lock()
	defer e.applying.Unlock()
	return e.poller.Loops() + e.lasting
}

// WaitIdle waits until no record is queued or in work. With the loops at rest and
// a store that delivers nothing meanwhile, the engine then does nothing more
// until the clock moves or somebody hints.
func (e *Engine) WaitIdle() { e.workers.Queue.WaitIdle() }
