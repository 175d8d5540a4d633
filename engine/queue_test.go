package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
)

func keyOf(id string) queueKey {
	return queueKey{route: "r", source: connectors.Collection{Type: "t", Connector: "c", Record: "x"}.Ref(id)}
}

func TestQueueKeepsPlacesAndOneAtATime(t *testing.T) {
	q := newQueue()
	acked := 0
	hint := Hint{Ack: func() { acked++ }, Keep: func() {}}
	for _, id := range []string{"a", "b", "a", "c", "a"} {
		q.add(keyOf(id), hint)
	}
	var order []string
	take := func() (queueKey, []Hint) {
		k, hints, ok := q.take()
		if !ok {
			t.Fatal("the queue is closed")
		}
		order = append(order, k.source.ID)
		return k, hints
	}
	first, hints := take()
	if len(hints) != 3 {
		t.Errorf("the first key gathered %d hints, want 3", len(hints))
	}
	q.add(keyOf("a"), hint) // while it is in work: after the others, and not beside itself
	second, _ := take()
	third, _ := take()
	if n := q.inWork("r"); n != 3 {
		t.Errorf("%d keys in work, want 3", n)
	}
	q.done(first)
	fourth, _ := take()
	for _, k := range []queueKey{second, third, fourth} {
		q.done(k)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "a"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if len(q.items) != 0 || q.inWork("r") != 0 {
		t.Errorf("%d keys and %d workers are left over", len(q.items), q.inWork("r"))
	}
	q.close()
	if _, _, ok := q.take(); ok {
		t.Error("a closed queue handed out a key")
	}
}

func TestQueueKeepsEveryHintItHolds(t *testing.T) {
	q := newQueue()
	kept := map[string]int{}
	add := func(id string) { q.add(keyOf(id), Hint{Keep: func() { kept[id]++ }}) }
	add("a")
	add("b")
	if _, _, ok := q.take(); !ok { // "a" is in work
		t.Fatal("the queue is closed")
	}
	add("a")
	q.keep()
	if diff := cmp.Diff(map[string]int{"a": 2, "b": 1}, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}
