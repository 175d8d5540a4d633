package queue

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

func keyOf(id string) Key {
	return Key{Route: "r", Source: connectors.Collection{Type: "t", Connector: "c", Record: "x"}.Ref(id)}
}

// A handOver is a queue whose turns a test takes one by one.
type handOver struct {
	t *testing.T
	*Queue
	turns chan *Turn
}

func newHandOver(t *testing.T) *handOver {
	h := &handOver{t: t, turns: make(chan *Turn)}
	h.Queue = New(func(t *Turn) { h.turns <- t })
	h.Open()
	return h
}

// busy keeps every worker of a lane busy until the returned function frees
// them, one for each call.
func (h *handOver) busy(l Lane) (free func()) {
	var held []*Turn
	for i := range workersOfLane {
		h.Add(keyOf(fmt.Sprintf("busy%d", i)), store.Hint{})
		turn := <-h.turns
		if !turn.MoveTo(l) {
			h.t.Fatal("no worker is free")
		}
		held = append(held, turn)
	}
	return func() {
		held[0].Done()
		held = held[1:]
	}
}

// order lets a lane's keys have their turns, one after the other.
func (h *handOver) order(n int, free func()) (ids []string) {
	free()
	for range n {
		turn := <-h.turns
		ids = append(ids, turn.Key.Source.ID)
		turn.Done()
	}
	return ids
}

func TestQueueKeepsPlacesAndOneAtATime(t *testing.T) {
	h := newHandOver(t)
	free := h.busy(Lane{})
	for _, id := range []string{"a", "b", "a", "c", "a"} {
		h.Add(keyOf(id), store.Hint{})
	}
	free()
	first := <-h.turns
	if len(first.Hints) != 3 {
		t.Errorf("the first key gathered %d hints, want 3", len(first.Hints))
	}
	h.Add(keyOf("a"), store.Hint{}) // while it is in work: after the others, and not beside itself
	free()
	second := <-h.turns
	free()
	third := <-h.turns
	if n := h.InWork("r"); n != workersOfLane {
		t.Errorf("%d keys in work, want %d", n, workersOfLane)
	}
	first.Done()
	fourth := <-h.turns
	order := []string{}
	for _, turn := range []*Turn{first, second, third, fourth} {
		order = append(order, turn.Key.Source.ID)
		turn.Done()
		turn.Done() // has no second effect
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "a"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	for range workersOfLane - 3 {
		free()
	}
	if len(h.items) != 0 || h.InWork("r") != 0 || len(h.lanes) != 0 {
		t.Errorf("%d keys, %d workers and %d lanes are left over", len(h.items), h.InWork("r"), len(h.lanes))
	}
	h.Close()
	h.Add(keyOf("a"), store.Hint{})
	<-h.Ended
	if len(h.items) != 0 {
		t.Error("a closed queue took a key")
	}
}

func TestQueueKeepsEveryHintItHolds(t *testing.T) {
	h := newHandOver(t)
	kept := map[string]int{}
	add := func(id string) { h.Add(keyOf(id), store.Hint{Keep: func() { kept[id]++ }}) }
	h.Add(keyOf("other"), store.Hint{Keep: func() {}})
	(<-h.turns).Done()
	add("a")
	<-h.turns // "a" is in work
	add("b")
	add("a")
	h.KeepHints()
	if diff := cmp.Diff(map[string]int{"a": 2, "b": 1}, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

// TestQueuePutsWhatChangedFirst: records that changed go before second looks,
// and these before what a sweep looks at; but these too have their turn.
func TestQueuePutsWhatChangedFirst(t *testing.T) {
	h := newHandOver(t)
	free := h.busy(Lane{})
	for i := range 20 {
		h.Add(keyOf(fmt.Sprintf("swept%02d", i)), store.Hint{FromResync: true})
		h.Add(keyOf(fmt.Sprintf("again%02d", i)), store.Hint{Slot: "s", Tries: 1})
	}
	for i := range 60 {
		h.Add(keyOf(fmt.Sprintf("live%02d", i)), store.Hint{})
	}
	h.Add(keyOf("swept19"), store.Hint{}) // it changed, and came before all of the live ones
	order := h.order(100, free)

	at := func(prefix string) (positions []int) {
		for i, id := range order {
			if strings.HasPrefix(id, prefix) {
				positions = append(positions, i)
			}
		}
		return positions
	}
	if !slices.IsSorted(idsOf(order, "live")) || !slices.IsSorted(idsOf(order, "again")) || !slices.IsSorted(idsOf(order, "swept0")) {
		t.Errorf("places were not kept: %v", order)
	}
	if got := slices.Index(order, "swept19"); got > 1 {
		t.Errorf("a swept record that changed came at %d", got)
	}
	if last := at("live"); last[59] > 60*4/3+60/8 {
		t.Errorf("the last of 60 records that changed came at %d", last[59])
	}
	if first := at("again"); first[0] > everyAgain || first[9] > 10*everyAgain*2 {
		t.Errorf("second looks came at %v", first)
	}
	if first := at("swept0"); first[0] > everySwept {
		t.Errorf("swept records came at %v", first)
	}
}

func idsOf(order []string, prefix string) (ids []string) {
	for _, id := range order {
		if strings.HasPrefix(id, prefix) {
			ids = append(ids, id)
		}
	}
	return ids
}

// TestQueueHandsBackToAnotherLane: where another lane is busy, a turn ends and
// the key comes with all its hints when a worker is free there, at its place,
// while the lane it came from goes on.
func TestQueueHandsBackToAnotherLane(t *testing.T) {
	h := newHandOver(t)
	slow := Lane{"c", "slow"}
	free := h.busy(slow)
	h.Add(keyOf("a"), store.Hint{Slot: "s"})
	a := <-h.turns
	h.Add(keyOf("a"), store.Hint{})
	if a.MoveTo(slow) {
		t.Fatal("more workers than there are")
	}
	a.Done() // it is over
	h.Add(keyOf("b"), store.Hint{})
	b := <-h.turns
	if b.MoveTo(slow) {
		t.Fatal("more workers than there are")
	}
	h.Add(keyOf("a"), store.Hint{})
	for range workersOfLane { // all that wait need one lane: the others are free
		h.Add(keyOf("x"), store.Hint{})
		(<-h.turns).Done()
	}
	free()
	again := <-h.turns
	if again.Key != keyOf("a") || len(again.Hints) != 3 || !again.MoveTo(slow) {
		t.Errorf("%v came with %d hints", again.Key.Source.ID, len(again.Hints))
	}
	again.Leave() // its worker goes on with b, and nobody else gets a
	h.Add(keyOf("a"), store.Hint{})
	if next := <-h.turns; next.Key != keyOf("b") {
		t.Errorf("%v came", next.Key.Source.ID)
	}
	again.Done()
	if next := <-h.turns; next.Key != keyOf("a") {
		t.Errorf("%v came", next.Key.Source.ID)
	}
}

// TestQueueLetsOnlySomeStepAside: those that step aside go on without a worker,
// but not without a bound; who ends makes room for another.
func TestQueueLetsOnlySomeStepAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t)
		coming := func() *Turn {
			synctest.Wait()
			select {
			case turn := <-h.turns:
				return turn
			default:
				return nil
			}
		}
		n := 0
		var turns []*Turn
		fill := func() { // until no worker is free
			for {
				h.Add(keyOf(fmt.Sprint(n)), store.Hint{})
				n++
				turn := coming()
				if turn == nil {
					return
				}
				turns = append(turns, turn)
			}
		}
		fill()
		if len(turns) != workersOfLane {
			t.Fatalf("%d keys in work with %d workers", len(turns), workersOfLane)
		}
		aside := 0
		for ; aside < mostBeside; aside++ {
			turns[aside].StepAside()
			turn := coming()
			if turn == nil {
				t.Fatalf("the worker of the %d. that stepped aside is not free", aside+1)
			}
			turns = append(turns, turn)
			h.Add(keyOf(fmt.Sprint(n)), store.Hint{})
			n++
		}
		turns[aside].StepAside()
		if coming() != nil {
			t.Error("more step aside than may")
		}
		turns[0].Leave()
		turns[aside].StepAside()
		last := coming()
		if last == nil {
			t.Error("one went, and no other may step aside in its place")
		} else {
			last.Done()
		}
		h.Close()
		for _, turn := range turns {
			turn.Done()
		}
	})
}
