package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/rules"
	"github.com/lockstep-sync/lockstep/rules/visible"
)

type decisionsOptions struct {
	route        string
	limit        int
	follow, json bool
}

func (a *app) decisionsCommand() *cobra.Command {
	var o decisionsOptions
	address := &adminFlags{}
	cmd := &cobra.Command{
		Use:   "decisions [NAME]",
		Short: "List what the daemon decided, and follow what it decides",
		Long: `Lists what the daemon decided, newest last: about one record or its ticket, or
about all. With -f it goes on, and prints each decision when it is made, until
you interrupt it. 'lockstep why NAME' says more of one record.

` + aboutNames,
		Args:              atMost(1),
		ValidArgsFunction: first(a.completeNames(address, ofRecords)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			if o.limit < 1 || o.limit > mostDecisions {
				return usagef("-limit %d: expected a number from 1 to %d", o.limit, mostDecisions)
			}
			if o.follow {
				return a.followDecisions(cmd.Context(), address, name, o)
			}
			return a.listDecisions(cmd.Context(), address, name, o)
		},
	}
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on with what is decided from now on")
	cmd.Flags().StringVar(&o.route, "route", "", "only those on this `ROUTE`")
	cmd.Flags().IntVar(&o.limit, "limit", 100, "how `MANY` of the newest")
	cmd.Flags().BoolVar(&o.json, "json", false, "print them as JSON; with -f, one a line")
	address.add(cmd)
	completeFlag(cmd, "route", a.completeRoutes(address))
	return cmd
}

const mostDecisions = 10000

func (a *app) listDecisions(ctx context.Context, address *adminFlags, name string, o decisionsOptions) error {
	all, _, err := a.client(address).Decisions(ctx, name, o.route, o.limit)
	if err != nil {
		return explained(err)
	}
	slices.Reverse(all)
	if o.json {
		return writeJSON(a.stdout, all)
	}
	if len(all) == 0 {
		fmt.Fprintln(a.stdout, "no decisions")
		return nil
	}
	return table(a.stdout, func(row func(...any)) {
		row(decisionHeads()...)
		for _, d := range all {
			row(decisionCells(d)...)
		}
	})
}

// followDecisions prints a line for each decision at once: the widths of its columns are
// not known, but for the first rows.
func (a *app) followDecisions(ctx context.Context, address *adminFlags, name string, o decisionsOptions) error {
	widths := []int{20, 12, 10, 12, 7, 12}
	line := func(cells []any) error {
		fmt.Fprintln(a.stdout, followedLine(widths, cells))
		return a.stdout.Flush()
	}
	if !o.json {
		if err := line(decisionHeads()); err != nil {
			return err
		}
	}
	return explained(a.client(address).FollowDecisions(ctx, name, o.route, o.limit, func(d engine.DecisionView, raw []byte) error {
		if o.json {
			if err := a.printJSON(raw); err != nil {
				return err
			}
			return a.stdout.Flush()
		}
		return line(decisionCells(d))
	}))
}

// followedLine puts cells into columns; what is longer makes room for itself, and the
// line ends where a table would.
func followedLine(widths []int, cells []any) string {
	var b strings.Builder
	for i, cell := range cells {
		text := visible.Line(fmt.Sprint(cell))
		if i < len(widths) {
			text = fmt.Sprintf("%-*s  ", widths[i], cutTo(text, max(widths[i], narrowestID)))
		}
		b.WriteString(text)
	}
	return strings.TrimRight(cutTo(b.String(), tableWidth), " ")
}

func decisionHeads() []any {
	return []any{"AT", "ROUTE", "SOURCE", "TARGET", "ACTION", "TEMPLATE", "WHAT"}
}

func decisionCells(d engine.DecisionView) []any {
	what := strings.Join(d.Writes, ", ")
	switch {
	case d.Error != "":
		what = "error: " + d.Error
	case what == "":
		what = cmp.Or(d.Reason, "nothing to write")
	}
	if d.Action == string(rules.None) && d.Error == "" {
		what = d.Reason
	}
	return []any{when(d.At), d.Route, calledOr(d.SourceName, d.Record), orDash(calledOr(d.TargetName, d.Target)), d.Action, orDash(d.Template), orDash(what)}
}
