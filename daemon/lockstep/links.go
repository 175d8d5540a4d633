package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// aboutNames ends the help of the commands that take a NAME.
const aboutNames = `NAME is what you have at hand: INC-12, INC0010001, ENG-7, the address of the
record's or the ticket's page, a ref, an id, or the beginning of an id of a link
or dead letter (at least four characters). One that fits several lists them.`

func (a *app) linksCommand() *cobra.Command {
	var asJSON bool
	var query engine.Query
	address := &adminFlags{}
	cmd := &cobra.Command{
		Use:   "links",
		Short: "List, show, part and adopt links between records and their tickets",
		Long:  "Lists the links, the one changed last first.\n\n" + aboutNames,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, raw, err := a.client(address).Links(cmd.Context(), query)
			if err != nil {
				return explained(err)
			}
			if asJSON {
				return a.printJSON(raw)
			}
			now := time.Now()
			return table(a.stdout, func(row func(...any)) {
				row("ID", "ROUTE", "TEMPLATE", "STATE", "SOURCE", "TARGET", "UPDATED")
				for _, l := range all {
					row(l.ID, l.Route, orDash(l.Template), l.State, calledOr(l.SourceName, l.Source), ticketOf(l), ago(l.UpdatedAt, now))
				}
			})
		},
	}
	cmd.Flags().StringVar(&query.Name, "name", "", "only those of this `NAME`")
	cmd.Flags().StringVar(&query.Route, "route", "", "only those on this `ROUTE`")
	cmd.Flags().StringVar((*string)(&query.State), "state", "", "only those in this `STATE`: claim, active, stopped, gone, detached or orphan")
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print the daemon's answer as JSON")
	address.add(cmd)
	completeFlag(cmd, "state", fixed(string(links.Active), string(links.Claim), string(links.Detached), string(links.Gone), string(links.Orphan), string(links.Stopped)))
	completeFlag(cmd, "route", a.completeRoutes(address))
	completeFlag(cmd, "name", a.completeNames(address, ofLinks))

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
			Use: "show NAME", Short: "Show one link", Args: between(1, 1), Long: "Show one link.\n\n" + aboutNames,
			ValidArgsFunction: first(a.completeNames(address, ofLinks)),
			RunE: func(cmd *cobra.Command, args []string) error {
				link, raw, err := a.client(address).Link(cmd.Context(), args[0])
				return one(link, raw, noSuch(err, "link", args[0]))
			},
		},
		&cobra.Command{
			Use: "unlink NAME", Short: "Part a record from its ticket for good", Args: between(1, 1),
			Long: `Parts a record from its ticket: neither is written again, and no new ticket opens
for the record on that route. 'lockstep links adopt' joins them again.

` + aboutNames,
			ValidArgsFunction: first(a.completeNames(address, ofLinks)),
			RunE: func(cmd *cobra.Command, args []string) error {
				link, raw, err := a.client(address).Unlink(cmd.Context(), args[0])
				return one(link, raw, noSuch(err, "link", args[0]))
			},
		},
		a.adoptCommand(address, &asJSON),
	)
	return cmd
}

func (a *app) printLink(l engine.LinkView) error {
	return details(a.stdout, func(row func(...any)) {
		row("id", l.ID)
		row("route", l.Route)
		row("template", orDash(l.Template))
		row("state", l.State)
		row("source", named(l.SourceName, l.Source.String()))
		row("target", named(l.TargetName, targetOf(l)))
		row("number", orDash(l.Number))
		row("url", orDash(l.URL))
		row("updated", when(l.UpdatedAt))
		row("generation", fmt.Sprint(orDash(l.Generation), inCommit(l.Commit)))
	})
}

// named is a ref with what people call the record.
func named(name, ref string) string {
	if name == "" {
		return ref
	}
	return ref + " (" + name + ")"
}

func targetOf(l engine.LinkView) string {
	if l.Target == nil {
		return "-"
	}
	return l.Target.String()
}

// ticketOf is what people call the ticket of a link.
func ticketOf(l engine.LinkView) string {
	if l.Target == nil {
		return "-"
	}
	return calledOr(l.TargetName, *l.Target)
}
