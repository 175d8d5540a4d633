package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
)

// operations plans for a record on its only route. Nothing may come of it.
func (r *rig) operations(ref connectors.Ref) (kinds []string) {
	r.t.Helper()
	writes, decisions, before := len(r.writes()), len(r.decisions(ref)), r.links()
	all, err := r.engine.Plan(r.t.Context(), ref)
	if err != nil {
		r.t.Fatal(err)
	}
	if len(all) != 1 {
		r.t.Fatalf("%d plans, want 1", len(all))
	}
	if n := len(r.writes()); n != writes {
		r.t.Errorf("planning wrote: %v", r.writes()[writes:])
	}
	if n := len(r.decisions(ref)); n != decisions {
		r.t.Errorf("planning journaled %d entries", n-decisions)
	}
	if diff := cmp.Diff(before, r.links()); diff != "" {
		r.t.Errorf("planning changed links (-before +after):\n%s", diff)
	}
	for _, o := range all[0].Operations {
		text := string(o.Kind)
		if o.Side != "" {
			text += " " + string(o.Side)
		}
		for _, field := range o.Fields {
			text += " " + field
		}
		kinds = append(kinds, text)
	}
	return kinds
}

// TestPlanSaysWhatWouldBeDone: a dry run does what a reconcile does, up to the
// first write.
func TestPlanSaysWhatWouldBeDone(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		ref, other := incidents.Ref("01A"), incidents.Ref("01B")
		expect := func(ref connectors.Ref, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, r.operations(ref)); diff != "" {
				t.Errorf("operations (-want +got):\n%s", diff)
			}
		}
		r.world.put(ref, false, critical())
		r.world.put(other, false, map[string]any{"title": "Slow", "severity": "Minor", "mode": "standard"})
		expect(ref, string(plan.KindCreate)+" target detail state title")
		expect(other, string(plan.KindNone))

		r.hint(ref)
		ticket := r.oneTicket()
		expect(ref, string(plan.KindNone))

		r.world.edit(ref, "title", "Database up again")
		expect(ref, string(plan.KindUpdate)+" target title")
		if got := r.world.field(ticket, "title"); got != "Database down" {
			t.Errorf("the title is %v", got)
		}

		r.world.put(ref, true, nil)
		expect(ref, string(plan.KindStop))
		r.world.put(ref, false, nil)

		r.world.remove(ticket)
		expect(ref, string(plan.KindWait)+" "+string(links.Target))
	})
}

// TestPlanListsWhatHangsOnBoth: comments, files and the link to the ticket are in
// the plan, and what is carried once is not in it again.
func TestPlanListsWhatHangsOnBoth(t *testing.T) {
	simulate(t, func(r *rig) {
		r.world.showsTickets = true
		ref, ticket := opened(r, talking)
		r.pass(time.Minute)
		r.world.say(ref, "update", "Lisa", "Fixed")
		r.world.say(ticket, "work_notes", "Beth", "Looking at it")
		r.world.edit(ref, "title", "Database up again")
		var kinds []string
		for _, kind := range r.operations(ref) {
			kind, _, _ = strings.Cut(kind, "/") // without the comment's id
			kinds = append(kinds, kind)
		}
		want := []string{"comment target comments.outbound", "comment source comments.inbound", "update target title"}
		if diff := cmp.Diff(want, kinds); diff != "" {
			t.Errorf("operations (-want +got):\n%s", diff)
		}
		r.hint(ref)
		if diff := cmp.Diff([]string{string(plan.KindNone)}, r.operations(ref)); diff != "" {
			t.Errorf("operations once they are carried out (-want +got):\n%s", diff)
		}
	})
}
