package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/names"
	"github.com/lockstep-sync/lockstep/rules"
)

func (a *app) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a completion script for bash, zsh, fish or powershell",
		Long: `Prints a completion script for SHELL: bash, zsh, fish or powershell.

  bash:  source <(lockstep completion bash)
  zsh:   lockstep completion zsh > "${fpath[1]}/_lockstep"
  fish:  lockstep completion fish > ~/.config/fish/completions/lockstep.fish`,
		Args:      between(1, 1),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.stdout)
			}
			return usagef("no completions for %q%s; there are: bash, zsh, fish, powershell", args[0], didYouMean(args[0], shells, ""))
		},
	}
}

// completionTimeout is how long a daemon may take to help who is typing.
const completionTimeout = 700 * time.Millisecond

// What names are completed of.
const (
	ofRecords = names.OfRecords
	ofLinks   = names.OfLinks
	ofDead    = names.OfDead
)

// completeNames completes names by what the daemon has stored. Where none answers
// there are no suggestions, and no word of it.
func (a *app) completeNames(address *adminFlags, of string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		all, _, err := a.client(address).Names(ctx, of, typed)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found := make([]cobra.Completion, len(all))
		for i, s := range all {
			found[i] = cobra.CompletionWithDesc(s.Name, s.About)
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeRoutes completes the routes that the daemon runs.
func (a *app) completeRoutes(address *adminFlags) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		status, _, err := a.client(address).Status(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var found []cobra.Completion
		for _, route := range status.Routes {
			found = append(found, route.Name)
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeRecordTypes completes TYPE.RECORD by the types that the systems name.
func completeRecordTypes(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	for _, system := range systems() {
		for _, record := range system.Records {
			if name := system.Type + "." + record; strings.HasPrefix(name, typed) {
				found = append(found, name)
			}
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// completeConfigured completes what the configuration in the directory among the
// arguments names. One that does not load suggests nothing.
func (a *app) completeConfigured(vars *varFlags, of func(*rules.Route) string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		set, _, err := a.loadOffline(ctx, dirOf(slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return !isDirectory(arg) })), vars)
		if err != nil || set == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var found []cobra.Completion
		for _, route := range set.Routes {
			if name := of(route); !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeReasons completes the reasons of the dead letters that there are.
func (a *app) completeReasons(address *adminFlags) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		letters, _, err := a.client(address).Dead(ctx, engine.Query{})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var found []cobra.Completion
		for _, d := range letters {
			if !slices.Contains(found, d.Reason) {
				found = append(found, d.Reason)
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// first completes the first argument alone.
func first(complete cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, typed)
	}
}

// fixed completes one of a few words.
func fixed(words ...cobra.Completion) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// completeFlag completes the values of a flag, which the command has.
func completeFlag(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	_ = cmd.RegisterFlagCompletionFunc(flag, complete) // fails for a flag that is not there: a test completes each
}
