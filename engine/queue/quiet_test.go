package queue

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/engine/store"
)

func TestQueueRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := make(chan *Turn)
		q := New(func(t *Turn) { turns <- t })
		q.Open()
		q.WaitIdle() // nothing was added

		one, two := Key{Route: "a"}, Key{Route: "b"}
		q.Add(one, store.Hint{})
		q.Add(two, store.Hint{})
		rested := make(chan struct{})
		go func() { q.WaitIdle(); close(rested) }()
		at := func(what string, want bool) {
			t.Helper()
			synctest.Wait()
			select {
			case <-rested:
				if !want {
					t.Fatalf("%s: the queue rests", what)
				}
			default:
				if want {
					t.Fatalf("%s: the queue does not rest", what)
				}
			}
		}
		at("two are queued", false)
		first, second := <-turns, <-turns
		at("two are in work", false)
		q.Add(first.Key, store.Hint{})
		first.Done()
		second.Done()
		at("one got a hint while it was in work", false)
		(<-turns).Done()
		at("all are done", true)
	})
}

// TestClosedQueueRests: nobody waits for what nobody will take any more,
// whether it was closed before or while somebody waited.
func TestClosedQueueRests(t *testing.T) {
	for name, early := range map[string]bool{"closed before": true, "closed while somebody waits": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := New(func(*Turn) {})
				q.Add(Key{Route: "a"}, store.Hint{}) // it is not open: nobody takes it
				if early {
					q.Close()
				}
				var rests atomic.Bool
				go func() {
					q.WaitIdle()
					rests.Store(true)
				}()
				synctest.Wait()
				if rests.Load() != early {
					t.Fatalf("with one key queued, the queue rests: %t", rests.Load())
				}
				q.Close()
				synctest.Wait()
				if !rests.Load() {
					t.Fatal("the closed queue does not rest")
				}
			})
		})
	}
}
