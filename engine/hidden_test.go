package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// hide makes records read as not found until show is called: a permission taken
// and given back. What people do meanwhile they do all the same.
func (w *world) hide(refs ...connectors.Ref) (show func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hidden == nil {
		w.hidden = map[connectors.Ref]bool{}
	}
	for _, ref := range refs {
		w.hidden[ref] = true
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, ref := range refs {
			delete(w.hidden, ref)
		}
	}
}

// TestWhatWasEditedWhileARecordWasHidden: a record that reads as not found for a
// time, for whatever reason, loses nothing that was edited meanwhile, on either
// side (rule 8.1).
func TestWhatWasEditedWhileARecordWasHidden(t *testing.T) {
	for _, side := range []links.Side{links.Source, links.Target} {
		for _, away := range []time.Duration{15 * time.Minute, 30 * time.Hour} {
			for _, onDelete := range []string{"detach", "close"} {
				t.Run(fmt.Sprintf("%s for %s, %s", side, away, onDelete), func(t *testing.T) {
					simulate(t, func(r *rig) {
						ref, ticket := opened(r, replaced(t, lifecycle(t, `on_delete = "`+onDelete+`"`), `inbound { owner = "{{ ticket.number }}" }`, `inbound { owner = "{{ ticket.contact }}" }`))
						hidden := ref
						if side == links.Target {
							hidden = ticket
						}
						show := r.world.hide(hidden)
						r.hint(ref)
						r.pass(away)
						want := links.Gone
						if side == links.Source {
							want = links.Detached
						}
						if got := r.links()[0].State; got != want {
							t.Fatalf("the link is %s, want %s", got, want)
						}
						r.world.edit(ref, "title", "Edited meanwhile")
						r.world.edit(ticket, "contact", "Written meanwhile")
						r.hint(ref)
						show()
						r.pass(13 * time.Hour)
						got := []any{r.links()[0].State, r.world.field(ticket, "title"), r.world.field(ref, "owner"), r.world.field(ticket, "state"), len(r.world.list(tickets)), len(r.dead())}
						if diff := cmp.Diff([]any{links.Active, "Edited meanwhile", "Written meanwhile", int64(2), 1, 0}, got); diff != "" {
							t.Errorf("phase, title, owner, state, tickets, dead letters (-want +got):\n%s", diff)
						}
					})
				})
			}
		}
	}
}

// TestHiddenForASecond: what was edited meanwhile waits no longer than the permission
// was away, for nobody tells that it is back.
func TestHiddenForASecond(t *testing.T) {
	for _, away := range []time.Duration{time.Second, time.Minute, 4 * time.Minute} {
		t.Run(away.String(), func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, ticket := opened(r, oneRoute)
				show := r.world.hide(ticket)
				r.world.edit(ref, "title", "Edited meanwhile")
				r.hint(ref)
				r.pass(away)
				show()
				r.pass(away + 40*time.Second)
				if title := r.world.field(ticket, "title"); title != "Edited meanwhile" {
					t.Errorf("the ticket's title is %v", title)
				}
			})
		})
	}
}

// TestManyHiddenAtOnce: a key that has lost a scope finds none of many records. None
// of them was deleted: nothing is closed or detached, and status says so.
func TestManyHiddenAtOnce(t *testing.T) {
	for _, all := range []bool{true, false} {
		t.Run(fmt.Sprintf("all %v", all), func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(lifecycle(t, `on_delete = "close"`))
				var refs []connectors.Ref
				for n := range 20 {
					ref := incidents.Ref(fmt.Sprintf("%02d", n))
					refs = append(refs, ref)
					r.world.put(ref, false, critical())
					r.hint(ref)
				}
				hidden := refs[:10]
				if all {
					hidden = refs
				}
				show := r.world.hide(hidden...)
				for _, ref := range hidden {
					r.hint(ref)
				}
				r.pass(30 * time.Hour)
				r.world.resetCalls()
				gone := 0
				for _, l := range r.links() {
					if l.State != links.Active {
						gone++
					}
				}
				closed := 0
				for _, ticket := range r.world.list(tickets) {
					if r.world.field(ticket, "state") != int64(2) {
						closed++
					}
				}
				if gone > 0 || closed > 0 {
					t.Errorf("%d links were given up, %d tickets closed", gone, closed)
				}
				status := r.engine.Connectors()
				i := slices.IndexFunc(status, func(s breaker.ConnectorStatus) bool { return s.Name == "acme" })
				if missing := status[i].Missing; missing == nil || !missing.Held || missing.Records != len(hidden) {
					t.Errorf("status says %+v", status[i])
				}
				r.pass(6 * time.Hour)
				if n := r.world.count("read"); n > 20*14 {
					t.Errorf("%d reads in six hours for what is not there", n)
				}
				show()
				r.world.edit(refs[0], "title", "Edited meanwhile")
				r.pass(7 * time.Hour)
				if status := r.engine.Connectors(); status[i].Missing != nil {
					t.Errorf("all reads again, and status says %+v", status[i].Missing)
				}
				titles := 0
				for _, ticket := range r.world.list(tickets) {
					if r.world.field(ticket, "title") == "Edited meanwhile" {
						titles++
					}
				}
				if titles != 1 {
					t.Errorf("the edit reached %d tickets", titles)
				}
			})
		})
	}
}

// TestHiddenBecauseItIsPrivate: where credentials may not see private records, one
// that is not found any more is left alone, whatever the template says of deleted
// ones, and nothing of it stays in the journal.
func TestHiddenBecauseItIsPrivate(t *testing.T) {
	for _, parent := range []string{"none", "none, kept", "public", "private", "hidden"} {
		t.Run("its parent is "+parent, func(t *testing.T) {
			simulate(t, func(r *rig) {
				life := `on_delete = "close"`
				kept := strings.HasSuffix(parent, "kept")
				if kept {
					parent, life = "none", life+"\n    on_private = \"keep\""
				}
				ref, ticket := opened(r, lifecycle(t, life))
				incident := incidents.Ref("parent")
				if parent != "none" {
					r.world.put(incident, parent == "private", critical())
					r.world.mu.Lock()
					r.world.records[ref].parent = incident
					r.world.mu.Unlock()
					r.world.edit(ref, "title", "It has a parent")
					r.hint(ref)
				}
				if parent == "hidden" {
					r.world.hide(incident)
				}
				r.world.mu.Lock()
				r.world.blinds = true
				r.world.mu.Unlock()
				show := r.world.hide(ref)
				r.hint(ref)
				r.pass(time.Hour)
				closed := r.world.field(ticket, "state") != int64(2)
				if closed != (parent == "public") {
					t.Errorf("the ticket is closed: %v", closed)
				}
				for _, l := range r.links() {
					if l.Source == ref && l.State != links.Detached {
						t.Errorf("link: %+v", l)
					}
				}
				journaled := false
				for key, value := range r.kept(ref) {
					journaled = journaled || strings.HasPrefix(key, "journal") && strings.Contains(value, "Database down")
				}
				if journaled != (parent == "public" || kept) {
					t.Errorf("the journal holds what it contained: %v", journaled)
				}
				show()
				r.world.edit(ref, "title", "Seen again")
				r.pass(7 * time.Hour)
				want := "Seen again"
				if parent == "private" { // nothing derived from its contents was kept
					want = "It has a parent"
				}
				if title := r.world.field(ticket, "title"); title != want {
					t.Errorf("it is seen again, and the ticket's title is %v, want %s", title, want)
				}
			})
		})
	}
}

// TestHiddenWhenItWasDeclared: a record that reads as not found when word of it
// comes, and nobody tells of it again, gets its ticket once it reads.
func TestHiddenWhenItWasDeclared(t *testing.T) {
	for _, away := range []time.Duration{time.Minute, 30 * time.Minute, 20 * time.Hour} {
		t.Run(away.String(), func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(oneRoute)
				ref := incidents.Ref("01A")
				show := r.world.hide(ref)
				r.world.put(ref, false, critical())
				r.hint(ref)
				r.pass(away)
				show()
				r.pass(max(away, 10*time.Minute) + 6*time.Hour)
				r.oneTicket()
				if n := r.world.count("read"); n > 50 {
					t.Errorf("it was read %d times", n)
				}
			})
		})
	}
}

// TestHiddenForGood: a record that never reads is not asked for for ever.
func TestHiddenForGood(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		r.hint(incidents.Ref("01A"))
		r.pass(48 * time.Hour)
		r.world.resetCalls()
		r.pass(48 * time.Hour)
		if n := r.world.count("read"); n > 0 || len(r.dead()) > 0 {
			t.Errorf("%d reads and %d dead letters", n, len(r.dead()))
		}
	})
}

// TestMovedToAnotherType: a record that lives on as one of another type was not deleted:
// nothing is closed, a person is told what it is now, and all goes on when it is moved
// back.
func TestMovedToAnotherType(t *testing.T) {
	for _, side := range []links.Side{links.Source, links.Target} {
		t.Run(string(side), func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, ticket := opened(r, lifecycle(t, `on_delete = "close"`))
				moved, to := ref, followUps.Ref("01A")
				if side == links.Target {
					moved, to = ticket, connectors.Collection{Type: "fake", Connector: "itsm", Record: "problem"}.Ref(ticket.ID)
				}
				r.world.mu.Lock()
				r.world.moved = map[connectors.Ref]connectors.Ref{moved: to}
				r.world.mu.Unlock()
				show := r.world.hide(moved)
				r.hint(ref)
				r.pass(time.Hour)
				r.letters("moved ")
				if letters := r.dead(); len(letters) == 1 && !strings.Contains(letters[0].Message, to.String()) {
					t.Errorf("it says %q", letters[0].Message)
				}
				if state := r.world.field(ticket, "state"); state != int64(2) {
					t.Errorf("the ticket is in %v", state)
				}
				for _, s := range r.engine.Connectors() {
					if s.Missing != nil {
						t.Errorf("it counts as missing: %+v", s)
					}
				}
				r.world.edit(ref, "title", "Edited meanwhile")
				show()
				r.pass(7 * time.Hour)
				if title := r.world.field(ticket, "title"); title != "Edited meanwhile" || len(r.world.list(tickets)) != 1 {
					t.Errorf("moved back, the ticket says %v of %d", title, len(r.world.list(tickets)))
				}
				r.letters()
			})
		})
	}
}
