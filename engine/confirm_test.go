package engine_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
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
		r.onceCreated(ref, func(link *links.Link) {
			r.world.put(theirs, false, map[string]any{"title": "Database down"})
			link.Phase, link.Target, link.Opened = links.Active, &theirs, nil
		})
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

// TestAClaimThatChangesMeanwhileIsLookedAtAgain: the claim is written while its
// ticket is opened, so it is not confirmed. It is looked at again at once, and
// not when its own hint comes.
func TestAClaimThatChangesMeanwhileIsLookedAtAgain(t *testing.T) {
	simulate(t, func(r *rig) {
		ref := incidents.Ref("01A")
		r.onceCreated(ref, func(*links.Link) {})
		r.start(oneRoute)
		r.world.put(ref, false, critical())
		r.hint(ref)
		r.pass(5 * time.Second)
		ticket := r.oneTicket()
		if all := r.links(); len(all) != 1 || all[0].Target == nil || *all[0].Target != ticket {
			t.Errorf("links: %+v", all)
		}
	})
}

// onceCreated lets somebody else write the link of a record when its first
// ticket has been opened and is not confirmed yet.
func (r *rig) onceCreated(ref connectors.Ref, change func(*links.Link)) {
	done := false
	r.during = func(s reconcile.Step) {
		if s != reconcile.StepCreated || done {
			return
		}
		done = true
		id := links.ID("incidents", ref, 1)
		entry, err := r.store.Links.Get(r.t.Context(), id)
		if err != nil {
			r.t.Error(err)
			return
		}
		var link links.Link
		if err := json.Unmarshal(entry.Value, &link); err != nil {
			r.t.Error(err)
			return
		}
		change(&link)
		document, err := json.Marshal(link)
		if err == nil {
			_, err = r.store.Links.Update(r.t.Context(), id, document, entry.Revision)
		}
		if err != nil {
			r.t.Error(err)
		}
	}
}
