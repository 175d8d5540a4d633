package simulation

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/memory"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// eitherSide is a configuration under which incidents begin on either side.
const eitherSide = `
connector "incidentio" "acme" {
  api_key       = "KEY"
  poll_interval = "2m"
}
connector "servicenow" "itsm" {
  url           = "https://instance.service-now.com"
  username      = "USER"
  password      = "PASSWORD"
  poll_interval = "2m"
}
state_table "s" {
  state "open" {
    incidentio = ["category:live", "category:triage", "category:paused"]
    servicenow = [2, 1, 3]
  }
  state "done" {
    incidentio = ["category:closed", "category:learning", "category:merged", "category:declined", "category:canceled"]
    servicenow = [6, 7, 8]
  }
}
route "declare" {
  source    = servicenow.itsm.incident
  templates = [template.declare]
}
route "incidents" {
  source    = incidentio.acme.incident
  templates = [template.ticket]
}
template "declare" {
  target = incidentio.acme.incident
  once {
    severity = "Major"
    visibility = "{{ incident.category == 'hardware' ? 'private' : 'public' }}"
  }
  outbound {
    name     = "{{ incident.short_description }}"
    summary  = "{{ incident.description }}"
    call_url = "https://call.example/{{ incident.number }}"
  }
  inbound {
    u_incident  = "{{ ticket.number }}"
    u_secret    = "{{ ticket.summary }}"
    close_code  = "{{ ticket.incident_status.category in ['closed', 'learning'] ? 'Solution provided' : null }}"
    close_notes = "{{ ticket.incident_status.category in ['closed', 'learning'] ? 'Resolved' : null }}"
  }
  state { table = state_table.s }
  comments {
    outbound { from = ["work_notes"] }
    inbound {
      from = ["update"]
      to   = "work_notes"
    }
  }
}
template "ticket" {
  target = servicenow.itsm.incident
  once {
    impact  = 2
    urgency = 2
  }
  outbound {
    short_description = "{{ incident.name }}"
    close_code        = "{{ state == 'done' ? 'Solution provided' : null }}"
    close_notes       = "{{ state == 'done' ? 'Resolved' : null }}"
  }
  state { table = state_table.s }
}
`

// A frontier is one daemon between both systems, and what people began on either side.
type frontier struct {
	*testing.T
	random    *rand.Rand
	set       *rules.Set
	store     store.Store
	incidents *incidentiotest.Server
	tickets   *servicenowtest.Server
	engine    *engine.Engine
	log       bytes.Buffer

	mu      sync.Mutex
	crashAt reconcile.Step
	crashed bool

	agents    []string // tickets that agents opened, by sys_id
	people    []string // incidents that people declared
	said      map[string]bool
	withField bool
}

const agent = "beth.anglin"

func (f *frontier) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *frontier) start() {
	f.Helper()
	f.engine = engine.New(engine.Options{
		Store: f.store, Alone: true, Logger: slog.New(slog.NewTextHandler(&f.log, nil)), OnStep: f.onStep,
	})
	config := engine.Config{Set: f.set, Connectors: map[string]connectors.Connector{}}
	for name, block := range f.set.Connectors {
		env := connectors.Env{RoundTripper: f.incidents.RoundTripper()}
		if name == "itsm" {
			env.RoundTripper = f.tickets.RoundTripper()
		}
		made, err := block.System.New(name, block.Settings, block.Common, env)
		f.must(err)
		config.Connectors[name] = made
	}
	f.must(f.engine.Start(f.Context(), config))
}

// onStep is where the daemon dies: whatever it still does has no effect, for its
// contexts are over by then.
func (f *frontier) onStep(ctx context.Context, at reconcile.Step) {
	f.mu.Lock()
	dies := f.crashed || f.crashAt == at
	f.crashed = dies
	f.mu.Unlock()
	if dies {
		defer connectors.Waiting(ctx)()
		<-ctx.Done()
	}
}

func (f *frontier) stop() {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_ = f.engine.Drain(ended) // it says that work was cut off
	f.mu.Lock()
	f.crashAt, f.crashed = "", false
	f.mu.Unlock()
}

func (f *frontier) restart() { f.stop(); f.start() }

func (f *frontier) pass(d time.Duration) { time.Sleep(d); synctest.Wait() }

// work is one thing that people do, or that goes wrong.
func (f *frontier) work(n int) {
	pick := func(all []string) string { return all[f.random.IntN(len(all))] }
	token := fmt.Sprintf("token-%04d", n)
	switch what := f.random.IntN(13); {
	case what < 2 || len(f.agents) == 0:
		category := "software"
		if f.random.IntN(3) == 0 {
			category = "hardware"
		}
		id, err := f.tickets.Open("incident", agent, servicenowtest.Row{"short_description": token, "description": "of " + token, "category": category})
		f.must(err)
		f.agents = append(f.agents, id)
	case what == 2 || len(f.people) == 0:
		made, err := f.incidents.CreateIncident(incidentiotest.SetName(token))
		f.must(err)
		f.people = append(f.people, made.ID)
	case what == 3:
		f.must(f.tickets.Edit("incident", pick(f.agents), agent, servicenowtest.Row{"short_description": token}))
	case what == 4:
		_, err := f.incidents.EditIncident(pick(f.people), incidentiotest.SetName(token))
		f.must(err)
	case what == 5:
		if id := pick(f.agents); f.tickets.Ticket("incident", id)["state"] < "6" {
			f.must(f.tickets.Edit("incident", id, agent, servicenowtest.Row{"state": "6", "close_code": "Solution provided", "close_notes": "Done"}))
		}
	case what == 6:
		f.must(f.tickets.AddWorkNote("incident", pick(f.agents), agent, "note "+token))
		f.said["note "+token] = true
	case what < 10:
		kinds := []simulator.FaultKind{
			simulator.ResetAfter, simulator.ResetBefore, simulator.FailAfter, simulator.FailBefore, simulator.CutBody, simulator.SpoiltBody,
			simulator.CommitLate, simulator.SlowAnswer, simulator.Throttle, simulator.Refuse,
		}
		fault := simulator.Fault{Kind: kinds[f.random.IntN(len(kinds))], Method: "POST", Times: 1 + f.random.IntN(2), Delay: 40 * time.Second, Status: 500}
		if what < 9 {
			fault.Path = "/v2/incidents"
			f.incidents.Inject(fault)
		} else {
			fault.Method = "PATCH" // of creations there, others tell
			f.tickets.Inject(fault)
		}
	case what == 10:
		steps := []reconcile.Step{reconcile.StepDecided, reconcile.StepClaimed, reconcile.StepLookedUp, reconcile.StepCreated, reconcile.StepConfirmed}
		f.mu.Lock()
		f.crashAt = steps[f.random.IntN(len(steps))]
		f.mu.Unlock()
	default:
		f.restart()
	}
}

// settle lets everything converge, however it was disturbed.
func (f *frontier) settle() {
	f.incidents.ClearFaults()
	f.tickets.ClearFaults()
	f.restart()
	f.pass(2 * time.Hour)
}

// check holds what is there to what must be.
func (f *frontier) check(when string) {
	f.Helper()
	if all := f.incidents.Incidents(); len(all) != len(f.agents)+len(f.people) {
		f.Errorf("%s: %d incidents, for %d of people and %d of agents", when, len(all), len(f.people), len(f.agents))
	}
	if all := f.tickets.Tickets(); len(all) != len(f.agents)+len(f.people) {
		f.Errorf("%s: %d tickets, for %d of people and %d of agents", when, len(all), len(f.people), len(f.agents))
	}
	letters, err := f.engine.Dead(f.Context())
	f.must(err)
	for _, letter := range letters {
		f.Errorf("%s: dead letter %s %s: %s", when, letter.Record, letter.Reason, letter.Message)
	}
	number := map[string]incidentiotest.Incident{}
	for _, i := range f.incidents.Incidents() {
		number[i.Reference] = i
	}
	notes := map[string]int{}
	for _, id := range f.agents {
		row := f.tickets.Ticket("incident", id)
		incident, ok := number[row["u_incident"]]
		if !ok {
			f.Errorf("%s: %s is of the incident %q", when, row["number"], row["u_incident"])
			continue
		}
		private := row["category"] == "hardware"
		if incident.Name != row["short_description"] || incident.Summary != row["description"] || incident.CallURL != "https://call.example/"+row["number"] || (incident.Visibility == "private") != private {
			f.Errorf("%s: %s is %v, and %s is %+v", when, row["number"], row, incident.Reference, incident)
		}
		if done := row["state"] >= "6"; done != (incident.IncidentStatus.Category == "closed") {
			f.Errorf("%s: %s is in state %s, and %s %s", when, row["number"], row["state"], incident.Reference, incident.IncidentStatus.Category)
		}
		if leaked := row["u_secret"] != ""; leaked == private {
			f.Errorf("%s: of %s, private: %v, the ticket says %q", when, incident.Reference, private, row["u_secret"])
		}
		if links := f.incidents.Attachments(incident.ID); len(links) != 1 || links[0].Resource.Title != row["number"] {
			f.Errorf("%s: %s shows %+v", when, incident.Reference, links)
		}
		for _, item := range f.incidents.TimelineItems(incident.ID) {
			text, _, _ := strings.Cut(item.Description, "\n")
			notes[text]++
		}
	}
	for said := range f.said {
		if notes[said] != 1 {
			f.Errorf("%s: %q stands on timelines %d times", when, said, notes[said])
		}
	}
}

// loseStore takes the daemon's data away. Everything is looked at again, and edited
// once it is found.
func (f *frontier) loseStore() {
	f.stop()
	f.store = memory.New(store.SystemClock{})
	f.start()
	f.pass(5 * time.Minute)
	for i, id := range f.agents {
		f.must(f.tickets.Edit("incident", id, agent, servicenowtest.Row{"impact": fmt.Sprint(1 + i%2)}))
	}
	for i, incident := range f.incidents.Incidents() {
		_, err := f.incidents.EditIncident(incident.ID, incidentiotest.SetTimestamp("Fixed at", time.Now().Add(time.Duration(i)*time.Second)))
		f.must(err)
	}
	f.pass(time.Hour)
	for i, id := range f.agents {
		f.must(f.tickets.Edit("incident", id, agent, servicenowtest.Row{"short_description": fmt.Sprintf("later %d", i)}))
	}
	f.pass(2 * time.Hour)
}

func (f *frontier) quiet(when string) {
	f.Helper()
	f.incidents.ResetRequests()
	f.tickets.ResetRequests()
	f.pass(8 * time.Hour)
	for _, r := range append(f.incidents.Requests(), f.tickets.Requests()...) {
		if r.Method != "GET" {
			f.Errorf("%s: at rest %s %s %s", when, r.Method, r.Path, r.Body)
		}
	}
}

func loadEitherSide(t *testing.T) *rules.Set {
	t.Helper()
	dir := t.TempDir()
	text := strings.NewReplacer("KEY", incidentiotest.DefaultKey, "USER", servicenowtest.DefaultUsername, "PASSWORD", servicenowtest.DefaultPassword).Replace(eitherSide)
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, found := rules.Load(t.Context(), dir, rules.Options{Systems: []connectors.System{incidentio.System(), servicenow.System()}})
	if set == nil {
		t.Fatal(found)
	}
	return set
}

// TestIncidentsBeginOnEitherSide: whatever is lost and wherever the daemon dies, what
// began on one side stands once on the other, is in step with it, and never comes round;
// nor does it after the store is lost.
func TestIncidentsBeginOnEitherSide(t *testing.T) {
	set, seeds := loadEitherSide(t), uint64(20)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &frontier{
					T: t, random: rand.New(rand.NewPCG(seed, 7)), set: set, store: memory.New(store.SystemClock{}), said: map[string]bool{}, withField: seed%2 == 0,
					incidents: incidentiotest.New(incidentiotest.Options{}), tickets: servicenowtest.New(servicenowtest.Options{}),
				}
				for _, name := range []string{"u_incident", "u_secret"} {
					f.tickets.AddColumn("incident", servicenowtest.Column{Name: name, Label: name, MaxLength: 255})
				}
				if f.withField {
					f.incidents.AddCustomField("Lockstep key", "text")
				}
				f.start()
				f.pass(time.Minute)
				for n := range 30 {
					f.work(n)
					f.pass(time.Duration(1+f.random.IntN(150)) * time.Second)
				}
				f.settle()
				f.check("at rest")
				f.quiet("at rest")
				if !t.Failed() {
					f.loseStore()
					f.check("after the store was lost")
				}
				f.stop()
				f.tickets.Close()
				if t.Failed() {
					text := f.log.String()
					t.Log(text[max(0, len(text)-6000):])
				}
				time.Sleep(48 * time.Hour) // what the store has scheduled goes off
			})
		})
	}
}
