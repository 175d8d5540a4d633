package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/breaker"
)

func (a *app) statusCommand() *cobra.Command {
	var asJSON bool
	address := &adminFlags{}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the status of the running daemon",
		Long: `Shows the status of the running daemon. Exit status 1 when it is not reachable, not
ready, running on an older configuration than the files hold, or when a
connector is refused: its credentials are not taken, or polls always fail.`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			status, raw, err := a.client(address).Status(cmd.Context())
			if err != nil {
				return explained(err)
			}
			if asJSON {
				err = a.printJSON(raw)
			} else {
				err = a.printStatus(status)
			}
			if err != nil {
				return err
			}
			refused := slices.ContainsFunc(status.Connectors, func(c breaker.ConnectorStatus) bool { return c.Refused })
			if !status.Ready || !status.Config.OK || status.Config.Stale || status.Config.Blocked != "" || refused {
				return errFailed
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the daemon's answer as JSON")
	address.add(cmd)
	return cmd
}

func (a *app) reloadCommand() *cobra.Command {
	var asJSON, empty bool
	address := &adminFlags{}
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have the running daemon load its configuration again",
		Long: `Has the running daemon load its configuration again. A bad one changes nothing
that runs: its errors are printed, and the exit status is 1. One that has lost all
its routes may be half written, and is taken over only with -empty.`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			status, raw, err := a.client(address).Reload(cmd.Context(), empty)
			var refused *admin.AnswerError
			if errors.As(err, &refused) && refused.Diagnostics != nil {
				return a.printRefused(refused, raw, asJSON)
			}
			if err != nil {
				return explained(err)
			}
			if asJSON {
				return a.printJSON(raw)
			}
			fmt.Fprintf(a.stdout, "running generation %s%s\n", status.Generation, inCommit(status.Commit))
			if !status.Ready {
				fmt.Fprintln(a.stderr, "lockstep: not ready: "+status.Waiting)
			}
			status.Config.Diagnostics.WriteText(a.stderr, a.color(a.stderr))
			return nil
		},
	}
	cmd.Flags().BoolVar(&empty, "empty", false, "take over a configuration without routes")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the daemon's answer as JSON")
	address.add(cmd)
	return cmd
}

func (a *app) printRefused(refused *admin.AnswerError, raw []byte, asJSON bool) error {
	if asJSON {
		return errors.Join(a.printJSON(raw), errFailed)
	}
	refused.Diagnostics.WriteText(a.stderr, a.color(a.stderr))
	fmt.Fprintln(a.stderr, "lockstep: "+refused.Message)
	return errFailed
}

func (a *app) printStatus(s admin.Status) error {
	fmt.Fprintf(a.stdout, "ready       %s\n", yesOr(s.Ready, "no: "+s.Waiting))
	fmt.Fprintf(a.stdout, "generation  %s%s\n", s.Generation, inCommit(s.Commit))
	config := "good"
	switch {
	case !s.Config.OK:
		config = "BAD: the files are not what runs; the older configuration goes on"
	case s.Config.Blocked != "":
		config = "good, and not taken over yet: " + s.Config.Blocked
	case s.Config.Stale:
		config = "CHANGED: the files are about to be loaded"
	}
	fmt.Fprintf(a.stdout, "files       %s\n", config)
	fmt.Fprintf(a.stdout, "loaded      %s\n\n", when(s.Config.LoadedAt))
	paused := slices.ContainsFunc(s.Routes, func(r engine.RouteStatus) bool { return r.Paused != nil })
	err := table(a.stdout, func(row func(...any)) {
		add := func(cells ...any) { // what is not the case has no column
			if !paused {
				cells = cells[:len(cells)-1]
			}
			row(cells...)
		}
		add("ROUTE", "PENDING", "IN FLIGHT", "LINKS", "DEAD", "PAUSED")
		for _, r := range s.Routes {
			add(r.Name, r.Pending, r.InFlight, r.Links, r.Dead, pausedCell(r.Paused))
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(a.stdout)
	err = table(a.stdout, func(row func(...any)) {
		row("CONNECTOR", "TYPE", "OK", "NOTE")
		for _, c := range s.Connectors {
			note := c.LastError
			if c.ThrottledUntil != nil {
				note = "waiting until " + when(*c.ThrottledUntil) + "; " + note
			}
			row(c.Name, c.Type, okOf(c), orDash(strings.TrimSuffix(note, "; ")))
		}
	})
	if err != nil {
		return err
	}
	if s.RoutesError != "" {
		fmt.Fprintf(a.stdout, "\nhow the routes do is not known: %s\n", s.RoutesError)
	}
	for _, l := range s.Lost {
		fmt.Fprintf(a.stdout, "\nLOST on %s: %s: somebody deleted the stream on the NATS server, and it was made again, empty\n", when(l.At), l.What)
	}
	a.printFailing(s.Connectors)
	for _, f := range s.Store {
		fmt.Fprintf(a.stdout, "\nstore, %s: %s\n", when(f.At), f.Message)
	}
	if len(s.Config.Diagnostics) > 0 {
		fmt.Fprintln(a.stdout)
		s.Config.Diagnostics.WriteText(a.stdout, a.color(a.stdout))
	}
	return nil
}

func okOf(c breaker.ConnectorStatus) string {
	if c.Refused {
		return "REFUSED"
	}
	return yesOr(c.OK, "no")
}

// printFailing says which calls fail, and by which setting.
func (a *app) printFailing(all []breaker.ConnectorStatus) {
	for _, c := range all {
		if c.Setting != "" {
			fmt.Fprintf(a.stdout, "\n%s is at fault\n", c.Setting)
		}
		a.printMissing(c)
		for _, call := range c.Calls {
			if call.OK {
				continue
			}
			since := "always fails"
			if call.LastOK != nil {
				since = "fails since " + when(*call.LastOK)
			}
			times := "times"
			if call.Failures == 1 {
				times = "time"
			}
			fmt.Fprintf(a.stdout, "\n%s: %s %s (%d %s):\n  %s\n", c.Name, call.Call, since, call.Failures, times, call.Error)
		}
	}
}

// printMissing says which records are linked and read as not found.
func (a *app) printMissing(c breaker.ConnectorStatus) {
	m := c.Missing
	if m == nil {
		return
	}
	records := "linked records read"
	if m.Records == 1 {
		records = "linked record reads"
	}
	fmt.Fprintf(a.stdout, "\n%s: %d %s as not found since %s\n", c.Name, m.Records, records, when(m.Since))
	if m.Held {
		fmt.Fprint(a.stdout, "  Too many to have been deleted, so all are kept: look whether the credentials lost a permission or are of another account.\n"+
			"  If they were deleted, unlink each with lockstep links unlink ID.\n")
	}
}

func yesOr(yes bool, no string) string {
	if yes {
		return "yes"
	}
	return no
}

func inCommit(commit string) string {
	if commit == "" {
		return ""
	}
	return " (commit " + commit + ")"
}
