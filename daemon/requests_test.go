package daemon_test

import (
	"net/http"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/memory"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

var anID = regexp.MustCompile(`[0-9a-f]{32}|0[0-9A-Z]{25}`)

// requests returns those that a system had since the last look, by method and path.
func requests(e *simulator.Endpoint) map[string]int {
	all := map[string]int{}
	for _, r := range e.Requests() {
		all[r.Method+" "+anID.ReplaceAllString(r.Path, "ID")]++
	}
	e.ResetRequests()
	return all
}

// TestWhatItCosts holds the number of requests on the example with everything
// that it carries: states, fields both ways, comments, attachments.
func TestWhatItCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		incidents, tickets := incidentiotest.New(incidentiotest.Options{}), servicenowtest.New(servicenowtest.Options{})
		set, found := rules.Load(t.Context(), "../examples/incidentio-servicenow", rules.Options{
			Systems: []connectors.System{incidentio.System(), servicenow.System()},
			Env: func(name string) (string, bool) {
				value, ok := map[string]string{
					"INCIDENTIO_API_KEY": incidentiotest.DefaultKey, "INCIDENTIO_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
					"SERVICENOW_PASSWORD": servicenowtest.DefaultPassword,
				}[name]
				return value, ok
			},
		})
		if set == nil {
			t.Fatalf("the example is bad: %v", found)
		}
		config := engine.Config{Set: set, Connectors: map[string]connectors.Connector{}}
		for name, to := range map[string]http.RoundTripper{"acme": incidents.RoundTripper(), "itsm": tickets.RoundTripper()} {
			block := set.Connectors[name]
			made, err := block.System.New(name, block.Settings, block.Common, connectors.Env{RoundTripper: to})
			if err != nil {
				t.Fatal(err)
			}
			config.Connectors[name] = made
		}
		e := engine.New(engine.Options{Store: memory.New(store.SystemClock{}), Alone: true})
		if err := e.Start(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := e.Drain(t.Context()); err != nil {
				t.Error(err)
			}
			time.Sleep(48 * time.Hour) // what the store has scheduled goes off
		}()
		collection := connectors.Collection{Type: "incidentio", Connector: "acme", Record: "incident"}
		hint := func(id string) {
			t.Helper()
			if err := e.Hint(t.Context(), []connectors.Ref{collection.Ref(id)}, ""); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		declare := func(name string) string {
			t.Helper()
			made, err := incidents.CreateIncident(incidentiotest.SetName(name), incidentiotest.SetType("Security"), incidentiotest.SetStatus("Investigating"))
			if err != nil {
				t.Fatal(err)
			}
			return made.ID
		}
		want := func(what string, source, target map[string]int) {
			t.Helper()
			if diff := cmp.Diff(source, requests(incidents.Endpoint)); diff != "" {
				t.Errorf("%s costs incident.io (-want +got):\n%s", what, diff)
			}
			if diff := cmp.Diff(target, requests(tickets.Endpoint)); diff != "" {
				t.Errorf("%s costs ServiceNow (-want +got):\n%s", what, diff)
			}
		}
		synctest.Wait()
		hint(declare("The first"))
		time.Sleep(40*time.Minute + 30*time.Second) // until its second look for a double is done

		requests(incidents.Endpoint)
		requests(tickets.Endpoint)
		time.Sleep(10 * time.Minute)
		want("polling ten times for nothing",
			map[string]int{"GET /v2/incidents": 20, "GET /v3/follow_ups": 10, "GET /v2/incident_updates": 10, "GET /v2/incident_timeline_items": 10},
			map[string]int{"GET /api/now/table/incident": 10, "GET /api/now/table/sys_journal_field": 10, "GET /api/now/attachment": 10})

		hint(declare("The second fills the caches"))
		requests(incidents.Endpoint)
		requests(tickets.Endpoint)

		// What a creation costs is what it costs without what follows it: the
		// ticket's number, the link to it and what is said on the incident.
		id := declare("Sign-ins from an unknown network")
		tickets.Inject(simulator.Fault{Kind: simulator.FailBefore, Method: http.MethodPost, Status: http.StatusBadRequest, Times: 1})
		hint(id)
		want("a creation, up to its answer",
			map[string]int{"GET /v2/incidents/ID": 1},
			map[string]int{"GET /api/now/table/incident": 1, "POST /api/now/table/incident": 1})

		if _, err := incidents.EditIncident(id, incidentiotest.SetSummary("Three accounts")); err != nil {
			t.Fatal(err)
		}
		hint(id)
		want("a creation with all that follows",
			map[string]int{
				"GET /v2/incidents/ID": 3, "GET /v2/incident_updates": 2, "GET /v2/incident_timeline_items": 2,
				"GET /v1/incident_attachments": 1, "POST /v1/incident_attachments": 1, "POST /v2/incidents/ID/actions/edit": 1,
				"GET /v2/incident_activity_log_entries": 1,
			},
			map[string]int{
				"GET /api/now/table/incident": 1, "POST /api/now/table/incident": 1, "GET /api/now/table/incident/ID": 3,
				"GET /api/now/table/sys_journal_field": 2, "GET /api/now/attachment": 2,
			})

		for range 3 {
			hint(id)
			want("an echo",
				map[string]int{"GET /v2/incidents/ID": 1, "GET /v2/incident_updates": 1, "GET /v2/incident_timeline_items": 1},
				map[string]int{"GET /api/now/table/incident/ID": 1, "GET /api/now/table/sys_journal_field": 1, "GET /api/now/attachment": 1})
		}

		if _, err := incidents.EditIncident(id, incidentiotest.SetName("Another name")); err != nil {
			t.Fatal(err)
		}
		hint(id)
		want("an edit",
			map[string]int{"GET /v2/incidents/ID": 1, "GET /v2/incident_updates": 1, "GET /v2/incident_timeline_items": 1},
			map[string]int{
				"GET /api/now/table/incident/ID": 1, "PATCH /api/now/table/incident/ID": 1,
				"GET /api/now/table/sys_journal_field": 1, "GET /api/now/attachment": 1,
			})
	})
}
