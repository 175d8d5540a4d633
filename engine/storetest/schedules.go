package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

var scheduleCases = []testCase{
	{"schedules/due later", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		const slot = "a slot/with % and ü"
		addAt(t, kept, slot, incidents.Ref("1"), time.Hour, 7)
		c.quiet(time.Hour - time.Second)
		h := c.next(time.Second + slack)
		h.Ack()
		if h.Ref != incidents.Ref("1") || h.Slot != slot || h.Tries != 7 {
			t.Errorf("got %q, slot %q, tries %d", h.Ref, h.Slot, h.Tries)
		}
		if late := time.Since(h.At); late > slack {
			t.Errorf("stamped %v before it came", late)
		}
		c.quiet(2 * time.Hour)
	}},
	{"schedules/never early", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		for i := range 20 {
			wait := 2*time.Second + time.Duration(i)*97*time.Millisecond
			due := time.Now().Add(wait)
			addAt(t, kept, "slot", incidents.Ref("1"), wait, 1)
			c.next(wait + slack).Ack()
			if early := time.Until(due); early > 0 {
				t.Errorf("due in %v fired %v early", wait, early)
			}
			pass(13 * time.Millisecond)
		}
	}},
	{"schedules/past is now", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		addAt(t, kept, "a", incidents.Ref("1"), 0, 1)
		addAt(t, kept, "b", incidents.Ref("2"), -48*time.Hour, 2)
		c.expect(incidents.Ref("1"), incidents.Ref("2"))
		c.quiet(time.Hour)
	}},
	{"schedules/a newer one of the slot", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		addAt(t, kept, "slot", incidents.Ref("1"), time.Hour, 1)
		addAt(t, kept, "slot", incidents.Ref("1"), 2*time.Hour, 2)
		c.quiet(2*time.Hour - time.Second)
		if h := c.next(time.Second + slack); h.Tries != 2 {
			t.Errorf("tries %d, want 2", h.Tries)
		} else {
			h.Ack()
		}
		addAt(t, kept, "slot", incidents.Ref("1"), 2*time.Hour, 3)
		addAt(t, kept, "slot", incidents.Ref("2"), time.Hour, 4)
		c.quiet(time.Hour - time.Second)
		c.expect(incidents.Ref("2"))
		c.quiet(3 * time.Hour)
	}},
	{"schedules/slots of one record", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		addAt(t, kept, "a/b", incidents.Ref("1"), time.Hour, 1)
		addAt(t, kept, strings.Repeat("b", 1000), incidents.Ref("1"), 2*time.Hour, 2)
		for tries := range 2 {
			h := c.next(time.Hour + slack)
			h.Ack()
			if h.Tries != tries+1 {
				t.Errorf("tries %d, want %d", h.Tries, tries+1)
			}
		}
	}},
	{"schedules/pending until they are consumed", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		c.stop()
		addAt(t, kept, "slot", incidents.Ref("1"), time.Minute, 3)
		pass(time.Hour)
		c = consume(t, kept, "r", incidents)
		h := c.next(slack)
		h.Ack()
		if h.Tries != 3 {
			t.Errorf("tries %d, want 3", h.Tries)
		}
	}},
	{"schedules/take the place of a hint, and the other way round", func(t *testing.T, kept store.Store) {
		c := consume(t, kept, "r", incidents)
		c.stop()
		add(t, kept, incidents.Ref("1"))
		addAt(t, kept, "slot", incidents.Ref("1"), time.Minute, 3)
		addAt(t, kept, "slot2", incidents.Ref("2"), time.Minute, 3)
		pass(2 * time.Minute)
		add(t, kept, incidents.Ref("2"))
		c = consume(t, kept, "r", incidents)
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

func addAt(t *testing.T, kept store.Store, slot string, ref connectors.Ref, in time.Duration, tries int) {
	t.Helper()
	if err := kept.Hints.AddAt(t.Context(), slot, ref, time.Now().Add(in), tries); err != nil {
		t.Fatal(err)
	}
}
