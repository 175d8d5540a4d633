package main

import (
	"bytes"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/daemon"
	"github.com/lockstep-sync/lockstep/rules"
)

// maxJournal bounds a journal that is read from a file.
const maxJournal = 1 << 30

type planOptions struct {
	since, journal string
	json, exitCode bool
}

func (a *app) planCommand() *cobra.Command {
	var o planOptions
	vars, admin := &varFlags{}, &adminFlags{}
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
			var raw []byte
			if o.journal != "" {
				raw, err = a.readInput(cmd.Context(), o.journal, maxJournal)
			} else if raw, err = a.client(admin).Journal(cmd.Context(), from); err != nil {
				err = explained(err)
			}
			if err != nil {
				return err
			}
			if o.journal == "" {
				advice, err := daemon.Advice(cmd.Context(), set, version)
				if err != nil {
					return err
				}
				advice.WriteText(a.stderr, a.color(a.stderr))
			}
			again := newPlanner(set)
			again.file = o.journal != ""
			if o.journal == "" || cmd.Flags().Changed("since") { // a file is what somebody chose
				again.since = from
			}
			for line := range bytes.Lines(raw) {
				again.add(line)
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
	admin.add(cmd)
	return cmd
}
