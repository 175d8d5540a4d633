package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

const talking = `
route "incidents" {
  source    = fake.acme.incident
  templates = [template.ticket]
}
template "ticket" {
  target = fake.itsm.ticket
  once { state = 1 }
  outbound { title = "{{ incident.title }}" }
  comments {
    inbound {
      from = ["work_notes"]
      to   = "timeline"
    }
    inbound {
      when = "!comment.text.startsWith('internal:')"
      to   = "update"
    }
    outbound {
      from = ["update"]
      to   = "work_notes"
    }
  }
}
`

func TestCommentsGoBothWaysOnce(t *testing.T) {
	simulate(t, func(r *rig) {
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.world.say(ref, "update", "Lisa", "Before the ticket, first")
		r.world.say(ref, "timeline", "Lisa", "a kind that is not taken")
		r.world.say(ref, "update", "Lisa", "Before the ticket, second")
		r.start(talking)
		r.hint(ref)
		ticket := r.oneTicket()
		r.world.say(ticket, "work_notes", "Beth", "Looking at it")
		r.world.say(ticket, "comments", "Beth", "Dear customer")
		r.world.say(ticket, "comments", "Beth", "internal: not for the incident")
		r.pass(2 * time.Minute)
		r.world.say(ref, "update", "Lisa", "Fixed")
		r.pass(2 * time.Minute)

		number := "N" + ticket.ID
		if diff := cmp.Diff([]string{
			"update Lisa: Before the ticket, first",
			"timeline Lisa: a kind that is not taken",
			"update Lisa: Before the ticket, second",
			"timeline lockstep: Beth, " + number + " work note: Looking at it",
			"update lockstep: Beth, " + number + " comment: Dear customer",
			"update Lisa: Fixed",
		}, r.world.said(ref)); diff != "" {
			t.Errorf("the incident's comments (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{
			"work_notes lockstep: Lisa, N01A update: Before the ticket, first",
			"work_notes lockstep: Lisa, N01A update: Before the ticket, second",
			"work_notes Beth: Looking at it",
			"comments Beth: Dear customer",
			"comments Beth: internal: not for the incident",
			"work_notes lockstep: Lisa, N01A update: Fixed",
		}, r.world.said(ticket)); diff != "" {
			t.Errorf("the ticket's comments (-want +got):\n%s", diff)
		}
		r.world.resetCalls()
		r.hint(ref)
		r.pass(13 * time.Hour) // a sweep or two
		if n := r.world.count("comment"); n != 0 {
			t.Errorf("at rest it posted %d comments", n)
		}
		r.world.resetCalls()
		r.hint(ref)
		if diff := cmp.Diff([]string{"read itsm", "read acme", "list acme", "list itsm"}, r.world.calls); diff != "" {
			t.Errorf("an echo costs (-want +got):\n%s", diff)
		}
	})
}

// copiesOf counts the comments of a record that hold a text.
func (r *rig) copiesOf(ref connectors.Ref, text string) (n int) {
	for _, said := range r.world.said(ref) {
		if strings.HasSuffix(said, ": "+text) {
			n++
		}
	}
	return n
}

// TestACommentArrivesOnceWhateverHappensToIt lets the post fail in every way and
// the daemon be killed at every step, in both directions.
func TestACommentArrivesOnceWhateverHappensToIt(t *testing.T) {
	faults := map[string][]fault{
		"no fault":                  nil,
		"not sent":                  {{class: connectors.ClassRetry}},
		"throttled":                 {{class: connectors.ClassThrottled, pause: time.Minute}},
		"unauthorised":              {{class: connectors.ClassUnauthorised}},
		"lost, not done":            {{class: connectors.ClassUnclear}},
		"lost, done":                {{class: connectors.ClassUnclear, after: true}},
		"lost, done later":          {{class: connectors.ClassUnclear, late: 110 * time.Second}},
		"the second lost, done":     {{ok: true}, {class: connectors.ClassUnclear, after: true}},
		"the second lost, not done": {{ok: true}, {class: connectors.ClassUnclear}},
	}
	steps := []reconcile.Step{"", reconcile.StepDecided, reconcile.StepIntentSaved, reconcile.StepCarried, reconcile.StepAgreed, reconcile.StepJournaled}
	taken := sample()
	for name, post := range faults {
		for _, crash := range steps {
			for _, from := range []string{"itsm", "acme"} {
				if !taken() {
					continue
				}
				t.Run(name+"/"+strings.Trim(string(crash)+" crash", " ")+"/from "+from, func(t *testing.T) {
					simulate(t, func(r *rig) {
						ref, ticket := opened(r, talking)
						r.pass(time.Minute)
						said, copied, kind, system := ticket, ref, "work_notes", "acme"
						if from == "acme" {
							said, copied, kind, system = ref, ticket, "update", "itsm"
						}
						r.world.fail(system, "comment", post...)
						texts := []string{"Same words", "Other words", "Third"}
						for _, text := range texts {
							r.world.say(said, kind, "Beth", text)
						}
						r.crash.Store(crash)
						r.hint(ref)
						r.pass(3 * time.Second)
						r.world.edit(ref, "title", "Edited meanwhile")
						if crash != "" {
							r.kill()
							r.crash.Store(reconcile.Step(""))
							r.start(talking)
						}
						r.pass(2 * time.Hour)
						for _, text := range texts {
							if n := r.copiesOf(copied, text); n != 1 {
								t.Errorf("%q has %d copies: %q", text, n, r.world.said(copied))
							}
						}
						if all := r.world.said(copied); len(all) != len(texts) {
							t.Errorf("more than the copies: %q", all)
						}
						if title := r.world.field(ticket, "title"); title != "Edited meanwhile" {
							t.Errorf("the title is %v", title)
						}
						r.world.resetCalls()
						r.hint(ref)
						if w, n := r.writes(), r.world.count("comment"); len(w)+n != 0 {
							t.Errorf("at rest it writes %v and %d comments", w, n)
						}
					})
				})
			}
		}
	}
}

// TestACommentThatAClosedTicketDropsIsSaidAndTriedAgain: a closed ticket
// answers as if it had taken it.
func TestACommentThatAClosedTicketDropsIsSaidAndTriedAgain(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, talking)
		r.pass(time.Minute)
		r.world.edit(ticket, "state", int64(7))
		r.world.say(ref, "update", "Lisa", "A late word")
		r.pass(5 * time.Minute)
		letters := r.dead()
		if len(letters) != 1 || letters[0].Reason != deadletter.ReasonDidNotStick || !strings.HasPrefix(letters[0].Field, "comments.outbound/") {
			t.Fatalf("dead letters: %+v", letters)
		}
		if strings.Contains(letters[0].Message, "late word") {
			t.Errorf("the dead letter holds the comment: %s", letters[0].Message)
		}
		r.world.resetCalls()
		r.hint(ref)
		r.pass(time.Hour)
		if n := r.world.count("comment"); n != 0 {
			t.Errorf("it was tried %d times more", n)
		}
		r.world.say(ref, "update", "Lisa", "Another")
		r.pass(5 * time.Minute)
		if n := len(r.dead()); n != 2 {
			t.Errorf("%d dead letters", n)
		}
		r.world.edit(ticket, "state", int64(2)) // an administrator can
		r.pass(5 * time.Minute)
		if r.copiesOf(ticket, "A late word") != 1 || r.copiesOf(ticket, "Another") != 1 {
			t.Errorf("the ticket's comments: %q", r.world.said(ticket))
		}
		if letters := r.dead(); len(letters) != 0 {
			t.Errorf("dead letters that came true: %+v", letters)
		}
	})
}

func TestARefusedCommentIsTriedAgainWhenSomebodyAsks(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, talking)
		r.pass(time.Minute)
		r.world.fail("itsm", "comment", fault{class: connectors.ClassRejected, quote: " in these words"})
		r.world.say(ref, "update", "Lisa", "First")
		r.world.say(ref, "update", "Lisa", "Second")
		r.world.edit(ref, "title", "Another title")
		r.pass(5 * time.Minute)
		if r.copiesOf(ticket, "First") != 0 || r.copiesOf(ticket, "Second") != 1 || r.world.field(ticket, "title") != "Another title" {
			t.Errorf("%q, %v", r.world.said(ticket), r.world.field(ticket, "title"))
		}
		letters := r.dead()
		if len(letters) != 1 || !strings.Contains(letters[0].Message, "in these words") {
			t.Fatalf("dead letters: %+v", letters)
		}
		if err := r.engine.RetryDead(t.Context(), letters[0].ID); err != nil {
			t.Fatal(err)
		}
		r.pass(time.Minute)
		if n := r.copiesOf(ticket, "First"); n != 1 || len(r.dead()) != 0 {
			t.Errorf("%d copies, dead letters: %+v", n, r.dead())
		}
	})
}

// TestADirectionThatIsTurnedOnBeginsWithWhatComes: what was said before a
// reload, or an adoption, is not copied.
func TestADirectionThatIsTurnedOnBeginsWithWhatComes(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.say(ref, "update", "Lisa", "Long ago")
		r.world.say(ticket, "work_notes", "Beth", "Long ago as well")
		r.pass(time.Minute)
		r.apply(talking)
		r.hint(ref)
		r.world.say(ref, "update", "Lisa", "Now")
		r.world.say(ticket, "work_notes", "Beth", "Now as well")
		r.pass(5 * time.Minute)
		if r.copiesOf(ticket, "Long ago")+r.copiesOf(ref, "Long ago as well") != 0 || r.copiesOf(ticket, "Now") != 1 || r.copiesOf(ref, "Now as well") != 1 {
			t.Errorf("incident %q, ticket %q", r.world.said(ref), r.world.said(ticket))
		}
	})
}

// TestACopyIsFoundAfterALostStore: the mark in the copy is the same.
func TestACopyIsFoundAfterALostStore(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, talking)
		r.world.say(ref, "update", "Lisa", "Once")
		r.world.say(ticket, "work_notes", "Beth", "Once as well")
		r.pass(5 * time.Minute)
		r.kill()
		r.store = newStore()
		r.start(talking)
		r.hint(ref)
		r.pass(5 * time.Minute)
		if r.copiesOf(ticket, "Once") != 1 || r.copiesOf(ref, "Once as well") != 1 {
			t.Errorf("incident %q, ticket %q", r.world.said(ref), r.world.said(ticket))
		}
	})
}

// TestNothingIsPostedAfterARecordTurnedPrivate: also not the rest of several.
func TestNothingIsPostedAfterARecordTurnedPrivate(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, talking)
		r.pass(time.Minute)
		r.world.fail("itsm", "comment", fault{ok: true, then: func() { r.world.put(ref, true, nil) }})
		for i := range 3 {
			r.world.say(ref, "update", "Lisa", fmt.Sprint("word ", i))
		}
		r.hint(ref)
		r.pass(time.Hour)
		if got := r.world.said(ticket); len(got) != 1 {
			t.Errorf("the ticket's comments: %q", got)
		}
		r.world.say(ticket, "work_notes", "Beth", "while private")
		r.world.put(ref, false, nil)
		r.hint(ref)
		r.pass(time.Minute)
		r.world.say(ticket, "work_notes", "Beth", "public again")
		r.pass(5 * time.Minute)
		if r.copiesOf(ref, "while private") != 0 || r.copiesOf(ref, "public again") != 1 {
			t.Errorf("the incident's comments: %q", r.world.said(ref))
		}
	})
}

// TestCommentsThatMayNotBeReadHoldNothingElseUp: a permission is missing.
func TestCommentsThatMayNotBeReadHoldNothingElseUp(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, talking)
		r.pass(time.Minute)
		refused := slices.Repeat([]fault{{class: connectors.ClassRejected, quote: ", no permission"}}, 4)
		r.world.fail("itsm", "list", refused...)
		r.world.edit(ref, "title", "Goes on")
		r.world.say(ref, "update", "Lisa", "Waits")
		r.hint(ref)
		if title := r.world.field(ticket, "title"); title != "Goes on" {
			t.Errorf("the title is %v", title)
		}
		if letters := r.dead(); len(letters) == 0 || !strings.Contains(letters[0].Message, "no permission") {
			t.Errorf("dead letters: %+v", letters)
		}
		r.pass(20 * time.Minute)
		r.hint(ref)
		r.hint(ref)
		if n := r.copiesOf(ticket, "Waits"); n != 1 || len(r.dead()) != 0 {
			t.Errorf("%d copies, dead letters: %+v", n, r.dead())
		}
	})
}

// TestEachCommentIsCopiedOnce lets two daemons share a store while people talk
// on both sides, calls fail, are lost and take effect late, and daemons are
// killed.
func TestEachCommentIsCopiedOnce(t *testing.T) {
	for seed := range seeds(*twoWaySeeds / 2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			simulate(t, func(r *rig) { talk(r, seed) })
		})
	}
}

func talk(r *rig, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 3))
	r.shared = true
	r.start(talking)
	other := r.second(talking)
	defer func() { other.kill() }()
	ref := incidents.Ref("01A")
	r.world.put(ref, false, critical())
	steps := []reconcile.Step{reconcile.StepClaimed, reconcile.StepCreated, reconcile.StepConfirmed, reconcile.StepIntentSaved, reconcile.StepCarried, reconcile.StepAgreed}
	var onIncident, onTicket []string
	for i := range 16 {
		one := []*rig{r, other}[random.IntN(2)]
		switch random.IntN(6) {
		case 0, 1:
			onIncident = append(onIncident, fmt.Sprintf("incident %d", i))
			r.world.say(ref, "update", "Lisa", onIncident[len(onIncident)-1])
		case 2, 3:
			for _, ticket := range r.world.list(tickets) {
				onTicket = append(onTicket, fmt.Sprintf("ticket %d", i))
				r.world.say(ticket, "work_notes", "Beth", onTicket[len(onTicket)-1])
			}
		case 4:
			wait := time.Duration(random.Int64N(int64(20 * time.Second)))
			r.world.fail([]string{"acme", "itsm"}[random.IntN(2)], []string{"comment", "comment", "list", "read", "create"}[random.IntN(5)], []fault{
				{class: connectors.ClassRetry},
				{class: connectors.ClassUnclear},
				{class: connectors.ClassUnclear, after: true},
				{class: connectors.ClassUnclear, late: time.Duration(random.IntN(100)) * time.Second},
				{ok: true, first: func() { time.Sleep(wait) }},
				{ok: true, then: func() { time.Sleep(wait) }},
			}[random.IntN(6)])
		case 5:
			one.crash.Store(steps[random.IntN(len(steps))])
		}
		for _, one := range []*rig{r, other} {
			if one.life.over.Load() {
				one.kill()
				one.crash.Store(reconcile.Step(""))
				one.start(talking)
			}
		}
		if random.IntN(2) == 0 {
			one.hint(ref)
		}
		r.pass(time.Duration(random.IntN(90)) * time.Second)
	}
	r.world.mu.Lock()
	clear(r.world.faults)
	r.world.mu.Unlock()
	for _, one := range []*rig{r, other} {
		one.kill()
		one.crash.Store(reconcile.Step(""))
		one.start(talking)
	}
	r.pass(3 * time.Hour)
	ticket := r.oneTicket()
	for _, text := range onIncident {
		if n := r.copiesOf(ticket, text); n != 1 {
			r.t.Errorf("seed %d: %q has %d copies: %q", seed, text, n, r.world.said(ticket))
		}
	}
	for _, text := range onTicket {
		if n := r.copiesOf(ref, text); n != 1 {
			r.t.Errorf("seed %d: %q has %d copies: %q", seed, text, n, r.world.said(ref))
		}
	}
	if got, want := len(r.world.said(ref))+len(r.world.said(ticket)), 2*(len(onIncident)+len(onTicket)); got != want {
		r.t.Errorf("seed %d: %d comments in all, want %d", seed, got, want)
	}
}
