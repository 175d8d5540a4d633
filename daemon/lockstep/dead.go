package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
)

func (a *app) deadCommand() *cobra.Command {
	var asJSON bool
	address := &adminFlags{}
	list := func(cmd *cobra.Command, _ []string) error {
		letters, raw, err := a.client(address).Dead(cmd.Context())
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
		return table(a.stdout, func(row func(...any)) {
			row("ID", "SINCE", "ROUTE", "RECORD", "REASON", "FIELD", "MESSAGE")
			for _, d := range letters {
				row(d.ID, when(d.At), d.Route, d.Record, d.Reason, orDash(d.Field), oneLine(d.Message, 100))
			}
		})
	}
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "List, show, retry and drop what could not be carried out",
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
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "List the dead letters, newest first", Args: atMost(0), RunE: list},
		&cobra.Command{
			Use: "show ID", Short: "Show one dead letter", Args: between(1, 1),
			RunE: func(cmd *cobra.Command, args []string) error {
				d, raw, err := a.client(address).DeadLetter(cmd.Context(), args[0])
				if err != nil {
					return explained(named(err, "dead letter", args[0]))
				}
				if asJSON {
					return a.printJSON(raw)
				}
				return a.printDead(d)
			},
		},
		&cobra.Command{
			Use: "retry ID…", Short: "Retry the affected records", Args: between(1, -1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return a.eachDead(cmd.Context(), args, asJSON, "retried", a.client(address).RetryDead)
			},
		},
		&cobra.Command{
			Use: "drop ID…", Short: "Forget dead letters", Args: between(1, -1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return a.eachDead(cmd.Context(), args, asJSON, "dropped", a.client(address).DropDead)
			},
		},
	)
	return cmd
}

// eachDead does one thing to every id; one that is not there does not keep
// the others from it.
func (a *app) eachDead(ctx context.Context, ids []string, asJSON bool, what string,
	do func(context.Context, string) (deadletter.Letter, []byte, error),
) error {
	done, failed := []deadletter.Letter{}, false
	for _, id := range ids {
		d, _, err := do(ctx, id)
		var refused *admin.AnswerError
		if errors.As(err, &refused) && refused.Status == 404 {
			fmt.Fprintf(a.stderr, "lockstep: %s\n", named(err, "dead letter", id))
			failed = true
			continue
		}
		if err != nil {
			return explained(err)
		}
		done = append(done, d)
		if !asJSON {
			fmt.Fprintf(a.stdout, "%s %s (%s)\n", what, d.ID, d.Record)
		}
	}
	if asJSON {
		if err := writeJSON(a.stdout, done); err != nil {
			return err
		}
	}
	if failed {
		return errFailed
	}
	return nil
}

func (a *app) printDead(d deadletter.Letter) error {
	err := table(a.stdout, func(row func(...any)) {
		row("id", d.ID)
		row("route", d.Route)
		row("record", d.Record)
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

// oneLine returns text fit for a cell of a table.
func oneLine(text string, most int) string {
	out := make([]rune, 0, len(text))
	for _, r := range text {
		if r < ' ' {
			r = ' '
		}
		out = append(out, r)
	}
	if len(out) > most {
		return string(out[:most-1]) + "…"
	}
	return string(out)
}
