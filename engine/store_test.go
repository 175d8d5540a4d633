package engine_test

import (
	"github.com/lockstep-sync/lockstep/engine/memory"
	"github.com/lockstep-sync/lockstep/engine/store"
)

func newStore() store.Store { return memory.New(store.SystemClock{}) }
