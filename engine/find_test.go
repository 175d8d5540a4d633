package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/names"
	"github.com/lockstep-sync/lockstep/rules"
)

// resolved is what a name stands for.
func (r *rig) resolved(name string) []names.Match {
	r.t.Helper()
	found, err := r.engine.Resolve(r.t.Context(), name)
	if err != nil {
		r.t.Fatalf("%s: %v", name, err)
	}
	return found
}

// TestNamesOfWhatIsStored: a link and its two records are found by all that people
// call them, and no system is asked.
func TestNamesOfWhatIsStored(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.fail("itsm", "update", fault{class: connectors.ClassRejected, field: "title"})
		r.world.edit(ref, "title", "Refused")
		r.hint(ref)
		link, letter := r.links()[0], r.dead()[0]
		if link.SourceName != "N01A" || link.TargetName != "N"+ticket.ID || link.SourceURL == "" || link.URL == "" {
			t.Fatalf("%+v", link)
		}
		r.world.away = map[string]bool{"acme": true, "itsm": true, "eng": true}
		source := names.Match{Record: ref, Name: "N01A", URL: link.SourceURL}
		target := names.Match{Record: ticket, Name: link.TargetName, URL: link.URL}
		byLink := names.Match{Record: ref, Name: "N01A", URL: link.SourceURL, Link: link.ID, Route: "incidents"}
		byLetter := names.Match{Record: ref, Dead: letter.ID, Route: "incidents"}
		for name, want := range map[string]names.Match{
			"N01A": source, "n01a": source, " N01A ": source, ref.String(): source, "01A": source, link.SourceURL: source, link.SourceURL + "/#x": source,
			link.TargetName: target, ticket.String(): target, link.URL: target,
			link.ID: byLink, link.ID[:6]: byLink, strings.ToUpper(link.ID[:6]): byLink,
			letter.ID: byLetter, letter.ID[:7]: byLetter,
		} {
			if diff := cmp.Diff([]names.Match{want}, r.resolved(name)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", name, diff)
			}
		}
		for name, about := range map[string]string{link.ID: ref.String(), link.ID[:5]: "", "N01A": "", link.TargetName: "", link.URL: ""} {
			if l, err := r.engine.FindLink(r.t.Context(), name); err != nil || l.ID != link.ID {
				t.Errorf("the link of %q (%s): %+v, %v", name, about, l, err)
			}
			if name == link.ID || name == link.ID[:5] {
				continue
			}
			if d, err := r.engine.FindLetter(r.t.Context(), name); err != nil || d.ID != letter.ID || d.SourceName != "N01A" || d.TargetName != link.TargetName || d.Link != link.ID {
				t.Errorf("the dead letter of %q: %+v, %v", name, d, err)
			}
			all, err := r.engine.FindDecisions(r.t.Context(), name, "", 0)
			if err != nil || len(all) < 2 || all[0].Record != ref || all[0].SourceName != "N01A" || all[0].URL != link.URL {
				t.Errorf("the decisions of %q: %+v, %v", name, all, err)
			}
		}
		// Fewer characters are a slip of the finger; and what nobody knows cannot be told
		// while nobody answers.
		for _, name := range []string{link.ID[:3], "N77", ""} {
			var unknown *names.UnknownError
			_, err := r.engine.Resolve(r.t.Context(), name)
			if !errors.As(err, &unknown) || name != "" && len(unknown.Failed) == 0 {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}

// TestNamesThatOnlyASystemKnows: what is not stored is looked up, unless none of the
// systems knows it.
func TestNamesThatOnlyASystemKnows(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		ref, hidden := incidents.Ref("0XY"), incidents.Ref("0PR")
		r.world.put(ref, false, critical())
		r.world.put(hidden, true, critical())
		for name, want := range map[string]names.Match{
			"N0XY": {Record: ref, Name: "N0XY", URL: "https://fake.example/0XY"}, "https://fake.example/0XY": {Record: ref, Name: "N0XY", URL: "https://fake.example/0XY"},
			ref.String(): {Record: ref, Name: "N0XY", URL: "https://fake.example/0XY"},
			"N0PR":       {Record: hidden}, hidden.String(): {Record: hidden}, // a private one is its ref alone
		} {
			if diff := cmp.Diff([]names.Match{want}, r.resolved(name)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", name, diff)
			}
		}
		for _, name := range []string{"N99", incidents.Ref("99").String(), "other.acme.incident/1"} {
			var unknown *names.UnknownError
			if _, err := r.engine.Resolve(r.t.Context(), name); !errors.As(err, &unknown) || len(unknown.Failed) > 0 {
				t.Errorf("%q: %v", name, err)
			}
		}
		var nothing *engine.NothingError
		if _, err := r.engine.FindLink(r.t.Context(), "N0XY"); !errors.As(err, &nothing) || !strings.Contains(err.Error(), "N0XY has no link") {
			t.Errorf("the link of a record without one: %v", err)
		}
		if _, err := r.engine.FindLetter(r.t.Context(), "N0XY"); !errors.As(err, &nothing) {
			t.Errorf("the dead letter of a record without one: %v", err)
		}
	})
}

// TestANameThatFitsSeveral lists them, and nothing is taken for meant.
func TestANameThatFitsSeveral(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		one, other := incidents.Ref("0042"), tickets.Ref("0042")
		r.world.put(one, false, critical())
		r.world.put(other, false, map[string]any{"title": "Somebody's"})
		var several *names.AmbiguousError
		if _, err := r.engine.Why(r.t.Context(), "N0042"); !errors.As(err, &several) || len(several.Matches) != 2 ||
			!strings.Contains(err.Error(), one.String()) || !strings.Contains(err.Error(), other.String()) {
			t.Errorf("%v", err)
		}
	})
	simulate(t, func(r *rig) { // one record with a link on each of two routes
		second := strings.NewReplacer(`route "incidents"`, `route "second"`, "template.ticket", "template.issue", `template "ticket"`, `template "issue"`, "fake.itsm.ticket", "fake.eng.ticket").Replace(oneRoute)
		r.start(oneRoute + second)
		ref := incidents.Ref("01A")
		r.world.put(ref, false, critical())
		r.hint(ref)
		r.pass(time.Minute)
		var several *names.AmbiguousError
		if _, err := r.engine.FindLink(r.t.Context(), "N01A"); !errors.As(err, &several) || len(several.Matches) != 2 || several.Matches[0].Route == several.Matches[1].Route {
			t.Fatalf("%v", err)
		}
		for _, m := range several.Matches {
			if l, err := r.engine.FindLink(r.t.Context(), m.Link); err != nil || l.Route != m.Route {
				t.Errorf("%+v: %v", l, err)
			}
		}
		all, _, err := r.engine.FindLinks(r.t.Context(), engine.Query{Name: "N01A", Route: "second"})
		if err != nil || len(all) != 1 || all[0].Route != "second" {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// TestLinksArePaged: each link is on one page, in order, whatever changes meanwhile.
func TestLinksArePaged(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		for _, id := range []string{"01", "02", "03", "04", "05"} {
			r.world.put(incidents.Ref(id), false, critical())
			r.hint(incidents.Ref(id))
			r.pass(time.Minute)
		}
		var seen []string
		after := ""
		for {
			page, next, err := r.engine.FindLinks(r.t.Context(), engine.Query{Limit: 2, After: after})
			if err != nil || len(page) > 2 {
				t.Fatalf("%d links, %v", len(page), err)
			}
			for _, l := range page {
				seen = append(seen, l.Source.ID)
			}
			if after = next; next == "" {
				break
			}
			r.world.edit(incidents.Ref("05"), "title", "Changed "+next) // it is the first again
			r.hint(incidents.Ref("05"))
			r.pass(time.Minute)
		}
		if diff := cmp.Diff([]string{"05", "04", "03", "02", "01"}, seen); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if _, _, err := r.engine.FindLinks(r.t.Context(), engine.Query{After: "here"}); !errors.Is(err, engine.ErrCursor) {
			t.Errorf("no place in the list: %v", err)
		}
	})
}

// why is what became of the one record that a name means, on its one route.
func (r *rig) why(name string) (engine.Why, engine.WhyRoute) {
	r.t.Helper()
	all, err := r.engine.Why(r.t.Context(), name)
	if err != nil || len(all) != 1 || len(all[0].Routes) != 1 {
		r.t.Fatalf("%s: %+v, %v", name, all, err)
	}
	return all[0], all[0].Routes[0]
}

// TestWhy: what became of a record, from nothing to a dead letter, by its own name and
// by its ticket's.
func TestWhy(t *testing.T) {
	simulate(t, func(r *rig) {
		r.start(oneRoute)
		ref := incidents.Ref("01A")
		minor := critical()
		minor["severity"] = "Minor"
		r.world.put(ref, false, minor)
		if w, route := r.why("N01A"); w.Record != ref || route.Decided || route.Decision != nil || route.Link != nil {
			t.Errorf("never looked at: %+v", route)
		}
		r.hint(ref)
		r.pass(time.Minute)
		_, route := r.why("N01A")
		var lines strings.Builder
		route.Decision.WriteText(&lines)
		const none = `route     incidents
record    fake.acme.incident/01A
template  -
action    none
reason    no template matched
skipped   ticket: false: incident.severity == 'Critical' (incident.severity = "Minor")
`
		if diff := cmp.Diff(none, lines.String()); diff != "" || !route.Decided || route.At == nil || route.Generation == "" {
			t.Errorf("without a ticket: %+v (-want +got):\n%s", route, diff)
		}

		r.world.put(ref, false, critical())
		r.hint(ref)
		r.pass(time.Minute)
		ticket := r.oneTicket()
		r.world.fail("itsm", "update", fault{class: connectors.ClassRejected, field: "title"})
		r.world.edit(ref, "title", "Refused")
		r.hint(ref)
		r.pass(time.Minute)
		w, route := r.why("N" + ticket.ID)
		if w.Record != ref || w.Name != "N01A" || w.Ticket == nil || *w.Ticket != ticket {
			t.Errorf("by its ticket: %+v", w)
		}
		lines.Reset()
		route.Decision.WriteText(&lines)
		if route.Decision.Action != rules.Update || !strings.Contains(lines.String(), `  title   "Refused"`) {
			t.Errorf("the newest decision:\n%s", lines.String())
		}
		if route.Link == nil || route.Link.State != links.Active || route.Link.TargetName != "N"+ticket.ID || len(route.Dead) != 1 ||
			!slices.ContainsFunc(route.Waits, func(w string) bool { return strings.Contains(w, "title, which was refused") }) {
			t.Errorf("with a ticket: %+v", route)
		}
		r.world.away = map[string]bool{"itsm": true}
		r.world.edit(ref, "title", "Again")
		r.hint(ref)
		r.pass(time.Second)
		if _, route = r.why("01A"); !slices.ContainsFunc(route.Waits, func(w string) bool { return strings.Contains(w, "for itsm, which is not called before") }) {
			t.Errorf("while its system is away: %q", route.Waits)
		}
	})
}

// TestPrivateRecordsHaveNoNames: once a record is private, nothing that is asked says
// more of it than its ref, unless its route takes those.
func TestPrivateRecordsHaveNoNames(t *testing.T) {
	for _, opted := range []bool{false, true} {
		simulate(t, func(r *rig) {
			hcl := oneRoute
			if opted {
				hcl = replaced(t, oneRoute, "templates =", "private = true\n  templates =")
			}
			ref, _ := opened(r, hcl)
			unlinked := incidents.Ref("02B")
			r.world.put(unlinked, false, map[string]any{"title": canary, "severity": "Minor"})
			r.hint(unlinked)
			r.pass(time.Minute)
			if found := r.resolved("N02B"); found[0].Name != "N02B" {
				t.Fatalf("%+v", found)
			}
			for _, one := range []connectors.Ref{ref, unlinked} {
				r.world.put(one, true, map[string]any{"title": canary})
				r.hint(one)
				r.pass(time.Minute)
			}
			var told bytes.Buffer
			encoder := json.NewEncoder(&told)
			for _, name := range []string{"N01A", "N02B", ref.String(), unlinked.String()} {
				found, err := r.engine.Resolve(r.t.Context(), name)
				_ = encoder.Encode([]any{found, err})
				whys, err := r.engine.Why(r.t.Context(), name)
				if why, err := json.Marshal(whys); err != nil || bytes.Contains(why, []byte(canary)) {
					t.Errorf("opted in: %t, why: %s, %v", opted, why, err)
				}
				_ = encoder.Encode([]any{whys, err})
				decided, err := r.engine.FindDecisions(r.t.Context(), name, "", 0)
				_ = encoder.Encode([]any{decided, err})
				record, err := r.engine.ReadRecord(r.t.Context(), name)
				var private *engine.PrivateError
				if errors.As(err, &private) == opted {
					t.Errorf("opted in: %t, the record: %v", opted, err)
				}
				_ = encoder.Encode(record)
			}
			all, _, err := r.engine.FindLinks(r.t.Context(), engine.Query{})
			_ = encoder.Encode([]any{all, err})
			suggested, err := r.engine.Complete(r.t.Context(), names.OfRecords, "N0", 10)
			_ = encoder.Encode([]any{suggested, err})
			for _, secret := range []string{"N01A", "N02B", canary, "fake.example/01A"} {
				if strings.Contains(told.String(), secret) != opted {
					t.Errorf("opted in: %t, and %q is told: %t\n%s", opted, secret, !opted, told.String())
				}
			}
		})
	}
}

// TestReadRecord gives a record as its system has it, and what the rules are asked.
func TestReadRecord(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		r.world.edit(ref, "title", "As it is now")
		view, err := r.engine.ReadRecord(r.t.Context(), "N01A")
		if err != nil || view.Record != ref || view.Name != "N01A" || view.Fields["title"] != "As it is now" {
			t.Fatalf("%+v, %v", view, err)
		}
		in, ok := view.Inputs["incidents"].Input()
		if !ok || in.Linked != "ticket" || in.LinkID != r.links()[0].ID || in.Record.Fields["title"] != "As it is now" {
			t.Errorf("input: %+v", in)
		}
		if view, err = r.engine.ReadRecord(r.t.Context(), ticket.String()); err != nil || view.Record != ticket || len(view.Inputs) != 1 || view.Inputs[""] == nil {
			t.Errorf("a ticket: %+v, %v", view, err)
		}
		r.world.remove(ref)
		var nothing *engine.NothingError
		if _, err = r.engine.ReadRecord(r.t.Context(), "N01A"); !errors.As(err, &nothing) {
			t.Errorf("one that is gone: %v", err)
		}
	})
}

func TestComplete(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, oneRoute)
		minor := incidents.Ref("02B")
		r.world.put(minor, false, map[string]any{"title": "t", "severity": "Minor"})
		r.hint(minor)
		r.pass(time.Minute)
		id := r.links()[0].ID
		for _, c := range []struct {
			of, prefix string
			want       []string
		}{
			{names.OfRecords, "", []string{"N" + ticket.ID, "N01A", "N02B"}},
			{names.OfRecords, "n02", []string{"N02B"}},
			{names.OfLinks, "N02", nil},
			{names.OfLinks, id[:3], []string{id}},
			{names.OfDead, "", nil},
			{names.OfLinks, "fake.acme", []string{ref.String()}},
			{names.OfRecords, "x", nil},
		} {
			all, err := r.engine.Complete(r.t.Context(), c.of, c.prefix, 10)
			var got []string
			for _, s := range all {
				got = append(got, s.Name)
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%s %q (-want +got): %v\n%s", c.of, c.prefix, err, diff)
			}
		}
	})
}

// TestFollowDecisions: what was decided before comes first, then each decision when it
// is made, none twice and none left out.
func TestFollowDecisions(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, _ := opened(r, oneRoute)
		other := incidents.Ref("02B")
		ctx, cancel := context.WithCancel(r.t.Context())
		taken, ended, begun := make(chan engine.DecisionView, 100), make(chan error, 1), make(chan struct{})
		go func() {
			ended <- r.engine.FollowDecisions(ctx, "N01A", "incidents", 1, func() { close(begun) }, func(d engine.DecisionView) error {
				taken <- d
				return nil
			})
		}()
		<-begun
		r.world.put(other, false, critical())
		r.hint(other)
		for _, title := range []string{"One", "Two"} {
			r.world.edit(ref, "title", title)
			r.hint(ref)
			r.pass(time.Minute)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		close(taken)
		var got []string
		for d := range taken {
			if got = append(got, d.Action); d.Record != ref || d.SourceName != "N01A" || d.TargetName == "" {
				t.Errorf("%+v", d)
			}
		}
		if diff := cmp.Diff([]string{"create", "update", "update"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
