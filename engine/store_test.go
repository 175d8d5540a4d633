package engine_test

import (
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/memory"
)

func newStore() engine.Store { return memory.New(engine.SystemClock{}) }
