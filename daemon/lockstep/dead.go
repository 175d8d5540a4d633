package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/engine"
)

func (a *app) deadCommand() *cobra.Command {
	var asJSON bool
	var query engine.Query
	address := &adminFlags{}
	list := func(cmd *cobra.Command, _ []string) error {
		letters, raw, err := a.client(address).Dead(cmd.Context(), query)
		if err != nil {
			return explained(err)
		}
		if asJSON {
			return a.printJSON(raw)
		}
		if len(letters) == 0 {
			fmt.Fprintln(a.stdout, "no dead letters")
			return nil
		}
		return a.printLetters(letters)
	}
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "List, show, retry and drop what could not be carried out",
		Long:  "Lists what could not be carried out, by reason and route, newest first.\n\n" + aboutNames,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: list,
	}
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print the daemon's answer as JSON")
	address.add(cmd)
	listed := &cobra.Command{Use: "list", Short: "List the dead letters, by reason and route", Args: atMost(0), RunE: list}
	for _, c := range []*cobra.Command{cmd, listed} {
		c.Flags().StringVar(&query.Name, "name", "", "only those of this `NAME`")
		a.addLetterFilters(c, address, &query)
		completeFlag(c, "name", a.completeNames(address, ofDead))
	}
	cmd.AddCommand(
		listed,
		&cobra.Command{
			Use: "show NAME", Short: "Show dead letters", Args: between(1, 1),
			Long:              "Shows a dead letter, or all of a record's.\n\n" + aboutNames,
			ValidArgsFunction: first(a.completeNames(address, ofDead)),
			RunE: func(cmd *cobra.Command, args []string) error {
				return a.showDead(cmd.Context(), a.client(address), args[0], asJSON)
			},
		},
		a.retryCommand(address, &asJSON),
		a.dropCommand(address, &asJSON),
	)
	return cmd
}

// addLetterFilters adds the flags that pick dead letters.
func (a *app) addLetterFilters(cmd *cobra.Command, address *adminFlags, query *engine.Query) {
	cmd.Flags().StringVar(&query.Route, "route", "", "only those on this `ROUTE`")
	cmd.Flags().StringVar(&query.Reason, "reason", "", "only those with this `REASON`")
	completeFlag(cmd, "route", a.completeRoutes(address))
	completeFlag(cmd, "reason", a.completeReasons(address))
}

// A letterGroup are dead letters of one reason on one route.
type letterGroup struct {
	reason, route string
	letters       []engine.LetterView
}

// grouped sorts dead letters by reason and route, the most frequent first.
func grouped(letters []engine.LetterView) []letterGroup {
	var groups []letterGroup
	for _, d := range letters {
		i := slices.IndexFunc(groups, func(g letterGroup) bool { return g.reason == d.Reason && g.route == d.Route })
		if i < 0 {
			groups, i = append(groups, letterGroup{reason: d.Reason, route: d.Route}), len(groups)
		}
		groups[i].letters = append(groups[i].letters, d)
	}
	slices.SortStableFunc(groups, func(a, b letterGroup) int {
		return cmp.Or(cmp.Compare(len(b.letters), len(a.letters)), cmp.Compare(a.reason, b.reason), cmp.Compare(a.route, b.route))
	})
	return groups
}

func (a *app) printLetters(letters []engine.LetterView) error {
	now := time.Now()
	for i, g := range grouped(letters) {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		fmt.Fprintf(a.stdout, "%s on %s: %d\n", g.reason, g.route, len(g.letters))
		fields := slices.ContainsFunc(g.letters, func(d engine.LetterView) bool { return d.Field != "" })
		err := table(a.stdout, func(row func(...any)) {
			add := func(id, age, record, field, message any) {
				cells := []any{id, age, record, field, message}
				if !fields {
					cells = slices.Delete(cells, 3, 4)
				}
				row(cells...)
			}
			add("ID", "AGE", "RECORD", "FIELD", "MESSAGE")
			for _, d := range g.letters {
				add(d.ID, ago(d.At, now), calledOr(d.SourceName, d.Record), orDash(d.Field), brief(d.Message))
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// operation begins a message with what was done to which record: the table says that in
// other columns.
var operation = regexp.MustCompile(`^[a-z][a-z -]* [a-z0-9_]+\.[^\s.]+\.[^\s:]+: `)

// brief is what a message says beyond the other columns, on one line.
func brief(message string) string {
	return strings.Join(strings.Fields(strings.TrimPrefix(message, operation.FindString(message))), " ")
}

// lettersOf does something to the dead letter that a name means. Where that is a record
// with several, nothing is done, and their ids are returned.
func lettersOf(ctx context.Context, name string, do func(context.Context, string) (engine.LetterView, []byte, error)) (d *engine.LetterView, ids []string, err error) {
	letter, _, err := do(ctx, name)
	if err == nil {
		return &letter, nil, nil
	}
	var refused *admin.AnswerError
	if !errors.As(err, &refused) || refused.Status != http.StatusConflict || len(refused.Matches) == 0 {
		return nil, nil, err
	}
	for _, m := range refused.Matches {
		if m.Dead == "" || m.Record != refused.Matches[0].Record {
			return nil, nil, err
		}
		ids = append(ids, m.Dead)
	}
	return nil, ids, nil
}

func (a *app) showDead(ctx context.Context, client *admin.Client, name string, asJSON bool) error {
	var raw []byte
	one, ids, err := lettersOf(ctx, name, func(ctx context.Context, name string) (d engine.LetterView, _ []byte, err error) {
		d, raw, err = client.DeadLetter(ctx, name)
		return d, raw, err
	})
	switch {
	case err != nil:
		return explained(noSuch(err, "dead letter", name))
	case one != nil && asJSON:
		return a.printJSON(raw)
	case one != nil:
		return a.printDead(*one)
	}
	all := []engine.LetterView{}
	for i, id := range ids {
		d, _, err := client.DeadLetter(ctx, id)
		if err != nil {
			return explained(err)
		}
		if all = append(all, d); asJSON {
			continue
		}
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		if err := a.printDead(d); err != nil {
			return err
		}
	}
	if asJSON {
		return writeJSON(a.stdout, all)
	}
	return nil
}

func (a *app) printDead(d engine.LetterView) error {
	err := details(a.stdout, func(row func(...any)) {
		row("id", d.ID)
		row("route", d.Route)
		row("record", named(d.SourceName, d.Record.String()))
		if d.TargetName != "" {
			row("ticket", d.TargetName+"  "+d.URL)
		}
		row("reason", d.Reason)
		row("field", orDash(d.Field))
		row("since", when(d.At))
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\n%s\n", d.Message)
	return nil
}
