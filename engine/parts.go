package engine

import (
	"context"
	"sync"

	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// The parts of an engine beside its reconciles.
type (
	// losses notices what the store has lost.
	losses struct{ *reconcile.Core }

	// operations are what people and status pages ask for.
	operations struct {
		core    *reconcile.Core
		workers *reconcile.Workers
	}

	// background are the loops that wait for the clock.
	background struct {
		loops     context.Context
		stopLoops context.CancelFunc
		running   sync.WaitGroup
		lasting   int // loops that run as long as the engine
	}
)

func newBackground() *background {
	b := &background{}
	b.loops, b.stopLoops = context.WithCancel(context.Background())
	return b
}

// goLoop starts a loop that waits for the clock until the engine is drained. It
// is not called at the same time as itself.
func (b *background) goLoop(loop func()) {
	b.lasting++
	b.running.Go(loop)
}
