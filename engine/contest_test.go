package engine_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
)

const fought = `
route "incidents" {
  source    = fake.acme.incident
  templates = [template.ticket]
}
template "ticket" {
  target = fake.itsm.ticket
  outbound {
    title  = "{{ incident.title }}"
    detail = "{{ incident.detail }}"
  }
  inbound { title = "{{ ticket.title }}" }
  state {
    table     = state_table.incident
    direction = "both"
  }
}
state_table "incident" {
  state "open" {
    fake = ["live"]
    itsm = [2]
  }
  state "done" {
    fake = ["closed"]
    itsm = [6]
  }
}
`

// puts is a rule of a system: after each write of lockstep to a field there, a
// workflow writes it again, and a webhook says so.
func (r *rig) puts(connector, field string, value func(n int) any) *atomic.Int64 {
	var n atomic.Int64
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	before := r.world.rule
	r.world.rule = func(ref connectors.Ref, fields map[string]any) {
		if before != nil {
			before(ref, fields)
		}
		if _, wrote := fields[field]; !wrote || ref.Connector != connector {
			return
		}
		count := int(n.Add(1))
		time.AfterFunc(2*time.Second, func() {
			if r.engine != nil {
				r.world.edit(ref, field, value(count))
				_ = r.engine.Hint(r.t.Context(), []connectors.Ref{ref}, "")
			}
		})
	}
	return &n
}

// announces has webhooks sent of what lockstep itself writes to a connector.
func (r *rig) announces(connector string) {
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	before := r.world.rule
	r.world.rule = func(ref connectors.Ref, fields map[string]any) {
		if before != nil {
			before(ref, fields)
		}
		if ref.Connector == connector {
			time.AfterFunc(time.Second, func() {
				if r.engine != nil {
					_ = r.engine.Hint(r.t.Context(), []connectors.Ref{ref}, "")
				}
			})
		}
	}
}

func always(v any) func(int) any { return func(int) any { return v } }

func (r *rig) contested() []deadletter.Letter {
	var all []deadletter.Letter
	for _, d := range r.dead() {
		if d.Reason == deadletter.ReasonContested {
			all = append(all, d)
		}
	}
	return all
}

// TestAFightIsStopped: a workflow on either side writes its own value after each
// write of lockstep. After some ten writes the field rests, a dead letter says
// who else writes it, and the other fields go on.
func TestAFightIsStopped(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, fought)
		ours := r.puts("itsm", "title", always("the ticket's"))
		theirs := r.puts("acme", "title", always("the incident's"))
		r.world.edit(ref, "title", "Database is slow")
		r.hint(ref)
		r.pass(20 * time.Minute)
		letters := r.contested()
		if len(letters) != 1 || letters[0].Field != "title" && letters[0].Field != "inbound.title" || !strings.Contains(letters[0].Message, "a person") {
			t.Fatalf("dead letters: %+v", letters)
		}
		if n := ours.Load(); n < 10 || n > 11 {
			t.Errorf("%d writes to the ticket", n)
		}
		if n := theirs.Load(); n < 9 || n > 11 {
			t.Errorf("%d writes to the incident", n)
		}
		r.world.edit(ref, "detail", "The other field")
		r.hint(ref)
		r.pass(time.Minute)
		if detail := r.world.field(ticket, "detail"); detail != "The other field" {
			t.Errorf("the other field is %v", detail)
		}
		before := ours.Load() + theirs.Load()
		r.pass(35 * time.Minute)
		if n := ours.Load() + theirs.Load() - before; n != 0 {
			t.Errorf("%d writes to a field that rests", n)
		}
		r.pass(20 * time.Minute)
		if n := ours.Load() + theirs.Load() - before; n < 10 || n > 22 {
			t.Errorf("%d writes after an hour's rest", n)
		}
		if len(r.contested()) != 1 {
			t.Error("nobody is told that it goes on")
		}
	})
}

// TestAFightRestsOverARestart, and ends with the rule that the other side has.
func TestAFightRestsOverARestart(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, fought)
		ours := r.puts("itsm", "title", always("the ticket's"))
		r.puts("acme", "title", always("the incident's"))
		r.world.edit(ref, "title", "Database is slow")
		r.hint(ref)
		r.pass(3 * time.Minute)
		if len(r.contested()) != 1 {
			t.Fatalf("dead letters: %+v", r.dead())
		}
		r.kill()
		before := ours.Load()
		r.start(fought)
		r.hint(ref)
		r.pass(30 * time.Minute)
		if n := ours.Load() - before; n != 0 {
			t.Errorf("%d writes after a restart", n)
		}
		r.world.mu.Lock()
		r.world.rule = nil
		r.world.mu.Unlock()
		r.pass(40 * time.Minute)
		if one, other := r.world.field(ref, "title"), r.world.field(ticket, "title"); one != other {
			t.Errorf("the incident says %v, the ticket %v", one, other)
		}
		if letters := r.contested(); len(letters) != 0 {
			t.Errorf("dead letters: %+v", letters)
		}
		r.world.edit(ref, "title", "Database is fine")
		r.hint(ref)
		if title := r.world.field(ticket, "title"); title != "Database is fine" {
			t.Errorf("the title is %v", title)
		}
	})
}

func TestAFightGoesOnWhenItIsRetried(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, fought)
		r.puts("itsm", "title", always("the ticket's"))
		r.puts("acme", "title", always("the incident's"))
		r.world.edit(ref, "title", "Database is slow")
		r.hint(ref)
		r.pass(3 * time.Minute)
		r.world.mu.Lock()
		r.world.rule = nil
		r.world.mu.Unlock()
		r.retryAll()
		if one, other := r.world.field(ref, "title"), r.world.field(ticket, "title"); one != other {
			t.Errorf("the incident says %v, the ticket %v", one, other)
		}
		if letters := r.dead(); len(letters) != 0 {
			t.Errorf("dead letters: %+v", letters)
		}
	})
}

// TestAFightOverAStateIsStopped, in both directions.
func TestAFightOverAStateIsStopped(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, _ := opened(r, fought)
		ours := r.puts("itsm", "state", always(int64(2)))
		theirs := r.puts("acme", "status", always("closed"))
		r.world.edit(ref, "status", "closed")
		r.hint(ref)
		r.pass(30 * time.Minute)
		letters := r.contested()
		if len(letters) != 1 || letters[0].Field != "state" && letters[0].Field != "inbound.status" {
			t.Fatalf("dead letters: %+v", letters)
		}
		if n := ours.Load() + theirs.Load(); n > 22 {
			t.Errorf("%d writes", n)
		}
	})
}

// TestAFightOfAWorkflowWithOneDirectionIsStopped: the source is edited over and
// over, and each time a workflow of the ticket's system puts its own value back.
func TestAFightOfAWorkflowWithOneDirectionIsStopped(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, _ := opened(r, oneRoute)
		ours := r.puts("itsm", "title", always("the ticket's"))
		for i := range 40 {
			r.world.edit(ref, "title", fmt.Sprintf("Database is slow %d", i))
			r.hint(ref)
			r.pass(10 * time.Second)
		}
		if n := ours.Load(); n != 11 {
			t.Errorf("%d writes", n)
		}
		if letters := r.contested(); len(letters) != 1 {
			t.Errorf("dead letters: %+v", letters)
		}
	})
}

// TestAFightAtTheSourceIsNotCarried: two automations of the source's own system
// put two values in turn; the ticket does not get them all.
func TestAFightAtTheSourceIsNotCarried(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, _ := opened(r, oneRoute)
		r.world.resetCalls()
		for i := range 40 {
			r.world.edit(ref, "title", []string{"one", "other"}[i%2])
			r.hint(ref)
			r.pass(10 * time.Second)
		}
		if n := r.world.count("update"); n > 13 {
			t.Errorf("%d writes", n)
		}
		if letters := r.contested(); len(letters) != 1 {
			t.Errorf("dead letters: %+v", letters)
		}
	})
}

// TestManyEditsAreNoFight: a field that people edit often is written as often.
func TestManyEditsAreNoFight(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, fought)
		for i := range 60 {
			title := fmt.Sprintf("Database is slow %d", i)
			r.world.edit(ref, "title", title)
			r.hint(ref)
			if got := r.world.field(ticket, "title"); got != title {
				t.Fatalf("after edit %d the ticket says %v", i, got)
			}
			r.pass(5 * time.Second)
		}
		for i := range 60 {
			title := fmt.Sprintf("Database is fine %d", i)
			r.world.edit(ticket, "title", title)
			r.hint(ref)
			if got := r.world.field(ref, "title"); got != title {
				t.Fatalf("after edit %d the incident says %v", i, got)
			}
			r.pass(5 * time.Second)
		}
		if letters := r.dead(); len(letters) != 0 {
			t.Errorf("dead letters: %+v", letters)
		}
	})
}

// TestAFightOverTwoLinksIsStopped: each of two tickets of one incident has a
// workflow that insists on its own title, and lockstep carries it to the other.
func TestAFightOverTwoLinksIsStopped(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(`
route "one" {
  source    = fake.acme.incident
  templates = [template.one]
}
route "other" {
  source    = fake.acme.incident
  templates = [template.other]
}
template "one" {
  target = fake.itsm.ticket
  outbound { title = "{{ incident.title }}" }
  inbound { title = "{{ ticket.title }}" }
}
template "other" {
  target = fake.eng.ticket
  outbound { title = "{{ incident.title }}" }
  inbound { title = "{{ ticket.title }}" }
}
`)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		r.pass(time.Minute)
		one := r.puts("itsm", "title", always("one"))
		other := r.puts("eng", "title", always("other"))
		r.announces("acme")
		r.world.edit(ref, "title", "Database is slow")
		r.hint(ref)
		r.pass(30 * time.Minute)
		if len(r.contested()) == 0 {
			t.Errorf("dead letters: %+v", r.dead())
		}
		if n := one.Load() + other.Load(); n > 26 {
			t.Errorf("%d writes", n)
		}
		before := one.Load() + other.Load()
		r.pass(20 * time.Minute)
		if n := one.Load() + other.Load() - before; n != 0 {
			t.Errorf("%d writes while it rests", n)
		}
	})
}

// TestWhatALinkRemembersOfAFightIsBounded: the document does not grow with it.
func TestWhatALinkRemembersOfAFightIsBounded(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, _ := opened(r, oneRoute)
		largest := 0
		for i := range 300 {
			r.world.edit(ref, "title", fmt.Sprintf("Database is slow %d", i))
			r.hint(ref)
			entry, err := r.store.Links.Get(t.Context(), r.links()[0].ID)
			if err != nil {
				t.Fatal(err)
			}
			largest = max(largest, len(entry.Value))
			r.pass(time.Second)
		}
		if largest > 4<<10 {
			t.Errorf("the document has %d bytes", largest)
		}
	})
}
