package engine

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/engine/store"
)

func TestQueueRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := make(chan *turn)
		q := newQueue(func(t *turn) { turns <- t })
		q.open()
		q.rest() // nothing was added

		one, two := queueKey{route: "a"}, queueKey{route: "b"}
		q.add(one, store.Hint{})
		q.add(two, store.Hint{})
		rested := make(chan struct{})
		go func() { q.rest(); close(rested) }()
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
		q.add(first.key, store.Hint{})
		first.done()
		second.done()
		at("one got a hint while it was in work", false)
		(<-turns).done()
		at("all are done", true)
	})
}

// TestClosedQueueRests: nobody waits for what nobody will take any more,
// whether it was closed before or while somebody waited.
func TestClosedQueueRests(t *testing.T) {
	for name, early := range map[string]bool{"closed before": true, "closed while somebody waits": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(func(*turn) {})
				q.add(queueKey{route: "a"}, store.Hint{}) // it is not open: nobody takes it
				if early {
					q.close()
				}
				var rests atomic.Bool
				go func() {
					q.rest()
					rests.Store(true)
				}()
				synctest.Wait()
				if rests.Load() != early {
					t.Fatalf("with one key queued, the queue rests: %t", rests.Load())
				}
				q.close()
				synctest.Wait()
				if !rests.Load() {
					t.Fatal("the closed queue does not rest")
				}
			})
		})
	}
}
