package engine_test

import (
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// TestWhatCannotBeReadHoldsUpNothingElse: a file, or a list of files or comments, that
// cannot be read for a while is carried when it can be; fields and the rest are not
// held up by it.
func TestWhatCannotBeReadHoldsUpNothingElse(t *testing.T) {
	for op, hcl := range map[string]string{
		"open": withFiles, "list files": withFiles, "list": talking,
	} {
		for _, class := range []connectors.Class{connectors.ClassUnclear, connectors.ClassRetry} {
			t.Run(op+"/"+class.String(), func(t *testing.T) {
				simulate(t, func(r *rig) {
					ref, ticket := opened(r, hcl)
					r.pass(time.Minute)
					fails := make([]fault, 500)
					for i := range fails {
						fails[i] = fault{class: class}
					}
					r.world.fail("itsm", op, fails...)
					r.world.attach(ticket, "screenshot.png", "image/png", png)
					r.world.say(ticket, "work_notes", "Lisa", "It is the disk")
					r.world.edit(ref, "title", "Database is slow")
					r.hint(ref)
					r.pass(2 * time.Minute)
					if title := r.world.field(ticket, "title"); title != "Database is slow" {
						t.Errorf("the ticket's title is %v", title)
					}
					if n := len(r.world.linksOf(ref)) + r.copiesOf(ref, "It is the disk"); n != 0 {
						t.Fatalf("%d items were carried that cannot be read", n)
					}
					r.world.mu.Lock()
					r.world.faults["itsm "+op] = nil
					r.world.mu.Unlock()
					r.pass(2 * time.Hour)
					if n := len(r.world.linksOf(ref)) + r.copiesOf(ref, "It is the disk"); n != 1 {
						t.Errorf("%d items were carried after all, want 1", n)
					}
					r.world.resetCalls()
					r.pass(5 * time.Hour)
					if got := r.writes(); len(got) > 0 || len(r.dead()) > 0 {
						t.Errorf("and then %v, dead letters %v", got, r.dead())
					}
				})
			})
		}
	}
}
