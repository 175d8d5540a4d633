package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
)

// endless lets what the connectors do with titles that say so have no end, and
// counts how often it was begun.
type endless struct {
	mu    sync.Mutex
	op    string
	begun int
	over  chan struct{}
}

func makeEndless(r *rig, op string) *endless {
	e := &endless{op: op, over: make(chan struct{})}
	r.world.compute = func(op string, v any) {
		if title, ok := v.(string); ok && op == e.op && strings.Contains(title, "endless") {
			e.mu.Lock()
			e.begun++
			e.mu.Unlock()
			<-e.over
		}
	}
	r.t.Cleanup(func() { r.world.compute = nil })
	return e
}

func (e *endless) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.begun
}

func (r *rig) costly() (letters []deadletter.Letter) {
	for _, d := range r.dead() {
		if d.Reason == deadletter.ReasonTooCostly {
			letters = append(letters, d)
		}
	}
	return letters
}

// computing is what was told of computations that take long.
func (r *rig) computing() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}

func (r *rig) runaways() (n int) {
	r.t.Helper()
	routes, err := r.engine.Routes(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, route := range routes {
		n += route.Runaways
	}
	return n
}

// TestComputingWithoutEndIsGivenUp: more records than there are workers whose
// fields cannot be compared to an end hold up nobody, and are not begun again:
// not by hints or sweeps, and not by the next process.
func TestComputingWithoutEndIsGivenUp(t *testing.T) {
	simulate(t, func(r *rig) {
		const n = 41
		r.start(oneRoute)
		of := func(i int) connectors.Ref { return incidents.Ref(fmt.Sprintf("%02d", i)) }
		for i := range n + 1 {
			r.world.put(of(i), false, critical())
			r.hint(of(i))
		}
		e := makeEndless(r, "same")
		defer close(e.over)
		for _, ticket := range r.world.list(tickets) { // a conflict: both are compared
			r.world.edit(ticket, "title", "typed by hand")
		}
		for i := range n {
			r.world.edit(of(i), "title", fmt.Sprint("endless ", i))
			r.hint(of(i))
		}
		r.world.edit(of(n), "title", "Database is slow")
		r.hint(of(n))
		r.pass(time.Second)
		if r.world.titled["Database is slow"].IsZero() {
			t.Error("another record waited for those that compute")
		}
		r.pass(20 * time.Second)
		if letters := r.costly(); len(letters) != n {
			r.t.Fatalf("%d dead letters", len(letters))
		}
		if most := slices.Max(r.computing()); most < n || most > n+32 {
			t.Errorf("up to %d computations were said to take long", most)
		}
		if got := r.runaways(); got != n {
			t.Errorf("%d computations are said to go on", got)
		}
		again := func(what string) {
			t.Helper()
			for i := range n {
				r.hint(of(i))
			}
			r.pass(13 * time.Hour) // two sweeps
			if e.count() != n {
				r.t.Fatalf("%s: begun %d times", what, e.count())
			}
		}
		again("the same process")
		r.kill()
		r.start(oneRoute)
		again("the next process")

		r.world.edit(of(0), "title", "Database is up")
		r.hint(of(0))
		if r.world.titled["Database is up"].IsZero() || len(r.costly()) != n-1 {
			t.Errorf("the record changed: written at %v, %d dead letters", r.world.titled["Database is up"], len(r.costly()))
		}
	})
}

// TestWhatStillComputesIsNotBegunAgain: neither a change nor a retry begins
// what the same process is still at; when that ends, the record has its turn.
func TestWhatStillComputesIsNotBegunAgain(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		e := makeEndless(r, "same")
		r.world.edit(ticket, "title", "typed by hand")
		r.world.edit(ref, "title", "endless")
		r.hint(ref)
		r.pass(time.Minute)
		r.retryAll()
		r.world.edit(ref, "title", "endless again")
		r.hint(ref)
		r.pass(time.Hour)
		if e.count() != 1 {
			t.Errorf("begun %d times", e.count())
		}
		r.world.resetCalls()
		close(e.over)
		synctest.Wait()
		if told := r.computing(); told[len(told)-1] != 0 {
			t.Errorf("computations that were said to take long: %v", told)
		}
		if w := r.writes(); len(w) != 0 || r.runaways() != 0 {
			t.Errorf("what was given up went on: %v, %d run", w, r.runaways())
		}
		r.pass(15 * time.Minute)
		if title := r.world.field(ticket, "title"); title != "endless again" {
			t.Errorf("the title is %v", title)
		}
	})
}

// TestReadingWithoutEndIsGivenUp: nobody can tell whether such a record has
// changed without reading it, so that only a person brings it back.
func TestReadingWithoutEndIsGivenUp(t *testing.T) {
	for _, linked := range []bool{false, true} {
		t.Run(fmt.Sprintf("with a ticket %t", linked), func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref := incidents.Ref("01A")
				if linked {
					ref, _ = opened(r, oneRoute)
				} else {
					r.start(oneRoute)
				}
				e := makeEndless(r, "read")
				fields := critical()
				fields["title"] = "endless"
				r.world.put(ref, false, fields)
				r.hint(ref)
				r.pass(time.Minute)
				if letters := r.costly(); len(letters) != 1 {
					r.t.Fatalf("dead letters: %+v", r.dead())
				}
				r.kill()
				r.start(oneRoute)
				r.world.edit(ref, "detail", "changed")
				r.hint(ref)
				r.pass(13 * time.Hour)
				if e.count() != 1 {
					t.Errorf("begun %d times", e.count())
				}
				close(e.over)
				r.retryAll()
				if detail := r.world.field(r.oneTicket(), "detail"); detail != "changed" || len(r.dead()) != 0 {
					t.Errorf("detail %v, dead letters %+v", detail, r.dead())
				}
			})
		})
	}
}

// TestAPanicIsOneRecords: a mistake in a connector ends one reconcile.
func TestAPanicIsOneRecords(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		n := 0
		r.world.compute = func(op string, v any) {
			if op == "same" && v == canary {
				n++
				var none []int
				_ = none[n]
			}
		}
		r.world.edit(ticket, "title", "typed by hand")
		r.world.edit(ref, "title", canary)
		for range 3 {
			r.hint(ref)
		}
		letters := r.dead()
		if n != 1 || len(letters) != 1 || letters[0].Reason != deadletter.ReasonInternal || strings.Contains(letters[0].Message, canary) {
			t.Errorf("tried %d times, dead letters %+v", n, letters)
		}
		r.world.edit(ref, "title", "Database is slow")
		r.hint(ref)
		if title := r.world.field(ticket, "title"); title != "Database is slow" || len(r.dead()) != 0 {
			t.Errorf("title %v, dead letters %+v", title, r.dead())
		}
	})
}

// TestAHugeRecordIsTooCostly: on either side, until it is smaller.
func TestAHugeRecordIsTooCostly(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		for _, huge := range []connectors.Ref{ref, ticket} {
			r.world.edit(huge, "huge", []any{strings.Repeat("x", 9<<20)})
			r.world.edit(ref, "title", "Of "+huge.ID)
			r.hint(ref)
			r.hint(ref)
			letters := r.costly()
			if len(letters) != 1 || !strings.Contains(letters[0].Message, "8 MiB") {
				t.Errorf("dead letters: %+v", r.dead())
			}
			if title := r.world.field(ticket, "title"); title == "Of "+huge.ID {
				t.Errorf("the title is %v", title)
			}
			r.world.edit(huge, "huge", "")
			r.hint(ref)
			if title := r.world.field(ticket, "title"); title != "Of "+huge.ID || len(r.dead()) != 0 {
				t.Errorf("title %v, dead letters %+v", title, r.dead())
			}
		}
	})
}

const costlyRules = `
route "incidents" {
  source    = fake.acme.incident
  templates = [template.ticket, template.other]
}
template "ticket" {
  target = fake.itsm.ticket
  when   = "lists.range(incident.title == 'costly condition' ? 1000000000 : 1).size() > 0"
  outbound {
    title  = "{{ incident.title }}"
    detail = "{{ lists.range(incident.detail == 'costly' ? 1000000000 : 1).size() }}"
  }
}
template "other" {
  target = fake.eng.ticket
  outbound { title = "{{ incident.title }}" }
}
`

// TestACostlyConditionPicksNoOtherTemplate: it does not count as false.
func TestACostlyConditionPicksNoOtherTemplate(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(costlyRules)
		ref := incidents.Ref("01A")
		fields := critical()
		fields["title"] = "costly condition"
		r.world.put(ref, false, fields)
		r.hint(ref)
		letters := r.costly()
		if len(letters) != 1 || !strings.Contains(letters[0].Message, "condition of template ticket") || len(r.writes()) != 0 {
			t.Fatalf("dead letters %+v, writes %v", letters, r.writes())
		}
		r.world.edit(ref, "title", "Database down")
		r.hint(ref)
		r.oneTicket()
		if len(r.dead()) != 0 {
			t.Errorf("dead letters: %+v", r.dead())
		}
	})
}

// TestACostlyValueIsOneFields: the others are written.
func TestACostlyValueIsOneFields(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, costlyRules)
		r.world.put(ref, false, map[string]any{"title": "Database is slow", "detail": "costly"})
		r.hint(ref)
		letters := r.costly()
		if len(letters) != 1 || letters[0].Field != "detail" || r.world.field(ticket, "title") != "Database is slow" {
			t.Errorf("dead letters %+v, title %v", letters, r.world.field(ticket, "title"))
		}
	})
}
