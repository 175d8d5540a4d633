package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
)

var hintCases = []testCase{
	{"hints/a new name begins with what comes from now on", func(t *testing.T, store engine.Store) {
		add(t, store, incidents.Ref("old"))
		c := consume(t, store, "r", incidents)
		c.quiet(time.Minute)
		add(t, store, incidents.Ref("new"))
		c.expect(incidents.Ref("new"))
		c.quiet(time.Minute)
	}},
	{"hints/only of the source", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		add(t, store, followUps.Ref("1"), connectors.Collection{Type: "incidentio", Connector: "other", Record: "incident"}.Ref("1"), incidents.Ref("1"))
		c.expect(incidents.Ref("1"))
		c.quiet(time.Minute)
	}},
	{"hints/every name gets each", func(t *testing.T, store engine.Store) {
		a, b := consume(t, store, "a", incidents), consume(t, store, "b", incidents)
		add(t, store, incidents.Ref("1"))
		a.expect(incidents.Ref("1"))
		b.expect(incidents.Ref("1"))
	}},
	{"hints/any id", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		var refs []connectors.Ref
		for _, id := range []string{"a.b", "a b", "*", ">", "a/b", "/", ".", "..", "=", "=2E", "Grüße", "\x00\n\xff", "😀", "A", "a",
			strings.Repeat("x", 5000), strings.Repeat("x", 5001), strings.Repeat("é", 300)} {
			refs = append(refs, incidents.Ref(id))
		}
		add(t, store, refs...)
		c.expect(refs...)
		c.quiet(time.Minute)
	}},
	{"hints/the newest of a record", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		c.stop()
		add(t, store, incidents.Ref("1"), incidents.Ref("2"), incidents.Ref("1"))
		pass(time.Hour)
		add(t, store, incidents.Ref("1"))
		now := time.Now()
		c = consume(t, store, "r", incidents)
		at := map[string]time.Time{}
		for range 2 {
			h := c.next(slack)
			at[h.Ref.ID] = h.At
			h.Ack()
		}
		c.quiet(time.Minute)
		if late := now.Sub(at["1"]).Abs(); late > slack {
			t.Errorf("hint 1 is stamped %v off", late)
		}
		if age := now.Sub(at["2"]); age < time.Hour || age > time.Hour+slack {
			t.Errorf("hint 2 is %v old, want an hour", age)
		}
	}},
	{"hints/delivered again after half a minute", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		add(t, store, incidents.Ref("1"))
		for range 3 {
			if h := c.next(slack); h.Ref != incidents.Ref("1") {
				t.Fatalf("got %q", h.Ref)
			}
			c.quiet(30*time.Second - slack)
			pass(slack)
		}
		c.next(slack).Ack()
		c.quiet(5 * time.Minute)
	}},
	{"hints/kept ones wait", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		add(t, store, incidents.Ref("1"))
		h := c.next(slack)
		for range 12 {
			c.quiet(20 * time.Second)
			h.Keep()
		}
		pass(30 * time.Second)
		h = c.next(slack)
		h.Ack()
		h.Ack()
		h.Keep()
		c.quiet(5 * time.Minute)
	}},
	{"hints/a newer one takes the place of one in work", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		add(t, store, incidents.Ref("1"))
		older := c.next(slack)
		add(t, store, incidents.Ref("1"))
		newer := c.next(slack)
		older.Keep()
		older.Ack()
		c.quiet(30*time.Second - slack)
		pass(slack)
		newer = c.next(slack) // the older one's ack was not its own
		newer.Ack()
		c.quiet(5 * time.Minute)
	}},
	{"hints/in the order in which they came", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		var want, got []string
		for i := range 500 {
			id := fmt.Sprint(i)
			want = append(want, id)
			add(t, store, incidents.Ref(id))
		}
		for range want {
			h := c.next(slack)
			got = append(got, h.Ref.ID)
			h.Ack()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	}},
	{"hints/a delivery has one effect a day", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		deliver := func(id string, ref connectors.Ref) {
			t.Helper()
			if err := store.Hints.Add(t.Context(), ref, id); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range []string{"evt_1", "a b.c>\r\n", strings.Repeat("long", 1000)} {
			deliver(id, incidents.Ref("1"))
			c.expect(incidents.Ref("1"))
			deliver(id, incidents.Ref("1"))
			c.quiet(time.Minute)
			deliver(id, incidents.Ref("2")) // the same delivery, about another record
			c.expect(incidents.Ref("2"))
		}
		deliver("evt_2", incidents.Ref("1"))
		c.expect(incidents.Ref("1"))
		for range 2 { // no id, no memory
			deliver("", incidents.Ref("1"))
			c.expect(incidents.Ref("1"))
		}
		pass(23 * time.Hour)
		deliver("evt_2", incidents.Ref("1"))
		c.quiet(time.Minute)
		pass(2 * time.Hour)
		deliver("evt_2", incidents.Ref("1"))
		c.expect(incidents.Ref("1"))
	}},
}

var placeCases = []testCase{
	{"places/a name keeps its place", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		add(t, store, incidents.Ref("1"), incidents.Ref("2"))
		c.expect(incidents.Ref("1"), incidents.Ref("2"))
		pass(time.Second)
		c.stop()
		add(t, store, incidents.Ref("3"))
		pass(24 * time.Hour)
		c = consume(t, store, "r", incidents)
		c.expect(incidents.Ref("3"))
		c.quiet(time.Minute)
	}},
	{"places/what was in work comes again", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		add(t, store, incidents.Ref("1"), incidents.Ref("2"))
		for range 2 {
			if h := c.next(slack); h.Ref.ID == "1" {
				h.Ack()
			}
		}
		c.stop()
		c = consume(t, store, "r", incidents)
		pass(30 * time.Second)
		c.expect(incidents.Ref("2"))
		c.quiet(time.Minute)
	}},
	{"places/nothing after stop", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		c.stop()
		add(t, store, incidents.Ref("1"))
		c.quiet(5 * time.Minute)
	}},
	{"places/two share a name", func(t *testing.T, store engine.Store) {
		a, b := consume(t, store, "r", incidents), consume(t, store, "r", incidents)
		var want, got []connectors.Ref
		for i := range 50 {
			want = append(want, incidents.Ref(fmt.Sprint(i)))
		}
		add(t, store, want...)
		for range want {
			select {
			case h := <-a.hints:
				h.Ack()
				got = append(got, h.Ref)
			case h := <-b.hints:
				h.Ack()
				got = append(got, h.Ref)
			case <-time.After(slack):
				t.Fatalf("only %d of %d hints came", len(got), len(want))
			}
		}
		sameRefs(t, got, want)
		a.quiet(time.Minute)
		b.quiet(time.Minute)
	}},
	{"places/another source begins anew", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		c.stop()
		add(t, store, incidents.Ref("1"), followUps.Ref("1"))
		c = consume(t, store, "r", followUps)
		c.quiet(time.Minute)
		add(t, store, incidents.Ref("2"), followUps.Ref("2"))
		c.expect(followUps.Ref("2"))
		c.quiet(time.Minute)
	}},
	{"places/names", func(t *testing.T, store engine.Store) {
		want := []string{"route.with dots", "r", strings.Repeat("long", 100), "Ä"}
		for _, name := range want {
			consume(t, store, name, incidents).stop()
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, names(t, store)); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
	}},
	{"places/forget returns what was pending", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		other := consume(t, store, "other", incidents)
		add(t, store, incidents.Ref("in work"), incidents.Ref("done"), incidents.Ref("kept"), incidents.Ref("done too"))
		var held []engine.Hint
		for range 4 {
			h := c.next(slack)
			switch h.Ref.ID {
			case "done", "done too":
				h.Ack()
			case "kept":
				h.Keep()
				held = append(held, h)
			default:
				held = append(held, h)
			}
		}
		pass(time.Second) // acks are not confirmed
		c.stop()
		strange := incidents.Ref(strings.Repeat("never delivered/", 100))
		add(t, store, strange, incidents.Ref("kept"), followUps.Ref("another source"))
		refs, err := store.Hints.Forget(t.Context(), "r")
		if err != nil {
			t.Fatal(err)
		}
		sameRefs(t, refs, []connectors.Ref{incidents.Ref("in work"), incidents.Ref("kept"), strange})
		if diff := cmp.Diff([]string{"other"}, names(t, store)); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
		for _, h := range held {
			h.Keep()
			h.Ack()
		}
		other.expect(incidents.Ref("in work"), incidents.Ref("done"), incidents.Ref("kept"), incidents.Ref("done too"), strange, incidents.Ref("kept"))
		c = consume(t, store, "r", incidents) // a new name
		c.quiet(time.Minute)
	}},
	{"places/forget many", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		c.stop()
		var want []connectors.Ref
		for i := range 6000 {
			want = append(want, incidents.Ref(fmt.Sprint(i)))
		}
		add(t, store, want...)
		refs, err := store.Hints.Forget(t.Context(), "r")
		if err != nil {
			t.Fatal(err)
		}
		sameRefs(t, refs, want)
	}},
	{"places/forget nothing", func(t *testing.T, store engine.Store) {
		consume(t, store, "r", incidents).stop()
		for range 2 { // the second time there is no such name
			refs, err := store.Hints.Forget(t.Context(), "r")
			if err != nil || len(refs) > 0 {
				t.Fatalf("got %v, %v", refs, err)
			}
		}
	}},
	{"places/backlog", func(t *testing.T, store engine.Store) {
		backlog := func(want int, age time.Duration) {
			t.Helper()
			pass(time.Second) // acks are not confirmed
			pending, oldest, err := store.Hints.Backlog(t.Context(), "r")
			if err != nil {
				t.Fatal(err)
			}
			if pending != want {
				t.Errorf("backlog %d, want %d", pending, want)
			}
			if age == 0 != oldest.IsZero() {
				t.Errorf("oldest is %v, want an age of %v", oldest, age)
			} else if age > 0 && (time.Since(oldest)-age).Abs() > slack {
				t.Errorf("oldest is %v old, want %v", time.Since(oldest), age)
			}
		}
		backlog(0, 0) // no such name
		c := consume(t, store, "r", incidents)
		backlog(0, 0)
		add(t, store, incidents.Ref("1"))
		first := c.next(slack)
		pass(10 * time.Second)
		add(t, store, incidents.Ref("2"))
		second := c.next(slack)
		backlog(2, 11*time.Second)
		first.Ack()
		backlog(1, 2*time.Second)
		second.Ack()
		backlog(0, 0)
		c.stop()
		add(t, store, incidents.Ref("3"), followUps.Ref("3"))
		pass(time.Hour)
		add(t, store, incidents.Ref("4"))
		backlog(2, time.Hour)
		add(t, store, incidents.Ref("3"))
		backlog(2, 2*time.Second)
	}},
}

func names(t *testing.T, store engine.Store) []string {
	t.Helper()
	names, err := store.Hints.Names(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

var scheduleCases = []testCase{
	{"schedules/due later", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		addAt(t, store, "slot", incidents.Ref("1"), time.Hour, 7)
		c.quiet(time.Hour - time.Second)
		h := c.next(time.Second + slack)
		h.Ack()
		if h.Ref != incidents.Ref("1") || h.Tries != 7 {
			t.Errorf("got %q, tries %d", h.Ref, h.Tries)
		}
		if late := time.Since(h.At); late > slack {
			t.Errorf("stamped %v before it came", late)
		}
		c.quiet(2 * time.Hour)
	}},
	{"schedules/never early", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		for i := range 20 {
			wait := 2*time.Second + time.Duration(i)*97*time.Millisecond
			due := time.Now().Add(wait)
			addAt(t, store, "slot", incidents.Ref("1"), wait, 1)
			c.next(wait + slack).Ack()
			if early := time.Until(due); early > 0 {
				t.Errorf("due in %v came %v early", wait, early)
			}
			pass(13 * time.Millisecond)
		}
	}},
	{"schedules/past is now", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		addAt(t, store, "a", incidents.Ref("1"), 0, 1)
		addAt(t, store, "b", incidents.Ref("2"), -48*time.Hour, 2)
		c.expect(incidents.Ref("1"), incidents.Ref("2"))
		c.quiet(time.Hour)
	}},
	{"schedules/a newer one of the slot", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		addAt(t, store, "slot", incidents.Ref("1"), time.Hour, 1)
		addAt(t, store, "slot", incidents.Ref("1"), 2*time.Hour, 2)
		c.quiet(2*time.Hour - time.Second)
		if h := c.next(time.Second + slack); h.Tries != 2 {
			t.Errorf("tries %d, want 2", h.Tries)
		} else {
			h.Ack()
		}
		addAt(t, store, "slot", incidents.Ref("1"), 2*time.Hour, 3)
		addAt(t, store, "slot", incidents.Ref("2"), time.Hour, 4)
		c.quiet(time.Hour - time.Second)
		c.expect(incidents.Ref("2"))
		c.quiet(3 * time.Hour)
	}},
	{"schedules/slots of one record", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		addAt(t, store, "a/b", incidents.Ref("1"), time.Hour, 1)
		addAt(t, store, strings.Repeat("b", 1000), incidents.Ref("1"), 2*time.Hour, 2)
		for tries := range 2 {
			h := c.next(time.Hour + slack)
			h.Ack()
			if h.Tries != tries+1 {
				t.Errorf("tries %d, want %d", h.Tries, tries+1)
			}
		}
	}},
	{"schedules/pending until they are consumed", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		c.stop()
		addAt(t, store, "slot", incidents.Ref("1"), time.Minute, 3)
		pass(time.Hour)
		c = consume(t, store, "r", incidents)
		h := c.next(slack)
		h.Ack()
		if h.Tries != 3 {
			t.Errorf("tries %d, want 3", h.Tries)
		}
	}},
	{"schedules/take the place of a hint, and the other way round", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		c.stop()
		add(t, store, incidents.Ref("1"))
		addAt(t, store, "slot", incidents.Ref("1"), time.Minute, 3)
		addAt(t, store, "slot2", incidents.Ref("2"), time.Minute, 3)
		pass(2 * time.Minute)
		add(t, store, incidents.Ref("2"))
		c = consume(t, store, "r", incidents)
		tries := map[string]int{}
		for range 2 {
			h := c.next(slack)
			h.Ack()
			tries[h.Ref.ID] = h.Tries
		}
		c.quiet(time.Minute)
		if diff := cmp.Diff(map[string]int{"1": 3, "2": 0}, tries); diff != "" {
			t.Errorf("tries (-want +got):\n%s", diff)
		}
	}},
}

func addAt(t *testing.T, store engine.Store, slot string, ref connectors.Ref, in time.Duration, tries int) {
	t.Helper()
	if err := store.Hints.AddAt(t.Context(), slot, ref, time.Now().Add(in), tries); err != nil {
		t.Fatal(err)
	}
}
