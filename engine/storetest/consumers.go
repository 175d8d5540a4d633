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
	"github.com/lockstep-sync/lockstep/engine/store"
)

var placeCases = []testCase{
	{"places/a name keeps its place", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		add(t, kept, incidents.Ref("1"), incidents.Ref("2"))
		c.expect(incidents.Ref("1"), incidents.Ref("2"))
		pass(time.Second)
		c.stop()
		add(t, kept, incidents.Ref("3"))
		pass(24 * time.Hour)
		c = consume(t, kept, "r", incidents)
		c.expect(incidents.Ref("3"))
		c.quiet(time.Minute)
	}},
	{"places/what was in work comes again", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		add(t, kept, incidents.Ref("1"), incidents.Ref("2"))
		for range 2 {
			if h := c.next(slack); h.Ref.ID == "1" {
				h.Ack()
			}
		}
		c.stop()
		c = consume(t, kept, "r", incidents)
		pass(store.HintWait)
		c.expect(incidents.Ref("2"))
		c.quiet(time.Minute)
	}},
	{"places/nothing after stop", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		c.stop()
		add(t, kept, incidents.Ref("1"))
		c.quiet(5 * time.Minute)
	}},
	{"places/two share a name", func(t *testing.T, kept store.Store) {
		a, b := consume(t, kept, "r", incidents), consume(t, kept, "r", incidents)
		var want, got []connectors.Ref
		for i := range 50 {
			want = append(want, incidents.Ref(fmt.Sprint(i)))
		}
		add(t, kept, want...)
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
	{"places/another source starts again", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		c.stop()
		add(t, kept, incidents.Ref("1"), followUps.Ref("1"))
		c = consume(t, kept, "r", followUps)
		c.quiet(time.Minute)
		add(t, kept, incidents.Ref("2"), followUps.Ref("2"))
		c.expect(followUps.Ref("2"))
		c.quiet(time.Minute)
	}},
	{"places/names", func(t *testing.T, kept store.Store) {
		want := []string{"route.with dots", "r", strings.Repeat("long", 100), "Ä"}
		for _, name := range want {
			consume(t, kept, name, incidents).stop()
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, names(t, kept)); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
	}},
	{"places/forget returns what was pending", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		other := consume(t, kept, "other", incidents)
		add(t, kept, incidents.Ref("in work"), incidents.Ref("done"), incidents.Ref("kept"), incidents.Ref("done too"))
		var held []store.Hint
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
		add(t, kept, strange, incidents.Ref("kept"), followUps.Ref("another source"))
		refs, err := forget(t, kept)
		if err != nil {
			t.Fatal(err)
		}
		sameRefs(t, refs, []connectors.Ref{incidents.Ref("in work"), incidents.Ref("kept"), strange})
		if diff := cmp.Diff([]string{"other"}, names(t, kept)); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
		for _, h := range held {
			h.Keep()
			h.Ack()
		}
		other.expect(incidents.Ref("in work"), incidents.Ref("done"), incidents.Ref("kept"), incidents.Ref("done too"), strange, incidents.Ref("kept"))
		c = consume(t, kept, "r", incidents) // a new name
		c.quiet(time.Minute)
	}},
	{"places/forget many", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		c.stop()
		var want []connectors.Ref
		for i := range 6000 {
			want = append(want, incidents.Ref(fmt.Sprint(i)))
		}
		add(t, kept, want...)
		refs, err := forget(t, kept)
		if err != nil {
			t.Fatal(err)
		}
		sameRefs(t, refs, want)
	}},
	{"places/forget nothing", func(t *testing.T, kept store.Store) {
		consume(t, kept, "r", incidents).stop()
		for range 2 { // the second time there is no such name
			refs, err := forget(t, kept)
			if err != nil || len(refs) > 0 {
				t.Fatalf("got %v, %v", refs, err)
			}
		}
	}},
	{"places/forget stays where what was pending is not kept", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		c.stop()
		add(t, kept, incidents.Ref("1"), incidents.Ref("2"))
		refused := errors.New("not kept")
		if err := kept.Hints.Forget(t.Context(), "r", func(connectors.Ref) error { return refused }); !errors.Is(err, refused) {
			t.Fatalf("got %v", err)
		}
		c = consume(t, kept, "r", incidents)
		pass(store.HintWait)
		c.expect(incidents.Ref("1"), incidents.Ref("2"))
	}},
	{"places/one that is missing is made where it was", func(t *testing.T, kept store.Store) {
		if _, err := kept.Hints.Position(t.Context(), "r"); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("the place of no name: %v", err)
		}
		add(t, kept, incidents.Ref("before"))
		c := consume(t, kept, "r", incidents)
		add(t, kept, incidents.Ref("done"), incidents.Ref("in work"), followUps.Ref("1"), incidents.Ref("done too"))
		for range 3 {
			if h := c.next(slack); h.Ref.ID != "in work" {
				h.Ack()
			}
		}
		stayed := place(t, kept, "r")
		c.stop()
		add(t, kept, incidents.Ref("waits"))
		if _, err := forget(t, kept); err != nil {
			t.Fatal(err)
		}
		add(t, kept, incidents.Ref("later"), incidents.Ref("waits"))
		c = consumeFrom(t, kept, "r", incidents, at(stayed))
		c.expect(incidents.Ref("in work"), incidents.Ref("done too"), incidents.Ref("waits"), incidents.Ref("later"))
		c.quiet(time.Minute)
		if end, err := kept.Hints.End(t.Context()); err != nil || place(t, kept, "r") != end {
			t.Errorf("at rest it is at %v, and the end is %v, %v", place(t, kept, "r"), end, err)
		}
	}},
	{"places/of another log everything is new", func(t *testing.T, kept store.Store) {
		add(t, kept, incidents.Ref("1"), incidents.Ref("2"))
		end, err := kept.Hints.End(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c := consumeFrom(t, kept, "a", incidents, at(store.Position{Log: "another", Last: 1}))
		c.expect(incidents.Ref("1"), incidents.Ref("2"))
		c = consumeFrom(t, kept, "b", incidents, at(store.Position{Log: end.Log, Last: end.Last + 100}))
		c.expect(incidents.Ref("1"), incidents.Ref("2"))
		c = consumeFrom(t, kept, "c", incidents, at(end))
		c.quiet(time.Minute)
	}},
	{"places/none is made where begin fails", func(t *testing.T, kept store.Store) {
		failed := errors.New("nobody knows where")
		_, err := kept.Hints.Consume(t.Context(), "r", incidents, func(context.Context) (store.Position, error) { return store.Position{}, failed }, func(store.Hint) {})
		if !errors.Is(err, failed) || len(names(t, kept)) != 0 {
			t.Errorf("got %v, names %q", err, names(t, kept))
		}
	}},
	{"places/backlog", func(t *testing.T, kept store.Store) {
		backlog := func(want int, age time.Duration) {
			t.Helper()
			pass(time.Second) // acks are not confirmed
			pending, oldest, err := kept.Hints.Backlog(t.Context(), "r")
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
		c := consume(t, kept, "r", incidents)
		backlog(0, 0)
		add(t, kept, incidents.Ref("1"))
		first := c.next(slack)
		for range 5 {
			pass(2 * time.Second)
			first.Keep()
		}
		add(t, kept, incidents.Ref("2"))
		second := c.next(slack)
		backlog(2, 11*time.Second)
		first.Ack()
		backlog(1, 2*time.Second)
		second.Ack()
		backlog(0, 0)
		c.stop()
		add(t, kept, incidents.Ref("3"), followUps.Ref("3"))
		pass(time.Hour)
		add(t, kept, incidents.Ref("4"))
		backlog(2, time.Hour)
		add(t, kept, incidents.Ref("3"))
		backlog(2, 2*time.Second)
	}},
}

// forget returns what was still pending.
func forget(t *testing.T, kept store.Store) (refs []connectors.Ref, err error) {
	t.Helper()
	err = kept.Hints.Forget(t.Context(), "r", func(ref connectors.Ref) error {
		refs = append(refs, ref)
		return nil
	})
	return refs, err
}

func place(t *testing.T, kept store.Store, name string) store.Position {
	t.Helper()
	pass(time.Second) // acks are not confirmed
	at, err := kept.Hints.Position(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func at(p store.Position) func(context.Context) (store.Position, error) {
	return func(context.Context) (store.Position, error) { return p, nil }
}

func names(t *testing.T, kept store.Store) []string {
	t.Helper()
	names, err := kept.Hints.Names(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}
