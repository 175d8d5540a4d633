package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/daemon/simulators"
)

// The scenes in which what is done in incident.io reaches the tickets.

func (s *scenario) aSecurityIncident(ctx context.Context) error {
	s.title("A Security incident is declared in incident.io")
	var err error
	s.security, err = s.declare(incidentiotest.SetName("Sign-ins from an unknown network"), incidentiotest.SetType("Security"),
		incidentiotest.SetSeverity("Major"), incidentiotest.SetSummary("Three admin accounts signed in from an address **nobody knows**."))
	if err != nil {
		return err
	}
	ticket, err := s.ticket(ctx, s.security, anyTicket)
	if err != nil {
		return err
	}
	if err := s.explain(s.security); err != nil {
		return err
	}
	if ticket["opened_by"] == s.systems.Tickets.UserID(simulators.User) {
		ticket["opened_by"] += " (" + simulators.User + ")"
	}
	s.show(ticket, "short_description", "description", "state", "urgency", "impact", "opened_by")
	return nil
}

func (s *scenario) aCriticalIncident(ctx context.Context) error {
	s.title("A Critical one, of another type")
	var err error
	s.critical, err = s.declare(incidentiotest.SetName("Checkout fails for everyone"), incidentiotest.SetType("Production Outage"),
		incidentiotest.SetSeverity("Critical"), incidentiotest.SetSummary("Payments time out."))
	if err != nil {
		return err
	}
	return s.opens(ctx, s.critical)
}

func (s *scenario) anEngineeringIncident(ctx context.Context) error {
	s.title("A Major one of Engineering goes to Jira")
	var err error
	s.engineering, err = s.declare(incidentiotest.SetName("Search returns old results"), incidentiotest.SetType("Engineering"),
		incidentiotest.SetSeverity("Major"), incidentiotest.SetSummary("The index is *two hours* behind."))
	if err != nil {
		return err
	}
	return s.opens(ctx, s.engineering)
}

func (s *scenario) aSmallIncident(ctx context.Context) error {
	s.title("A Minor one of Engineering: no rule wants it")
	var err error
	s.flaky, err = s.declare(incidentiotest.SetName("The docs deploy is flaky"), incidentiotest.SetType("Engineering"),
		incidentiotest.SetSeverity("Minor"))
	if err != nil {
		return err
	}
	return s.declines(ctx, s.flaky, "no template matched")
}

func (s *scenario) aPrivateIncident(ctx context.Context) error {
	s.title("A private one")
	const secret = "Misconduct of a colleague"
	record, err := s.declare(incidentiotest.SetName(secret), incidentiotest.SetType("Security"),
		incidentiotest.SetSeverity("Critical"), incidentiotest.SetVisibility("private"))
	if err != nil {
		return err
	}
	if err := s.declines(ctx, record, "private"); err != nil {
		return err
	}
	found, err := s.stored(secret)
	if err != nil {
		return err
	}
	if found {
		return errors.New("the name of the private incident is in the data directory or in the log")
	}
	s.line("kept", "nothing: its name is neither in the data directory nor in the daemon's log")
	return nil
}

func (s *scenario) anIncidentInTriage(ctx context.Context) error {
	s.title("One in triage gets no ticket before somebody accepts it")
	record, err := s.declare(incidentiotest.SetName("A leaked token, perhaps"), incidentiotest.SetType("Security"),
		incidentiotest.SetStatus("Triage"))
	if err != nil {
		return err
	}
	if err := s.declines(ctx, record, "status triage"); err != nil {
		return err
	}
	if err := s.edit(record, incidentiotest.SetStatus("Investigating")); err != nil {
		return err
	}
	s.say("It is accepted:")
	return s.opens(ctx, record)
}

func (s *scenario) anEdit(ctx context.Context) error {
	s.title("An edit of the first incident reaches its ticket, and leaves people's work alone")
	before, err := s.ticket(ctx, s.security, anyTicket)
	if err != nil {
		return err
	}
	number := before["number"]
	if err := s.systems.Tickets.Edit("incident", number, "fred.luddy", servicenowtest.Row{"urgency": "1"}); err != nil {
		return fmt.Errorf("the agent's edit: %w", err)
	}
	s.say("In ServiceNow, fred.luddy sets the urgency of %s to 1. In incident.io it is renamed.", number)
	const name = "Attack on three admin accounts"
	if err := s.edit(s.security, incidentiotest.SetName(name)); err != nil {
		return err
	}
	after, err := s.ticket(ctx, s.security, func(t servicenowtest.Row) bool { return t["short_description"] == name })
	if err != nil {
		return err
	}
	if after["urgency"] != "1" {
		return fmt.Errorf("the agent's urgency was overwritten with %s", after["urgency"])
	}
	s.show(after, "short_description", "urgency")
	return nil
}

func (s *scenario) anUpdate(ctx context.Context) error {
	s.title("What responders say goes to the ticket as a work note, which the caller does not see")
	const said = "The accounts are locked, we are looking for **how they got in**."
	if _, err := s.systems.Incidents.PostUpdate(s.security.ID, said); err != nil {
		return fmt.Errorf("post an update: %w", err)
	}
	ticket, err := s.ticket(ctx, s.security, anyTicket)
	if err != nil {
		return err
	}
	if err := until(ctx, "the update to be on the ticket", func(context.Context) (bool, error) {
		return s.hasNote(ticket, "how they got in"), nil
	}); err != nil {
		return err
	}
	s.showTicket(ticket["number"])
	return nil
}

func (s *scenario) hasNote(ticket servicenowtest.Row, text string) bool {
	for _, e := range s.systems.Tickets.Journal("incident", ticket["number"]) {
		if strings.Contains(e.Value, text) {
			return true
		}
	}
	return false
}
