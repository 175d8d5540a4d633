package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// TestWhatCannotBeReadStopsNothingElse: documents that are damaged, or of a
// newer version, are named, and concern their own records.
func TestWhatCannotBeReadStopsNothingElse(t *testing.T) {
	for name, damage := range map[string]func(document string) string{
		"damaged": func(d string) string { return d[:len(d)/2] },
		"newer":   func(d string) string { return strings.Replace(d, `"v":1`, `"v":2`, 1) },
		"zeros":   func(d string) string { return strings.Repeat("\x00", len(d)) },
		"empty":   func(string) string { return "{}" },
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, _ := opened(r, oneRoute)
				other := incidents.Ref("01B")
				r.world.put(other, false, critical())
				r.hint(other)
				bad := links.ID("incidents", ref, 1)
				entry, err := r.store.Links.Get(t.Context(), bad)
				check(t, err)
				r.kill()
				_, err = r.store.Links.Put(t.Context(), bad, []byte(damage(string(entry.Value))))
				check(t, err)
				_, err = r.store.Dead.Put(t.Context(), "0123456789abcdef", []byte("\x00\x00"))
				check(t, err)

				r.start(oneRoute)
				if links := r.links(); len(links) != 1 || links[0].Source != other {
					t.Errorf("links: %+v", links)
				}
				if _, err := r.engine.Routes(t.Context()); err != nil {
					t.Error(err)
				}
				said := ""
				for _, f := range r.engine.Warnings() {
					said += f.Message + "\n"
				}
				if !strings.Contains(said, "1 of the stored links cannot be read and are passed over: "+bad) ||
					!strings.Contains(said, "1 of the stored dead letters cannot be read and are passed over: 0123456789abcdef") {
					t.Errorf("warnings:\n%s", said)
				}
				for _, edited := range []connectors.Ref{ref, other} {
					r.world.edit(edited, "title", "Edited since")
					r.hint(edited)
				}
				r.pass(time.Hour)
				titles := 0
				for _, ticket := range r.world.list(tickets) {
					if r.world.field(ticket, "title") == "Edited since" {
						titles++
					}
				}
				if titles != 1 || len(r.world.list(tickets)) != 2 {
					t.Errorf("%d of %d tickets have the edit, want 1 of 2", titles, len(r.world.list(tickets)))
				}
				if letters := r.dead(); len(letters) != 1 || letters[0].Record != ref || letters[0].Reason != deadletter.ReasonUnreadable {
					t.Errorf("dead letters: %+v", letters)
				}
				check(t, r.engine.DropDead(t.Context(), "0123456789abcdef"))

				_, err = r.store.Links.Put(t.Context(), bad, entry.Value)
				check(t, err)
				r.dead()
				r.links()
				if f := r.engine.Warnings(); len(f) != 0 {
					t.Errorf("warnings when all can be read again: %+v", f)
				}
			})
		})
	}
}

// TestWhatBelongsToARecordCannotBeRead: neither the record nor what belongs to it waits
// for a document about both, and a child for none of its parent's.
func TestWhatBelongsToARecordCannotBeRead(t *testing.T) {
	for name, document := range map[string]string{"damaged": `{"v":1,"rec`, "newer": `{"v":99,"records":[]}`} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(replaced(t, escalating, "WHEN", "parent.incident.severity == 'Critical' && parent.incident.status == 'live'"))
				ref, child := followUp(r, with(critical(), "status", "paused"))
				r.pass(time.Minute)
				key := "children/" + ref.String()
				_, err := r.store.State.Put(t.Context(), key, []byte(document))
				check(t, err)
				r.world.edit(ref, "title", "Edited")
				r.world.edit(ref, "status", "live")
				r.hint(ref)
				r.pass(time.Minute)
				if title := r.world.field(r.world.list(tickets)[0], "title"); title != "Edited" {
					t.Errorf("the incident's ticket says %v", title)
				}
				want := 2
				if name == "newer" { // it is told of itself
					want = 1
					if f := r.engine.Warnings(); len(f) != 1 || !strings.Contains(f[0].Message, "1 of the stored lists of what belongs to a record cannot be read") || !strings.Contains(f[0].Message, key) {
						t.Errorf("warnings: %+v", f)
					}
					entry, err := r.store.State.Get(t.Context(), key)
					check(t, err)
					if string(entry.Value) != document {
						t.Errorf("a newer build's document was written over: %s", entry.Value)
					}
				} else if f := r.engine.Warnings(); len(f) != 0 {
					t.Errorf("warnings: %+v", f)
				}
				if n := len(r.world.list(tickets)); n != want {
					t.Errorf("%d tickets, want %d", n, want)
				}
				r.world.edit(child, "title", "Edited as well")
				r.hint(child)
				r.pass(time.Minute)
				if n := len(r.world.list(tickets)); n != 2 {
					t.Errorf("%d tickets in the end", n)
				}
				r.letters()
			})
		})
	}
	t.Run("the parent's link", func(t *testing.T) {
		simulate(t, func(r *rig) {
			r.start(replaced(t, escalating, "WHEN", "true"))
			ref := incidents.Ref("01A")
			r.world.put(ref, false, critical())
			r.hint(ref)
			_, err := r.store.Links.Put(t.Context(), links.ID("incidents", ref, 1), []byte("{"))
			check(t, err)
			_, child := followUp(r, critical())
			r.pass(time.Hour)
			if n := len(r.world.list(tickets)); n != 2 {
				t.Errorf("%d tickets", n)
			}
			for _, d := range r.dead() {
				if d.Record == child {
					t.Errorf("dead letter: %+v", d)
				}
			}
		})
	})
}
