package daemon

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/daemontest"

	"github.com/google/go-cmp/cmp"
)

func TestStepsEndInReverseOrderAndAllOfThem(t *testing.T) {
	log, _ := daemontest.NewLog()
	running := &steps{log: log}
	var order []string
	for _, name := range []string{"lock", "server", "engine"} {
		running.started(name, func(context.Context) error {
			order = append(order, name)
			if name == "server" {
				return errors.New("it hung")
			}
			return nil
		})
	}
	err := running.end(t.Context())
	if want := []string{"engine", "server", "lock"}; !cmp.Equal(order, want) {
		t.Errorf("ended %v, want %v", order, want)
	}
	if want := "stop server: it hung"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	if err := running.end(t.Context()); err != nil || len(order) != 3 {
		t.Errorf("a second end did something: %v, %v", err, order)
	}
}

// TestStepsEndInTime: 30 seconds are enough for all of them, however many hang,
// and those that do not are ended.
func TestStepsEndInTime(t *testing.T) {
	for _, hanging := range []int{0, 1, 3, 12} {
		synctest.Test(t, func(t *testing.T) {
			log, _ := daemontest.NewLog()
			running := &steps{log: log}
			never := make(chan struct{})
			defer close(never)
			ended := 0
			for i := range 15 {
				running.started("step", func(context.Context) error {
					if i >= 15-hanging {
						<-never
						return nil
					}
					ended++
					return nil
				})
			}
			ctx, cancel := context.WithTimeout(t.Context(), drainTimeout)
			defer cancel()
			began := time.Now()
			err := running.end(ctx)
			if took := time.Since(began); took >= 30*time.Second || ended != 15-hanging {
				t.Errorf("%d hang: %d others were ended, after %v", hanging, ended, took)
			}
			if (err != nil) != (hanging > 0) || running.left != (hanging > 0) {
				t.Errorf("%d hang: %v, left behind: %t", hanging, err, running.left)
			}
		})
	}
}

// TestWhatEndsFirstLeavesTime: before the engine drains nothing takes the time
// that it has.
func TestWhatEndsFirstLeavesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		defer close(never)
		began := time.Now()
		err := inFront(func(context.Context) error { <-never; return nil })(t.Context())
		if took := time.Since(began); took > 2*frontTimeout || !errors.Is(err, errLeftBehind) {
			t.Errorf("%v after %v", err, took)
		}
		if err := inFront(func(context.Context) error { return nil })(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
