package ruletest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/engine/ruletest"
	"github.com/lockstep-sync/lockstep/rules"
)

// run runs one script against testdata/rules.hcl and what is added to it.
func run(t *testing.T, hcl, script string, o ruletest.Options) ruletest.Result {
	t.Helper()
	dir := t.TempDir()
	base, err := os.ReadFile("testdata/rules.hcl")
	if err != nil {
		t.Fatal(err)
	}
	records, err := os.ReadFile("testdata/records.txtar")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "main.hcl"), string(base)+hcl)
	file := filepath.Join(dir, "tests", "story.txtar")
	write(t, file, strings.TrimRight(script, "\n")+"\n"+string(records))
	if o.Set = load(t, dir); t.Failed() {
		t.FailNow()
	}
	o.Files = []string{file}
	results, err := ruletest.Run(t.Context(), o)
	if err != nil || len(results) != 1 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	return results[0]
}

func load(t *testing.T, dir string) *rules.Set {
	t.Helper()
	set, found := rules.Load(t.Context(), dir, rules.Options{
		Systems: []connectors.System{incidentio.System(), servicenow.System(), jira.System()}, Offline: true,
	})
	if set == nil {
		var b strings.Builder
		found.WriteText(&b, false)
		t.Fatal(b.String())
	}
	return set
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestStories are scripts that hold. They are the commands' examples as well.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txtar")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d stories, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if r := run(t, "", string(script), ruletest.Options{}); r.Status != ruletest.Passed {
				t.Errorf("%s:%d: %s: %s\n%s\n\n%s", file, r.Line, r.Status, r.Command, r.Message, r.Log)
			}
		})
	}
}

// TestFailures: a script that does not hold says where, what came and what was
// wanted.
func TestFailures(t *testing.T) {
	for _, test := range []struct {
		name, script string
		line         int
		want         []string
	}{
		{"stdout", "create incident.json\nticket\n# a new phase\nstdout 'state  9'", 4, []string{"no match for `state  9` found in stdout", "stdout is:", `state  1`}},
		{"empty stdout", "create incident.json\nstdout .", 2, []string{"stdout is empty"}},
		{"not stdout", "route incident.json\n! stdout security", 2, []string{"unexpected match for `security`"}},
		{"cmp", "route incident.json\ncmp stdout incident.json", 2, []string{"stdout and incident.json differ", "- came, + wanted:", "-template  security"}},
		{"ticket", "create minor.json\nticket", 2, []string{"incidentio.acme.incident/01MINOR has no ticket", "reason    no template matched", "skipped   security: false"}},
		{"refused ticket", "create incident.json\nedit severity=Minor\ncreate bad.json\nticket", 4, []string{"01BAD has no ticket", "action    create", "dead letter: route incidents, incidentio.acme.incident/01BAD, type field urgency: "}},
		{"not ticket", "create incident.json\n! ticket", 2, []string{"there is one: servicenow.itsm.incident/1", `state  1`}},
		{"not writes", "create incident.json\n! writes", 2, []string{"there are:", "servicenow.itsm.incident/1 create "}},
		{"unknown command", "tikcet", 1, []string{`unknown command "tikcet"`, "ticket"}},
		{"unknown file", "create none.json", 1, []string{"there is no file none.json in the script"}},
		{"usage", "advance", 1, []string{"usage: advance DURATION"}},
		{"usage of route", "! route", 1, []string{"usage: route FILE"}},
		{"usage of ticket", "create incident.json\nticket set", 2, []string{"usage: ticket"}},
		{"usage of use", "use", 1, []string{"usage: use ID"}},
		{"usage of writes", "writes 1", 1, []string{"usage: writes"}},
		{"usage of restart", "restart now", 1, []string{"usage: restart"}},
		{"usage of source", "create incident.json\nsource set name=x", 2, []string{"usage: source"}},
		{"not negated", "! restart", 1, []string{"restart cannot be negated"}},
		{"no record", "ticket", 1, []string{"there is no record yet"}},
		{"edit nothing", "edit name=x", 1, []string{"there is no record yet"}},
		{"no such record", "create incident.json\nuse 01NONE", 2, []string{`there is no record "01NONE"; there are 01INCIDENT`}},
		{"twice", "create incident.json\ncreate incident.json", 2, []string{"there is a record incidentio.acme.incident/01INCIDENT already"}},
		{"not a record", "create text.json", 1, []string{"not of incidentio.acme.incident: not a JSON object"}},
		{"no source", "create incidentio.acme.user incident.json", 1, []string{"no route has the source incidentio.acme.user"}},
		{"another source", "create incidentio.acme.follow_up incident.json", 1, []string{"this is an incident, not a follow-up"}},
		{"unknown field", "create incident.json\nedit severty.name=Minor", 2, []string{`incidentio.acme.incident has no field "severty"; did you mean "severity"?`}},
		{"unknown member", "create incident.json\nedit severity.nam=Minor", 2, []string{`severity has no "nam"; it has created_at, description, id, name`}},
		{"into text", "create incident.json\nedit name.x=1", 2, []string{`name is one string; there is no "x" in it`}},
		{"not a number", "create incident.json\nticket set state=Resolved", 2, []string{`state: "Resolved" is not a whole number`}},
		{"not an assignment", "create incident.json\nedit name=1 b", 2, []string{`"b" is not KEY=VALUE`}},
		{"another record", "create incident.json\nedit minor.json", 2, []string{"minor.json is the record 01MINOR; the current one is 01INCIDENT"}},
		{"unknown kind", "create incident.json\nticket comment notes x", 2, []string{`servicenow.itsm.incident has no comments of the kind "notes"; it has work_notes, comments`}},
		{"no files there", "create incident.json\nsource attach incident.json", 2, []string{"incidentio.acme.incident holds no files"}},
		{"unknown target", "create incident.json\n! ticket itsn", 2, []string{`no template has its tickets in "itsn"`}},
		{"two tickets", "create twice.json\nticket", 2, []string{"has 2 tickets: servicenow.itsm.incident/1, jira.eng.issue/1; say which, as ticket itsm.incident"}},
		{"elsewhere", "create incident.json\nticket eng", 2, []string{"has no ticket in eng; it has servicenow.itsm.incident/1"}},
		{"not a duration", "advance soon", 1, []string{`"soon" is not a duration: write one as 90s, 12h or 30d`}},
		{"back in time", "advance -1h", 1, []string{"time only goes forward"}},
		{"too long", "advance 100000d", 1, []string{"more than ten years"}},
		{"deleted", "create incident.json\nsource delete\nedit name=x", 3, []string{"01INCIDENT was deleted"}},
		{"deleted source", "create incident.json\nsource delete\nsource", 3, []string{"01INCIDENT was deleted"}},
		{"unterminated", "edit 'name=x", 1, []string{"unterminated quoted argument"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := run(t, "", test.script, ruletest.Options{})
			if r.Status != ruletest.Failed {
				t.Fatalf("%s\n%s", r.Status, r.Log)
			}
			if r.Line != test.line || r.Line > 0 && r.Command != strings.Split(test.script, "\n")[test.line-1] {
				t.Errorf("blamed %d: %s", r.Line, r.Command)
			}
			for _, want := range test.want {
				if !strings.Contains(r.Message, want) {
					t.Errorf("%q does not say %q", r.Message, want)
				}
			}
		})
	}
}

// TestSkip: a skipped script is neither passed nor failed.
func TestSkip(t *testing.T) {
	if r := run(t, "", "skip 'not today'", ruletest.Options{}); r.Status != ruletest.Skipped || !strings.Contains(r.Message, "not today") {
		t.Errorf("%s: %s", r.Status, r.Message)
	}
}

// TestSameEveryTime: two routes, several records and long times leave nothing
// to chance.
func TestSameEveryTime(t *testing.T) {
	const script = `
create twice.json
create incident.json
create follow_up.json
writes
use 01TWICE
ticket itsm set state=6 close_code=x close_notes=x
ticket eng comment comment hello
writes
advance 3d
restart
use 01INCIDENT
edit name=Other summary=Else
ticket delete
advance 1d
source
ticket attach incident.json
writes
`
	first := run(t, "", script, ruletest.Options{Verbose: true})
	for range 20 {
		if again := run(t, "", script, ruletest.Options{Verbose: true}); plain(again) != plain(first) {
			t.Fatalf("%s\n\nand then\n\n%s", first.Log, again.Log)
		}
	}
}

// plain returns a log without where it ran.
func plain(r ruletest.Result) string {
	_, log, _ := strings.Cut(r.Log, "\n>")
	log, _, _ = strings.Cut(log, "\nFAIL: ")
	return log
}

// TestMonthIsShort: nobody waits for simulated time.
func TestMonthIsShort(t *testing.T) {
	began := time.Now()
	r := run(t, "", "create incident.json\ncreate twice.json\ncreate follow_up.json\nwrites\nadvance 30d\n! writes", ruletest.Options{})
	if r.Status != ruletest.Passed {
		t.Fatal(r.Message)
	}
	t.Logf("%v", time.Since(began))
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestUpdate(t *testing.T) {
	dir := t.TempDir()
	base, err := os.ReadFile("testdata/rules.hcl")
	if err != nil {
		t.Fatal(err)
	}
	records, err := os.ReadFile("testdata/records.txtar")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "main.hcl"), string(base))
	file := filepath.Join(dir, "tests", "golden.txtar")
	write(t, file, "create incident.json\nwrites\nroute minor.json\ncmp stdout want\n"+string(records)+"-- want --\nstale\n")
	set := load(t, dir)
	for _, step := range []struct {
		update bool
		want   ruletest.Status
	}{{false, ruletest.Failed}, {true, ruletest.Passed}, {false, ruletest.Passed}} {
		results, err := ruletest.Run(t.Context(), ruletest.Options{Set: set, Files: []string{file}, Update: step.update})
		if err != nil {
			t.Fatal(err)
		}
		if results[0].Status != step.want {
			t.Fatalf("update %v: %s\n%s", step.update, results[0].Status, results[0].Message)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "-- want --\nroute     incidents\n") || strings.Contains(string(text), "stale") {
		t.Errorf("not updated:\n%s", text)
	}
}

// TestTravelling: what can only be written together with a state is written
// when the ticket is closed.
func TestTravelling(t *testing.T) {
	const hcl = `
route "screens" {
  source    = incidentio.acme.incident
  templates = [template.screens]
}
template "screens" {
  target = jira.eng.issue
  when   = "incident.incident_type.name == 'Screens'"
  once {
    project    = "ENG"
    issuetype  = "Bug"
    resolution = "Fixed"
  }
  outbound { summary = "{{ incident.name }}" }
  state { table = state_table.screens }
}
state_table "screens" {
  unmapped = "ignore"
  state "open" {
    incidentio = ["category:live"]
    jira       = ["To Do"]
  }
  state "done" {
    incidentio = ["category:closed"]
    jira       = ["Done"]
  }
}
`
	const script = `
create screens.json
writes
! stdout resolution
edit incident_status.category=closed
writes
stdout '^jira.eng.issue/1 update resolution="Fixed" status="Done"$'
edit incident_status.category=live
writes
stdout '^jira.eng.issue/1 update status="To Do"$'
-- screens.json --
{"id":"01SCREENS","name":"x","mode":"standard","visibility":"public","incident_status":{"name":"Now","category":"live"},"incident_type":{"name":"Screens"}}`
	if r := run(t, hcl, script, ruletest.Options{}); r.Status != ruletest.Passed {
		t.Errorf("%s\n%s", r.Command, r.Message)
	}
}

// TestManyScripts run at the same time, each by itself, and are reported in
// order.
func TestManyScripts(t *testing.T) {
	dir := t.TempDir()
	for from, to := range map[string]string{"testdata/rules.hcl": "main.hcl", "testdata/records.txtar": "records"} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, to), string(text))
	}
	records, err := os.ReadFile(filepath.Join(dir, "records"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		command := "ticket"
		if i%3 == 0 {
			command = "! ticket"
		}
		write(t, filepath.Join(dir, "tests", fmt.Sprintf("t%02d.txtar", i)), "create incident.json\n"+command+"\n"+string(records))
	}
	files, err := ruletest.Files(dir, nil)
	if err != nil || len(files) != 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	results, err := ruletest.Run(t.Context(), ruletest.Options{Set: load(t, dir), Files: files})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		want := ruletest.Passed
		if i%3 == 0 {
			want = ruletest.Failed
		}
		if r.Name != fmt.Sprintf("t%02d", i) || r.Status != want || r.Took <= 0 {
			t.Errorf("%d: %s %s %v\n%s", i, r.Name, r.Status, r.Took, r.Message)
		}
	}
}
