package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/daemon/simulators"
)

// output is what a command writes while it runs.
type output struct {
	lines chan string
	rest  string
}

func (o *output) Write(p []byte) (int, error) {
	o.rest += string(p)
	for {
		line, rest, found := strings.Cut(o.rest, "\n")
		if !found {
			return len(p), nil
		}
		o.rest = rest
		o.lines <- line
	}
}

// next waits for a line that matches and returns its submatches.
func (o *output) next(t *testing.T, pattern string) []string {
	t.Helper()
	re, deadline := regexp.MustCompile(pattern), time.After(50*time.Second)
	var seen []string
	for {
		select {
		case line := <-o.lines:
			if found := re.FindStringSubmatch(line); found != nil {
				return found
			}
			seen = append(seen, line)
		case <-deadline:
			t.Fatalf("no line matches %s in:\n%s", pattern, strings.Join(seen, "\n"))
		}
	}
}

func TestDemo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	status, stdout, stderr := lockstep(t, "", "demo")
	if status != 0 || stderr != "" {
		t.Fatalf("exit %d, stderr %q, stdout:\n%s", status, stderr, stdout)
	}
	for _, want := range []string{
		"template    security, because incident.incident_type.name == 'Security'",
		"no ticket   no template matched",
		"no ticket   private",
		"no ticket   status triage",
		`incident has no field "short_descriptions"`,
		"in place of",
		"issue       ENG-1 in Jira",
		"tickets     still 7",
		"7 incidents declared, 6 of them got their ticket, 1 got none",
		"lockstep demo -keep",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the scenario does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(stdout)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What the demonstration prints to try works while it stays up.
func TestDemoKeepsUp(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	text := started(t, lastPrinted, "demo", "-keep").String()
	address := regexp.MustCompile(`export LOCKSTEP_ADMIN=(\S+)`).FindStringSubmatch(text)[1]
	status, _, err := admin.NewClient(address, "").Status(t.Context())
	links := 0
	for _, route := range status.Routes {
		links += route.Links
	}
	if err != nil || !status.Ready || links != 7 {
		t.Errorf("status %+v, %v", status, err)
	}
	for _, command := range regexp.MustCompile(`(?m)^  lockstep (.*)$`).FindAllStringSubmatch(text, -1) {
		if code, stdout, stderr := lockstep(t, "", append(strings.Fields(command[1]), "-admin", address)...); code != 0 {
			t.Errorf("%s: exit %d: %s%s", command[1], code, stdout, stderr)
		}
	}
	if _, err := os.Stat(regexp.MustCompile(`EDITOR (\S+)`).FindStringSubmatch(text)[1]); err != nil {
		t.Error(err)
	}
	sh, declared := newShell(t), false
	at := regexp.MustCompile(`simulated here, on (http://[0-9.:]+)`).FindStringSubmatch(text)[1]
	for _, step := range printedSteps(text) {
		said := sh.run(t, step.Command)
		if strings.Contains(said, `"error`) {
			t.Errorf("%s: %s", step.What, said)
		}
		if strings.HasSuffix(step.What, "of the type Security") {
			declared = true
			shows(t, func() string { return addresses{at, at, at}.ask(t, "ServiceNow", "/api/now/table/incident") }, "Our database is sad", said)
		}
	}
	if !declared {
		t.Errorf("no step declares an incident:\n%s", text)
	}
}

func TestSandbox(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	webhooks := make(chan string, 10)
	receiver := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		webhooks <- r.Header.Get("Webhook-Signature")
	})}
	address, err := simulator.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	hook := newListener(t)
	go func() { _ = receiver.Serve(hook) }()
	defer receiver.Close()

	out := &output{lines: make(chan string, 1000)}
	done := make(chan int, 1)
	var stderr bytes.Buffer
	go func() {
		done <- run(ctx, []string{"sandbox", "-listen", address, "-webhook", "http://" + hook.Addr().String()},
			strings.NewReader(""), out, &stderr, noEnv)
	}()
	out.next(t, `^connector "incidentio" "acme" {`)
	out.next(t, `^connector "servicenow" "itsm" {`)
	out.next(t, `^# Jira: resolve it`)

	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/v2/incidents",
		strings.NewReader(`{"idempotency_key":"1","visibility":"public","name":"Our database is sad"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+incidentiotest.DefaultKey)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("creating an incident was answered with %s", response.Status)
	}
	select {
	case signature := <-webhooks:
		if !strings.HasPrefix(signature, "v1,") {
			t.Errorf("signature %q", signature)
		}
	case <-time.After(20 * time.Second):
		t.Error("no webhook came")
	}
	status, _, taken := lockstep(t, "", "sandbox", "-listen", address)
	if status != 1 || !strings.Contains(taken, "address already in use") {
		t.Errorf("a second sandbox: exit %d, stderr %q", status, taken)
	}
	cancel()
	if code := <-done; code != 0 {
		t.Errorf("exit %d: %s", code, &stderr)
	}
}

func TestSandboxBlocksAreAConfiguration(t *testing.T) {
	world, err := simulators.Start(t.Context(), simulators.Options{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/main.hcl", []byte(world.Blocks()), 0o600); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := lockstep(t, "", "check", dir)
	if status != 0 || stdout != dir+": good: 3 connectors, 0 routes, 0 templates\n" || strings.Count(stderr, "warning:") != 1 || !strings.Contains(stderr, "no routes") {
		t.Errorf("exit %d, stdout %q, stderr %s", status, stdout, stderr)
	}
	if status, _, stderr = lockstep(t, "", "fmt", "-check", dir); status != 0 {
		t.Errorf("the blocks are not in canonical style: %s", stderr)
	}
}

func TestExplain(t *testing.T) {
	dir := t.TempDir()
	const config = `
connector "incidentio" "acme" {
  api_key = env("KEY")
}
connector "servicenow" "itsm" {
  url      = "https://acme.service-now.com"
  username = "u"
  password = env("PASSWORD")
}
route "incidents" {
  source    = incidentio.acme.incident
  templates = [template.security]
}
route "secrets" {
  source    = incidentio.acme.incident
  private   = true
  templates = [template.security]
}
route "follow_ups" {
  source    = incidentio.acme.follow_up
  templates = [template.follow_up]
}
template "security" {
  target = servicenow.itsm.incident
  when   = "incident.incident_type.name == 'Security'"
  outbound {
    short_description = "{{ incident.name }}"
  }
}
template "follow_up" {
  target = servicenow.itsm.incident
  outbound {
    short_description = "{{ follow_up.title }}"
  }
}
`
	if err := os.WriteFile(dir+"/main.hcl", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	incident := func(visibility, kind string) string {
		return `{"incident":{"id":"01FDAG4SAP5TYPT98WGR2N7W91","reference":"INC-1","name":"Our database is sad","visibility":"` + visibility +
			`","mode":"standard","incident_status":{"name":"Investigating","category":"live"},"incident_type":{"name":"` + kind + `"}}}`
	}
	const head = "record    incidentio.acme.incident/01FDAG4SAP5TYPT98WGR2N7W91\n"
	const created = "template  security\ntarget    servicenow.itsm.incident\naction    create\n  short_description  \"Our database is sad\"\n"
	const none = "template  -\naction    none\nreason    no template matched\n" +
		"skipped   security: false: incident.incident_type.name == 'Security' (incident.incident_type.name = \"Outage\")\n"
	const private = "template  -\naction    none\nreason    private\n"
	const privateEvent = `{"event_type":"private_incident.incident_created_v2","private_incident.incident_created_v2":{"id":"01FDAG4SAP5TYPT98WGR2N7W91"}}`
	tests := []struct {
		name, args, record string
		status             int
		stdout, stderr     string
	}{
		{"every route", "", incident("public", "Security"), 0, "route     incidents\n" + head + created + "\nroute     secrets\n" + head + created, ""},
		{"one route", "-route secrets", incident("public", "Security"), 0, "route     secrets\n" + head + created, ""},
		{"one source", "-source incidentio.acme.incident -route incidents", incident("public", "Outage"), 0, "route     incidents\n" + head + none, ""},
		{"private", "-route incidents", incident("private", "Security"), 0, "route     incidents\n" + head + private, ""},
		{"private event", "-route incidents", privateEvent, 0, "route     incidents\n" + head + private, ""},
		{"private event on a route that needs more", "-route secrets", privateEvent, 1, "", "give the record itself"},
		{"another record", "-source incidentio.acme.follow_up", incident("public", "Security"), 1, "", "not of incidentio.acme.follow_up"},
		{"no JSON", "", "hello", 1, "", "standard input"},
		{"unknown route", "-route incidnts", "{}", 1, "", `there is no route "incidnts"; did you mean "incidents"?`},
		{"unknown source", "-source incidentio.acme.incidents", "{}", 1, "", `did you mean "incidentio.acme.incident"?`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"explain", "-record", "-"}, strings.Fields(tt.args)...)
			status, stdout, stderr := lockstep(t, tt.record, append(args, dir)...)
			if status != tt.status || stdout != tt.stdout || !strings.Contains(stderr, tt.stderr) || tt.stderr == "" && stderr != "" {
				t.Errorf("exit %d, want %d\nstderr: %s\nstdout:\n%s\nwant:\n%s", status, tt.status, stderr, stdout, tt.stdout)
			}
		})
	}
	status, stdout, _ := lockstep(t, incident("public", "Security"), "explain", "-json", "-record", "-", dir)
	var decisions []struct{ Route, Action string }
	if err := json.Unmarshal([]byte(stdout), &decisions); status != 0 || err != nil || len(decisions) != 2 || decisions[1].Route != "secrets" || decisions[1].Action != "create" {
		t.Errorf("-json: exit %d, %v:\n%s", status, err, stdout)
	}
	if status, _, stderr := lockstep(t, "", "explain", "-record", dir+"/gone.json", dir); status != 1 || !strings.Contains(stderr, "gone.json") {
		t.Errorf("a file that is not there: exit %d, stderr %q", status, stderr)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(dir+"/main.hcl", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	type diagnostic struct {
		Severity, File, Summary string
		Line, Column            int
	}
	asJSON := func(args ...string) (int, []diagnostic) {
		t.Helper()
		status, stdout, _ := lockstep(t, "", append([]string{"check", "-json", dir}, args...)...)
		var found []diagnostic
		if err := json.Unmarshal([]byte(stdout), &found); err != nil || found == nil {
			t.Fatalf("%v: %s", err, stdout)
		}
		return status, found
	}

	status, stdout, stderr := lockstep(t, "", "check", dir)
	if status != 1 || stdout != "" || stderr == "" {
		t.Errorf("no files: exit %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	write("daemon {}\n")
	if status, found := asJSON(); status != 0 || len(found) != 1 || found[0].Severity != "warning" || found[0].Summary != "no routes: nothing is kept in step" {
		t.Errorf("good: exit %d, %v", status, found)
	}
	write("locals {\n  a = var.x\n}\n")
	status, stdout, stderr = lockstep(t, "", "check", dir)
	if status != 1 || stdout != "" || !strings.HasPrefix(stderr, dir+"/main.hcl:2:") {
		t.Errorf("bad: exit %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	if status, found := asJSON(); status != 1 || len(found) != 1 || found[0].Severity != "error" || found[0].Line != 2 {
		t.Errorf("bad: exit %d, %v", status, found)
	}
	const variable = "variable \"x\" {}\nlocals {\n  a = var.x\n}\n"
	write(variable)
	if status, _ := asJSON(); status != 1 {
		t.Errorf("a variable without a value: exit %d", status)
	}
	if status, found := asJSON("-var", "x=1"); status != 0 {
		t.Errorf("a variable with a value: exit %d, %v", status, found)
	}

	// A template that no route uses is a warning.
	write(`
connector "servicenow" "itsm" {
  url      = "https://acme.service-now.com"
  username = "u"
  password = "p"
}
template "t" {
  target = servicenow.itsm.incident
  outbound {
    short_description = "x"
  }
}
`)
	if status, found := asJSON(); status != 0 || len(found) == 0 || found[0].Severity != "warning" {
		t.Errorf("a warning: exit %d, %v", status, found)
	}
	if status, _ := asJSON("-strict"); status != 1 {
		t.Errorf("a warning with -strict: exit %d", status)
	}
}
