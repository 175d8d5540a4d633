package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
)

const paired = `
state_table "incident" {
  state "open" {
    acme = ["live"]
    itsm = [2, 1]
  }
  state "done" {
    acme = ["closed"]
    itsm = [6]
  }
}
route "incidents" {
  source    = fake.acme.incident
  templates = [template.ticket]
}
template "ticket" {
  target   = fake.itsm.ticket
  conflict = "latest"
  outbound {
    title = "{{ incident.title }}"
    note  = "{{ incident.detail }}"
  }
  inbound { title = "{{ ticket.title }}" }
  state {
    table = state_table.incident
  }
}
`

// notes are what the journal says of a record, as "FIELD WHAT LOST".
func (r *rig) notes(ref connectors.Ref) map[string]int {
	said := map[string]int{}
	for _, d := range r.decisions(ref) {
		for _, n := range d.Notes {
			said[strings.TrimSpace(fmt.Sprintf("%s %s %s", n.Field, n.What, map[bool]any{true: "", false: n.Lost}[n.Lost == nil]))]++
		}
	}
	return said
}

// TestAWriteThatMetAnotherIsJournaled: somebody writes a field between our read
// and our write. The value is known where the system remembers it.
func TestAWriteThatMetAnotherIsJournaled(t *testing.T) {
	for _, test := range []struct {
		name      string
		remembers bool
		forgetful bool
		late      bool // the other write comes after ours
		field     string
		want      string // empty: nothing is said
	}{
		{name: "no history", field: "title", want: "title may_have_overwritten"},
		{name: "no history, another field", field: "owner", want: "title may_have_overwritten"},
		{name: "with history", remembers: true, field: "title", want: "title overlap typed meanwhile"},
		{name: "with history, another field", remembers: true, field: "owner"},
		{name: "with history, versions that do not tell", remembers: true, forgetful: true, field: "title", want: "title overlap typed meanwhile"},
		{name: "neither", forgetful: true, field: "title"},
		{name: "after ours", remembers: true, forgetful: true, late: true, field: "title"},
		{name: "after ours, no history", late: true, field: "title"},
	} {
		for _, to := range []string{"itsm", "acme"} {
			t.Run(test.name+"/"+to, func(t *testing.T) {
				simulate(t, func(r *rig) {
					r.world.forgetful = test.forgetful
					r.world.remembers = map[string]bool{to: test.remembers}
					ref, ticket := opened(r, replaced(t, paired, `"latest"`, `"source"`))
					r.pass(time.Minute)
					edited, written, prefix := ref, ticket, ""
					if to == "acme" {
						edited, written, prefix = ticket, ref, "inbound."
					}
					meanwhile := func() {
						if test.late {
							time.Sleep(time.Second)
						}
						r.world.edit(written, test.field, "typed meanwhile")
					}
					f := fault{ok: true, first: meanwhile}
					if test.late {
						f = fault{ok: true, then: meanwhile}
					}
					r.world.fail(to, "update", f)
					r.world.edit(edited, "title", "Ours")
					r.pass(5 * time.Minute)
					want := map[string]int{}
					if test.want != "" {
						want[prefix+test.want] = 1
					}
					if diff := cmp.Diff(want, r.notes(ref)); diff != "" {
						t.Errorf("the journal's notes (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}

// TestTheLatestEditWins: both sides are edited while the daemon is down.
func TestTheLatestEditWins(t *testing.T) {
	for _, test := range []struct {
		name      string
		remembers map[string]bool
		first     string // who edits first
		apart     time.Duration
		another   bool // another field of the ticket is edited last
		wins      string
		unknown   bool
	}{
		{name: "by history, the ticket last", remembers: map[string]bool{"acme": true, "itsm": true}, first: "acme", apart: time.Minute, wins: "itsm"},
		{name: "by history, the incident last", remembers: map[string]bool{"acme": true, "itsm": true}, first: "itsm", apart: time.Minute, wins: "acme"},
		{name: "by history, another field last", remembers: map[string]bool{"acme": true, "itsm": true}, first: "itsm", apart: time.Minute, another: true, wins: "acme"},
		{name: "by the record's time, the ticket last", remembers: map[string]bool{"acme": true}, first: "acme", apart: time.Minute, wins: "itsm"},
		{name: "by the record's time, the incident last", first: "itsm", apart: time.Minute, wins: "acme"},
		{name: "two edits of the ticket tell no time", remembers: map[string]bool{"acme": true}, first: "acme", apart: time.Minute, another: true, wins: "acme", unknown: true},
		{name: "a tie", remembers: map[string]bool{"acme": true, "itsm": true}, first: "acme", wins: "acme", unknown: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref, ticket := opened(r, paired)
				r.pass(5 * time.Minute)
				r.world.remembers = test.remembers
				r.kill()
				edits := map[string]func(){
					"acme": func() { r.world.put(ref, false, map[string]any{"title": "from acme", "status": "closed"}) },
					"itsm": func() { r.world.put(ticket, false, map[string]any{"title": "from itsm", "state": int64(1)}) },
				}
				edits[test.first]()
				time.Sleep(test.apart)
				edits[map[string]string{"acme": "itsm", "itsm": "acme"}[test.first]]()
				if test.another {
					time.Sleep(time.Minute)
					r.world.edit(ticket, "owner", "Beth")
				}
				r.start(paired)
				r.hint(ref)
				r.pass(10 * time.Minute)
				for _, side := range []connectors.Ref{ref, ticket} {
					if title := r.world.field(side, "title"); title != "from "+test.wins {
						t.Errorf("%s: title %v, want that of %s", side, title, test.wins)
					}
				}
				lost := map[string]string{"acme": "from itsm", "itsm": "from acme"}[test.wins]
				r.lostInJournal(ref, lost)
				unknown := r.notes(ref)["title time_unknown"] > 0
				if unknown != test.unknown {
					t.Errorf("the journal's notes: %v", r.notes(ref))
				}
			})
		})
	}
}

// TestTheLatestStateWins: both sides move to different classes, and the losing
// one is in the journal.
func TestTheLatestStateWins(t *testing.T) {
	hcl := replaced(t, paired, `acme = ["live"]`, `acme = ["live", "triage"]`)
	hcl = replaced(t, hcl, `  state "done" {`, "  state \"hold\" {\n    acme = [\"paused\"]\n    itsm = [3]\n  }\n  state \"done\" {")
	for _, last := range []string{"acme", "itsm"} {
		t.Run(last, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.world.remembers = map[string]bool{"acme": true, "itsm": true}
				ref, ticket := opened(r, hcl)
				r.pass(5 * time.Minute)
				r.kill()
				edits := map[string]func(){
					"acme": func() { r.world.edit(ref, "status", "paused") },
					"itsm": func() { r.world.edit(ticket, "state", int64(6)) },
				}
				edits[map[string]string{"acme": "itsm", "itsm": "acme"}[last]]()
				time.Sleep(time.Minute)
				edits[last]()
				r.start(hcl)
				r.hint(ref)
				r.pass(10 * time.Minute)
				want, lost := []any{"paused", int64(3)}, "state conflict 6"
				if last == "itsm" {
					want, lost = []any{"closed", int64(6)}, "state conflict paused"
				}
				if diff := cmp.Diff(want, []any{r.world.field(ref, "status"), r.world.field(ticket, "state")}); diff != "" {
					t.Errorf("states (-want +got):\n%s", diff)
				}
				if notes := r.notes(ref); notes[lost] != 1 {
					t.Errorf("the journal's notes: %v, want %q", notes, lost)
				}
			})
		})
	}
}
