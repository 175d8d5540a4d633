package engine_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// TestSomebodyElseConfirmed: while a ticket is opened another daemon confirms
// another one. Its word stands; ours is reported, and never written again.
func TestSomebodyElseConfirmed(t *testing.T) {
	simulate(t, func(r *rig) {
		ref := incidents.Ref("01A")
		theirs := tickets.Ref("theirs")
		once := true
		r.during = func(s reconcile.Step) {
			if s != reconcile.StepCreated || !once {
				return
			}
			once = false
			r.world.put(theirs, false, map[string]any{"title": "Database down"})
			id := links.ID("incidents", ref, 1)
			entry, err := r.store.Links.Get(t.Context(), id)
			if err != nil {
				t.Error(err)
				return
			}
			var link links.Link
			if err := json.Unmarshal(entry.Value, &link); err != nil {
				t.Error(err)
				return
			}
			link.Phase, link.Target, link.Opened = links.Active, &theirs, nil
			document, err := json.Marshal(link)
			if err == nil {
				_, err = r.store.Links.Update(t.Context(), id, document, entry.Revision)
			}
			if err != nil {
				t.Error(err)
			}
		}
		r.start(oneRoute)
		r.world.put(ref, false, critical())
		r.hint(ref)
		ours := r.world.list(tickets)[0]
		if ours == theirs {
			t.Fatal("nothing was opened")
		}
		links := r.links()
		if len(links) != 1 || links[0].Target == nil || *links[0].Target != theirs {
			t.Fatalf("links: %+v", links)
		}
		letters := r.dead()
		if len(letters) != 1 || letters[0].Reason != deadletter.ReasonDuplicate || !strings.Contains(letters[0].Message, ours.String()) {
			t.Errorf("dead letters: %+v", letters)
		}
		r.hint(ref) // which agrees on what stands in theirs
		r.world.edit(ref, "title", "Edited")
		r.hint(ref)
		r.pass(time.Minute)
		if a, b := r.world.field(theirs, "title"), r.world.field(ours, "title"); a != "Edited" || b != "Database down" {
			t.Errorf("theirs says %v, ours %v", a, b)
		}
		if _, err := r.store.Targets.Get(t.Context(), ours.String()); err == nil {
			t.Error("what somebody does in our ticket would be taken for the record's")
		}
	})
}
