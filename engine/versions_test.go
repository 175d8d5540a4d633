package engine_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// TestStoredDocumentsHaveAVersion: whatever is stored says by which version of its
// format, but for the installation's key and the cursors, which are the connectors'.
func TestStoredDocumentsHaveAVersion(t *testing.T) {
	simulate(t, func(r *rig) {
		r.shared, r.world.keyless = true, true
		r.store.Ends = nil
		r.start(escalatingTo(t, "true"))
		followUp(r, critical())
		r.pass(3 * time.Hour)
		kinds := map[string]bool{}
		for name, bucket := range map[string]store.Bucket{"link": r.store.Links, "target": r.store.Targets, "letter": r.store.Dead, "mark": r.store.State} {
			err := bucket.Each(t.Context(), func(e store.Entry) error {
				kind := name
				if name == "mark" {
					kind, _, _ = strings.Cut(e.Key, "/")
				}
				if kind == "installation" || kind == "cursor" || strings.HasPrefix(e.Key, "_key") {
					return nil
				}
				var d struct {
					V int `json:"v"`
				}
				if json.Unmarshal(e.Value, &d) != nil || d.V == 0 {
					t.Errorf("%s %s has no version: %.80s", name, e.Key, e.Value)
				}
				kinds[kind] = true
				return nil
			})
			check(t, err)
		}
		for _, kind := range []string{"link", "target", "letter", "children", "checkpoints", "daemons", "keyless", "places"} {
			if !kinds[kind] {
				t.Errorf("no document of kind %s was looked at: %v", kind, kinds)
			}
		}
	})
}

func escalatingTo(t *testing.T, when string) string { return replaced(t, escalating, "WHEN", when) }

// TestDocumentsOfOlderBuilds: what had no version is read, and what is of a newer one or
// damaged is made again.
func TestDocumentsOfOlderBuilds(t *testing.T) {
	id := strings.Repeat("0123456789", 2)
	for value, want := range map[string]string{
		id: id, `{"v":1,"link":"` + id + `"}`: id, `{"v":2,"link":"` + id + `"}`: "", `{"v":1,"li`: "", "": "", "\x00\x00": "",
	} {
		if got := links.DecodeTarget(store.Entry{Value: []byte(value)}); got != want {
			t.Errorf("%q names %q, want %q", value, got, want)
		}
	}
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.kill()
		_, err := r.store.Targets.Put(t.Context(), ticket.String(), []byte("\x00"))
		check(t, err)
		_, err = r.store.State.Put(t.Context(), "checkpoints/cursor/"+incidents.String(), []byte("["))
		check(t, err)
		r.start(oneRoute)
		r.world.edit(ref, "title", "Edited")
		r.hint(ticket)
		r.pass(2 * time.Hour)
		if title := r.world.field(ticket, "title"); title != "Edited" {
			t.Errorf("the title is %v", title)
		}
		if f := r.engine.Warnings(); len(f) != 0 {
			t.Errorf("warnings: %+v", f)
		}
	})
}
