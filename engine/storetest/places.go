package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
)

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
		pass(engine.HintWait)
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
		refs, err := forget(t, store, "r")
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
		refs, err := forget(t, store, "r")
		if err != nil {
			t.Fatal(err)
		}
		sameRefs(t, refs, want)
	}},
	{"places/forget nothing", func(t *testing.T, store engine.Store) {
		consume(t, store, "r", incidents).stop()
		for range 2 { // the second time there is no such name
			refs, err := forget(t, store, "r")
			if err != nil || len(refs) > 0 {
				t.Fatalf("got %v, %v", refs, err)
			}
		}
	}},
	{"places/forget stays where what was pending is not kept", func(t *testing.T, store engine.Store) {
		c := consume(t, store, "r", incidents)
		c.stop()
		add(t, store, incidents.Ref("1"), incidents.Ref("2"))
		refused := errors.New("not kept")
		if err := store.Hints.Forget(t.Context(), "r", func(connectors.Ref) error { return refused }); !errors.Is(err, refused) {
			t.Fatalf("got %v", err)
		}
		c = consume(t, store, "r", incidents)
		pass(engine.HintWait)
		c.expect(incidents.Ref("1"), incidents.Ref("2"))
	}},
	{"places/one that is missing is made where it was", func(t *testing.T, store engine.Store) {
		if _, err := store.Hints.Place(t.Context(), "r"); !errors.Is(err, engine.ErrNotFound) {
			t.Fatalf("the place of no name: %v", err)
		}
		add(t, store, incidents.Ref("before"))
		c := consume(t, store, "r", incidents)
		add(t, store, incidents.Ref("done"), incidents.Ref("in work"), followUps.Ref("1"), incidents.Ref("done too"))
		for range 3 {
			if h := c.next(slack); h.Ref.ID != "in work" {
				h.Ack()
			}
		}
		kept := place(t, store, "r")
		c.stop()
		add(t, store, incidents.Ref("waits"))
		if _, err := forget(t, store, "r"); err != nil {
			t.Fatal(err)
		}
		add(t, store, incidents.Ref("later"), incidents.Ref("waits"))
		c = consumeFrom(t, store, "r", incidents, at(kept))
		c.expect(incidents.Ref("in work"), incidents.Ref("done too"), incidents.Ref("waits"), incidents.Ref("later"))
		c.quiet(time.Minute)
		if end, err := store.Hints.End(t.Context()); err != nil || place(t, store, "r") != end {
			t.Errorf("at rest it is at %v, and the end is %v, %v", place(t, store, "r"), end, err)
		}
	}},
	{"places/of another log everything is new", func(t *testing.T, store engine.Store) {
		add(t, store, incidents.Ref("1"), incidents.Ref("2"))
		end, err := store.Hints.End(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c := consumeFrom(t, store, "a", incidents, at(engine.Position{Log: "another", Last: 1}))
		c.expect(incidents.Ref("1"), incidents.Ref("2"))
		c = consumeFrom(t, store, "b", incidents, at(engine.Position{Log: end.Log, Last: end.Last + 100}))
		c.expect(incidents.Ref("1"), incidents.Ref("2"))
		c = consumeFrom(t, store, "c", incidents, at(end))
		c.quiet(time.Minute)
	}},
	{"places/none is made where begin fails", func(t *testing.T, store engine.Store) {
		failed := errors.New("nobody knows where")
		_, err := store.Hints.Consume(t.Context(), "r", incidents, func(context.Context) (engine.Position, error) { return engine.Position{}, failed }, func(engine.Hint) {})
		if !errors.Is(err, failed) || len(names(t, store)) != 0 {
			t.Errorf("got %v, names %q", err, names(t, store))
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
		for range 5 {
			pass(2 * time.Second)
			first.Keep()
		}
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

// forget returns what was still pending.
func forget(t *testing.T, store engine.Store, name string) (refs []connectors.Ref, err error) {
	t.Helper()
	err = store.Hints.Forget(t.Context(), name, func(ref connectors.Ref) error {
		refs = append(refs, ref)
		return nil
	})
	return refs, err
}

func place(t *testing.T, store engine.Store, name string) engine.Position {
	t.Helper()
	pass(time.Second) // acks are not confirmed
	at, err := store.Hints.Place(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func at(p engine.Position) func(context.Context) (engine.Position, error) {
	return func(context.Context) (engine.Position, error) { return p, nil }
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
