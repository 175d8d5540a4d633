package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/daemontest"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// A world is one bubble: the systems, the store's server, the daemons, and all
// that people did.
type world struct {
	t      *testing.T
	ctx    context.Context
	seed   uint64
	random *rand.Rand
	lib    *library
	server *server.Server

	incidents *incidentiotest.Server
	tickets   *servicenowtest.Server
	wires     map[string]http.RoundTripper
	classes   map[string]string // of raw states, statuses' ids and their categories

	shared   bool // two daemons share the store
	conflict string
	poll     string
	reload   int
	reloaded bool // in the scenario
	daemons  []*daemon

	records []*record
	said    []saying
	pauses  []pause
	paused  map[string]bool // routes, as people know
	tokens  int
	closed  map[string]bool // tables that lockstep may not read
	unseen  bool            // lockstep sees no entry of a journal
	drift   atomic.Int64
	log     daemontest.Log

	journaled string     // what the journal held when it was looked at
	mu        sync.Mutex // guards what follows
	links     map[string]document
	webhooks  []told
	requests  []request
	failures  []string
	story     []string
}

// A document is a link as it was stored last.
type document struct {
	links.Link
	revision uint64
}

// Custom fields and columns that the configuration names.
const (
	causeField  = "Cause"
	impactField = "Impact"
	numberField = "Number"
)

// open builds the systems and the store; it runs within the bubble.
func (w *world) open(dir string) error {
	w.links, w.closed, w.paused = map[string]document{}, map[string]bool{}, map[string]bool{}
	w.incidents = incidentiotest.New(incidentiotest.Options{})
	for _, name := range []string{causeField, impactField, numberField} {
		w.incidents.AddCustomField(name, "text")
	}
	w.incidents.Subscribe(incidentiotest.Webhook{
		URL: "https://lockstep.example/webhooks/acme", Secret: incidentSecret,
		Client: &http.Client{Transport: webhookQueue{w, "acme"}},
	})
	w.tickets = servicenowtest.New(servicenowtest.Options{})
	w.tickets.AddColumn("incident", servicenowtest.Column{Name: "u_cause", Label: "Cause", MaxLength: 255})
	w.tickets.SetWebhook(servicenowtest.Webhook{
		URL: "https://lockstep.example/webhooks/itsm", Secret: ticketSecret,
		Client: &http.Client{Transport: webhookQueue{w, "itsm"}},
	})
	w.wires = map[string]http.RoundTripper{"acme": w.incidents.RoundTripper(), "itsm": w.tickets.RoundTripper()}
	if err := w.learnClasses(); err != nil {
		return err
	}
	// As embed starts it, but for syncing files: nothing here cuts the power.
	started, err := server.NewServer(&server.Options{
		ServerName: "lockstep", DontListen: true, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, MaxPayload: 8 << 20, JetStreamMaxStore: 1 << 50, SyncInterval: 365 * 24 * time.Hour,
	})
	if err != nil {
		return err
	}
	w.server = started
	started.Start()
	if !started.ReadyForConnections(time.Minute) {
		return errors.New("the NATS server does not start")
	}
	return nil
}

// learnClasses asks incident.io for its statuses: requests name them by id.
func (w *world) learnClasses() error {
	w.classes = map[string]string{
		"1": "open", "2": "open", "3": "open", "6": "done", "7": "done", "8": "done",
		"outstanding": "open", "completed": "done", "not_doing": "done",
		"live": "open", "triage": "open", "paused": "open",
		"learning": "done", "closed": "done", "merged": "done", "declined": "done", "canceled": "done",
	}
	request, err := http.NewRequestWithContext(w.ctx, http.MethodGet, "https://api.incident.io/v1/incident_statuses", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+incidentiotest.DefaultKey)
	response, err := w.wires["acme"].RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct {
		Statuses []incidentiotest.Status `json:"incident_statuses"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	for _, s := range answer.Statuses {
		w.classes[s.ID] = w.classes[s.Category]
	}
	return nil
}

func (w *world) endpoint(connector string) http.RoundTripper { return w.wires[connector] }

// close ends everything that runs in the bubble.
func (w *world) close() {
	for _, d := range w.daemons {
		d.kill()
	}
	w.tickets.Close()
	w.server.Shutdown()
	w.server.WaitForShutdown()
}

// pass lets simulated time pass and what is under way finish.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.story = append(w.story, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// fail notes that something does not hold.
func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failures = append(w.failures, fmt.Sprintf(format, args...))
}

// removed notes that a link document is no more.
func (w *world) removed(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.links, key)
}

// must notes what lockstep itself cannot do.
func (w *world) must(err error) {
	if err != nil {
		w.fail("%v", err)
	}
}

// stored notes a link document.
func (w *world) stored(value []byte, revision uint64) {
	var l links.Link
	if json.Unmarshal(value, &l) != nil || l.ID == "" {
		return // the installation's key
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.links[l.ID].revision < revision {
		w.links[l.ID] = document{l, revision}
	}
}

// sends notes a write that begins.
func (w *world) sends(d *daemon, connector string, r *http.Request, body string) {
	made := request{daemon: d, began: time.Now(), method: r.Method, path: r.URL.Path, body: body, record: idIn(r.URL.Path)}
	w.mu.Lock()
	for _, l := range w.links {
		if l.Intent == nil {
			continue
		}
		to := l.Source.ID
		if l.Intent.Side == "target" {
			to = l.Target.ID
		}
		if to == made.record {
			made.read = l.Intent.ReadVersion
		}
	}
	w.mu.Unlock()
	made.current, made.state = w.version(connector, made.record)
	w.mu.Lock()
	w.requests = append(w.requests, made)
	w.mu.Unlock()
}

// version is a record's version and raw state now.
func (w *world) version(connector, id string) (version, state string) {
	if connector == "itsm" {
		row := w.tickets.Ticket("incident", id)
		return row["sys_mod_count"], row["state"]
	}
	if i, ok := w.incidents.Incident(id); ok {
		return stamp(i.UpdatedAt), i.IncidentStatus.Category
	}
	for _, f := range w.incidents.FollowUps("") {
		if f.ID == id {
			return stamp(f.UpdatedAt), f.Status
		}
	}
	return "", ""
}

func stamp(m incidentiotest.Moment) string {
	text, _ := m.MarshalJSON() // a time of these days
	return strings.Trim(string(text), `"`)
}

// newer compares versions of one system.
func newer(a, b string) bool {
	if len(a) < 20 && len(a) != len(b) { // counts
		return len(a) > len(b)
	}
	return a > b
}

// idIn is the id of the record that a request's path names; empty: none.
func idIn(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case strings.HasPrefix(path, "/api/now/table/") && len(parts) == 5:
		return parts[4]
	case strings.HasPrefix(path, "/api/now/"):
		return ""
	case len(parts) >= 3:
		return parts[2]
	}
	return ""
}

// token is a word that was never typed before.
func (w *world) token() string {
	w.tokens++
	return fmt.Sprintf("word%dq%dz", w.seed, w.tokens)
}

// apply has a daemon run the world's configuration.
func (w *world) apply(d *daemon) error {
	set, err := w.lib.set(w.conflict, w.poll, w.reload)
	if err != nil {
		return err
	}
	return d.apply(set)
}

// restart puts a new daemon in the place of one that was killed, or kills it.
func (w *world) restart(i int) error {
	if d := w.daemons[i]; d != nil {
		d.kill()
	}
	set, err := w.lib.set(w.conflict, w.poll, w.reload)
	if err != nil {
		return err
	}
	d, err := w.start(fmt.Sprint(i), set)
	if err != nil {
		return err
	}
	w.daemons[i] = d
	synctest.Wait() // the first poll
	return nil
}
