package daemon

import (
	"runtime"
	"testing"
)

func TestLongComputationsGetThreadsOfTheirOwn(t *testing.T) {
	usual := runtime.GOMAXPROCS(0)
	defer processors(0)
	for _, n := range []int{3, 41, 1, 0} {
		if processors(n); runtime.GOMAXPROCS(0) != usual+n {
			t.Errorf("%d of them: %d threads, usually %d", n, runtime.GOMAXPROCS(0), usual)
		}
	}
	if processors(1_000_000); runtime.GOMAXPROCS(0) != usual+mostProcessors {
		t.Errorf("%d threads", runtime.GOMAXPROCS(0))
	}
}
