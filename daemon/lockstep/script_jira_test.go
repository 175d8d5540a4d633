package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
	"github.com/lockstep-sync/lockstep/engine"
)

// jiraFile is the connector block of the simulated Jira, for scripts that want
// one. Its search lags.
const jiraFile = `
connector "jira" "eng" {
  url       = env("JIRA_URL")
  email     = "bot@acme.example"
  api_token = env("JIRA_API_TOKEN")
  settle    = "2s"
  index_lag = "2s"

  poll_interval = "1s"
}
`

// issueOf returns the key of an incident's issue; "" while it has none.
func (p *play) issueOf(name string) string {
	answer, err := p.ask("/v1/links")
	p.ts.Check(err)
	var links []engine.LinkView
	p.ts.Check(json.Unmarshal(answer, &links))
	for _, l := range links {
		if l.Source.ID == p.id(name) && l.Target != nil && l.Target.Type == "jira" {
			return l.Number
		}
	}
	return ""
}

// issue returns the lines that describe an incident's issue.
func (p *play) issue(name string) []string {
	key := p.issueOf(name)
	fields := p.issues.Issue(key)
	if fields == nil {
		return nil
	}
	lines := []string{"key " + key, "status " + p.issues.Status(key), fmt.Sprint("summary ", fields["summary"])}
	for field, member := range map[string]string{"priority": "name", "issuetype": "name", "resolution": "name", "parent": "key"} {
		if object, ok := fields[field].(map[string]any); ok {
			lines = append(lines, fmt.Sprint(field, " ", object[member]))
		}
	}
	for _, c := range p.issues.Comments(key) {
		lines = append(lines, "comment "+c)
	}
	for _, name := range slices.Sorted(maps.Keys(p.issues.Files(key))) {
		lines = append(lines, fmt.Sprintf("file %s (%d bytes)", name, len(p.issues.Files(key)[name])))
	}
	return lines
}

// cmdOpenTicket opens a ServiceNow incident as somebody; it goes by the name
// afterwards.
func (p *play) cmdOpenTicket(args []string) {
	fields := servicenowtest.Row{}
	for _, pair := range args[1:] {
		key, value := p.keyValue(pair)
		fields[key] = value
	}
	id, err := p.itsm.Open("incident", "fred.luddy", fields)
	p.ts.Check(err)
	p.ids[args[0]], p.opened[args[0]] = id, true
}

// cmdUntilFiles waits until an incident's ticket has so many files.
func (p *play) cmdUntilFiles(args []string) {
	p.until(args[1]+" files", func() bool {
		t, ok := p.ticketOf(args[0])
		return ok && fmt.Sprint(len(p.itsm.Attachments("incident", t["sys_id"]))) == args[1]
	})
	p.cmdQuiet(nil)
	t, _ := p.ticketOf(args[0])
	if n := len(p.itsm.Attachments("incident", t["sys_id"])); fmt.Sprint(n) != args[1] {
		p.ts.Fatalf("%d files when all was quiet", n)
	}
}

// cmdWork works an incident's issue: says a word, makes a transition, or renames
// it.
func (p *play) cmdWork(args []string) {
	key := p.issueOf(args[0])
	if key == "" {
		p.ts.Fatalf("%s has no issue", args[0])
	}
	switch args[1] {
	case "say":
		p.issues.Say(key, "acc-ann", args[2], false)
	case "move":
		var screen map[string]any
		if len(args) > 3 {
			screen = map[string]any{"resolution": map[string]any{"name": args[3]}}
		}
		p.ts.Check(p.issues.Move(key, "acc-ann", args[2], screen))
	case "rename":
		p.ts.Check(p.issues.Edit(key, "acc-ann", map[string]any{"summary": args[2]}))
	case "attach":
		p.issues.Attach(key, "acc-ann", args[2], "image/png", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"))
	default:
		p.ts.Fatalf("work: say, move, rename or attach, not %q", args[1])
	}
}

// cmdUntilIssues waits until there are so many issues and no more.
func (p *play) cmdUntilIssues(args []string) {
	p.until(args[0]+" issues", func() bool { return fmt.Sprint(len(p.issues.Issues())) == args[0] })
	p.cmdQuiet(nil)
	if n := len(p.issues.Issues()); fmt.Sprint(n) != args[0] {
		p.ts.Fatalf("%d issues when all was quiet: %s", n, strings.Join(p.issues.Issues(), ", "))
	}
}

// endpoint returns the simulated system that a script names.
func (p *play) endpoint(name string) (*simulator.Endpoint, string) {
	switch name {
	case "servicenow":
		return p.itsm.Endpoint, "/table/incident"
	case "jira":
		return p.issues.Endpoint, "/rest/api/3/issue"
	case "incidentio":
		return p.incidents.Endpoint, "/v2/incidents"
	}
	p.ts.Fatalf("there is no system %q", name)
	return nil, ""
}

// cmdUntilConnected waits until a follow-up names its issue.
func (p *play) cmdUntilConnected(args []string) {
	p.until(args[0]+" names "+args[1], func() bool {
		for _, i := range p.incidents.Incidents() {
			for _, f := range p.incidents.FollowUps(i.ID) {
				if f.ID == p.id(args[0]) && f.ExternalIssueReference != nil {
					return f.ExternalIssueReference.Name == args[1]
				}
			}
		}
		return false
	})
}

// cmdPlant has somebody take the place of an incident's ticket: it is deleted,
// and they open one of their own with its key. The store is lost.
func (p *play) cmdPlant(args []string) {
	name := args[0]
	if key := p.issueOf(name); key != "" {
		labels, properties := p.issues.Issue(key)["labels"], p.issues.Properties(key)
		planted, err := p.issues.Open("ENG", "acc-ann", map[string]any{"labels": labels, "summary": "mine"})
		p.ts.Check(err)
		for property, value := range properties {
			p.issues.SetProperty(planted, property, value)
		}
		p.issues.Delete(key)
		p.until("the search shows the planted issue", func() bool { return p.issues.Searchable(planted) })
	} else {
		t, ok := p.ticketOf(name)
		if !ok {
			p.ts.Fatalf("%s has no ticket", name)
		}
		_, err := p.itsm.Open("incident", "fred.luddy", servicenowtest.Row{"short_description": "mine", "correlation_id": t["correlation_id"]})
		p.ts.Check(err)
		p.itsm.Delete("incident", t["sys_id"])
	}
	p.cmdStop(nil)
	p.ts.Check(os.RemoveAll(filepath.Join(p.work, "data")))
}
