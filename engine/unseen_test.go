package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// unknownTicket is the one dead letter, which says that a ticket may be there.
func (r *rig) unknownTicket() deadletter.Letter {
	r.t.Helper()
	letters := r.dead()
	if len(letters) != 1 || letters[0].Reason != deadletter.ReasonUnknownTicket {
		r.t.Fatalf("dead letters: %+v", letters)
	}
	return letters[0]
}

// bother edits the record and hints it for hours.
func (r *rig) bother(ref connectors.Ref) {
	for i := range 6 {
		r.world.edit(ref, "title", "Edited "+strings.Repeat("!", i))
		r.hint(ref)
		r.pass(time.Hour)
	}
}

// TestATicketThatItsCreatorMayNotRead is opened once: the system said that it was
// made, and that no look-up finds it proves nothing.
func TestATicketThatItsCreatorMayNotRead(t *testing.T) {
	for name, named := range map[string]bool{"without its id": false, "with its id": true} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(oneRoute)
				r.world.hides = true
				r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear, after: true, made: true, named: named})
				ref := incidents.Ref("01A")
				r.world.put(ref, false, critical())
				r.hint(ref)
				r.pass(time.Hour)
				letter := r.unknownTicket()
				if want := "fake.itsm.ticket/0001"; named != strings.Contains(letter.Message, want) {
					t.Errorf("it says %q", letter.Message)
				}
				r.bother(ref)
				check(t, r.engine.RetryDead(t.Context(), letter.ID))
				r.pass(time.Hour)
				r.kill()
				r.start(oneRoute)
				r.bother(ref)
				if n := r.world.count("create"); n != 1 {
					t.Fatalf("%d creates, want 1", n)
				}
				r.unknownTicket()

				r.world.mu.Lock()
				r.world.hides = false
				r.world.mu.Unlock()
				r.world.edit(ref, "title", "Edited at last")
				r.hint(ref)
				r.pass(time.Hour)
				if title := r.world.field(r.oneTicket(), "title"); title != "Edited at last" {
					t.Errorf("the ticket says %v", title)
				}
				if letters := r.dead(); len(letters) != 0 {
					t.Errorf("dead letters: %+v", letters)
				}
			})
		})
	}
}

// TestACreateIsRepeatedOnce: when two answers were lost and no ticket is found, a
// person has to look, who may also say that there is none.
func TestACreateIsRepeatedOnce(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		lost := fault{class: connectors.ClassUnclear}
		r.world.fail("itsm", "create", lost, lost)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		r.pass(time.Hour)
		letter := r.unknownTicket()
		for _, part := range []string{"lockstep links adopt incidents fake.acme.incident/01A TICKET", "lockstep dead retry " + letter.ID, "HTTP 500", "key lockstep-"} {
			if !strings.Contains(letter.Message, part) {
				t.Errorf("%q does not say %q", letter.Message, part)
			}
		}
		for _, s := range r.engine.Connectors() {
			if s.Name == "itsm" && (s.OK || !strings.Contains(s.LastError, "create")) {
				t.Errorf("status says %+v", s)
			}
		}
		r.bother(ref)
		if n := r.world.count("create"); n != 2 {
			t.Fatalf("%d creates, want 2", n)
		}
		check(t, r.engine.RetryDead(t.Context(), letter.ID))
		r.pass(time.Hour)
		r.oneTicket()
		if letters := r.dead(); len(letters) != 0 {
			t.Errorf("dead letters: %+v", letters)
		}
	})
}

// TestARefusalForgetsNoLostAnswer: what is refused in between does not make room
// for another repeat.
func TestARefusalForgetsNoLostAnswer(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		lost := fault{class: connectors.ClassUnclear}
		r.world.fail("itsm", "create", lost, fault{class: connectors.ClassRejected, field: "title"}, lost)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		r.pass(time.Hour)
		r.bother(ref)
		if n := r.world.count("create"); n != 3 {
			t.Fatalf("%d creates, want 3", n)
		}
		if all := r.links(); len(all) != 1 || all[0].State != links.Claim {
			t.Errorf("links: %+v", all)
		}
	})
}

// TestASystemThatDropsTheKey: the first ticket says so; from then on no create
// whose answer was lost is repeated, and before, none where a ticket without a
// key may be it.
func TestASystemThatDropsTheKey(t *testing.T) {
	for name, first := range map[string]fault{"answered": {ok: true}, "lost, done": {class: connectors.ClassUnclear, after: true}} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(oneRoute)
				r.world.keyless = true
				r.world.fail("itsm", "create", first)
				ref := incidents.Ref("01A")
				r.world.put(ref, false, critical())
				r.hint(ref)
				r.pass(time.Hour)
				if n := r.world.count("create"); n != 1 {
					t.Fatalf("%d creates, want 1", n)
				}
				if !first.ok {
					if letter := r.unknownTicket(); !strings.Contains(letter.Message, "fake.itsm.ticket/0001") {
						t.Errorf("it says %q", letter.Message)
					}
					return
				}
				letters := r.dead()
				if len(letters) != 1 || letters[0].Reason != deadletter.ReasonKeyDropped {
					t.Fatalf("dead letters: %+v", letters)
				}
				check(t, r.engine.DropDead(t.Context(), letters[0].ID))

				// Also where nothing without a key is found.
				other := incidents.Ref("01B")
				r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear})
				r.world.put(other, false, critical())
				r.hint(other)
				r.pass(time.Hour)
				r.bother(other)
				if n := r.world.count("create"); n != 2 {
					t.Fatalf("%d creates, want 2", n)
				}
				r.unknownTicket()
			})
		})
	}
}

// TestAnUnknownTicketIsAdopted: a person who has found it says so.
func TestAnUnknownTicketIsAdopted(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		r.world.keyless = true
		r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear, after: true})
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		ticket := r.oneTicket()
		if _, err := r.engine.Adopt(r.t.Context(), engine.Adoption{Route: "incidents", Source: ref.String(), Target: ticket.String()}); err == nil {
			t.Error("it was adopted while the creation was under way")
		}
		r.pass(time.Hour)
		r.unknownTicket()
		_, err := r.engine.Adopt(r.t.Context(), engine.Adoption{Route: "incidents", Source: ref.String(), Target: ticket.String()})
		check(t, err)
		r.pass(time.Minute)
		if letters := r.dead(); len(letters) != 0 {
			t.Errorf("dead letters: %+v", letters)
		}
		r.world.edit(ref, "title", "Edited since")
		r.hint(ref)
		r.pass(time.Hour)
		if title := r.world.field(r.oneTicket(), "title"); title != "Edited since" {
			t.Errorf("the ticket says %v", title)
		}
	})
}

// TestAnUnknownTicketOfAPrivateRecord: what to look for is said of it as well, for
// it says nothing of the record.
func TestAnUnknownTicketOfAPrivateRecord(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(replaced(t, oneRoute, "templates =", "private = true\n  templates ="))
		r.world.hides = true
		r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear, after: true, made: true, named: true})
		ref := incidents.Ref("01A")
		fields := critical()
		fields["title"] = canary
		r.world.put(ref, true, fields)
		r.hint(ref)
		r.pass(time.Hour)
		letter := r.unknownTicket()
		if !strings.Contains(letter.Message, "fake.itsm.ticket/0001") || strings.Contains(letter.Message, canary) {
			t.Errorf("it says %q", letter.Message)
		}
	})
}

// TestATicketThatTheAnswerNames is taken over at once, although the search does
// not show it yet and its key is not in it.
func TestATicketThatTheAnswerNames(t *testing.T) {
	for name, keyless := range map[string]bool{"its key is not there": true, "the search lags": false} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(oneRoute)
				r.world.keyless = keyless
				if !keyless {
					r.world.lags["itsm"] = time.Hour
				}
				r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear, after: true, made: true, named: true})
				ref := incidents.Ref("01A")
				r.world.put(ref, false, critical())
				r.hint(ref)
				r.pass(5 * time.Second)
				if all := r.links(); len(all) != 1 || all[0].State != links.Active || *all[0].Target != r.oneTicket() {
					t.Errorf("links: %+v", all)
				}
				if letters := r.dead(); len(letters) != 0 {
					t.Errorf("dead letters: %+v", letters)
				}
			})
		})
	}
}

// TestACrashedOwnerCountsAsALostAnswer: nobody knows what became of the creation of a
// daemon that ended before its answer was stored, each time.
func TestACrashedOwnerCountsAsALostAnswer(t *testing.T) {
	simulate(t, func(r *rig) {
		ref := incidents.Ref("01A")
		for range 4 {
			r.crash.Store(reconcile.StepCreated)
			r.start(oneRoute)
			if len(r.world.calls) == 0 {
				r.world.put(ref, false, critical())
			}
			r.hint(ref)
			r.pass(time.Hour)
			for _, ticket := range r.world.list(tickets) {
				r.world.remove(ticket) // or it cannot be seen
			}
			r.kill()
		}
		r.crash.Store(reconcile.Step(""))
		r.start(oneRoute)
		r.bother(ref)
		if n := r.world.count("create"); n != 2 {
			t.Fatalf("%d creates, want 2", n)
		}
		check(t, r.engine.RetryDead(t.Context(), r.unknownTicket().ID))
		r.pass(time.Hour)
		r.oneTicket()
		r.letters()
	})
}

// TestATryThatWasNotSentIsNoLostAnswer: after a lost answer, requests that were
// certainly not done use up no repeat.
func TestATryThatWasNotSentIsNoLostAnswer(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		not := fault{class: connectors.ClassRetry}
		r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear}, not, not, not)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		r.pass(6 * time.Hour)
		r.oneTicket()
		r.letters()
	})
}

// TestWhatWasLeftOutIsNotForgotten: a field that the system refused, or of which nothing
// is found that it names, is left out of the next try; when that one's answer is lost,
// the dead letter says so, and a retry writes it.
func TestWhatWasLeftOutIsNotForgotten(t *testing.T) {
	for name, test := range map[string]struct {
		hcl, want, field string
		faults           []fault
	}{
		"refused": {oneRoute, "rejected detail", "detail", []fault{{class: connectors.ClassRejected, field: "detail"}, {class: connectors.ClassUnclear, after: true}}},
		"refused, written once": {
			replaced(t, oneRoute, "once { state = 1 }", `once { note = "Opened" }`), "rejected note", "note",
			[]fault{{class: connectors.ClassRejected, field: "note"}, {class: connectors.ClassUnclear, after: true}},
		},
		"not found": {
			replaced(t, oneRoute, "outbound {", "outbound {\n    owner = ref(\"email\", \"{{ incident.owner }}\")"), "ref_not_found owner", "owner",
			[]fault{{class: connectors.ClassUnclear, after: true}},
		},
	} {
		for _, crash := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, crash %t", name, crash), func(t *testing.T) {
				simulate(t, func(r *rig) {
					r.start(test.hcl)
					r.world.fail("itsm", "create", test.faults...)
					ref := incidents.Ref("01A")
					r.world.put(ref, false, with(critical(), "owner", "nobody@example.com"))
					if crash {
						r.world.fail("itsm", "look up", fault{ok: true}, fault{class: connectors.ClassRetry})
					}
					r.hint(ref)
					if crash {
						r.kill()
						r.start(test.hcl)
					}
					r.pass(time.Hour)
					ticket := r.oneTicket()
					r.letters(test.want)
					if test.field == "owner" {
						r.world.edit(ref, "owner", "lisa@example.com")
					}
					r.retryAll()
					r.pass(time.Hour)
					if r.world.field(ticket, test.field) == nil {
						t.Errorf("after a retry %s is empty", test.field)
					}
					r.letters()
				})
			})
		}
	}
}
