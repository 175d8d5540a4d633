package jetstream_test

import (
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/engine/jetstream"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// No more than so many hints of a route are out at once, whichever of its
// tickets' systems they wait for; each acknowledgement lets one more out, in
// the order in which they came (README.md, 9.7).
func TestHintsThatAreOutAreBounded(t *testing.T) {
	const most = 4096
	bubble(t, func(t *testing.T) {
		opened := open(t, serve(t, t.TempDir()), jetstream.Options{}).Engine()
		out := make(chan store.Hint, most+3)
		stop, err := opened.Hints.Consume(t.Context(), "route", incidents, opened.Hints.End, func(h store.Hint) { out <- h })
		check(t, err)
		defer stop()
		for i := range most + 2 {
			check(t, opened.Hints.Add(t.Context(), incidents.Ref(strconv.Itoa(i)), ""))
		}
		synctest.Wait()
		if len(out) != most {
			t.Fatalf("%d hints are out, want %d", len(out), most)
		}
		slow := <-out
		slow.Ack()
		synctest.Wait()
		var last store.Hint
		for len(out) > 0 {
			last = <-out
		}
		if want := incidents.Ref(strconv.Itoa(most)); last.Ref != want {
			t.Errorf("got %s after an acknowledgement, want %s", last.Ref, want)
		}
	})
}
