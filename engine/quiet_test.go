package engine

import (
	"testing"
	"testing/synctest"
)

func TestQueueRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := make(chan *turn)
		q := newQueue(func(t *turn) { turns <- t })
		q.open()
		q.rest() // nothing was added

		one, two := queueKey{route: "a"}, queueKey{route: "b"}
		q.add(one, Hint{})
		q.add(two, Hint{})
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
		q.add(first.key, Hint{})
		first.done()
		second.done()
		at("one got a hint while it was in work", false)
		(<-turns).done()
		at("all are done", true)
	})
}

func TestClosedQueueRests(*testing.T) {
	q := newQueue(func(*turn) {})
	q.add(queueKey{route: "a"}, Hint{})
	q.close()
	q.rest()
}
