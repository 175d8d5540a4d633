package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/rules"
)

// pause is between scenes, on a terminal.
const pause = 800 * time.Millisecond

// A scenario is what the demonstration shows. It checks what it shows: a ticket
// that is not opened ends it with an error.
type scenario struct {
	*environment
	printer
	log *slog.Logger

	set      *rules.Set // that the daemon runs
	scene    int
	security connectors.Ref
	critical connectors.Ref
	flaky    connectors.Ref

	engineering connectors.Ref
}

func (s *scenario) run(ctx context.Context) error {
	rulesText, err := s.excerpt()
	if err != nil {
		return err
	}
	s.paragraph("", "lockstep keeps incidents and tickets in step. incident.io, ServiceNow and Jira are simulated here, on "+s.systems.URL()+
		"; the daemon is the real one. Its rules, examples/engineering-to-jira-security-to-servicenow, say:")
	fmt.Fprintln(s.Out)
	for line := range strings.Lines(rulesText) {
		line = strings.TrimRight(line, "\n")
		text := strings.TrimLeft(line, " ")
		s.paragraph("   "+strings.Repeat(" ", len(line)-len(text)), text)
	}
	var found rules.Diagnostics
	if s.set, found = s.rules(); s.set == nil {
		found.WriteText(s.Out, s.Color)
		return errors.New("the example does not load")
	}
	for _, scene := range []func(context.Context) error{
		s.aSecurityIncident, s.aCriticalIncident, s.anEngineeringIncident, s.aSmallIncident, s.aPrivateIncident, s.anIncidentInTriage,
		s.anEdit, s.anUpdate, s.theTicketIsWorked, s.theIssueIsWorked, s.aFollowUp, s.aMistake, s.theRepair, s.aRestart,
	} {
		if err := scene(ctx); err != nil {
			return err
		}
		if s.Watched {
			// Give them time to read.
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// excerpt returns what of the rules the story is about: the route's templates, and
// their conditions.
func (s *scenario) excerpt() (string, error) {
	text, err := os.ReadFile(filepath.Join(s.conf, "incidents.hcl"))
	if err != nil {
		return "", err
	}
	var lines []string
	block := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch trimmed := strings.TrimSpace(line); {
		case strings.HasPrefix(line, "route ") || strings.HasPrefix(line, "template "):
			block = line
		case strings.HasPrefix(trimmed, "templates ") || strings.HasPrefix(trimmed, "when "):
			lines = append(lines, block, line)
		}
	}
	return strings.Join(lines, "\n"), nil
}

// declare opens an incident as a person does, in the status Investigating
// unless told.
func (s *scenario) declare(changes ...incidentiotest.Change) (connectors.Ref, error) {
	changes = append([]incidentiotest.Change{incidentiotest.SetStatus("Investigating")}, changes...)
	made, err := s.systems.Incidents.CreateIncident(changes...)
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

func (s *scenario) edit(record connectors.Ref, changes ...incidentiotest.Change) error {
	if _, err := s.systems.Incidents.EditIncident(record.ID, changes...); err != nil {
		return fmt.Errorf("edit an incident: %w", err)
	}
	return nil
}

// opens waits for a record's ticket and shows why it was opened.
func (s *scenario) opens(ctx context.Context, record connectors.Ref) error {
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
	s.show(s.systems.Tickets.Ticket("incident", link.Target.ID), "short_description")
	return nil
}

// declines waits for the decision that a record gets no ticket and shows why.
func (s *scenario) declines(ctx context.Context, record connectors.Ref, reason string) error {
	err := s.decision(ctx, record, func(e journal.Entry) bool { return e.Action == string(rules.None) && e.Reason == reason })
	if err != nil {
		return err
	}
	return s.explain(record)
}

func anyTicket(servicenowtest.Row) bool { return true }

// allTickets counts the tickets in both systems.
func (s *scenario) allTickets() int {
	return len(s.systems.Tickets.Tickets()) + len(s.systems.Issues.Issues())
}
