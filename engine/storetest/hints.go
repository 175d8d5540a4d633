package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

var hintCases = []testCase{
	{"hints/a new name begins with what comes from now on", func(t *testing.T, kept store.Store) {
		add(t, kept, incidents.Ref("old"))
		c := consume(t, kept, "r", incidents)
		c.quiet(time.Minute)
		add(t, kept, incidents.Ref("new"))
		c.expect(incidents.Ref("new"))
		c.quiet(time.Minute)
	}},
	{"hints/only of the source", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		add(t, kept, followUps.Ref("1"), connectors.Collection{Type: "incidentio", Connector: "other", Record: "incident"}.Ref("1"), incidents.Ref("1"))
		c.expect(incidents.Ref("1"))
		c.quiet(time.Minute)
	}},
	{"hints/every name gets each", func(t *testing.T, kept store.Store) {
		a, b := consume(t, kept, "a", incidents), consume(t, kept, "b", incidents)
		add(t, kept, incidents.Ref("1"))
		a.expect(incidents.Ref("1"))
		b.expect(incidents.Ref("1"))
	}},
	{"hints/any id", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		var refs []connectors.Ref
		for _, id := range []string{
			"a.b", "a b", "*", ">", "a/b", "/", ".", "..", "=", "=2E", "Grüße", "\x00\n\xff", "😀", "A", "a",
			strings.Repeat("x", 5000), strings.Repeat("x", 5001), strings.Repeat("é", 300),
		} {
			refs = append(refs, incidents.Ref(id))
		}
		add(t, kept, refs...)
		c.expect(refs...)
		c.quiet(time.Minute)
	}},
	{"hints/the newest of a record", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		c.stop()
		add(t, kept, incidents.Ref("1"), incidents.Ref("2"), incidents.Ref("1"))
		pass(time.Hour)
		add(t, kept, incidents.Ref("1"))
		now := time.Now()
		c = consume(t, kept, "r", incidents)
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
	{"hints/delivered again when nobody speaks for it", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		add(t, kept, incidents.Ref("1"))
		for range 3 {
			if h := c.next(slack); h.Ref != incidents.Ref("1") {
				t.Fatalf("got %q", h.Ref)
			}
			c.quiet(store.HintWait - slack)
			pass(slack)
		}
		c.next(slack).Ack()
		c.quiet(5 * time.Minute)
	}},
	{"hints/kept ones wait", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		add(t, kept, incidents.Ref("1"))
		h := c.next(slack)
		for range 12 {
			c.quiet(store.HintWait * 2 / 3)
			h.Keep()
		}
		pass(store.HintWait)
		h = c.next(slack)
		h.Ack()
		h.Ack()
		h.Keep()
		c.quiet(5 * time.Minute)
	}},
	{"hints/a newer one takes the place of one in work", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		add(t, kept, incidents.Ref("1"))
		older := c.next(slack)
		add(t, kept, incidents.Ref("1"))
		c.next(slack)
		older.Keep()
		older.Ack()
		c.quiet(store.HintWait - slack)
		pass(slack)
		newer := c.next(slack) // the older one's ack was not its own
		newer.Ack()
		c.quiet(5 * time.Minute)
	}},
	{"hints/in the order in which they came", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		var want, got []string
		for i := range 500 {
			id := fmt.Sprint(i)
			want = append(want, id)
			add(t, kept, incidents.Ref(id))
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
	{"hints/a delivery has one effect a day", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		deliver := func(id string, ref connectors.Ref) {
			t.Helper()
			if err := kept.Hints.Add(t.Context(), ref, id); err != nil {
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
