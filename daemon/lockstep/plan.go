package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/daemon"
	"github.com/lockstep-sync/lockstep/rules"
	"github.com/lockstep-sync/lockstep/rules/source"
)

// maxJournalLine is more than a line of a journal holds.
const maxJournalLine = 64 << 20

type planOptions struct {
	since, journal string
	json, exitCode bool
}

func (a *app) planCommand() *cobra.Command {
	var o planOptions
	vars, address := &varFlags{}, &adminFlags{}
	cmd := &cobra.Command{
		Use:   "plan [DIR]",
		Short: "Show what the rules in DIR would decide otherwise than the daemon did",
		Long: `Decides again, with the rules in DIR (default: the current directory), what the
running daemon decided, and prints what would change. It asks the systems whether
what DIR names exists there, and writes nothing.

With -journal it reads what 'lockstep journal export' printed, asks no daemon
and needs no secret.`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := vars.values()
			if err != nil {
				return err
			}
			from, err := sinceTime(o.since)
			if err != nil {
				return err
			}
			set, found := rules.Load(cmd.Context(), dirOf(args), rules.Options{Systems: systems(), Vars: values, Env: a.env, Offline: o.journal != ""})
			found.WriteText(a.stderr, a.color(a.stderr))
			if set == nil {
				return errFailed
			}
			again := newPlanner(set)
			again.file = o.journal != ""
			if !again.file || cmd.Flags().Changed("since") { // a file is what somebody chose
				again.since = from
			}
			if err := a.readJournal(cmd.Context(), again, o.journal, from, address); err != nil {
				return err
			}
			if o.journal == "" {
				advice, err := daemon.Advice(cmd.Context(), set, version)
				if err != nil {
					return err
				}
				advice.WriteText(a.stderr, a.color(a.stderr))
			}
			p := again.plan()
			if o.json {
				err = writeJSON(a.stdout, p)
			} else {
				p.writeText(a.stdout)
			}
			if err == nil && o.exitCode && !p.holds() {
				return errFailed
			}
			return err
		},
	}
	cmd.Flags().StringVar(&o.since, "since", defaultSince, "how far back: a `DURATION` as 30d or 12h; with -journal, all of the file unless it is given")
	cmd.Flags().StringVar(&o.journal, "journal", "", "read this `FILE` of 'lockstep journal export' instead of asking the daemon")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the plan as JSON")
	cmd.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit with 1 when something would change, or there is nothing to decide by")
	vars.add(cmd)
	address.add(cmd)
	return cmd
}

// readJournal hands a planner the journal in a file, or with none the daemon's, one
// line at a time.
func (a *app) readJournal(ctx context.Context, p *planner, file string, since time.Time, address *adminFlags) error {
	take := func(line []byte) error {
		p.add(line)
		return nil
	}
	if file == "" {
		return explained(a.client(address).Journal(ctx, since, take))
	}
	read := func(r io.Reader) error {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, maxJournalLine)
		for lines.Scan() {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			p.add(lines.Bytes())
		}
		if errors.Is(lines.Err(), bufio.ErrTooLong) {
			return fmt.Errorf("not a journal: a line is longer than %s", source.Size(maxJournalLine))
		}
		return lines.Err()
	}
	var err error
	if file == "-" {
		err = read(a.stdin)
	} else {
		err = source.WithInput(ctx, file, read)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", fileName(file), err)
	}
	return nil
}
