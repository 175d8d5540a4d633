package engine_test

import (
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
)

// TestALostAnswerIsLookedAfterAtOnce: what took effect is found within seconds,
// and the record goes on; only what is not there waits until it can no longer come.
func TestALostAnswerIsLookedAfterAtOnce(t *testing.T) {
	const settle = 2*time.Minute + 10*time.Second // and the lease
	for name, test := range map[string]struct {
		lost   fault
		within time.Duration // the next edit is there
		after  time.Duration // and not before
	}{
		"done":       {fault{class: connectors.ClassUnclear, after: true}, 10 * time.Second, 0},
		"done later": {fault{class: connectors.ClassUnclear, late: 30 * time.Second}, 70 * time.Second, 30 * time.Second},
		"not done":   {fault{class: connectors.ClassUnclear}, settle + 15*time.Second, settle - 5*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, ticket := opened(r, oneRoute)
				r.world.fail("itsm", "update", test.lost)
				r.world.edit(ref, "title", "First")
				r.hint(ref)
				r.world.edit(ref, "title", "Second")
				r.hint(ref)
				began := time.Now()
				if test.after > 0 {
					r.pass(test.after)
					if title := r.world.field(ticket, "title"); title == "Second" {
						t.Errorf("it was written again while the first request could still take effect")
					}
				}
				r.pass(test.within - time.Since(began))
				if title := r.world.field(ticket, "title"); title != "Second" {
					t.Errorf("after %v the title is %v", test.within, title)
				}
				if n := r.world.count("update"); n != 2 {
					t.Errorf("%d updates, want 2", n)
				}
				r.atRest(ref)
			})
		})
	}
}

// TestALostCommentIsLookedAfterAtOnce, and repeated at once where the system takes
// its marker as an idempotency key.
func TestALostCommentIsLookedAfterAtOnce(t *testing.T) {
	const settle = 2*time.Minute + 10*time.Second
	for name, test := range map[string]struct {
		lost   fault
		once   bool
		within time.Duration
	}{
		"done":                       {lost: fault{class: connectors.ClassUnclear, after: true}, within: 10 * time.Second},
		"not done":                   {lost: fault{class: connectors.ClassUnclear}, within: settle + 15*time.Second},
		"not done, idempotency keys": {lost: fault{class: connectors.ClassUnclear}, once: true, within: 10 * time.Second},
		"later, idempotency keys":    {lost: fault{class: connectors.ClassUnclear, late: 5 * time.Second}, once: true, within: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.world.once = test.once
				ref, ticket := opened(r, talking)
				r.pass(time.Minute)
				r.world.fail("itsm", "comment", test.lost)
				for _, text := range []string{"First", "Second", "Third"} {
					r.world.say(ref, "update", "Lisa", text)
				}
				r.hint(ref)
				r.pass(test.within)
				for _, text := range []string{"First", "Second", "Third"} {
					if n := r.copiesOf(ticket, text); n != 1 {
						t.Errorf("after %v %q has %d copies", test.within, text, n)
					}
				}
				r.pass(time.Hour)
				for _, text := range []string{"First", "Second", "Third"} {
					if n := r.copiesOf(ticket, text); n != 1 {
						t.Errorf("in the end %q has %d copies", text, n)
					}
				}
				r.atRest(ref)
			})
		})
	}
}

// atRest hints a record of which nothing is to be written.
func (r *rig) atRest(ref connectors.Ref) {
	r.t.Helper()
	r.world.resetCalls()
	r.hint(ref)
	r.pass(time.Minute)
	if w := r.writes(); len(w) != 0 {
		r.t.Errorf("at rest it writes %v", w)
	}
}

// TestALostCommentThatNobodyShows: where nothing of what hangs on a ticket is shown, a
// post whose answer was lost is repeated only where the ticket was certainly not
// written; else a person has to look.
func TestALostCommentThatNobodyShows(t *testing.T) {
	for name, test := range map[string]struct {
		lost   fault
		edited bool
		copies int
		dead   bool
	}{
		"done":                        {fault{class: connectors.ClassUnclear, after: true}, false, 1, true},
		"done later":                  {fault{class: connectors.ClassUnclear, late: 30 * time.Second}, false, 1, true},
		"not done":                    {fault{class: connectors.ClassUnclear}, false, 1, false},
		"not done, the ticket edited": {fault{class: connectors.ClassUnclear}, true, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.world.masked = true
				ref, ticket := opened(r, talking)
				r.pass(time.Minute)
				r.world.fail("itsm", "comment", test.lost)
				r.world.say(ref, "update", "Lisa", "It rains")
				r.hint(ref)
				if test.edited {
					r.world.edit(ticket, "note", "by a person")
				}
				r.pass(time.Hour)
				r.world.edit(ticket, "state", int64(2))
				r.hint(ref)
				r.pass(time.Hour)
				if n := r.copiesOf(ticket, "It rains"); n != test.copies {
					t.Errorf("%d copies, want %d", n, test.copies)
				}
				letters := r.dead()
				if dead := len(letters) == 1 && letters[0].Reason == deadletter.ReasonUnknownItem; dead != test.dead || len(letters) > 1 {
					t.Fatalf("dead letters: %+v", letters)
				}
				if test.copies == 0 {
					r.retryAll()
					r.pass(time.Hour)
					if n := r.copiesOf(ticket, "It rains"); n != 1 || len(r.dead()) != 0 {
						t.Errorf("after a retry %d copies, dead letters %q", n, r.reasons())
					}
				}
			})
		})
	}
}
