// Package storetest is what every store.Store must do, as a test. It knows
// no store; each one's own test hands itself over.
package storetest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// Test runs every case against a new, empty store, inside a testing/synctest
// bubble: the store must tell the bubble's time. What open starts must end in
// t.Cleanup.
func Test(t *testing.T, open func(t *testing.T) store.Store) {
	for _, group := range [][]testCase{hintCases, placeCases, scheduleCases, bucketCases, journalCases} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				Bubble(t, func(t *testing.T) { c.run(t, open(t)) })
			})
		}
	}
}

// Bubble runs f in a testing/synctest bubble whose clock begins at the present
// and not in the year 2000: the embedded NATS server compares some ages with a
// clock that ticks outside, by which everything in the bubble would be decades
// old. The caller keeps that clock going with ats.Register.
func Bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	present := time.Now().Round(0) // without the monotonic reading, which a bubble has no use for
	synctest.Test(t, func(t *testing.T) {
		pass(time.Until(present))
		f(t)
	})
}

type testCase struct {
	name string
	run  func(t *testing.T, kept store.Store)
}

// slack is how much later than due a store may be.
const slack = 3 * time.Second

var (
	incidents = connectors.Collection{Type: "incidentio", Connector: "acme", Record: "incident"}
	followUps = connectors.Collection{Type: "incidentio", Connector: "acme", Record: "follow_up"}
)

// pass lets time go by.
func pass(d time.Duration) { <-time.After(d) }

// A consumer gathers what one Consume delivers.
type consumer struct {
	t     *testing.T
	hints chan store.Hint
	stop  func()
}

func consume(t *testing.T, kept store.Store, name string, source connectors.Collection) *consumer {
	t.Helper()
	return consumeFrom(t, kept, name, source, kept.Hints.End)
}

func consumeFrom(t *testing.T, kept store.Store, name string, source connectors.Collection, begin func(context.Context) (store.Position, error)) *consumer {
	t.Helper()
	c := &consumer{t: t, hints: make(chan store.Hint, 10_000)}
	stop, err := kept.Hints.Consume(t.Context(), name, source, begin, func(h store.Hint) { c.hints <- h })
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	c.stop = func() {
		if !stopped {
			stopped = true
			stop()
		}
	}
	t.Cleanup(c.stop)
	return c
}

// next returns the next hint, which must come within d.
func (c *consumer) next(d time.Duration) store.Hint {
	c.t.Helper()
	select {
	case h := <-c.hints:
		return h
	case <-time.After(d):
		c.t.Fatalf("no hint within %v", d)
		panic("unreachable")
	}
}

// expect takes one hint of each ref, in any order, and acknowledges them.
func (c *consumer) expect(refs ...connectors.Ref) {
	c.t.Helper()
	var got []connectors.Ref
	for range refs {
		h := c.next(slack)
		h.Ack()
		got = append(got, h.Ref)
	}
	sameRefs(c.t, got, refs)
}

// quiet fails if anything comes within d.
func (c *consumer) quiet(d time.Duration) {
	c.t.Helper()
	select {
	case h := <-c.hints:
		c.t.Fatalf("unexpected hint for %q", h.Ref)
	case <-time.After(d):
	}
}

func sameRefs(t *testing.T, got, want []connectors.Ref) {
	t.Helper()
	less := func(a, b connectors.Ref) bool { return a.String() < b.String() }
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(less), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("refs (-want +got):\n%s", diff)
	}
}

func add(t *testing.T, kept store.Store, refs ...connectors.Ref) {
	t.Helper()
	for _, ref := range refs {
		if err := kept.Hints.Add(t.Context(), ref, ""); err != nil {
			t.Fatal(err)
		}
	}
}
