package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// TestLostLinksAreNoticedAndFoundAgain: they are named at the start, with what
// to do, and doing it helps. With the installation's key, or without.
func TestLostLinksAreNoticedAndFoundAgain(t *testing.T) {
	for name, lose := range map[string]func(key string) bool{
		"all":  func(string) bool { return true },
		"some": func(key string) bool { return key > "8" && !strings.HasPrefix(key, "_") },
		"key":  func(key string) bool { return key == "_key" },
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(oneRoute)
				for i := range 12 {
					r.declare(fmt.Sprint("02", i))
				}
				r.pass(5 * time.Minute)
				r.ticketed(12)
				r.kill()
				lost := 0
				check(t, r.store.Links.Each(t.Context(), func(e store.Entry) error {
					if !lose(e.Key) {
						return nil
					}
					if e.Key != "_key" {
						lost++
					}
					return r.store.Links.Delete(t.Context(), e.Key, 0)
				}))
				r.start(oneRoute)
				said := r.said()
				if lost > 0 && !strings.Contains(said, fmt.Sprintf("%d of 12 links are lost", lost)) {
					t.Errorf("it says %q", said)
				}
				if lose("_key") != strings.Contains(said, "the key was written again from its copy") {
					t.Errorf("it says %q", said)
				}
				r.world.resetCalls()
				for i := range 12 {
					r.world.edit(incidents.Ref(fmt.Sprint("02", i)), "title", "Edited since")
				}
				r.pass(time.Hour)
				r.ticketed(12)
				if links := r.links(); len(links) != 12 {
					t.Errorf("%d links", len(links))
				}
				r.kill()
				r.start(oneRoute)
				r.saysNothing()
			})
		})
	}
}

// TestLinksWithoutTheirKeyAreNotCarriedOut: with another key every field would
// count as edited on both sides.
func TestLinksWithoutTheirKeyAreNotCarriedOut(t *testing.T) {
	simulate(t, func(r *rig) {
		opened(r, oneRoute)
		r.kill()
		check(t, r.store.Links.Delete(t.Context(), "_key", 0))
		check(t, r.store.State.Delete(t.Context(), "installation", 0))
		r.mayFail = true
		r.start(oneRoute)
		if r.refused == nil || !strings.Contains(r.refused.Error(), "restore a backup") {
			t.Errorf("the start: %v", r.refused)
		}
	})
}

// TestPartsOfTheStoreThatEndSoonerAreNamed, as those are that were made again.
func TestPartsOfTheStoreThatEndSoonerAreNamed(t *testing.T) {
	simulate(t, func(r *rig) {
		ends := map[string]store.Position{"dead letters": {Log: "a", Last: 100}, "journal": {Log: "a", Last: 100}, "links": {Log: "a", Last: 100}}
		r.store.Ends = func(context.Context) (map[string]store.Position, error) { return ends, nil }
		r.start(oneRoute)
		r.pass(2 * time.Minute)
		r.kill()
		r.start(oneRoute)
		r.saysNothing()
		r.kill()
		ends = map[string]store.Position{"dead letters": {Log: "a", Last: 60}, "journal": {Log: "b", Last: 500}, "links": {Log: "a", Last: 101}}
		r.start(oneRoute)
		said := r.said()
		for _, want := range []string{"dead letters: what was stored last is lost (the stream ends at 60 where it had come to 100)", "journal: what was stored is lost, or the store is a copy"} {
			if !strings.Contains(said, want) {
				t.Errorf("it does not say %q, but %q", want, said)
			}
		}
		if strings.Contains(said, "links:") {
			t.Errorf("it says %q", said)
		}
	})
}
