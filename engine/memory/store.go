// Package memory keeps the engine's state in memory, for rule tests and for
// tests of the engine. It behaves as engine/jetstream does, by the same
// conformance test (engine/storetest), and waits on the clock it is given.
//
// It outlives the engines that use it: what a killed one had not acknowledged
// comes again to the next.
package memory

import (
	"github.com/lockstep-sync/lockstep/engine/store"
)

// New makes an empty store.
func New(clock store.Clock) store.Store { return newStore(clock, newHints(clock, false)) }

func newStore(clock store.Clock, hints *hints) store.Store {
	return store.Store{
		Hints:   hints,
		Links:   newBucket(clock),
		Targets: newBucket(clock),
		Dead:    newBucket(clock),
		State:   newBucket(clock),
		Journal: &journal{clock: clock},
	}
}
