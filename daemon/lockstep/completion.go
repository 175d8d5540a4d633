package main

import "github.com/spf13/cobra"

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
