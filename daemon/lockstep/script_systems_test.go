package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/rules"
)

func (p *play) cmdIncident(args []string) {
	if len(args) < 2 {
		p.ts.Fatalf("incident: create or edit, a name, and key=value…")
	}
	p.incident(args[0], args[1], args[2:])
}

func (p *play) incident(verb, name string, pairs []string) {
	var changes []incidentiotest.Change
	for _, pair := range pairs {
		key, value := p.keyValue(pair)
		switch key {
		case "name":
			changes = append(changes, incidentiotest.SetName(value))
		case "summary":
			changes = append(changes, incidentiotest.SetSummary(value))
		case "type":
			changes = append(changes, incidentiotest.SetType(value))
		case "severity":
			changes = append(changes, incidentiotest.SetSeverity(value))
		case "status":
			changes = append(changes, incidentiotest.SetStatus(value))
		case "mode":
			changes = append(changes, incidentiotest.SetMode(value))
		case "private":
			visibility := "public"
			if value == "true" {
				visibility = "private"
			}
			changes = append(changes, incidentiotest.SetVisibility(visibility))
		default:
			p.ts.Fatalf("incident: %q is not a field that scripts set", key)
		}
	}
	if verb == "create" {
		created, err := p.incidents.CreateIncident(append([]incidentiotest.Change{incidentiotest.SetStatus("Investigating")}, changes...)...)
		p.ts.Check(err)
		p.ids[name] = created.ID
		return
	}
	_, err := p.incidents.EditIncident(p.id(name), changes...)
	p.ts.Check(err)
}

func (p *play) id(name string) string {
	id, ok := p.ids[name]
	if !ok {
		p.ts.Fatalf("there is no incident %q", name)
	}
	return id
}

// cmdWebhook delivers what waits; that it was taken is part of the command.
func (p *play) cmdWebhook([]string) {
	if p.deliver() == 0 {
		p.ts.Logf("nothing waited to be delivered")
	}
}

func (p *play) deliver() (taken int) {
	for _, attempt := range p.incidents.Deliver(context.Background(), incidentiotest.Order{Tries: 1}) {
		if attempt.Err == nil && attempt.Status != 202 {
			p.ts.Fatalf("a webhook was answered %d", attempt.Status)
		}
		if attempt.Err == nil {
			taken++
		}
	}
	return taken
}

func (p *play) cmdFault(args []string) {
	argument := ""
	if len(args) > 2 {
		argument = args[2]
	}
	system, path := p.endpoint(args[0])
	kinds := map[string]simulator.FaultKind{
		"error-after-commit": simulator.FailAfter, "reset-after-commit": simulator.ResetAfter,
		"reset-before-commit": simulator.ResetBefore, "cut": simulator.CutBody,
	}
	switch kind, ok := kinds[args[1]]; {
	case ok:
		system.Inject(simulator.Fault{Kind: kind, Method: argument, Path: path, Times: 1})
	case args[1] == "throttle":
		pause, err := time.ParseDuration(argument)
		p.ts.Check(err)
		system.Inject(simulator.Fault{Kind: simulator.Throttle, RetryAfter: pause, Times: 1})
	case args[1] == "bad":
		system.Inject(simulator.Fault{Kind: simulator.FailBefore, Status: 400, Method: argument, Path: path})
	case args[1] == "down":
		system.Inject(simulator.Fault{Kind: simulator.FailBefore, Status: 503})
	case args[1] == "up":
		system.ClearFaults()
	case args[1] == "reject":
		p.itsm.DenyWrites("incident", true)
	case args[1] == "allow":
		p.itsm.DenyWrites("incident", false)
	default:
		p.ts.Fatalf("fault: no kind %q", args[1])
	}
}

func (p *play) cmdCalls(args []string) {
	system, _ := p.endpoint(args[0])
	fmt.Fprintln(p.ts.Stdout(), system.Count(args[1], args[2]))
}

// cmdSilence checks, by the times at which requests came, that none followed a
// 429 within the pause.
func (p *play) cmdSilence(args []string) {
	pause, err := time.ParseDuration(args[1])
	p.ts.Check(err)
	throttled := time.Time{}
	for _, r := range p.itsm.Requests() {
		if !throttled.IsZero() && r.At.Before(throttled.Add(pause)) {
			p.ts.Fatalf("%s %s was sent %v after the 429", r.Method, r.Path, r.At.Sub(throttled))
		}
		if r.Status == 429 {
			throttled = r.At
		}
	}
	if throttled.IsZero() {
		p.ts.Fatalf("nothing was throttled")
	}
}

// scriptFields are what a ticket is printed with.
var scriptFields = []string{"short_description", "description", "state", "urgency", "impact", "opened_by", "category", "close_code", "close_notes"}

func (p *play) printTicket(t servicenowtest.Row) {
	width := 0
	fields := map[string]string{}
	for _, f := range scriptFields {
		v := t[f]
		if v == "" {
			continue
		}
		if f == "opened_by" {
			v = p.userName(v)
		}
		fields[f] = v
		width = max(width, len(f))
	}
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(p.ts.Stdout(), "%-*s  %s\n", width, f, fields[f])
	}
}

func (p *play) userName(id string) string {
	for _, row := range p.itsm.Rows("sys_user") {
		if row["sys_id"] == id {
			return row["user_name"]
		}
	}
	return id
}

func (p *play) cmdTickets(args []string) {
	all := p.itsm.Tickets()
	if slices.Contains(args, "-count") {
		fmt.Fprintln(p.ts.Stdout(), len(all))
		return
	}
	if len(all) != 1 {
		p.ts.Fatalf("%d tickets, want 1", len(all))
	}
	p.printTicket(all[0])
}

// ticketOf returns the ticket of an incident's or follow-up's link; of one that was
// seen before also while no daemon runs.
func (p *play) ticketOf(name string) (servicenowtest.Row, bool) {
	if p.opened[name] {
		t := p.itsm.Ticket("incident", p.id(name))
		return t, t != nil
	}
	if id := p.tickets[name]; id != "" && p.process == nil {
		t := p.itsm.Ticket("incident", id)
		return t, t != nil
	}
	answer, err := p.ask("/v1/links")
	p.ts.Check(err)
	var links []engine.LinkView
	p.ts.Check(json.Unmarshal(answer, &links))
	for _, l := range links {
		if l.Source.ID == p.id(name) && l.Target != nil {
			t := p.itsm.Ticket("incident", l.Target.ID)
			p.tickets[name] = l.Target.ID
			return t, t != nil
		}
	}
	return nil, false
}

func (p *play) cmdTicket(args []string) {
	t, ok := p.ticketOf(args[0])
	if !ok {
		p.ts.Fatalf("%s has no ticket", args[0])
	}
	p.printTicket(t)
}

func (p *play) cmdUntilTickets(args []string) {
	want, err := strconv.Atoi(args[0])
	p.ts.Check(err)
	p.until(fmt.Sprintf("%d tickets and links", want), func() bool {
		links := 0
		for _, r := range p.status().Routes {
			links += r.Links
		}
		return len(p.itsm.Tickets()) == want && links >= want
	})
	p.cmdQuiet(nil)
	if got := len(p.itsm.Tickets()); got != want {
		p.ts.Fatalf("%d tickets when all was quiet, want %d\n%s", got, want, p.logs())
	}
}

func (p *play) cmdUntilTicket(args []string) {
	key, value := p.keyValue(args[1])
	p.until(args[0]+" has a ticket with "+args[1], func() bool {
		t, ok := p.ticketOf(args[0])
		return ok && t[key] == value
	})
}

func (p *play) decisions(name string) string {
	answer, err := p.ask("/v1/decisions?record=" + url.QueryEscape("incidentio.acme.incident/"+p.id(name)))
	p.ts.Check(err)
	var b bytes.Buffer
	p.ts.Check(json.Compact(&b, answer))
	return b.String()
}

func (p *play) cmdDecisions(args []string) { fmt.Fprintln(p.ts.Stdout(), p.decisions(args[0])) }

func (p *play) cmdUntilDecision(args []string) {
	p.until(args[0]+" is decided", func() bool { return strings.Contains(p.decisions(args[0]), `"action":"`+args[1]+`"`) })
	p.cmdDecisions(args)
}

func (p *play) cmdUntilDead(args []string) {
	want, err := strconv.Atoi(args[0])
	p.ts.Check(err)
	p.until(args[0]+" dead letters", func() bool {
		n := 0
		for _, r := range p.status().Routes {
			n += r.Dead
		}
		return n == want
	})
}

// cmdUntilStatus waits for config.ok.
func (p *play) cmdUntilStatus(args []string) {
	want := args[1] == "true"
	p.until(strings.Join(args, " is "), func() bool { return p.status().Config.OK == want })
}

// cmdUntilGeneration waits until the daemon runs what the files hold.
func (p *play) cmdUntilGeneration(args []string) {
	set, found := rules.Load(context.Background(), p.ts.MkAbs(args[0]), rules.Options{Systems: systems(), Offline: true, Env: func(name string) (string, bool) {
		v := p.ts.Getenv(name)
		return v, v != ""
	}})
	if set == nil {
		p.ts.Fatalf("the files are bad: %v", found)
	}
	p.until("the generation of the files runs", func() bool { return p.status().Generation == set.Generation })
}

func (p *play) cmdUntilCalls(args []string) {
	want, err := strconv.Atoi(args[1])
	p.ts.Check(err)
	p.until(args[1]+" calls", func() bool { return p.itsm.Count("", "/") >= want })
}

// cmdQuiet waits until no hint is pending or in work.
func (p *play) cmdQuiet([]string) {
	p.until("all is quiet", func() bool {
		for _, r := range p.status().Routes {
			if r.Pending > 0 || r.InFlight > 0 {
				return false
			}
		}
		return true
	})
}

func (p *play) cmdNowhere(args []string) {
	for _, root := range args[1:] {
		files := 0
		err := filepath.WalkDir(p.ts.MkAbs(root), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			files++
			content, err := os.ReadFile(path)
			if err == nil && bytes.Contains(content, []byte(args[0])) {
				p.ts.Fatalf("%s holds %q", path, args[0])
			}
			return err
		})
		p.ts.Check(err)
		if files == 0 {
			p.ts.Fatalf("%s holds no file", root)
		}
	}
}

func (p *play) cmdRetryDead([]string) {
	answer, err := p.ask("/v1/dead")
	p.ts.Check(err)
	var letters []deadletter.Letter
	p.ts.Check(json.Unmarshal(answer, &letters))
	args := []string{"dead", "retry"}
	for _, l := range letters {
		args = append(args, l.ID)
	}
	p.ts.Check(p.ts.Exec("lockstep", args...))
}

func (p *play) cmdLink(args []string) {
	answer, err := p.ask("/v1/links")
	p.ts.Check(err)
	var links []engine.LinkView
	p.ts.Check(json.Unmarshal(answer, &links))
	for _, l := range links {
		if l.Source.ID != p.id(args[0]) || l.Target == nil {
			continue
		}
		if args[1] == "adopt" {
			p.ts.Check(p.ts.Exec("lockstep", "links", "adopt", l.Route, l.Source.String(), l.Target.String()))
		} else {
			p.ts.Check(p.ts.Exec("lockstep", "links", args[1], l.ID))
		}
		return
	}
	p.ts.Fatalf("%s has no link", args[0])
}

// cmdStatus runs a command that must exit with a status of its own.
func (p *play) cmdStatus(args []string) {
	want, err := strconv.Atoi(args[0])
	p.ts.Check(err)
	got := 0
	if err := p.ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			p.ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		p.ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// connector returns how a connector does, by its name.
func (p *play) connector(name string) breaker.ConnectorStatus {
	for _, c := range p.status().Connectors {
		if c.Name == name {
			return c
		}
	}
	return breaker.ConnectorStatus{}
}

func (p *play) cmdUntilRefused(args []string) {
	p.until(args[0]+" is refused", func() bool { return p.connector(args[0]).Refused })
}

func (p *play) cmdUntilWell(args []string) {
	p.until(args[0]+" does well", func() bool { return p.connector(args[0]).OK })
}

func (p *play) cmdAgent(args []string) {
	t, ok := p.ticketOf(args[0])
	if !ok {
		p.ts.Fatalf("%s has no ticket", args[0])
	}
	changes := servicenowtest.Row{}
	for _, pair := range args[1:] {
		key, value := p.keyValue(pair)
		changes[key] = value
	}
	p.ts.Check(p.itsm.Edit("incident", t["sys_id"], "fred.luddy", changes))
}

func (p *play) cmdRestart(args []string) {
	p.cmdStop(nil)
	p.cmdDaemon(args)
}

// cmdUntilIncident waits for an incident's name or the beginning of a custom
// field.
func (p *play) cmdUntilIncident(args []string) {
	field, want := p.keyValue(args[1])
	p.until(args[0]+" has "+args[1], func() bool {
		i, ok := p.incidents.Incident(p.id(args[0]))
		if !ok {
			return false
		}
		if field == "name" {
			return i.Name == want
		}
		entry := strings.TrimPrefix(field, "custom_fields/")
		for _, f := range i.CustomFieldEntries {
			if f.CustomField.Name != entry {
				continue
			}
			for _, v := range f.Values {
				if strings.HasPrefix(v.Text, want) {
					return true
				}
			}
		}
		return false
	})
}

func (p *play) cmdFollowUp(args []string) {
	if args[0] == "create" {
		_, title := p.keyValue(args[3])
		made, err := p.incidents.AddFollowUp(p.id(args[2]), incidentiotest.FollowUp{Title: title})
		p.ts.Check(err)
		p.ids[args[1]] = made.ID
		return
	}
	_, title := p.keyValue(args[2])
	p.ts.Check(p.incidents.EditFollowUp(p.id(args[1]), func(f *incidentiotest.FollowUp) { f.Title = title }))
}

func (p *play) cmdChild(args []string) {
	child, okChild := p.ticketOf(args[0])
	parent, okParent := p.ticketOf(args[1])
	if !okChild || !okParent || child["parent"] != parent["sys_id"] {
		p.ts.Fatalf("the ticket of %s is below %q, not below that of %s", args[0], child["parent"], args[1])
	}
}

func (p *play) cmdUntilFollowUp(args []string) {
	key, want := p.keyValue(args[1])
	p.until(args[0]+" has "+args[1], func() bool {
		for _, i := range p.incidents.Incidents() {
			for _, f := range p.incidents.FollowUps(i.ID) {
				if f.ID == p.id(args[0]) && (key == "title" && f.Title == want || key == "status" && f.Status == want) {
					return true
				}
			}
		}
		return false
	})
}
