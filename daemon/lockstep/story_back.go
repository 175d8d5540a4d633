package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

// The scenes in which the ticket talks back.

const agent = "fred.luddy"

func (s *story) anUpdate(ctx context.Context) error {
	s.heading("What responders say goes to the ticket as a work note, which the caller does not see")
	const said = "The accounts are locked, we are looking for **how they got in**."
	if _, err := s.world.incidents.PostUpdate(s.security.ID, said); err != nil {
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

func (s *story) theTicketIsWorked(ctx context.Context) error {
	s.heading("The ticket is worked, and the incident hears of it: a work note, a screenshot, a resolution")
	ticket, err := s.ticket(ctx, s.security, anyTicket)
	if err != nil {
		return err
	}
	number := ticket["number"]
	for _, did := range []func() error{
		func() error {
			return s.world.tickets.AddWorkNote("incident", number, agent, "Sessions revoked. Screenshot of the sign-ins attached.")
		},
		func() error {
			_, err := s.world.tickets.Attach("incident", number, agent, "sign-ins.png", "image/png", onePixel())
			return err
		},
		func() error {
			return s.world.tickets.Edit("incident", number, agent, servicenowtest.Row{
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
		incident, _ := s.world.incidents.Incident(s.security.ID)
		return incident.IncidentStatus.Category == "learning" && len(s.world.incidents.TimelineItems(s.security.ID)) > 0 &&
			len(s.world.incidents.Attachments(s.security.ID)) > 1, nil
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

func (s *story) theIssueIsWorked(ctx context.Context) error {
	s.heading("So is the issue in Jira: a comment, and its workflow to Done")
	link, err := s.link(ctx, s.engineering)
	if err != nil {
		return err
	}
	s.world.issues.Say(link.Number, jiraAgent, "The indexer was out of memory. It has more now.", false)
	for _, step := range []struct {
		transition string
		screen     map[string]any
	}{{"Review", nil}, {"Resolve", map[string]any{"resolution": map[string]any{"name": "Done"}}}} {
		if err := s.world.issues.Move(link.Number, jiraAgent, step.transition, step.screen); err != nil {
			return fmt.Errorf("the work in Jira: %w", err)
		}
	}
	s.say("In Jira, Ann Doe comments on %s and moves it to Done.", link.Number)
	if err := until(ctx, "the incident to follow its issue", func(context.Context) (bool, error) {
		incident, _ := s.world.incidents.Incident(s.engineering.ID)
		return incident.IncidentStatus.Category == "learning" && len(s.world.incidents.TimelineItems(s.engineering.ID)) > 0, nil
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
		return s.world.issues.Status(link.Number) == "In Progress", nil
	}); err != nil {
		return err
	}
	s.showIssue(link.Number)
	return nil
}

// jiraAgent is who works in the simulated Jira.
const jiraAgent = "acc-ann"

// showIssue shows an issue with its comments.
func (s *story) showIssue(key string) {
	issue := s.world.issues.Issue(key)
	s.line("issue", key+" in Jira")
	summary, _ := issue["summary"].(string)
	s.detail("summary", quoted(summary))
	s.detail("status", quoted(s.world.issues.Status(key)))
	for _, c := range s.world.issues.Comments(key) {
		s.detail("comment", c)
	}
}

func (s *story) aFollowUp(ctx context.Context) error {
	s.heading("A follow-up gets a ticket below its incident's, and is completed there")
	made, err := s.world.incidents.AddFollowUp(s.security.ID, incidentiotest.FollowUp{Title: "Ask for a second factor"})
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
	if err := s.world.tickets.Edit("incident", child["number"], agent, servicenowtest.Row{
		"state": "6", "close_code": "Solution provided", "close_notes": "Done.",
	}); err != nil {
		return fmt.Errorf("the agent's edit: %w", err)
	}
	s.say("In ServiceNow, %s resolves %s.", agent, child["number"])
	status := ""
	if err := until(ctx, "the follow-up to be completed", func(context.Context) (bool, error) {
		for _, f := range s.world.incidents.FollowUps(s.security.ID) {
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

// onePixel is a picture.
func onePixel() []byte {
	picture, _ := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==") // it is a constant
	return picture
}

func (s *story) hasNote(ticket servicenowtest.Row, text string) bool {
	for _, e := range s.world.tickets.Journal("incident", ticket["number"]) {
		if strings.Contains(e.Value, text) {
			return true
		}
	}
	return false
}

// showTicket shows a ticket with its journal and files.
func (s *story) showTicket(number string) {
	ticket := s.world.tickets.Ticket("incident", number)
	s.show(ticket, "short_description", "state")
	for _, e := range s.world.tickets.Journal("incident", number) {
		s.detail(strings.TrimSuffix(e.Element, "s"), e.By+": "+e.Value)
	}
	for _, f := range s.world.tickets.Attachments("incident", number) {
		s.detail("attachment", f.Name)
	}
}

// showIncident shows an incident with what came from its ticket.
func (s *story) showIncident(record connectors.Ref) {
	incident, _ := s.world.incidents.Incident(record.ID)
	s.line("incident", incident.Reference+" in incident.io")
	s.detail("status", incident.IncidentStatus.Name)
	for _, f := range incident.CustomFieldEntries {
		if len(f.Values) > 0 {
			s.detail(f.CustomField.Name, f.Values[0].Text)
		}
	}
	for _, i := range s.world.incidents.TimelineItems(record.ID) {
		s.detail("timeline", i.Title+": "+i.Description)
	}
	for _, a := range s.world.incidents.Attachments(record.ID) {
		s.detail("attachment", a.Resource.Title+" "+a.Resource.Permalink)
	}
}

// detail is one thing of a record; further lines stand below its first.
func (s *story) detail(name, text string) {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "\n                                  ")
	fmt.Fprintf(s.out, "               %-18s %s\n", name, text)
}
