package main

import (
	"cmp"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/pauses"
)

func (a *app) routesCommand() *cobra.Command {
	var asJSON bool
	address := &adminFlags{}
	cmd := &cobra.Command{
		Use:   "routes",
		Short: "List, pause and resume routes",
		Long: `Lists the routes: what waits, how many links and dead letters there are, and
whether somebody has paused them.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			routes, raw, err := a.client(address).Routes(cmd.Context())
			if err != nil {
				return explained(err)
			}
			if asJSON {
				return a.printJSON(raw)
			}
			return a.printRoutes(routes)
		},
	}
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print the daemon's answer as JSON")
	address.add(cmd)
	cmd.AddCommand(
		&cobra.Command{
			Use: "pause ROUTE", Short: "Write nothing on a route until it is resumed", Args: between(1, 1),
			Long: `Pauses a route: nothing is written on it any more, to neither side, by any daemon,
until somebody resumes it, over restarts and reloads. Nothing is lost: what
changes meanwhile waits. Webhooks are taken, and polls go on.`,
			ValidArgsFunction: first(a.completeRoutes(address)),
			RunE: func(cmd *cobra.Command, args []string) error {
				route, raw, err := a.client(address).PauseRoute(cmd.Context(), args[0], a.operator())
				if err != nil {
					return explained(err)
				}
				if asJSON {
					return a.printJSON(raw)
				}
				fmt.Fprintf(a.stdout, "%s is %s; what changes waits until 'lockstep routes resume %s'\n", route.Name, pausedText(route.Paused), route.Name)
				if route.InFlight > 0 {
					fmt.Fprintf(a.stdout, "%d in work: what is being sent this moment ends, and no more is sent\n", route.InFlight)
				}
				return nil
			},
		},
		&cobra.Command{
			Use: "resume ROUTE", Short: "Let a paused route go on", Args: between(1, 1),
			Long:              "Lets a paused route go on, with all that has waited.",
			ValidArgsFunction: first(a.completeRoutes(address)),
			RunE: func(cmd *cobra.Command, args []string) error {
				route, raw, err := a.client(address).ResumeRoute(cmd.Context(), args[0])
				if err != nil {
					return explained(err)
				}
				if asJSON {
					return a.printJSON(raw)
				}
				waited := "nothing had waited"
				if route.Pending > 0 {
					waited = fmt.Sprintf("%d waited and are looked at now", route.Pending)
				}
				fmt.Fprintf(a.stdout, "%s goes on; %s\n", route.Name, waited)
				return nil
			},
		},
	)
	return cmd
}

func (a *app) printRoutes(routes []engine.RouteStatus) error {
	return table(a.stdout, func(row func(...any)) {
		row("ROUTE", "SOURCE", "TEMPLATES", "PENDING", "LINKS", "DEAD", "PAUSED")
		for _, r := range routes {
			row(r.Name, r.Source, strings.Join(r.Templates, ", "), r.Pending, r.Links, r.Dead, pausedCell(r.Paused))
		}
	})
}

// pausedCell says in a column whether a route is paused.
func pausedCell(p *pauses.Pause) string {
	if p == nil {
		return "-"
	}
	text := "yes"
	if !p.Since.IsZero() {
		text = ago(p.Since, time.Now())
	}
	if p.By != "" {
		text += " by " + p.By
	}
	return text
}

func pausedText(p *pauses.Pause) string {
	if p == nil {
		return "not paused"
	}
	text := "paused"
	if !p.Since.IsZero() {
		text += " since " + when(p.Since)
	}
	if p.By != "" {
		text += " by " + p.By
	}
	return text
}

// operator is who runs this command, for others to ask.
func (a *app) operator() string {
	name, _ := a.env("USER")
	if u, err := user.Current(); name == "" && err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return cmp.Or(name, "somebody") + "@" + host
}
