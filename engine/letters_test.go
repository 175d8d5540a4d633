package engine_test

import (
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
)

// reasons are those of all dead letters.
func (r *rig) reasons() (all []string) {
	r.t.Helper()
	for _, d := range r.dead() {
		all = append(all, d.Reason+" "+d.Field)
	}
	return all
}

// letters fails unless the dead letters are these, by reason and field.
func (r *rig) letters(want ...string) {
	r.t.Helper()
	if got := r.reasons(); len(got) != len(want) || len(want) > 0 && got[0] != want[0] {
		r.t.Errorf("dead letters %q, want %q", got, want)
	}
}

// TestALetterStaysWhileItIsTrue: a retry that changes nothing about what a dead
// letter says takes no dead letter away, and what ends it is that it is over.
func TestALetterStaysWhileItIsTrue(t *testing.T) {
	t.Run("the system drops keys", func(t *testing.T) {
		simulate(t, func(r *rig) {
			r.world.keyless = true
			opened(r, oneRoute)
			r.letters("key_dropped ")
			at := r.dead()[0].At
			r.pass(time.Minute)
			r.retryAll()
			r.pass(time.Hour)
			r.letters("key_dropped ")
			if len(r.dead()) == 1 && !r.dead()[0].At.After(at) {
				t.Error("it does not say that it was looked at again")
			}
			open := func(id string) {
				r.world.put(incidents.Ref(id), false, critical())
				r.hint(incidents.Ref(id))
				r.pass(time.Minute)
			}
			open("01B")
			r.letters("key_dropped ")
			r.world.mu.Lock()
			r.world.keyless = false
			r.world.mu.Unlock()
			open("01C")
			r.letters()
		})
	})
	t.Run("its route is gone", func(t *testing.T) {
		simulate(t, func(r *rig) {
			r.start(oneRoute)
			r.world.fail("itsm", "create", fault{class: connectors.ClassRejected})
			r.world.put(incidents.Ref("01A"), false, critical())
			r.hint(incidents.Ref("01A"))
			r.letters("rejected ")
			r.apply(replaced(t, oneRoute, `route "incidents"`, `route "others"`))
			r.retryAll()
			r.pass(time.Minute)
			letters := r.dead()
			if len(letters) != 1 || letters[0].Route != "incidents" {
				t.Errorf("dead letters: %+v", letters)
			}
		})
	})
	t.Run("a second ticket", func(t *testing.T) {
		simulate(t, func(r *rig) {
			r.start(oneRoute)
			ref := incidents.Ref("01A")
			r.world.put(ref, false, critical())
			r.hint(ref)
			r.world.planting(true)
			r.pass(time.Hour)
			r.letters("key_taken ")
			r.pass(10 * 24 * time.Hour) // nobody looks any more by itself
			r.retryAll()
			r.pass(time.Minute)
			r.letters("key_taken ")
		})
	})
	t.Run("a value that is written once", func(t *testing.T) {
		simulate(t, func(r *rig) {
			r.world.drops["state"] = true
			_, ticket := opened(r, oneRoute)
			r.letters("did_not_stick state")
			r.retryAll()
			r.letters("did_not_stick state")
			r.world.mu.Lock()
			clear(r.world.drops)
			r.world.mu.Unlock()
			r.retryAll()
			r.pass(time.Minute)
			if state := r.world.field(ticket, "state"); state != int64(1) {
				t.Errorf("after a retry the state is %v", state)
			}
			r.letters()
		})
	})
}

// TestALetterEndsWithWhatItSays: what was refused for want of a permission, and is
// done once the permission is there, is no dead letter any more.
func TestALetterEndsWithWhatItSays(t *testing.T) {
	const day = 25 * time.Hour
	t.Run("a record that may not be read", func(t *testing.T) {
		for name, class := range map[string]connectors.Class{"forbidden": connectors.ClassForbidden, "rejected": connectors.ClassRejected} {
			t.Run(name, func(t *testing.T) {
				simulate(t, func(r *rig) {
					ref, ticket := opened(r, oneRoute)
					for _, side := range []connectors.Ref{ref, ticket} {
						r.world.mu.Lock()
						r.world.broken = map[connectors.Ref]connectors.Class{side: class}
						r.world.mu.Unlock()
						r.world.edit(ref, "title", "Edited: "+side.ID)
						r.hint(ref)
						r.pass(2 * day)
						if n := len(r.dead()); n != 1 {
							t.Fatalf("%d dead letters: %q", n, r.reasons())
						}
						r.world.mu.Lock()
						r.world.broken = nil
						r.world.mu.Unlock()
						r.hint(ref)
						r.pass(time.Hour)
						if title := r.world.field(ticket, "title"); title != "Edited: "+side.ID {
							t.Errorf("the title is %v", title)
						}
						r.letters()
					}
				})
			})
		}
	})
	t.Run("a creation whose second answer was lost", func(t *testing.T) {
		simulate(t, func(r *rig) {
			r.start(oneRoute)
			r.world.fail("itsm", "create", fault{class: connectors.ClassRejected}, fault{class: connectors.ClassUnclear, after: true})
			ref := incidents.Ref("01A")
			r.world.put(ref, false, critical())
			r.hint(ref)
			r.letters("rejected ")
			r.world.edit(ref, "title", "Edited")
			r.hint(ref)
			r.pass(time.Hour)
			r.oneTicket()
			r.letters()
		})
	})
	t.Run("a creation that nobody wants any more", func(t *testing.T) {
		simulate(t, func(r *rig) {
			r.start(oneRoute)
			r.world.fail("itsm", "create", fault{class: connectors.ClassRejected})
			ref := incidents.Ref("01A")
			r.world.put(ref, false, critical())
			r.hint(ref)
			r.letters("rejected ")
			r.world.edit(ref, "severity", "Minor")
			r.hint(ref)
			r.pass(time.Minute)
			r.letters()
		})
	})
	t.Run("an update", func(t *testing.T) {
		simulate(t, func(r *rig) {
			ref, ticket := opened(r, oneRoute)
			r.world.fail("itsm", "update", fault{class: connectors.ClassRejected})
			r.world.edit(ref, "title", "Edited")
			r.hint(ref)
			r.letters("rejected title")
			r.world.edit(ref, "title", "Edited again")
			r.hint(ref)
			r.pass(time.Minute)
			if title := r.world.field(ticket, "title"); title != "Edited again" {
				t.Errorf("the title is %v", title)
			}
			r.letters()
		})
	})
	t.Run("what is stored", func(t *testing.T) {
		simulate(t, func(r *rig) {
			ref, _ := opened(r, oneRoute)
			id := r.links()[0].ID
			entry, err := r.store.Links.Get(t.Context(), id)
			check(t, err)
			_, err = r.store.Links.Put(t.Context(), id, []byte("{"))
			check(t, err)
			r.hint(ref)
			r.pass(time.Minute)
			r.letters(deadletter.ReasonUnreadable + " ")
			_, err = r.store.Links.Put(t.Context(), id, entry.Value)
			check(t, err)
			r.hint(ref)
			r.pass(time.Minute)
			r.letters()
		})
	})
}

// TestAPermissionThatIsGivenBack: what a missing permission kept from being written is
// tried again after a while, and then its dead letter is over; it is not asked for often.
func TestAPermissionThatIsGivenBack(t *testing.T) {
	for name, test := range map[string]struct {
		op   string
		edit func(r *rig, ref connectors.Ref)
		done func(r *rig, ticket connectors.Ref) bool
	}{
		"a field": {
			"update", func(r *rig, ref connectors.Ref) { r.world.edit(ref, "title", "Edited") },
			func(r *rig, ticket connectors.Ref) bool { return r.world.field(ticket, "title") == "Edited" },
		},
		"a comment": {
			"comment", func(r *rig, ref connectors.Ref) { r.world.say(ref, "update", "Lisa", "It rains") },
			func(r *rig, ticket connectors.Ref) bool { return r.copiesOf(ticket, "It rains") == 1 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, ticket := opened(r, talking)
				r.pass(time.Minute)
				forbidden := fault{class: connectors.ClassRejected, status: 403}
				r.world.fail("itsm", test.op, forbidden, forbidden)
				test.edit(r, ref)
				for range 20 {
					r.hint(ref)
					r.pass(time.Minute)
				}
				if n := r.world.count(test.op); n > 1 || len(r.dead()) != 1 {
					t.Fatalf("%d tries, dead letters %q", n, r.reasons())
				}
				r.pass(7 * time.Hour) // refused once more
				if len(r.dead()) != 1 {
					t.Errorf("dead letters %q", r.reasons())
				}
				r.pass(7 * time.Hour)
				if !test.done(r, ticket) {
					t.Error("it was not tried again")
				}
				r.letters()
			})
		})
	}
}
