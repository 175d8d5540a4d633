package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/rules"
)

const planConnectors = `
connector "incidentio" "acme" { api_key = "k" }
connector "servicenow" "itsm" {
  url      = "https://acme.service-now.com"
  username = "u"
  password = "p"
}
connector "servicenow" "other" {
  url      = "https://other.service-now.com"
  username = "u"
  password = "p"
}
`

// planConfig is what the daemon of these tests decides by; each test changes a part of it.
const planConfig = planConnectors + `
locals { urgency = { Critical = 1, Major = 2 } }
state_table "t" {
  unmapped = "ignore"
  state "open" {
    incidentio = ["category:live", "category:triage", "category:paused"]
    servicenow = [2, 1, 3]
  }
  state "done" {
    incidentio = ["category:closed", "category:learning", "category:merged", "category:declined", "category:canceled"]
    servicenow = [6, 7, 8]
  }
}
route "incidents" {
  source    = incidentio.acme.incident
  create    = true
  templates = [template.all]
}
template "all" {
  target = servicenow.itsm.incident
  once {
    impact    = 2
    urgency   = "{{ lookup(local.urgency, incident.severity.name, 3) }}"
    caller_id = ref("email", "lisa@acme.example")
  }
  outbound {
    short_description = "{{ incident.name }}"
    close_code        = "Solution provided"
    close_notes       = "Done"
  }
  inbound { summary = "{{ ticket.description }}" }
  state {
    table     = state_table.t
    direction = "both"
  }
  comments {
    inbound { from = ["work_notes"] }
  }
}
`

func planSet(t *testing.T, config string) *rules.Set {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	set, found := rules.Load(t.Context(), dir, rules.Options{Systems: systems(), Offline: true})
	if set == nil {
		var text strings.Builder
		found.WriteText(&text, false)
		t.Fatal(text.String())
	}
	return set
}

func planIncident(id, name string) connectors.Record {
	return connectors.Record{
		Ref:    connectors.Ref{Collection: connectors.Collection{Type: "incidentio", Connector: "acme", Record: "incident"}, ID: id},
		Number: "INC-" + id,
		Fields: map[string]any{
			"name": name, "mode": "standard", "severity": map[string]any{"name": "Critical"},
			"incident_status": map[string]any{"name": "Investigating", "category": "live"},
		},
	}
}

// journalOf is what the daemon keeps of decisions with a set.
func journalOf(t *testing.T, set *rules.Set, route string, inputs ...rules.Input) string {
	t.Helper()
	var all strings.Builder
	for i, in := range inputs {
		d := set.Decide(route, in)
		snapshot, err := journal.NewSnapshot(in, d, set.Terms(route, d.Template))
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(journal.Entry{
			At: time.Date(2026, 1, 2, 3, i, 0, 0, time.UTC), Route: route, Record: in.Record.Ref, Template: d.Template,
			Action: string(d.Action), Reason: d.Reason, Writes: []string{}, Snapshot: snapshot,
		})
		if err != nil {
			t.Fatal(err)
		}
		all.Write(append(encoded, '\n'))
	}
	return all.String()
}

// opening and edit are the decisions of one incident: its ticket is opened, and then
// it is renamed.
func openedAndEdited() []rules.Input {
	return []rules.Input{{Record: planIncident("1", "One")}, {Record: planIncident("1", "Two"), Linked: "all"}}
}

func linesOf(p plan) []string {
	var all []string
	for _, c := range p.Changes {
		for _, l := range c.Lines {
			all = append(all, l.What+": "+l.Was+" -> "+l.Now)
		}
	}
	return all
}

// TestPlanOfTheOpening: a ticket that is open shows in its latest decision nothing of
// how one like it would be opened now.
func TestPlanOfTheOpening(t *testing.T) {
	exported := journalOf(t, planSet(t, planConfig), "incidents", openedAndEdited()...)
	if p := newPlan(planSet(t, planConfig), []byte(exported)); len(p.Changes) > 0 {
		t.Errorf("the same configuration: %v", linesOf(p))
	}
	for name, c := range map[string]struct{ old, now, want string }{
		"create is turned off":          {"create    = true", "create    = false", "action of new tickets: create -> none"},
		"a value of once":               {"impact    = 2", "impact    = 1", "field impact of new tickets: 2 -> 1"},
		"a local behind a value":        {"Critical = 1", "Critical = 3", "field urgency of new tickets: 1 -> 3"},
		"somebody else calls":           {"lisa@acme.example", "bart@acme.example", `field caller_id of new tickets: ref(email, "lisa@acme.example") -> ref(email, "bart@acme.example")`},
		"no value of once any more":     {"impact    = 2", "", "field impact of new tickets: 2 -> "},
		"what is live counts as closed": {`["category:live", "category:triage", "category:paused"]`, `["category:triage", "category:paused"]`, "state: open -> "},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(planConfig, c.old, c.now, 1)
			if got := linesOf(newPlan(planSet(t, changed), []byte(exported))); !slices.Contains(got, c.want) {
				t.Errorf("got %q, want among them %q", got, c.want)
			}
		})
	}
}

// TestPlanOfNewRoutes: a route that the daemon did not have opens tickets of its own.
func TestPlanOfNewRoutes(t *testing.T) {
	old := planSet(t, planConfig)
	exported := journalOf(t, old, "incidents", openedAndEdited()...)
	second := planConfig + `
route "second" {
  source    = incidentio.acme.incident
  templates = [template.second]
}
template "second" {
  target = servicenow.other.incident
  outbound { short_description = "{{ incident.name }}" }
}
`
	p := newPlan(planSet(t, second), []byte(exported))
	if p.Gain != 1 || len(p.Changes) != 1 || p.Changes[0].Route != "second" {
		t.Fatalf("%+v", p)
	}
	if got, want := linesOf(p), "action: none -> create"; !slices.Contains(got, want) {
		t.Errorf("got %q, want among them %q", got, want)
	}

	both := openedAndEdited()
	exported += journalOf(t, planSet(t, second), "second", both[0])
	if p := newPlan(planSet(t, second), []byte(exported)); p.Gain != 0 || len(p.Changes) > 0 {
		t.Errorf("a route that the daemon has already: %+v", p)
	}

	// Nothing goes back to where it came from.
	ticket := rules.Input{Record: planIncident("2", "Three"), Ancestors: []string{"other"}}
	if p := newPlan(planSet(t, second), []byte(journalOf(t, old, "incidents", ticket))); p.Gain != 0 {
		t.Errorf("a ticket of lockstep's own: %+v", p)
	}

	turned := strings.Replace(planConfig, "source    = incidentio.acme.incident", "source    = servicenow.other.incident", 1)
	turned = strings.NewReplacer("incident.severity.name", "incident.short_description", "incident.name", "incident.short_description", `inbound { summary = "{{ ticket.description }}" }`, "").Replace(turned)
	p = newPlan(planSet(t, turned), []byte(journalOf(t, old, "incidents", both...)))
	if got, want := linesOf(p), "reason:  -> the source of route incidents is servicenow.other.incident"; p.Lose != 1 || !slices.Contains(got, want) {
		t.Errorf("another source: %+v", p)
	}
}

// TestPlanOfNothing: where there is nothing to decide by, nothing is known of what
// would change.
func TestPlanOfNothing(t *testing.T) {
	set := planSet(t, planConfig)
	exported := journalOf(t, set, "incidents", openedAndEdited()...)
	for name, c := range map[string]struct {
		journal string
		since   time.Time
		failed  bool
		want    string
	}{
		"the same":         {exported, time.Time{}, false, ""},
		"empty":            {"", time.Time{}, true, "nothing to decide by: the journal is empty"},
		"all of it older":  {exported, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), true, "nothing to decide by: the journal holds no decision since 2027-01-01T00:00:00Z"},
		"part of it older": {exported, time.Date(2026, 1, 2, 3, 1, 0, 0, time.UTC), false, ""},
		"another file":     {"route \"r\" {\n}\n", time.Time{}, true, "nothing to decide by: the journal holds no decision that can be read"},
		"cut off":          {exported + exported[:100], time.Time{}, true, "1 line of the journal cannot be read"},
		"damaged":          {exported + `{"unreadable":true}` + "\n", time.Time{}, true, "1 line of the journal cannot be read"},
		"nothing kept":     {`{"route":"incidents","record":"incidentio.acme.incident/9","action":"none","reason":"private","writes":[]}` + "\n", time.Time{}, true, "nothing to decide by: "},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlanner(set)
			p.since, p.file = c.since, true
			for line := range strings.Lines(c.journal) {
				p.add([]byte(line))
			}
			got := p.plan()
			if got.holds() == c.failed {
				t.Errorf("holds: %t", got.holds())
			}
			var text strings.Builder
			got.writeText(&text)
			if !strings.Contains(text.String(), c.want) {
				t.Errorf("got:\n%s\nwant in it: %s", text.String(), c.want)
			}
		})
	}
}

// TestPlanOfWhatIsNotDecided: what no decision shows is named, with the links that it
// concerns.
func TestPlanOfWhatIsNotDecided(t *testing.T) {
	open := openedAndEdited()
	other := rules.Input{Record: planIncident("2", "Other"), Linked: "all"} // opened before the journal begins
	exported := journalOf(t, planSet(t, planConfig), "incidents", open[0], open[1], other)
	if p := newPlan(planSet(t, planConfig), []byte(exported)); !p.holds() {
		t.Errorf("the same configuration: %+v", p)
	}
	for name, c := range map[string]struct {
		old, now string
		want     planTerm
	}{
		"create":             {"create    = true", "create    = false", planTerm{What: "create", Was: "true", Now: "false", Links: 2}},
		"once, not opened":   {"impact    = 2", "impact    = 1", planTerm{What: "once impact", Was: "as it was", Now: "edited", Links: 1}},
		"a local":            {"Critical = 1", "Critical = 3", planTerm{What: "once urgency", Was: "as it was", Now: "edited", Links: 1}},
		"inbound changed":    {"{{ ticket.description }}", "{{ ticket.short_description }}", planTerm{What: "inbound summary", Was: "as it was", Now: "edited", Links: 2}},
		"inbound dropped":    {`inbound { summary = "{{ ticket.description }}" }`, "", planTerm{What: "inbound summary", Was: "as it was", Now: "", Links: 2}},
		"comments dropped":   {`inbound { from = ["work_notes"] }`, "", planTerm{What: "comments inbound", Was: `from = ["work_notes"]`, Now: "", Links: 2}},
		"the closed value":   {"[6, 7, 8]", "[7, 6, 8]", planTerm{What: "state done in servicenow.itsm", Was: `["6","7","8"]`, Now: `["7","6","8"]`, Links: 2}},
		"a direction turned": {`direction = "both"`, `direction = "inbound"`, planTerm{What: "state direction", Was: "both", Now: "inbound", Links: 2}},
		"conflict":           {"comments {", "conflict = \"target\"\n  comments {", planTerm{What: "conflict", Was: "source", Now: "target", Links: 2}},
		"lifecycle":          {"comments {", "lifecycle { on_delete = \"close\" }\n  comments {", planTerm{What: "on_delete", Was: "detach", Now: "close", Links: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Route, c.want.Template = "incidents", "all"
			p := newPlan(planSet(t, strings.Replace(planConfig, c.old, c.now, 1)), []byte(exported))
			if !slices.Contains(p.Terms, c.want) || p.holds() {
				t.Errorf("got %+v, want among them %+v", p.Terms, c.want)
			}
		})
	}
	moved := strings.Replace(planConfig, "[2, 1, 3]", "[1, 2, 3]", 1)
	if got := linesOf(newPlan(planSet(t, moved), []byte(exported))); !slices.Contains(got, "value of the state: 2 -> 1") {
		t.Errorf("the value written for a record: %q", got)
	}

	// A journal of before terms were kept in it.
	old := regexp.MustCompile(`,"terms":\{[^}]*\}`).ReplaceAllString(exported, "")
	p := newPlan(planSet(t, strings.Replace(planConfig, "{{ ticket.description }}", "{{ ticket.short_description }}", 1)), []byte(old))
	var text strings.Builder
	p.writeText(&text)
	if want := "2 links were not compared in "; p.Uncompared != 2 || !strings.Contains(text.String(), want) {
		t.Errorf("got\n%s\nwant in it %q", text.String(), want)
	}
}

// TestPlanOfAPrivateRecord: its ref and what would change are shown, and no text of it,
// of the time before it turned private neither.
func TestPlanOfAPrivateRecord(t *testing.T) {
	config := strings.Replace(planConfig, "create    = true", "private   = true", 1)
	inputs := openedAndEdited()
	inputs[1].Record.Private = true
	exported := journalOf(t, planSet(t, config), "incidents", inputs...)
	changed := strings.Replace(config, `"{{ incident.name }}"`, `"New: {{ incident.name }}"`, 1)
	changed += `
route "second" {
  source    = incidentio.acme.incident
  private   = true
  templates = [template.second]
}
template "second" {
  target = servicenow.other.incident
  outbound { short_description = "{{ incident.name }}" }
}
`
	p := newPlan(planSet(t, changed), []byte(exported))
	encoded, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	p.writeText(&text)
	for what, got := range map[string]string{"text": text.String(), "JSON": string(encoded)} {
		for _, secret := range []string{"One", "Two", "INC-1"} {
			if strings.Contains(got, secret) {
				t.Errorf("the %s holds %q:\n%s", what, secret, got)
			}
		}
		if !strings.Contains(got, "incidentio.acme.incident/1") || !strings.Contains(got, "field short_description") {
			t.Errorf("the %s does not say what would change:\n%s", what, got)
		}
	}

	inputs[1].Record.Private = false
	p = newPlan(planSet(t, changed), []byte(journalOf(t, planSet(t, config), "incidents", inputs...)))
	text.Reset()
	p.writeText(&text)
	if want := "incidents  INC-1\n"; !strings.Contains(text.String(), want) {
		t.Errorf("got\n%s\nwant in it %q", text.String(), want)
	}
}
