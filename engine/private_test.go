package engine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
)

const canary = "canary-7f3a"

// TestARefusedWriteIsNotRepeatedForAPrivateRecord: the record turns private
// while the first request is refused.
func TestARefusedWriteIsNotRepeatedForAPrivateRecord(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.fail("itsm", "update", fault{class: connectors.ClassRejected, field: "title", then: func() { r.world.put(ref, true, nil) }})
		r.world.put(ref, false, map[string]any{"title": "Refused", "detail": canary})
		r.hint(ref)
		r.pass(time.Minute)
		if detail := r.world.field(ticket, "detail"); detail == canary {
			t.Error("it was written after the record had turned private")
		}
		if l := r.links(); l[0].State != links.Stopped {
			t.Errorf("links: %+v", l)
		}
	})
}

// TestNothingIsOpenedForARecordThatTurnedPrivateMeanwhile: looking the key up
// takes long, and the record turns private.
func TestNothingIsOpenedForARecordThatTurnedPrivateMeanwhile(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.world.fail("itsm", "look up", fault{ok: true, then: func() {
			time.Sleep(5 * time.Second)
			r.world.put(ref, true, nil)
		}})
		r.hint(ref)
		r.pass(time.Hour)
		if n := len(r.world.list(tickets)); n != 0 {
			t.Errorf("%d tickets", n)
		}
	})
}

// TestAClaimThatWasStoppedGoesOnWhenTheRecordIsPublicAgain, with the ticket
// that an unseen answer had opened, or without.
func TestAClaimThatWasStoppedGoesOnWhenTheRecordIsPublicAgain(t *testing.T) {
	for name, done := range map[string]bool{"a ticket was opened": true, "none was": false} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(oneRoute)
				ref := incidents.Ref("01A")
				r.world.put(ref, false, critical())
				r.world.fail("itsm", "create", fault{class: connectors.ClassUnclear, after: done, then: func() { r.world.put(ref, true, nil) }})
				r.hint(ref)
				r.pass(time.Hour)
				if l := r.links(); len(l) != 1 || l[0].State != links.Stopped {
					t.Fatalf("links: %+v", l)
				}
				if n := r.world.count("create"); n != 1 {
					t.Errorf("%d creates for a private record", n)
				}
				r.world.put(ref, false, map[string]any{"title": "public again"})
				r.pass(time.Hour)
				r.oneTicket()
				if l := r.links(); len(l) != 1 || l[0].State != links.Active {
					t.Errorf("links: %+v", l)
				}
			})
		})
	}
}

// TestNothingOfARecordThatTurnsPrivateIsKept: it had no ticket, but a dead
// letter and decisions that quote it.
func TestNothingOfARecordThatTurnsPrivateIsKept(t *testing.T) {
	simulate(t, func(r *rig) {
		const quote = "as the test wants"
		r.start(oneRoute)
		r.world.fail("itsm", "create", fault{class: connectors.ClassRejected})
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		if letters := r.dead(); len(letters) != 1 || !strings.Contains(letters[0].Message, quote) {
			t.Fatalf("dead letters: %+v", letters)
		}
		r.world.put(ref, true, nil)
		r.hint(ref)
		for _, d := range r.dead() {
			if strings.Contains(d.Message, quote) {
				t.Errorf("dead letter: %+v", d)
			}
		}
		for _, entry := range r.decisions(ref) {
			if strings.Contains(entry.Error, quote) {
				t.Errorf("decision: %+v", entry)
			}
		}
	})
}

// TestContentsOfAPrivateRecordAreNowhere: on a route that takes private
// records every call fails in every way, quoting the record, and people edit
// both sides; what it says is in the systems alone.
func TestContentsOfAPrivateRecordAreNowhere(t *testing.T) {
	simulate(t, func(r *rig) {
		r.world.drops["note"] = true
		r.start(replacedAll(t, replaced(t, oneRoute, "when ", "conflict = \"target\"\n  when "), "templates =", "private = true\n  templates =", "outbound {", `outbound {
    note   = "{{ incident.title }}"
    owner  = "{{ incident.status == 'learning' ? {'x': 'y'}[incident.title] : null }}"`))
		ref := incidents.Ref("01A")
		fields := critical()
		fields["title"], fields["detail"] = canary, canary+" detail"
		r.world.put(ref, true, fields)
		classes := []connectors.Class{
			connectors.ClassRetry, connectors.ClassThrottled, connectors.ClassUnclear, connectors.ClassRejected,
			connectors.ClassUnauthorised, connectors.ClassConflict,
		}
		for _, class := range classes {
			for _, call := range [][2]string{{"acme", "read"}, {"itsm", "read"}, {"itsm", "look up"}, {"itsm", "create"}, {"itsm", "update"}} {
				quote := ": " + canary
				if class == connectors.ClassUnauthorised { // who is not let in sees nothing to quote
					quote = ""
				}
				r.world.fail(call[0], call[1], fault{class: class, quote: quote, pause: time.Second})
			}
		}
		for i, status := range []string{"live", "learning", "closed", "live", "live", "live"} {
			r.world.put(ref, true, map[string]any{"title": canary + strings.Repeat("!", i), "status": status})
			for _, ticket := range r.world.list(tickets) {
				r.world.edit(ticket, "title", canary+strings.Repeat("?", i))
			}
			r.hint(ref)
			r.pass(20 * time.Minute)
			r.retryAll()
		}
		r.oneTicket()
		for name, kept := range r.kept(ref) {
			if strings.Contains(withoutSnapshot(t, kept), canary) {
				t.Errorf("%s: %s", name, kept)
			}
		}
		for line := range strings.Lines(r.log.String()) {
			if strings.Contains(line, canary) {
				t.Errorf("the log: %s", line)
			}
		}
	})
}

// withoutSnapshot leaves out what the journal keeps to decide again: the one
// thing that a route with private = true allows to be kept.
func withoutSnapshot(t *testing.T, kept string) string {
	t.Helper()
	var entry map[string]json.RawMessage
	if json.Unmarshal([]byte(kept), &entry) != nil || entry["snapshot"] == nil {
		return kept
	}
	delete(entry, "snapshot")
	rest, err := json.Marshal(entry)
	if err != nil {
		t.Fatal(err)
	}
	return string(rest)
}

// TestSnapshotsLeaveWithPrivacy: a public record can be decided again; when it
// turns private, what that needs is gone, and no decision shows it before.
func TestSnapshotsLeaveWithPrivacy(t *testing.T) {
	for name, config := range map[string]string{
		"stop": oneRoute,
		"keep": replaced(t, oneRoute, "when ", "lifecycle { on_private = \"keep\" }\n  when "),
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(config)
				ref := incidents.Ref("01A")
				fields := critical()
				fields["title"] = canary
				r.world.put(ref, false, fields)
				r.hint(ref)
				exported := func() string {
					var entries []string
					err := r.engine.Export(t.Context(), time.Time{}, func(entry []byte) error {
						entries = append(entries, string(entry))
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
					return fmt.Sprintf("%s", entries)
				}
				if all := exported(); strings.Count(all, `"snapshot":`) != 1 || !strings.Contains(all, canary) {
					t.Fatalf("there is nothing to decide by: %s", all)
				}
				shown, err := r.engine.Decisions(t.Context(), ref, 0)
				if err != nil || len(shown) == 0 || strings.Contains(fmt.Sprintf("%s", shown), canary) {
					t.Errorf("decisions: %s, %v", shown, err)
				}
				r.world.put(ref, true, nil)
				r.hint(ref)
				if all := exported(); strings.Contains(all, canary) {
					t.Errorf("kept of a private record: %s", all)
				}
			})
		})
	}
}

// kept is everything that the store holds.
func (r *rig) kept(ref connectors.Ref) map[string]string {
	r.t.Helper()
	all := map[string]string{}
	for name, bucket := range map[string]store.Bucket{"links": r.store.Links, "targets": r.store.Targets, "dead": r.store.Dead, "marks": r.store.State} {
		err := bucket.Each(r.t.Context(), func(e store.Entry) error {
			all[name+" "+e.Key] = e.Key + string(e.Value)
			return nil
		})
		if err != nil {
			r.t.Fatal(err)
		}
	}
	entries, err := r.store.Journal.Read(r.t.Context(), ref, time.Time{}, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	for i, entry := range entries {
		all[fmt.Sprint("journal ", i)] = string(entry)
	}
	return all
}

const withFollowUps = `
route "incidents" {
  source    = fake.acme.incident
  templates = [template.ticket]
}
route "follow_ups" {
  source    = fake.acme.follow_up
  templates = [template.task]
}
template "ticket" {
  target = fake.itsm.ticket
  outbound { title = "{{ incident.title }}" }
}
template "task" {
  target = fake.itsm.ticket
  when   = "follow_up.title != 'unwanted'"
  outbound { title = "{{ follow_up.title }}" }
}
`

// TestFollowUpsAreAsPrivateAsTheirIncident although nobody tells of them when it
// turns private, or public again.
func TestFollowUpsAreAsPrivateAsTheirIncident(t *testing.T) {
	for name, incidentRoute := range map[string]string{"incidents without a ticket": "incident.title == 'no'", "incidents with one": "true"} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(replaced(t, withFollowUps, `outbound { title = "{{ incident.title }}" }`, "when = \""+incidentRoute+"\"\n  outbound { title = \"{{ incident.title }}\" }"))
				ref, task, unwanted := incidents.Ref("01A"), followUps.Ref("02A"), followUps.Ref("02B")
				r.world.put(ref, false, critical())
				for f, title := range map[connectors.Ref]string{task: "Add an index", unwanted: "unwanted"} {
					r.world.put(f, false, map[string]any{"title": title})
					r.world.mu.Lock()
					r.world.records[f].parent = ref
					r.world.mu.Unlock()
					r.hint(f)
				}
				r.hint(ref)
				private := func(is bool) {
					r.world.put(ref, is, nil)
					r.world.mu.Lock() // no event tells of the follow-ups
					for _, f := range []connectors.Ref{task, unwanted} {
						r.world.records[f].private = is
					}
					r.world.mu.Unlock()
					r.pass(2 * time.Minute)
				}
				phase := func() links.Phase {
					for _, l := range r.links() {
						if l.Source == task {
							return l.State
						}
					}
					return ""
				}
				private(true)
				if p := phase(); p != links.Stopped {
					t.Errorf("the follow-up's link is %s", p)
				}
				if d := r.decisions(unwanted); len(d) != 1 || d[0].Reason != "private" {
					t.Errorf("what is kept of the other one: %+v", d)
				}
				private(false)
				if p := phase(); p != links.Active {
					t.Errorf("the follow-up's link is %s when the incident is public again", p)
				}
				if d := r.decisions(unwanted); len(d) != 2 || d[0].Reason != "no template matched" {
					t.Errorf("the other one was decided: %+v", d)
				}
			})
		})
	}
}

// TestNothingIsJournaledOfARecordThatTurnedPrivateMeanwhile: another daemon stops
// the link between an edit and its entry in the journal.
func TestNothingIsJournaledOfARecordThatTurnedPrivateMeanwhile(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, _ := opened(r, oneRoute)
		stopped := false
		r.during = func(s reconcile.Step) {
			if s != reconcile.StepAgreed || stopped {
				return
			}
			stopped = true
			r.world.put(ref, true, nil)
			id := r.links()[0].ID
			if err := r.store.Journal.Purge(t.Context(), ref); err != nil {
				t.Error(err)
			}
			entry, err := r.store.Links.Get(t.Context(), id)
			if err != nil {
				t.Error(err)
			}
			document := replaced(t, string(entry.Value), `"phase":"active"`, `"phase":"stopped","private":true`)
			if _, err := r.store.Links.Update(t.Context(), id, []byte(document), entry.Revision); err != nil {
				t.Error(err)
			}
		}
		r.world.edit(ref, "title", canary)
		r.hint(ref)
		if !stopped {
			t.Fatal("the edit was not sent")
		}
		entries, err := r.store.Journal.Read(t.Context(), ref, time.Time{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if strings.Contains(string(entry), canary) {
				t.Errorf("the journal holds %s", entry)
			}
		}
	})
}

// TestOfADeletedFollowUpNothingIsKeptWhenItsIncidentTurnsPrivate: it cannot be
// read any more, and its tickets are nobody's.
func TestOfADeletedFollowUpNothingIsKeptWhenItsIncidentTurnsPrivate(t *testing.T) {
	for _, before := range []bool{true, false} { // the incident turns before its follow-up counts as gone
		t.Run(map[bool]string{true: "before", false: "after"}[before], func(t *testing.T) {
			simulate(t, func(r *rig) {
				r.start(withFollowUps)
				ref, task, unwanted := incidents.Ref("01A"), followUps.Ref("02A"), followUps.Ref("02B")
				r.world.put(ref, false, critical())
				for f, fields := range map[connectors.Ref]map[string]any{task: {"title": canary}, unwanted: {"title": "unwanted", "detail": canary}} {
					r.world.put(f, false, fields)
					r.world.mu.Lock()
					r.world.records[f].parent = ref
					r.world.mu.Unlock()
					r.hint(f)
				}
				r.hint(ref)
				kept := func() (n int) {
					for _, f := range []connectors.Ref{task, unwanted} {
						entries, err := r.store.Journal.Read(t.Context(), f, time.Time{}, 0)
						if err != nil {
							t.Fatal(err)
						}
						for _, entry := range entries {
							if strings.Contains(string(entry), canary) {
								n++
							}
						}
					}
					return n
				}
				if kept() == 0 {
					t.Fatal("nothing is kept of public ones: this would show nothing")
				}
				for _, f := range []connectors.Ref{task, unwanted} {
					r.world.remove(f)
					r.hint(f)
				}
				if !before {
					r.pass(time.Hour)
				}
				r.world.put(ref, true, nil)
				r.pass(time.Hour)
				if n := kept(); n != 0 {
					t.Errorf("%d entries hold what is private now", n)
				}
			})
		})
	}
}
