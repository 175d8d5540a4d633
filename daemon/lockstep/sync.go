package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/engine"
)

// usualTimeout is how long a command waits for what becomes of a record, and longestWait
// how long it may.
const (
	usualTimeout   = time.Minute
	longestTimeout = admin.Timeout - time.Minute
)

func addTimeout(cmd *cobra.Command, timeout *time.Duration) {
	cmd.Flags().DurationVar(timeout, "timeout", usualTimeout, "how `LONG` to wait for a record that has to be looked at again")
}

func checkTimeout(timeout time.Duration) error {
	if timeout < 0 || timeout > longestTimeout {
		return usagef("-timeout %s: expected one from 0s to %s", timeout, longestTimeout)
	}
	return nil
}

func (a *app) syncCommand() *cobra.Command {
	var asJSON bool
	var timeout time.Duration
	address := &adminFlags{}
	cmd := &cobra.Command{
		Use:   "sync NAME…",
		Short: "Look at records now, and print what was written",
		Long: `Has the daemon look at records now, on every route that takes them, whether
anything told of them or not, and prints what was written. A record from before
its route began, and one that was decided without a ticket, is decided again.
What a system refused is not tried again: 'lockstep dead retry' does that.
Exit status 1 when one failed, or waits for something.

` + aboutNames,
		Args:              between(1, -1),
		ValidArgsFunction: a.completeNames(address, ofRecords),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkTimeout(timeout); err != nil {
				return err
			}
			client, failed, all := a.client(address), false, []json.RawMessage{}
			for _, name := range args {
				outcomes, raw, err := client.Sync(cmd.Context(), name, timeout)
				var refused *admin.AnswerError
				if errors.As(err, &refused) && refused.Status/100 == 4 && refused.Status != 401 { // the others are looked at all the same
					fmt.Fprintf(a.stderr, "lockstep: %s\n", noSuch(err, "record", name))
					failed = true
					continue
				}
				if err != nil {
					return explained(err)
				}
				var each []json.RawMessage
				if err := json.Unmarshal(raw, &each); err != nil {
					return err
				}
				all = append(all, each...)
				for _, o := range outcomes {
					failed = failed || o.Failed
					if !asJSON {
						a.printOutcome(o)
					}
				}
				if err := a.stdout.Flush(); err != nil {
					return err
				}
			}
			if asJSON {
				if err := writeJSON(a.stdout, all); err != nil {
					return err
				}
			}
			if failed {
				return errFailed
			}
			return nil
		},
	}
	addTimeout(cmd, &timeout)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the daemon's answers as JSON")
	address.add(cmd)
	return cmd
}

// printOutcome prints what became of a record on a route, a line, and of one without a
// ticket the conditions that were not met.
func (a *app) printOutcome(o engine.Outcome) {
	fmt.Fprintf(a.stdout, "%s on %s: %s\n", calledOr(o.SourceName, o.Record), o.Route, outcomeText(o))
	if o.Result == engine.Nothing && o.Link == nil && o.Decision != nil {
		for _, line := range skippedLines(*o.Decision) {
			fmt.Fprintf(a.stdout, "  %s\n", line)
		}
	}
	for _, d := range o.Dead {
		fmt.Fprintf(a.stdout, "  dead letter %s: %s\n", d.ID, letterText(d))
	}
}
