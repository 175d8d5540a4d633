package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/rules"
)

// The scenes in which the daemon is operated: a mistake, its repair, a restart.

func (s *scenario) aMistake(ctx context.Context) error {
	s.title("Somebody breaks the rules while the daemon runs")
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
	for i := range found {
		found[i].File = filepath.Base(found[i].File)
	}
	fmt.Fprintln(s.Out)
	found.WriteText(s.Out, s.Color)
	fmt.Fprintln(s.Out)
	s.say("The daemon says so (lockstep status, the log, a metric) and runs on with the old rules:")
	record, err := s.declare(incidentiotest.SetName("Nobody can log in"), incidentiotest.SetType("Production Outage"),
		incidentiotest.SetSeverity("Critical"))
	if err != nil {
		return err
	}
	return s.opens(ctx, record)
}

func (s *scenario) theRepair(ctx context.Context) error {
	s.title("The mistake is repaired, and engineering's rule takes Minor incidents as well")
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

func (s *scenario) aRestart(ctx context.Context) error {
	s.title("The daemon stops; meanwhile an incident is edited; it starts again")
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
