package memory_test

import (
	"testing"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/memory"
	"github.com/lockstep-sync/lockstep/engine/storetest"
)

func TestStore(t *testing.T) {
	storetest.Test(t, func(*testing.T) engine.Store { return memory.New(engine.SystemClock{}) })
}
