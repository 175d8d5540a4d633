package cache_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/connectors/cache"
)

func always(fresh bool) func(*int) bool { return func(*int) bool { return fresh } }

// TestLatest: many who want the same are one question, a failure is not kept, and
// a wait ends with its context.
func TestLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := cache.NewLatest[string, int]()
		if l.Last("a") != nil {
			t.Error("there is a value before one was asked for")
		}
		asked, release := 0, make(chan struct{})
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				got, err := l.Fetch(t.Context(), "a", always(true), func() (*int, error) {
					<-release
					asked++
					return &asked, nil
				})
				if err != nil || *got != 1 {
					t.Errorf("got %v, %v", got, err)
				}
			})
		}
		synctest.Wait()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.Fetch(ended, "a", always(true), nil); !errors.Is(err, context.Canceled) {
			t.Errorf("a wait that was given up: %v", err)
		}
		close(release)
		all.Wait()
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		failed := errors.New("failed")
		if _, err := l.Fetch(t.Context(), "a", always(false), func() (*int, error) { return nil, failed }); !errors.Is(err, failed) {
			t.Errorf("got %v", err)
		}
		if last := l.Last("a"); last == nil || *last != 1 {
			t.Errorf("after a failure the last value is %v", last)
		}
	})
}
