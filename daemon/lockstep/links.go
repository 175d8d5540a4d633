package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
)

func (a *app) linksCommand() *cobra.Command {
	var asJSON bool
	address := &adminFlags{}
	cmd := &cobra.Command{
		Use:   "links",
		Short: "List, show, part and adopt links between records and their tickets",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			links, raw, err := a.client(address).Links(cmd.Context())
			if err != nil {
				return explained(err)
			}
			if asJSON {
				return a.printJSON(raw)
			}
			return table(a.stdout, func(row func(...any)) {
				row("ID", "ROUTE", "TEMPLATE", "STATE", "SOURCE", "TARGET", "UPDATED")
				for _, l := range links {
					row(l.ID, l.Route, orDash(l.Template), l.State, l.Source, targetOf(l), when(l.UpdatedAt))
				}
			})
		},
	}
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print the daemon's answer as JSON")
	address.add(cmd)

	one := func(link engine.LinkView, raw []byte, err error) error {
		if err != nil {
			return explained(err)
		}
		if asJSON {
			return a.printJSON(raw)
		}
		return a.printLink(link)
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "show ID", Short: "Show one link", Args: between(1, 1),
			RunE: func(cmd *cobra.Command, args []string) error {
				link, raw, err := a.client(address).Link(cmd.Context(), args[0])
				return one(link, raw, named(err, "link", args[0]))
			},
		},
		&cobra.Command{
			Use: "unlink ID", Short: "Part a record from its ticket for good", Args: between(1, 1),
			Long: `Parts a record from its ticket: neither is written again, and no new ticket opens
for the record on that route. 'lockstep links adopt' joins them again.`,
			RunE: func(cmd *cobra.Command, args []string) error {
				link, raw, err := a.client(address).Unlink(cmd.Context(), args[0])
				return one(link, raw, named(err, "link", args[0]))
			},
		},
		&cobra.Command{
			Use: "adopt ROUTE SOURCE TARGET", Short: "Link a record and a ticket that both exist", Args: between(3, 3),
			Long: `Links a record and a ticket that both exist, as in

  lockstep links adopt incidents incidentio.acme.incident/01FD… servicenow.itsm.incident/9d385017…

Nothing is written until one of them changes.`,
			RunE: func(cmd *cobra.Command, args []string) error {
				source, err := connectors.ParseRef(args[1])
				if err != nil {
					return usagef("SOURCE: %s", err)
				}
				target, err := connectors.ParseRef(args[2])
				if err != nil {
					return usagef("TARGET: %s", err)
				}
				return one(a.client(address).Adopt(cmd.Context(), args[0], source, target))
			},
		},
	)
	return cmd
}

func (a *app) printLink(l engine.LinkView) error {
	return table(a.stdout, func(row func(...any)) {
		row("id", l.ID)
		row("route", l.Route)
		row("template", orDash(l.Template))
		row("state", l.State)
		row("source", l.Source)
		row("target", targetOf(l))
		row("number", orDash(l.Number))
		row("url", orDash(l.URL))
		row("updated", when(l.UpdatedAt))
		row("generation", fmt.Sprint(orDash(l.Generation), inCommit(l.Commit)))
	})
}

func targetOf(l engine.LinkView) string {
	if l.Target == nil {
		return "-"
	}
	return l.Target.String()
}
