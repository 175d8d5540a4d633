package demo

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/daemon/simulators"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/rules"
)

// explain decides the record again, as 'lockstep explain' does, and shows what
// decided.
func (s *scenario) explain(record connectors.Ref) error {
	incident, ok := s.systems.Incidents.Incident(record.ID)
	if !ok {
		return fmt.Errorf("%s is gone", record)
	}
	body, err := json.Marshal(map[string]any{"incident": incident})
	if err != nil {
		return err
	}
	decisions, err := engine.Explain(s.set, s.set.Routes, body, nil)
	if err != nil {
		return err
	}
	for _, d := range decisions {
		for _, skipped := range d.Skipped {
			s.skipped(skipped)
		}
		if d.Template == "" {
			s.line("no ticket", d.Reason)
			continue
		}
		s.line("template", d.Template+", because "+d.Condition)
		if d.Action == rules.None {
			s.line("no ticket", d.Reason)
		}
	}
	return nil
}

// skipped shows a template that was tried before, and the fields that decided
// against it.
func (s *scenario) skipped(t rules.Skipped) {
	s.line("skipped", t.Template+", because "+t.Condition+" is false:")
	for _, o := range t.Operands {
		s.paragraph(strings.Repeat(" ", 15), fmt.Sprintf("%s = %s", o.Path, o.JSON))
	}
}

// show shows fields of a ticket as ServiceNow holds them.
func (s *scenario) show(ticket servicenowtest.Row, fields ...string) {
	s.line("ticket", ticket["number"]+" in ServiceNow")
	for _, f := range fields {
		s.detail(f, quoted(ticket[f]))
	}
}

// showIssue shows an issue with its comments.
func (s *scenario) showIssue(key string) {
	issue := s.systems.Issues.Issue(key)
	s.line("issue", key+" in Jira")
	summary, _ := issue["summary"].(string)
	s.detail("summary", quoted(summary))
	s.detail("status", quoted(s.systems.Issues.Status(key)))
	for _, c := range s.systems.Issues.Comments(key) {
		s.detail("comment", c)
	}
}

// showTicket shows a ticket with its journal and files.
func (s *scenario) showTicket(number string) {
	ticket := s.systems.Tickets.Ticket("incident", number)
	s.show(ticket, "short_description", "state")
	for _, e := range s.systems.Tickets.Journal("incident", number) {
		s.detail(strings.TrimSuffix(e.Element, "s"), e.By+": "+e.Value)
	}
	for _, f := range s.systems.Tickets.Attachments("incident", number) {
		s.detail("attachment", f.Name)
	}
}

// showIncident shows an incident with what came from its ticket.
func (s *scenario) showIncident(record connectors.Ref) {
	incident, _ := s.systems.Incidents.Incident(record.ID)
	s.line("incident", incident.Reference+" in incident.io")
	s.detail("status", incident.IncidentStatus.Name)
	for _, f := range incident.CustomFieldEntries {
		if len(f.Values) > 0 {
			s.detail(f.CustomField.Name, f.Values[0].Text)
		}
	}
	for _, i := range s.systems.Incidents.TimelineItems(record.ID) {
		s.detail("timeline", i.Title+": "+i.Description)
	}
	for _, a := range s.systems.Incidents.Attachments(record.ID) {
		s.detail("attachment", a.Resource.Title+", a link to the other system")
	}
}

// detail prints one thing of a record; further lines stand below its first.
func (s *scenario) detail(name, text string) {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "\n")
	s.paragraph(fmt.Sprintf("               %-18s ", name), text)
}

func (s *scenario) title(text string) {
	s.scene++
	s.heading(fmt.Sprintf("%d. ", s.scene), text)
}

func (s *scenario) line(what, text string) { s.paragraph(fmt.Sprintf("   %-10s  ", what), text) }

func (s *scenario) say(format string, args ...any) {
	s.paragraph("   ", fmt.Sprintf(format, args...))
}

func (s *scenario) epilogue(took time.Duration) {
	incidents, followUps := len(s.systems.Incidents.Incidents()), 0
	for _, i := range s.systems.Incidents.Incidents() {
		followUps += len(s.systems.Incidents.FollowUps(i.ID))
	}
	tickets := s.allTickets() - followUps
	fmt.Fprintln(s.Out)
	s.paragraph("", fmt.Sprintf("In %.1f seconds: %d incidents declared, %d of them got their ticket, %d got none and the reason is known; "+
		"what people did on either side reached the other, once; a mistake in the rules stopped nothing; a restart lost nothing and opened nothing twice.",
		took.Seconds(), incidents, tickets, incidents-tickets))
	if s.Keep {
		s.keepsUp()
		return
	}
	fmt.Fprintf(s.Out, "\nTry next:\n")
	s.command("demo -keep", "the same, and it stays up for you to work in")
	s.command("init my-rules", "rules of your own to begin with")
	s.command("run -sandbox my-rules", "the daemon on them, with simulated systems")
	const rules = "examples/engineering-to-jira-security-to-servicenow"
	if _, err := os.Stat(rules); err == nil {
		s.command("test "+rules, "the tests of the rules you saw")
	}
}

// command prints a command line to try, and what it does.
func (s *scenario) command(arguments, what string) {
	fmt.Fprintf(s.Out, "  %s %s\n", s.Command, arguments)
	s.paragraph("      ", what)
}

// keepsUp says what there is to try while everything stays up.
func (s *scenario) keepsUp() {
	fmt.Fprintf(s.Out, `
Everything stays up until you stop it (Ctrl-C). Try, in another terminal:

  export LOCKSTEP_ADMIN=%s
  %s status
  %s links
  $EDITOR %s/incidents.hcl

`, s.address.Admin, s.Command, s.Command, s.conf)
	fmt.Fprint(s.Out, simulators.LoginHeader)
	s.systems.WriteLogins(s.Out)
	fmt.Fprint(s.Out, simulators.WorkAsPeople)
	simulators.WriteSteps(s.Out, append(s.systems.Steps(), s.systems.Look()...))
}

func quoted(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string always marshals
	return strings.TrimSpace(b.String())
}
