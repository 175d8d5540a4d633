package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/connectors/nearest"
	"github.com/lockstep-sync/lockstep/daemon"
)

func (a *app) root() *cobra.Command {
	showVersion := false
	root := &cobra.Command{
		Use:   "lockstep",
		Short: "Keeps incidents and tickets in step, by rules that live in git",
		Long: `lockstep keeps incidents and tickets in step. Rules live in git as HCL and CEL;
a daemon carries them out, durably, between incident.io, ServiceNow and Jira.

See it work:        lockstep demo
Check rules:        lockstep check DIR
What would happen:  lockstep explain -record FILE DIR
Run it:             lockstep run DIR`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if showVersion {
				return a.printVersion(false)
			}
			cmd.SetOut(a.stderr)
			return errors.Join(cmd.Help(), errReportedUsage)
		},
	}
	root.Flags().BoolVar(&showVersion, "version", false, "print version, commit and Go version")
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%s\n%s", oneDash(err.Error()), seeHelp(cmd))
	})
	root.AddCommand(
		a.checkCommand(), a.fmtCommand(), a.explainCommand(), a.testCommand(), a.schemaCommand(),
		a.initCommand(), a.graphCommand(),
		a.runCommand(), a.demoCommand(), a.sandboxCommand(),
		a.statusCommand(), a.whyCommand(), a.decisionsCommand(), a.syncCommand(), a.reloadCommand(), a.routesCommand(), a.linksCommand(), a.deadCommand(), a.dashboardCommand(),
		a.planCommand(), a.doctorCommand(), a.journalCommand(), a.backfillCommand(),
		a.versionCommand(), a.completionCommand(),
	)
	root.InitDefaultHelpCmd()
	subcommand(root, "help").Args = func(_ *cobra.Command, args []string) error {
		cmd, rest, err := root.Find(args)
		if err == nil && len(rest) > 0 && cmd.HasSubCommands() {
			return unknownCommand(cmd, rest[0])
		}
		return err
	}
	return root
}

// A usageError is wrong usage: exit status 2.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

var (
	// errFailed ends a command that has said all there is to say, with status 1.
	errFailed = errors.New("failed")
	// errReportedUsage likewise, with status 2.
	errReportedUsage = errors.New("wrong usage")
)

// report says what went wrong and returns the exit status.
func (a *app) report(err error) int {
	var usage *usageError
	var config *daemon.ConfigError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errReportedUsage):
		return exitUsage
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintln(a.stderr, "lockstep: "+usage.text)
		return exitUsage
	case errors.As(err, &config):
		config.Diagnostics.WriteText(a.stderr, a.color(a.stderr))
		return exitFailed
	default:
		fmt.Fprintln(a.stderr, "lockstep: "+err.Error())
		return exitFailed
	}
}

// unknownCommand says so, and which command of that name there may be.
func unknownCommand(parent *cobra.Command, name string) error {
	text := fmt.Sprintf("unknown command %q for %q", name, parent.CommandPath())
	var names []string
	for _, c := range parent.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usagef("%s%s\n%s", text, didYouMean(name, names, ""), seeHelp(parent))
}

func seeHelp(cmd *cobra.Command) string {
	return fmt.Sprintf("Run '%s -help' for how it is used.", cmd.CommandPath())
}

// didYouMean names what is near to a name that is not there: what it begins, else what
// it is like.
func didYouMean(name string, known []string, prefix string) string {
	slices.Sort(known)
	near := nearest.Name(name, known)
	if i := slices.IndexFunc(known, func(k string) bool { return strings.HasPrefix(k, name) }); i >= 0 && len(name) > 1 {
		near = known[i]
	}
	if near == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", prefix+near)
}

// atMost is an argument check: so many arguments, else wrong usage.
func atMost(n int) cobra.PositionalArgs { return between(0, n) }

func between(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usagef("%q needs %s\nUsage: %s", cmd.CommandPath(), strings.TrimPrefix(cmd.Use, cmd.Name()+" "), cmd.UseLine())
		case most >= 0 && len(args) > most:
			return usagef("%q does not take %q\nUsage: %s", cmd.CommandPath(), args[most], cmd.UseLine())
		}
		return nil
	}
}
