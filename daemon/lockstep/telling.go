package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/rules"
	"github.com/lockstep-sync/lockstep/rules/visible"
)

// opens waits for a record's ticket and shows why it was opened.
func (s *story) opens(ctx context.Context, record connectors.Ref) error {
	link, err := s.link(ctx, record)
	if err != nil {
		return err
	}
	if err := s.explain(record); err != nil {
		return err
	}
	if link.Target.Type == "jira" {
		s.showIssue(link.Number)
		return nil
	}
	s.show(s.world.tickets.Ticket("incident", link.Target.ID), "short_description")
	return nil
}

// declines waits for the decision that a record gets no ticket and shows why.
func (s *story) declines(ctx context.Context, record connectors.Ref, reason string) error {
	err := s.decision(ctx, record, func(e engine.JournalEntry) bool { return e.Action == string(rules.None) && e.Reason == reason })
	if err != nil {
		return err
	}
	return s.explain(record)
}

// declare opens an incident as a person does, in the status Investigating
// unless told.
func (s *story) declare(changes ...incidentiotest.Change) (connectors.Ref, error) {
	changes = append([]incidentiotest.Change{incidentiotest.SetStatus("Investigating")}, changes...)
	made, err := s.world.incidents.CreateIncident(changes...)
	if err != nil {
		return connectors.Ref{}, fmt.Errorf("declare an incident: %w", err)
	}
	about := made.Reference + " " + quoted(made.Name)
	if made.IncidentType != nil {
		about += ", " + made.IncidentType.Name
	}
	if made.Severity != nil {
		about += ", " + made.Severity.Name
	}
	s.line("incident", about)
	return connectors.Collection{Type: "incidentio", Connector: "acme", Record: "incident"}.Ref(made.ID), nil
}

func (s *story) edit(record connectors.Ref, changes ...incidentiotest.Change) error {
	if _, err := s.world.incidents.EditIncident(record.ID, changes...); err != nil {
		return fmt.Errorf("edit an incident: %w", err)
	}
	return nil
}

// explain decides the record again, as 'lockstep explain' does, and shows what
// decided.
func (s *story) explain(record connectors.Ref) error {
	incident, ok := s.world.incidents.Incident(record.ID)
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
func (s *story) skipped(t rules.Skipped) {
	s.line("skipped", t.Template+", because "+t.Condition+" is false:")
	for _, o := range t.Operands {
		fmt.Fprintf(s.out, "               %s = %s\n", o.Path, o.JSON)
	}
}

// show shows fields of a ticket as ServiceNow holds them.
func (s *story) show(ticket servicenowtest.Row, fields ...string) {
	s.line("ticket", ticket["number"]+" in ServiceNow")
	for _, f := range fields {
		fmt.Fprintf(s.out, "               %-18s %s\n", f, quoted(ticket[f]))
	}
}

func (s *story) heading(text string) {
	s.scene++
	title := fmt.Sprintf("%d. %s", s.scene, text)
	if !s.color {
		fmt.Fprintf(s.out, "\n%s\n", title)
		return
	}
	fmt.Fprintln(s.out)
	visible.Styled(s.out, "\x1b[1m", title)
	fmt.Fprintln(s.out)
}

func (s *story) line(what, text string) { fmt.Fprintf(s.out, "   %-10s  %s\n", what, text) }

func (s *story) say(format string, args ...any) { fmt.Fprintf(s.out, "   "+format+"\n", args...) }

func (s *story) epilogue(took time.Duration, keep bool) {
	incidents, followUps := len(s.world.incidents.Incidents()), 0
	for _, i := range s.world.incidents.Incidents() {
		followUps += len(s.world.incidents.FollowUps(i.ID))
	}
	tickets := s.allTickets() - followUps
	fmt.Fprintf(s.out, `
In %.1f seconds: %d incidents declared, %d of them got their ticket, %d got none and
the reason is known; what people did on either side reached the other, once; a
mistake in the rules stopped nothing; a restart lost nothing and opened nothing
twice.
`, took.Seconds(), incidents, tickets, incidents-tickets)
	command := commandName()
	if !keep {
		fmt.Fprintf(s.out, `
Try next:
  %[1]s demo -keep   the same, and it stays up
  %[1]s sandbox      the simulators alone, for rules of your own
  %[1]s check examples/engineering-to-jira-security-to-servicenow   the rules it ran on
  %[1]s test examples/engineering-to-jira-security-to-servicenow    and their tests
`, command)
		return
	}
	fmt.Fprintf(s.out, `
Everything stays up until you stop it (Ctrl-C). Try, in another terminal:
  export LOCKSTEP_ADMIN=%s
  %s status
  %s links
  $EDITOR %s/incidents.hcl
  curl -s -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' %s/v2/incidents \
    -d '{"idempotency_key":"1","visibility":"public","name":"My first incident","incident_type_id":"%s"}'
  curl -s -u %s:%s -H 'Accept: application/json' %s/api/now/table/incident
  curl -s -u %s:%s %s/rest/api/3/issue/ENG-1
`, s.address.Admin, command, command, s.conf, incidentiotest.DefaultKey, s.world.url(), s.typeOf(s.security), simulatedUser, servicenowtest.DefaultPassword, s.world.url(),
		jiratest.DefaultEmail, jiratest.DefaultAPIToken, s.world.url())
}

// typeOf is the id of an incident's type.
func (s *story) typeOf(record connectors.Ref) string {
	if incident, ok := s.world.incidents.Incident(record.ID); ok && incident.IncidentType != nil {
		return incident.IncidentType.ID
	}
	return ""
}

// commandName is how the user called this program.
func commandName() string {
	if name := os.Args[0]; strings.ContainsRune(name, filepath.Separator) && !filepath.IsAbs(name) {
		return name
	}
	return "lockstep"
}

// allTickets counts the tickets in both systems.
func (s *story) allTickets() int {
	return len(s.world.tickets.Tickets()) + len(s.world.issues.Issues())
}

func anyTicket(servicenowtest.Row) bool { return true }

func quoted(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string always marshals
	return strings.TrimSpace(b.String())
}

func indented(text string) string { return "   " + strings.ReplaceAll(text, "\n", "\n   ") }
