package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/daemon/simulators"
)

// A shell runs commands one after the other, as a person does who pastes them.
type shell struct {
	in  io.Writer
	out *bufio.Reader
}

func newShell(t *testing.T) *shell {
	t.Helper()
	for _, needed := range []string{"sh", "curl", "grep"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("what is printed for people to copy is not run: there is no %s here", needed)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "sh")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return &shell{in, bufio.NewReader(out)}
}

// run returns what a command prints.
func (s *shell) run(t *testing.T, command string) string {
	t.Helper()
	const end = "(end of the command)" // on a line of its own, whatever comes before
	if _, err := fmt.Fprintf(s.in, "%s\nprintf '\\n%s\\n'\n", command, end); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after:\n%s", err, &all)
		}
		if strings.TrimSpace(line) == end {
			return all.String()
		}
		all.WriteString(line)
	}
}

// lastPrinted ends what is printed for people to copy.
const lastPrinted = `/v1/incident_attachments?incident_id=$INCIDENT"`

// printedSteps are the commands in what was printed: a line that begins with # says
// what they do, an empty line ends them.
func printedSteps(text string) (steps []simulators.Step) {
	for part := range strings.SplitSeq(text, "\n\n") {
		what, command, found := strings.Cut(strings.Trim(part, "\n"), "\n")
		if what, ok := strings.CutPrefix(what, "# "); ok && found && regexp.MustCompile(`^(curl|printf|[A-Z]+=)`).MatchString(command) {
			steps = append(steps, simulators.Step{What: what, Command: command})
		}
	}
	return steps
}

// addresses are where the simulated systems are.
type addresses struct{ incidents, tickets, issues string }

// ask reads something as lockstep's own user.
func (a addresses) ask(t *testing.T, system, path string) string {
	t.Helper()
	base := map[string]string{"incident.io": a.incidents, "ServiceNow": a.tickets, "Jira": a.issues}[system]
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "application/json")
	switch system {
	case "incident.io":
		request.Header.Set("Authorization", "Bearer "+incidentiotest.DefaultKey)
	case "ServiceNow":
		request.SetBasicAuth(simulators.User, servicenowtest.DefaultPassword)
	case "Jira":
		request.SetBasicAuth(jiratest.DefaultEmail, jiratest.DefaultAPIToken)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// An effect is where the other system shows that a step was carried over. Where
// system is empty, the step itself is to print it.
type effect struct{ system, path, want string }

// effects are what the steps have to bring about where Engineering's incidents go to
// Jira and Security's to ServiceNow.
func effects() map[string]effect {
	const tickets, issue = "/api/now/table/incident", "/rest/api/3/issue/ENG-1"
	return map[string]effect{
		"incident.io: declare a Critical incident of the type Engineering": {"Jira", issue, "Our database is sad"},
		"incident.io: declare a Critical incident of the type Security":    {"ServiceNow", tickets, "Our database is sad"},
		"incident.io: take INC-1":                                          {},
		"incident.io: rename it":                                           {"Jira", issue, "It is worse than that"},
		"incident.io: post an update on it":                                {"Jira", issue + "/comment", "We are on it."},
		"incident.io: look at the incident, and what came from its ticket": {want: "The index is rebuilt."},
		"ServiceNow: look at the tickets":                                  {want: "INC0010001"},
		"ServiceNow: take the first one":                                   {},
		"ServiceNow: add a work note":                                      {"incident.io", "/v2/incident_timeline_items?incident_id=INC-2", "The cache is full."},
		"ServiceNow: attach a picture":                                     {"incident.io", "/v1/incident_attachments?incident_id=INC-2", "screen.png"},
		"ServiceNow: resolve it":                                           {"incident.io", "/v2/incidents/INC-2", `"name":"Documenting"`},
		"Jira: look at ENG-1":                                              {want: "It is worse than that"},
		"Jira: comment on it":                                              {"incident.io", "/v2/incident_timeline_items?incident_id=INC-1", "The index is rebuilt."},
		"Jira: attach a picture":                                           {"incident.io", "/v1/incident_attachments?incident_id=INC-1", "graph.png"},
		"Jira: resolve it, by way of review":                               {"incident.io", "/v2/incidents/INC-1", `"name":"Documenting"`},
	}
}

// tryEverything runs what was printed, step by step, and waits until each is seen in
// the other system.
func tryEverything(t *testing.T, steps []simulators.Step, at addresses) {
	t.Helper()
	all := effects()
	if len(steps) != len(all) {
		t.Fatalf("%d steps were printed, of %d is known what they bring about:\n%v", len(steps), len(all), steps)
	}
	sh := newShell(t)
	for _, step := range steps {
		want, known := all[step.What]
		if !known {
			t.Fatalf("step %q: it is not known what it brings about", step.What)
		}
		delete(all, step.What)
		for line := range strings.Lines(step.Command) {
			if len(strings.TrimRight(line, "\n")) > 80 {
				t.Errorf("%s: a line of %d columns: %s", step.What, len(line), line)
			}
		}
		said := sh.run(t, step.Command)
		if strings.Contains(said, `"error`) {
			t.Errorf("%s: it prints %s", step.What, said)
		}
		if want.system == "" {
			if !strings.Contains(said, want.want) {
				t.Errorf("%s: it prints %s, want %q in it", step.What, said, want.want)
			}
			continue
		}
		path := regexp.MustCompile(`INC-(\d+)`).ReplaceAllStringFunc(want.path, func(name string) string {
			return regexp.MustCompile(`"id":"(\w+)"`).FindStringSubmatch(at.ask(t, "incident.io", "/v2/incidents/"+name[4:]))[1]
		})
		shows(t, func() string { return at.ask(t, want.system, path) }, want.want, step.What+": "+said)
	}
}

// shows waits until something holds a text.
func shows(t *testing.T, ask func() string, want, about string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for last := ""; ; {
		if last = ask(); strings.Contains(last, want) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s\nwas not carried over: %q is not in\n%s", about, want, last)
		}
	}
}
