package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/rules"
	"github.com/lockstep-sync/lockstep/rules/source"
)

// maxRecord bounds a record read from a file, like an answer of a system.
const maxRecord = 16 << 20

func (a *app) explainCommand() *cobra.Command {
	var o explainOptions
	vars, address := &varFlags{}, &adminFlags{}
	cmd := &cobra.Command{
		Use:   "explain {-record FILE | NAME} [DIR]",
		Short: "Show which template a record gets, why, and every field that would be written",
		Long: `Decides the record in FILE by the rules in DIR (default: the current directory)
and prints, for every route whose source it can be of, the template, why not
those before it, and every field that would be written. It talks to no system.

FILE is a record as the system's API gives it, bare or in its envelope, or the
body of a webhook; "-" is standard input.

With NAME in place of -record FILE, the running daemon is asked for the record as
it is now, for what it belongs to and for its ticket.

` + aboutNames,
		Args: atMost(2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 || o.record != "" {
				return nil, cobra.ShellCompDirectiveFilterDirs
			}
			return a.completeNames(address, ofRecords)(cmd, args, typed)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.record != "" && len(args) > 1:
				return usagef("%q takes -record FILE or NAME, not both\n%s", cmd.CommandPath(), seeHelp(cmd))
			case o.record != "":
				return a.explain(cmd.Context(), dirOf(args), vars, o)
			case len(args) == 0:
				return usagef("%q needs -record FILE, or the NAME of a record\n%s", cmd.CommandPath(), seeHelp(cmd))
			case len(args) == 1 && isDirectory(args[0]):
				return usagef("%q needs -record FILE, or the NAME of a record: %s is a directory\n%s", cmd.CommandPath(), args[0], seeHelp(cmd))
			}
			return a.explainNamed(cmd.Context(), address, args[0], dirOf(args[1:]), vars, o)
		},
	}
	cmd.Flags().StringVar(&o.record, "record", "", "the record: a `FILE`, or - for standard input")
	cmd.Flags().StringVar(&o.route, "route", "", "only this `ROUTE`")
	cmd.Flags().StringVar(&o.source, "source", "", "only routes with this `SOURCE`, as incidentio.acme.incident")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the decisions as JSON")
	vars.add(cmd)
	address.add(cmd)
	completeFlag(cmd, "route", a.completeConfigured(vars, func(r *rules.Route) string { return r.Name }))
	completeFlag(cmd, "source", a.completeConfigured(vars, func(r *rules.Route) string { return r.Source.String() }))
	return cmd
}

type explainOptions struct {
	record, route, source string
	json                  bool
}

func (a *app) explain(ctx context.Context, dir string, vars *varFlags, o explainOptions) error {
	set, found, err := a.loadOffline(ctx, dir, vars)
	if err != nil {
		return err
	}
	found.WriteText(a.stderr, a.color(a.stderr))
	if set == nil {
		return errFailed
	}
	routes, err := routesFor(set, o)
	if err != nil {
		return err
	}
	body, err := a.readRecord(ctx, o.record)
	if err != nil {
		return err
	}
	// The parent is not there to be read: to the rules it is null.
	decisions, refused := engine.Explain(set, routes, body, nil)
	if refused == nil || len(decisions) > 0 {
		if err := a.printDecisions(decisions, o.json); err != nil {
			return err
		}
	}
	if refused != nil {
		return fmt.Errorf("%s: %w", fileName(o.record), refused)
	}
	return nil
}

func (a *app) printDecisions(decisions []rules.Decision, asJSON bool) error {
	if asJSON {
		return writeJSON(a.stdout, decisions)
	}
	for i, d := range decisions {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		d.WriteText(a.stdout)
	}
	return nil
}

// explainNamed decides a record as the daemon reads it now.
func (a *app) explainNamed(ctx context.Context, address *adminFlags, name, dir string, vars *varFlags, o explainOptions) error {
	set, found, err := a.loadOffline(ctx, dir, vars)
	if err != nil {
		return err
	}
	found.WriteText(a.stderr, a.color(a.stderr))
	if set == nil {
		return errFailed
	}
	routes, err := routesFor(set, o)
	if err != nil {
		return err
	}
	record, _, err := a.client(address).Record(ctx, name)
	if err != nil {
		return explained(err)
	}
	decisions, err := engine.ExplainNow(set, routes, record)
	if err != nil {
		return err
	}
	return a.printDecisions(decisions, o.json)
}

func isDirectory(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// routesFor returns the routes that -route and -source leave.
func routesFor(set *rules.Set, o explainOptions) ([]*rules.Route, error) {
	var names, sources []string
	for _, r := range set.Routes {
		names = append(names, r.Name)
		sources = append(sources, r.Source.String())
	}
	if o.route != "" && set.Route(o.route) == nil {
		return nil, fmt.Errorf("there is no route %q%s", o.route, didYouMean(o.route, names, ""))
	}
	if o.source != "" && !slices.Contains(sources, o.source) {
		return nil, fmt.Errorf("no route has the source %q%s", o.source, didYouMean(o.source, sources, ""))
	}
	var routes []*rules.Route
	for _, r := range set.Routes {
		if (o.route == "" || r.Name == o.route) && (o.source == "" || r.Source.String() == o.source) {
			routes = append(routes, r)
		}
	}
	if len(routes) == 0 {
		return nil, errors.New("the configuration has no such route")
	}
	return routes, nil
}

// fileName returns what to call a file in a message.
func fileName(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

func (a *app) readRecord(ctx context.Context, name string) ([]byte, error) {
	return a.readInput(ctx, name, maxRecord)
}

// readInput reads a file that somebody named, or standard input for "-". A pipe
// will do as well, as in -record <(…), but nothing waits for one without a
// writer.
func (a *app) readInput(ctx context.Context, name string, limit int64) (content []byte, err error) {
	if name == "-" {
		content, err = source.Drain(ctx, a.stdin, limit)
	} else {
		content, err = source.ReadInput(ctx, name, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fileName(name), err)
	}
	return content, nil
}
