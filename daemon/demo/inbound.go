package demo

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

// The scenes in which what is done on a ticket reaches its incident.

// agent is who works in the simulated ServiceNow.
const agent = "fred.luddy"

// jiraAgent is who works in the simulated Jira.
const jiraAgent = "acc-ann"

func (s *scenario) theTicketIsWorked(ctx context.Context) error {
	s.title("The ticket is worked, and the incident hears of it: a work note, a screenshot, a resolution")
	ticket, err := s.ticket(ctx, s.security, anyTicket)
	if err != nil {
		return err
	}
	number := ticket["number"]
	for _, did := range []func() error{
		func() error {
			return s.systems.Tickets.AddWorkNote("incident", number, agent, "Sessions revoked. Screenshot of the sign-ins attached.")
		},
		func() error {
			_, err := s.systems.Tickets.Attach("incident", number, agent, "sign-ins.png", "image/png", onePixel())
			return err
		},
		func() error {
			return s.systems.Tickets.Edit("incident", number, agent, servicenowtest.Row{
				"state": "6", "close_code": "Solution provided", "close_notes": "The accounts were locked.",
			})
		},
	} {
		if err := did(); err != nil {
			return fmt.Errorf("the agent's work: %w", err)
		}
	}
	s.say("In ServiceNow, %s adds a work note and a screenshot to %s, and resolves it.", agent, number)
	if err := until(ctx, "the incident to follow its ticket", func(context.Context) (bool, error) {
		incident, _ := s.systems.Incidents.Incident(s.security.ID)
		return incident.IncidentStatus.Category == "learning" && len(s.systems.Incidents.TimelineItems(s.security.ID)) > 0 &&
			len(s.systems.Incidents.Attachments(s.security.ID)) > 1, nil
	}); err != nil {
		return err
	}
	s.showIncident(s.security)
	s.showTicket(number)
	after, err := s.ticket(ctx, s.security, anyTicket)
	if err != nil {
		return err
	}
	if after["close_notes"] != "The accounts were locked." {
		return fmt.Errorf("the agent's close notes were overwritten with %q", after["close_notes"])
	}
	return nil
}

func (s *scenario) theIssueIsWorked(ctx context.Context) error {
	s.title("So is the issue in Jira: a comment, and its workflow to Done")
	link, err := s.link(ctx, s.engineering)
	if err != nil {
		return err
	}
	s.systems.Issues.Say(link.Number, jiraAgent, "The indexer was out of memory. It has more now.", false)
	for _, step := range []struct {
		transition string
		screen     map[string]any
	}{{"Review", nil}, {"Resolve", map[string]any{"resolution": map[string]any{"name": "Done"}}}} {
		if err := s.systems.Issues.Move(link.Number, jiraAgent, step.transition, step.screen); err != nil {
			return fmt.Errorf("the work in Jira: %w", err)
		}
	}
	s.say("In Jira, Ann Doe comments on %s and moves it to Done.", link.Number)
	if err := until(ctx, "the incident to follow its issue", func(context.Context) (bool, error) {
		incident, _ := s.systems.Incidents.Incident(s.engineering.ID)
		return incident.IncidentStatus.Category == "learning" && len(s.systems.Incidents.TimelineItems(s.engineering.ID)) > 0, nil
	}); err != nil {
		return err
	}
	s.showIncident(s.engineering)
	s.showIssue(link.Number)
	s.say("Back to work: the incident is reopened, and lockstep finds the issue's way back through its workflow.")
	if err := s.edit(s.engineering, incidentiotest.SetStatus("Investigating")); err != nil {
		return err
	}
	if err := until(ctx, "the issue to be in progress", func(context.Context) (bool, error) {
		return s.systems.Issues.Status(link.Number) == "In Progress", nil
	}); err != nil {
		return err
	}
	s.showIssue(link.Number)
	return nil
}

func (s *scenario) aFollowUp(ctx context.Context) error {
	s.title("A follow-up gets a ticket below its incident's, and is completed there")
	made, err := s.systems.Incidents.AddFollowUp(s.security.ID, incidentiotest.FollowUp{Title: "Ask for a second factor"})
	if err != nil {
		return fmt.Errorf("add a follow-up: %w", err)
	}
	s.line("follow-up", quoted(made.Title)+" is "+made.Status)
	ref := connectors.Collection{Type: "incidentio", Connector: "acme", Record: "follow_up"}.Ref(made.ID)
	child, err := s.ticket(ctx, ref, anyTicket)
	if err != nil {
		return err
	}
	parent, err := s.ticket(ctx, s.security, anyTicket)
	if err != nil {
		return err
	}
	if child["parent"] != parent["sys_id"] {
		return errors.New("the follow-up's ticket is not below its incident's")
	}
	s.line("ticket", fmt.Sprintf("%s %s, below %s", child["number"], quoted(child["short_description"]), parent["number"]))
	if err := s.systems.Tickets.Edit("incident", child["number"], agent, servicenowtest.Row{
		"state": "6", "close_code": "Solution provided", "close_notes": "Done.",
	}); err != nil {
		return fmt.Errorf("the agent's edit: %w", err)
	}
	s.say("In ServiceNow, %s resolves %s.", agent, child["number"])
	status := ""
	if err := until(ctx, "the follow-up to be completed", func(context.Context) (bool, error) {
		for _, f := range s.systems.Incidents.FollowUps(s.security.ID) {
			if f.ID == made.ID {
				status = f.Status
			}
		}
		return status == "completed", nil
	}); err != nil {
		return err
	}
	s.line("follow-up", quoted(made.Title)+" is "+status)
	return nil
}

// onePixel returns a picture.
func onePixel() []byte {
	picture, _ := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==") // it is a constant
	return picture
}
