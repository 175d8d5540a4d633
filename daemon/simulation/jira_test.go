package simulation

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/memory"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// jiraConfiguration is what the daemon runs whose tickets are in Jira.
const jiraConfiguration = `
connector "incidentio" "acme" {
  api_key       = "KEY"
  poll_interval = "30s"
}
connector "jira" "eng" {
  url           = "https://acme.atlassian.net"
  email         = "EMAIL"
  api_token     = "TOKEN"
  poll_interval = "30s"
}
state_table "s" {
  state "open" {
    incidentio = ["category:live"]
    jira       = ["In Progress", "To Do", "In Review"]
  }
  state "done" {
    incidentio = ["category:closed", "category:learning"]
    jira       = ["Done", "Cancelled"]
  }
  unmapped = "ignore"
}
route "r" {
  source    = incidentio.acme.incident
  templates = [template.t]
}
template "t" {
  target = jira.eng.issue
  once {
    project    = "PROJECT"
    issuetype  = "Bug"
    resolution = "Done"
    ONCE
  }
  outbound {
    summary     = "{{ incident.name }}"
    description = "{{ incident.summary }}"
  }
  inbound { name = "{{ ticket.summary }}" }
  state { table = state_table.s }
  comments {
    inbound {}
    outbound { from = ["update"] }
  }
}
`

// A desk is one daemon between incident.io and Jira, on a store in memory.
type desk struct {
	*testing.T
	incidents *incidentiotest.Server
	site      *jiratest.Server
	engine    *engine.Engine
}

// onDesk runs a test in a bubble of simulated time. pairs are replaced in the
// configuration.
func onDesk(t *testing.T, options jiratest.Options, run func(d *desk), pairs ...string) {
	t.Helper()
	dir := t.TempDir()
	text := strings.NewReplacer(append(pairs, "KEY", incidentiotest.DefaultKey, "EMAIL", jiratest.DefaultEmail, "TOKEN", jiratest.DefaultAPIToken,
		"PROJECT", "ENG", "ONCE", "")...).Replace(jiraConfiguration)
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, found := rules.Load(t.Context(), dir, rules.Options{Systems: []connectors.System{incidentio.System(), jira.System()}})
	if set == nil {
		t.Fatal(found)
	}
	synctest.Test(t, func(t *testing.T) {
		d := &desk{T: t, incidents: incidentiotest.New(incidentiotest.Options{}), site: jiratest.New(options)}
		var log bytes.Buffer
		d.engine = engine.New(engine.Options{Store: memory.New(store.SystemClock{}), Alone: true, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		config := engine.Config{Set: set, Connectors: map[string]connectors.Connector{}}
		for name, block := range set.Connectors {
			env := connectors.Env{RoundTripper: d.incidents.RoundTripper()}
			if name == "eng" {
				env.RoundTripper = d.site.RoundTripper()
			}
			made, err := block.System.New(name, block.Settings, block.Common, env)
			if err != nil {
				t.Fatal(err)
			}
			config.Connectors[name] = made
		}
		if err := d.engine.Start(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		d.pass(time.Minute)
		run(d)
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = d.engine.Drain(ended) // it says that work was cut off
		if t.Failed() {
			t.Log(log.String())
		}
		time.Sleep(48 * time.Hour) // what the store has scheduled goes off
	})
}

func (d *desk) pass(t time.Duration) {
	time.Sleep(t)
	synctest.Wait()
}

func (d *desk) declare(name string) incidentiotest.Incident {
	d.Helper()
	made, err := d.incidents.CreateIncident(incidentiotest.SetName(name), incidentiotest.SetSummary("It is down"))
	if err != nil {
		d.Fatal(err)
	}
	d.pass(5 * time.Minute)
	return made
}

func (d *desk) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *desk) issues(n int) []string {
	d.Helper()
	all := d.site.Issues()
	if len(all) != n {
		d.Fatalf("%d issues, want %d: %v", len(all), n, all)
	}
	return all
}

// summaries holds that an incident and its issue have the same title.
func (d *desk) title(id, issue, want string) {
	d.Helper()
	incident, _ := d.incidents.Incident(id)
	if got := d.site.Issue(issue)["summary"]; incident.Name != want || got != want {
		d.Errorf("the incident says %q, the issue %q, want %q", incident.Name, got, want)
	}
}

func (d *desk) dead() []deadletter.Letter {
	d.Helper()
	letters, err := d.engine.Dead(d.Context())
	d.must(err)
	return letters
}

func (d *desk) timeline(id string) string {
	d.Helper()
	return fmt.Sprint(d.incidents.TimelineItems(id))
}

// TestAnsweredAsToNobody: while the site takes the token for nobody's, and
// answers with success, nothing is taken for gone or empty: what both sides edit
// meanwhile is kept, what is declared gets one issue, and all is said in the end.
func TestAnsweredAsToNobody(t *testing.T) {
	for name, kind := range map[string]simulator.FaultKind{
		"a token that expired": simulator.Anonymous, "a log-in page": simulator.LoginPage, "a redirect": simulator.LoginRedirect,
	} {
		t.Run(name, func(t *testing.T) {
			onDesk(t, jiratest.Options{IndexLag: time.Minute}, func(d *desk) {
				first := d.declare("Database is sad")
				issue := d.issues(1)[0]
				d.site.Inject(simulator.Fault{Kind: kind, Until: time.Now().Add(40 * time.Minute)})
				d.must(d.site.Edit(issue, "acc-ann", map[string]any{"summary": "Database is very sad"}))
				_, err := d.incidents.EditIncident(first.ID, incidentiotest.SetSummary("The disk is full"))
				d.must(err)
				second := d.declare("Search is slow")
				status := d.engine.Connectors()
				if !slices.ContainsFunc(status, func(c breaker.ConnectorStatus) bool { return c.Name == "eng" && !c.OK }) {
					d.Errorf("status says that all is well: %+v", status)
				}
				d.pass(2 * time.Hour)
				all := d.issues(2)
				d.title(first.ID, issue, "Database is very sad")
				d.title(second.ID, all[1], "Search is slow")
				if !d.site.HasText(issue, "The disk is full") {
					d.Error("what was edited meanwhile is lost")
				}
				if letters := d.dead(); len(letters) != 0 {
					d.Errorf("dead letters: %+v", letters)
				}
			})
		})
	}
}

// TestUnderASecurityLevel: of an issue that some people alone see, nothing is
// shown in the incident until the level is taken off.
func TestUnderASecurityLevel(t *testing.T) {
	onDesk(t, jiratest.Options{}, func(d *desk) {
		incident := d.declare("Database is sad")
		issue := d.issues(1)[0]
		d.site.Secure(issue, "Board")
		d.must(d.site.Edit(issue, "acc-ann", map[string]any{"summary": "Whom we pay"}))
		d.site.Say(issue, "acc-ann", "The ransom is paid", false)
		d.site.SayTo(issue, "acc-ann", "board", "Among the board")
		_, err := d.incidents.EditIncident(incident.ID, incidentiotest.SetSummary("Still down"))
		d.must(err)
		d.pass(time.Hour)
		if seen, _ := d.incidents.Incident(incident.ID); seen.Name != "Database is sad" || strings.Contains(d.timeline(incident.ID), "ransom") {
			d.Errorf("shown: %q, %s", seen.Name, d.timeline(incident.ID))
		}
		if !d.site.HasText(issue, "Still down") {
			d.Error("what was edited in the incident does not reach the issue")
		}
		d.site.Secure(issue, "")
		d.pass(time.Hour)
		if seen, _ := d.incidents.Incident(incident.ID); seen.Name != "Whom we pay" || !strings.Contains(d.timeline(incident.ID), "ransom") {
			d.Errorf("with the level off: %q, %s", seen.Name, d.timeline(incident.ID))
		}
		if strings.Contains(d.timeline(incident.ID), "Among the board") {
			d.Error("a restricted comment is shown")
		}
	})
}

// TestARefusedFieldCostsItself: a ticket opens without a field that is refused, by
// the look-up or by Jira, and the field is a dead letter; a field without which there
// is no ticket costs the ticket.
func TestARefusedFieldCostsItself(t *testing.T) {
	onDesk(t, jiratest.Options{}, func(d *desk) {
		d.site.AddUser(jiratest.User{AccountID: "acc-eve", Name: "Eve", Email: "eve@acme.example", NotIn: []string{"ENG"}})
		incident := d.declare("Database is sad")
		issue := d.issues(1)[0]
		fields := d.site.Issue(issue)
		if fields["assignee"] != nil || fields["summary"] != "Database is sad" || fields["customfield_10024"] != "kept" {
			d.Errorf("opened with %v", fields)
		}
		dead := map[string]bool{}
		for _, letter := range d.dead() {
			dead[letter.Field] = true
		}
		if len(dead) != 3 || !dead["assignee"] || !dead["priority"] || !dead["custom_fields/Team"] {
			d.Errorf("dead letters of %v", dead)
		}
		_, err := d.incidents.EditIncident(incident.ID, incidentiotest.SetName("Database is very sad"))
		d.must(err)
		d.pass(time.Hour)
		d.title(incident.ID, issue, "Database is very sad")
	}, "ONCE", `assignee = ref("email", "eve@acme.example")
    priority = "{{ 'Urgent' }}"
    custom_fields = { "Team" = "Nobody", "Ticket" = "kept" }`)
	onDesk(t, jiratest.Options{}, func(d *desk) {
		d.declare("Database is sad")
		d.issues(0)
		if letters := d.dead(); len(letters) != 1 {
			d.Errorf("dead letters: %+v", letters)
		}
	}, "PROJECT", "NONE")
}

// TestAnIncidentThatChangesItsType or is merged into another keeps its ticket, and both
// stay in step.
func TestAnIncidentThatChangesItsType(t *testing.T) {
	onDesk(t, jiratest.Options{}, func(d *desk) {
		d.incidents.AddType("Security")
		incident := d.declare("Database is sad")
		issue := d.issues(1)[0]
		_, err := d.incidents.EditIncident(incident.ID, incidentiotest.SetType("Security"), incidentiotest.SetName("Somebody is in the database"))
		d.must(err)
		d.pass(10 * time.Minute)
		d.issues(1)
		d.title(incident.ID, issue, "Somebody is in the database")
		d.incidents.AddStatus("Merged", "merged", 90)
		_, err = d.incidents.EditIncident(incident.ID, incidentiotest.SetStatus("Merged"))
		d.must(err)
		d.pass(10 * time.Minute)
		if status := d.site.Status(issue); status != "Done" {
			d.Errorf("the issue of a merged incident is %s", status)
		}
		d.must(d.site.Edit(issue, "acc-ann", map[string]any{"summary": "Seen on the issue"}))
		d.pass(10 * time.Minute)
		d.issues(1)
		d.title(incident.ID, issue, "Seen on the issue")
		if letters := d.dead(); len(letters) != 0 {
			d.Errorf("dead letters: %+v", letters)
		}
	}, `"category:learning"]`, `"category:learning", "category:merged"]`)
}
