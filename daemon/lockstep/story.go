package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/rules"
)

// pause is between scenes, on a terminal.
const pause = 800 * time.Millisecond

// A story is what the demonstration shows. It looks at what it tells: a ticket
// that does not come about ends it with an error.
type story struct {
	*stage
	out   io.Writer
	color bool
	log   *slog.Logger

	set      *rules.Set // that the daemon runs
	scene    int
	security connectors.Ref
	critical connectors.Ref
	flaky    connectors.Ref

	engineering connectors.Ref
}

func (s *story) play(ctx context.Context) error {
	rulesText, err := s.excerpt()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, `lockstep keeps incidents and tickets in step. incident.io, ServiceNow and Jira
are simulated here, on %s; the daemon is the real one. Its rules,
examples/engineering-to-jira-security-to-servicenow, say:

%s
`, s.world.url(), indented(rulesText))
	var found rules.Diagnostics
	if s.set, found = s.rules(); s.set == nil {
		found.WriteText(s.out, s.color)
		return errFailed
	}
	for _, scene := range []func(context.Context) error{
		s.aSecurityIncident, s.aCriticalIncident, s.anEngineeringIncident, s.aSmallIncident, s.aPrivateIncident, s.anIncidentInTriage,
		s.anEdit, s.anUpdate, s.theTicketIsWorked, s.theIssueIsWorked, s.aFollowUp, s.aMistake, s.theRepair, s.aRestart,
	} {
		if err := scene(ctx); err != nil {
			return err
		}
		if s.color {
			// Somebody watches: give them time to read.
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// excerpt is what of the rules the story is about: the route's templates, and
// their conditions.
func (s *story) excerpt() (string, error) {
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

func (s *story) aSecurityIncident(ctx context.Context) error {
	s.heading("A Security incident is declared in incident.io")
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
	if ticket["opened_by"] == s.world.tickets.UserID(simulatedUser) {
		ticket["opened_by"] += " (" + simulatedUser + ")"
	}
	s.show(ticket, "short_description", "description", "state", "urgency", "impact", "opened_by")
	return nil
}

func (s *story) aCriticalIncident(ctx context.Context) error {
	s.heading("A Critical one, of another type")
	var err error
	s.critical, err = s.declare(incidentiotest.SetName("Checkout fails for everyone"), incidentiotest.SetType("Production Outage"),
		incidentiotest.SetSeverity("Critical"), incidentiotest.SetSummary("Payments time out."))
	if err != nil {
		return err
	}
	return s.opens(ctx, s.critical)
}

func (s *story) anEngineeringIncident(ctx context.Context) error {
	s.heading("A Major one of Engineering goes to Jira")
	var err error
	s.engineering, err = s.declare(incidentiotest.SetName("Search returns old results"), incidentiotest.SetType("Engineering"),
		incidentiotest.SetSeverity("Major"), incidentiotest.SetSummary("The index is *two hours* behind."))
	if err != nil {
		return err
	}
	return s.opens(ctx, s.engineering)
}

func (s *story) aSmallIncident(ctx context.Context) error {
	s.heading("A Minor one of Engineering: no rule wants it")
	var err error
	s.flaky, err = s.declare(incidentiotest.SetName("The docs deploy is flaky"), incidentiotest.SetType("Engineering"),
		incidentiotest.SetSeverity("Minor"))
	if err != nil {
		return err
	}
	return s.declines(ctx, s.flaky, "no template matched")
}

func (s *story) aPrivateIncident(ctx context.Context) error {
	s.heading("A private one")
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

func (s *story) anIncidentInTriage(ctx context.Context) error {
	s.heading("One in triage gets no ticket before somebody accepts it")
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

func (s *story) anEdit(ctx context.Context) error {
	s.heading("An edit of the first incident reaches its ticket, and leaves people's work alone")
	before, err := s.ticket(ctx, s.security, anyTicket)
	if err != nil {
		return err
	}
	number := before["number"]
	if err := s.world.tickets.Edit("incident", number, "fred.luddy", servicenowtest.Row{"urgency": "1"}); err != nil {
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

func (s *story) aMistake(ctx context.Context) error {
	s.heading("Somebody breaks the rules while the daemon runs")
	if err := s.write("incidents.hcl", func(text string) string {
		return strings.Replace(text, "short_description = ", "short_descriptions = ", 1)
	}); err != nil {
		return err
	}
	if err := until(ctx, "the daemon to see the mistake", func(ctx context.Context) (bool, error) {
		status, _, err := s.client.Status(ctx)
		return err == nil && !status.Config.OK, err
	}); err != nil {
		return err
	}
	_, found := s.rules()
	found = slices.DeleteFunc(found, func(d rules.Diagnostic) bool { return d.Severity != rules.SeverityError })
	var b strings.Builder
	found.WriteText(&b, s.color)
	fmt.Fprintf(s.out, "\n%s\n", indented(strings.TrimSpace(strings.ReplaceAll(b.String(), s.conf+"/", ""))))
	s.say("The daemon says so (lockstep status, the log, a metric) and runs on with the old rules:")
	record, err := s.declare(incidentiotest.SetName("Nobody can log in"), incidentiotest.SetType("Production Outage"),
		incidentiotest.SetSeverity("Critical"))
	if err != nil {
		return err
	}
	return s.opens(ctx, record)
}

func (s *story) theRepair(ctx context.Context) error {
	s.heading("The mistake is repaired, and engineering's rule takes Minor incidents as well")
	before := s.set.Generation
	if err := s.write("incidents.hcl", func(text string) string {
		text = strings.Replace(text, "short_descriptions = ", "short_description = ", 1)
		return strings.Replace(text, "in ['Major', 'Critical']", "in ['Minor', 'Major', 'Critical']", 1)
	}); err != nil {
		return err
	}
	if err := s.reloaded(ctx, before); err != nil {
		return err
	}
	if s.set, _ = s.rules(); s.set == nil {
		return errors.New("the repaired rules do not load")
	}
	s.line("reloaded", "generation "+s.set.Generation[:12]+" in place of "+before[:12])
	s.say("A reload alone opens nothing. The next edit of the engineering incident is decided by the new rules:")
	if err := s.edit(s.flaky, incidentiotest.SetSummary("Every third run times out.")); err != nil {
		return err
	}
	return s.opens(ctx, s.flaky)
}

func (s *story) aRestart(ctx context.Context) error {
	s.heading("The daemon stops; meanwhile an incident is edited; it starts again")
	tickets := s.allTickets()
	if err := s.end(); err != nil {
		return fmt.Errorf("the stop: %w", err)
	}
	const name = "Checkout fails for everyone in Europe"
	if err := s.edit(s.critical, incidentiotest.SetName(name)); err != nil {
		return err
	}
	if err := s.start(ctx, s.log); err != nil {
		return fmt.Errorf("the restart: %w", err)
	}
	ticket, err := s.ticket(ctx, s.critical, func(t servicenowtest.Row) bool { return t["short_description"] == name })
	if err != nil {
		return err
	}
	s.show(ticket, "short_description")
	if now := s.allTickets(); now != tickets {
		return fmt.Errorf("%d tickets after the restart, %d before", now, tickets)
	}
	s.line("tickets", fmt.Sprintf("still %d: nothing was opened twice, nothing was missed", tickets))
	return nil
}
