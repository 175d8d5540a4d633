package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/rules/visible"
)

func (a *app) whyCommand() *cobra.Command {
	var asJSON bool
	address := &adminFlags{}
	cmd := &cobra.Command{
		Use:   "why NAME",
		Short: "Show what became of a record, and why",
		Long: `Shows what became of a record, or of what a ticket was opened for: on each route
the newest decision, as 'lockstep explain' prints it, with its time and the
configuration that made it; then its link, what that waits for, and its dead
letters. Of a record without a ticket, 'skipped' names the conditions that were
not met.

` + aboutNames,
		Args:              between(1, 1),
		ValidArgsFunction: first(a.completeNames(address, ofRecords)),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, raw, err := a.client(address).Why(cmd.Context(), args[0])
			if err != nil {
				return explained(err)
			}
			if asJSON {
				return a.printJSON(raw)
			}
			for i, w := range all {
				if i > 0 {
					fmt.Fprintln(a.stdout)
				}
				writeWhy(a.stdout, args[0], w)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the daemon's answer as JSON")
	address.add(cmd)
	return cmd
}

// head writes a name and its value as explain does: the value in column 11, or two after
// a name that reaches so far.
func head(w io.Writer, name, value string) {
	if len(name) >= 10 {
		name += " "
	}
	fmt.Fprintf(w, "%-10s%s\n", name, visible.Line(value))
}

// writeWhy writes what became of a record; asked is what it was asked for by.
func writeWhy(w io.Writer, asked string, why engine.Why) {
	if len(why.Routes) == 0 {
		fmt.Fprintf(w, "%s: no route takes records of %s\n", calledAs(why), why.Record.Collection)
		return
	}
	for i, route := range why.Routes {
		if i > 0 {
			fmt.Fprintln(w)
		}
		writeWhyRoute(w, asked, why, route)
	}
}

func calledAs(why engine.Why) string { return named(why.Name, why.Record.String()) }

func writeWhyRoute(w io.Writer, asked string, why engine.Why, r engine.WhyRoute) {
	switch {
	case r.Decision != nil:
		r.Decision.WriteText(w)
		head(w, "at", r.At.UTC().Format(time.RFC3339))
		head(w, "generation", r.Generation)
		if r.Commit != "" {
			head(w, "commit", r.Commit)
		}
		if r.Error != "" {
			head(w, "error", r.Error)
		}
	default:
		head(w, "route", r.Route)
		head(w, "record", why.Record.String())
		if r.Decided {
			head(w, "decided", "yes, but the journal does not go back so far")
		} else {
			head(w, "decided", "never: it was not looked at since this route began")
			fmt.Fprintf(w, "An edit of the record brings it in, as do 'lockstep sync %s' and, with all others, 'lockstep backfill'.\n", asked)
		}
	}
	if !r.Configured {
		head(w, "gone", "the route is not configured any more")
	}
	if l := r.Link; l != nil {
		head(w, "link", l.ID)
		head(w, "phase", string(l.State))
		ticket := "-"
		if l.Target != nil {
			ticket = ticketOf(*l)
			if l.URL != "" {
				ticket += "  " + l.URL
			}
		}
		head(w, "ticket", ticket)
	}
	for _, waits := range r.Waits {
		head(w, "waits", waits)
	}
	for _, d := range r.Dead {
		field := ""
		if d.Field != "" {
			field = " " + d.Field
		}
		head(w, "dead", fmt.Sprintf("%s  %s%s: %s", d.ID, d.Reason, field, d.Message))
	}
}
