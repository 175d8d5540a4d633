package engine_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

var twoWaySeeds = flag.Uint64("twoway.seeds", 80, "how many seeds the random tests of two daemons run")

const severalPairs = `
state_table "incident" {
  state "open" {
    acme = ["live", "triage"]
    itsm = [2, 1, 3]
  }
  state "done" {
    acme = ["closed", "learning"]
    itsm = [6, 8]
  }
}
route "incidents" {
  source    = fake.acme.incident
  templates = [template.ticket]
}
template "ticket" {
  target = fake.itsm.ticket
  conflict = "CONFLICT"
  outbound {
    title  = "{{ incident.title }}"
    detail = "{{ incident.custom_fields['Case'] }}"
    note   = "{{ state == 'done' ? 'Resolved' : null }}"
  }
  inbound {
    title = "{{ ticket.title }}"
    custom_fields = {
      Case   = "{{ ticket.detail }}"
      Number = "{{ ticket.number }}"
    }
  }
  state {
    table = state_table.incident
  }
}
`

// editEntry edits one entry of an incident's map, as a person.
func (w *world) editEntry(ref connectors.Ref, entry string, value any) {
	all := map[string]any{}
	old, _ := w.field(ref, "custom_fields").(map[string]any)
	maps.Copy(all, old)
	all[entry] = value
	w.edit(ref, "custom_fields", all)
}

func (w *world) entry(ref connectors.Ref, entry string) any {
	all, _ := w.field(ref, "custom_fields").(map[string]any)
	return all[entry]
}

// TestTwoDaemonsKeepBothSidesInStep lets two daemons share a store while people
// edit both sides, calls fail, are lost and take effect late, daemons are
// killed and rules reloaded. In the end both sides agree, what a person typed
// last at rest has reached the other side and stands as typed, and nothing is
// written any more.
func TestTwoDaemonsKeepBothSidesInStep(t *testing.T) {
	for seed := range seeds(*twoWaySeeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			simulate(t, func(r *rig) { keepBothInStep(r, seed) })
		})
	}
}

func keepBothInStep(r *rig, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 2))
	hcl := replaced(r.t, severalPairs, "CONFLICT", []string{"source", "target", "latest"}[random.IntN(3)])
	reloads := []string{
		hcl,
		replaced(r.t, hcl, `Resolved`, `Solved`),
		replaced(r.t, hcl, `"{{ incident.title }}"`, `"{{ incident.title + '' }}"`),
		replaced(r.t, hcl, `"{{ ticket.title }}"`, `"{{ ticket.title + '' }}"`),
		replaced(r.t, hcl, `table = state_table.incident`, "table = state_table.incident\n    direction = \"outbound\""),
		replaced(r.t, hcl, `table = state_table.incident`, "table = state_table.incident\n    direction = \"inbound\""),
		replaced(r.t, hcl, `itsm = [6, 8]`, `itsm = [8, 6]`),
		replaced(r.t, hcl, `title = "{{ ticket.title }}"`, ``),
		replacedAll(r.t, hcl, `template "ticket"`, `template "renamed"`, `template.ticket`, `template.renamed`),
	}
	r.world.blank = random.IntN(2) == 0
	r.shared = true
	r.start(hcl)
	other := r.second(hcl)
	defer func() { other.kill() }()
	ref := incidents.Ref("01A")
	r.world.put(ref, false, critical())
	private := false
	text := func(who string, i int) string {
		return fmt.Sprintf([]string{"%s %d", " %s %d\n", "%s %d and much more than the field of the other system takes"}[random.IntN(3)], who, i)
	}
	steps := []reconcile.Step{reconcile.StepDecided, reconcile.StepClaimed, reconcile.StepCreated, reconcile.StepConfirmed, reconcile.StepIntentSaved, reconcile.StepSent, reconcile.StepAgreed}
	restart := func(one *rig) {
		one.kill()
		one.crash.Store(reconcile.Step(""))
		one.start(hcl)
	}
	for i := range 16 {
		one := []*rig{r, other}[random.IntN(2)]
		switch random.IntN(10) {
		case 0:
			r.world.edit(ref, "title", text("incident", i))
		case 1:
			for _, ticket := range r.world.list(tickets) {
				r.world.edit(ticket, "title", text("ticket", i))
			}
		case 2:
			r.world.editEntry(ref, "Case", text("incident", i))
		case 3:
			for _, ticket := range r.world.list(tickets) {
				r.world.edit(ticket, "detail", text("ticket", i))
			}
		case 4:
			if random.IntN(2) == 0 {
				r.world.edit(ref, "status", []string{"live", "learning", "closed"}[random.IntN(3)])
				break
			}
			for _, ticket := range r.world.list(tickets) {
				r.world.edit(ticket, "state", []int64{1, 2, 3, 6, 8, 42}[random.IntN(6)])
			}
		case 5, 6:
			where := []string{"acme", "itsm"}[random.IntN(2)]
			op := []string{"update", "update", "create", "read", "look up"}[random.IntN(5)]
			wait := time.Duration(random.Int64N(int64(20 * time.Second)))
			r.world.fail(where, op, []fault{
				{class: connectors.ClassRetry},
				{class: connectors.ClassUnclear},
				{class: connectors.ClassUnclear, after: true},
				{class: connectors.ClassThrottled, pause: 20 * time.Second},
				{class: connectors.ClassUnclear, late: time.Duration(random.IntN(100)) * time.Second},
				{ok: true, first: func() { time.Sleep(wait) }},
				{ok: true, then: func() { time.Sleep(wait) }},
			}[random.IntN(7)])
		case 7:
			one.crash.Store(steps[random.IntN(len(steps))])
		case 8:
			if random.IntN(3) == 0 {
				private = !private
				r.world.put(ref, private, nil)
				break
			}
			next := random.IntN(len(reloads))
			if next == len(reloads)-1 && len(r.world.list(tickets)) == 0 {
				break // a ticket that is opened under the new name keeps it
			}
			hcl = reloads[next]
			for _, one := range []*rig{r, other} {
				if one.life.over.Load() {
					restart(one)
				} else {
					one.apply(hcl)
				}
			}
		case 9:
			restart(one)
		}
		for _, one := range []*rig{r, other} {
			if one.life.over.Load() {
				restart(one)
			}
		}
		if random.IntN(2) == 0 {
			one.hint(ref)
		}
		r.pass(time.Duration(random.IntN(90)) * time.Second)
	}
	hcl = reloads[0]
	r.world.mu.Lock()
	clear(r.world.faults)
	r.world.mu.Unlock()
	if private {
		r.world.put(ref, false, nil)
	}
	restart(r)
	restart(other)
	r.hint(ref) // a restart under other rules leaves what was an orphan to the sweep
	r.pass(2 * time.Hour)
	all := r.world.list(tickets)
	if len(all) == 0 { // it was private all the while it was looked at
		r.world.edit(ref, "title", "public")
		r.pass(time.Hour)
	}
	ticket := r.oneTicket()
	atRest := func(what string) {
		r.t.Helper()
		r.world.resetCalls()
		r.hint(ref)
		other.hint(ref)
		r.pass(10 * time.Minute)
		if w := r.writes(); len(w) != 0 {
			r.t.Errorf("seed %d: %s: at rest it writes %v", seed, what, w)
		}
	}
	atRest("after all")
	// From rest, each edit reaches the other side and stands as it was typed.
	for i, side := range []string{"incident", "ticket", "incident"} {
		title, entry := text(side, 100+i), text(side, 200+i)
		r.world.resetCalls()
		if side == "incident" {
			r.world.edit(ref, "title", title)
			r.world.editEntry(ref, "Case", entry)
		} else {
			r.world.edit(ticket, "title", title)
			r.world.edit(ticket, "detail", entry)
		}
		r.pass(10 * time.Minute)
		got := []any{r.world.field(ref, "title"), r.world.entry(ref, "Case"), r.world.field(ticket, "title"), r.world.field(ticket, "detail")}
		want := []any{title, entry, asStored(title), asStored(entry)}
		if side == "ticket" {
			want = []any{asStored(title), asStored(entry), title, entry}
		}
		if fmt.Sprint(got...) != fmt.Sprint(want...) {
			r.t.Errorf("seed %d: edit %d at the %s: %q, want %q", seed, i, side, got, want)
		}
		if n := len(r.writes()); n != 1 {
			r.t.Errorf("seed %d: edit %d at the %s took %v, want one write", seed, i, side, r.writes())
		}
		if n := r.world.count("read"); n > 12 {
			r.t.Errorf("seed %d: edit %d at the %s took %d reads", seed, i, side, n)
		}
	}
	if number := r.world.entry(ref, "Number"); number != "N"+ticket.ID {
		r.t.Errorf("seed %d: the incident holds %v", seed, number)
	}
	// Reloads alone write over nothing that a person filled.
	before := fmt.Sprint(r.world.field(ref, "title"), r.world.entry(ref, "Case"), r.world.field(ref, "status"))
	for _, next := range append(reloads[2:], reloads[0]) {
		r.apply(next)
		other.apply(next)
		r.hint(ref)
		r.pass(2 * time.Minute)
	}
	if after := fmt.Sprint(r.world.field(ref, "title"), r.world.entry(ref, "Case"), r.world.field(ref, "status")); after != before {
		r.t.Errorf("seed %d: reloads alone made %q of %q", seed, after, before)
	}
	atRest("after reloads")
}
