package storetest

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestClockJumpsByTheWallAlone(t *testing.T) {
	jump := func(t *testing.T) {
		for _, d := range []time.Duration{time.Hour, -time.Hour, time.Second, -365 * 24 * time.Hour} {
			c := NewClock()
			before := c.Now()
			c.Jump(d)
			after := c.Now()
			if wall := after.Round(0).Sub(before.Round(0)); wall < d || wall > d+time.Minute {
				t.Errorf("after a jump of %v the wall clock went %v", d, wall)
			}
			if went := after.Sub(before); went < 0 || went > time.Minute {
				t.Errorf("after a jump of %v the monotonic clock went %v", d, went)
			}
		}
	}
	t.Run("of the machine", jump)
	t.Run("of a bubble", func(t *testing.T) { synctest.Test(t, jump) })
}
