package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/rules"
)

func (a *app) checkCommand() *cobra.Command {
	var asJSON, strict bool
	var format string
	vars := &varFlags{}
	cmd := &cobra.Command{
		Use:   "check [DIR]",
		Short: "Load and type-check a configuration",
		Long: `Loads and type-checks the configuration in DIR (default: the current directory)
and says what is wrong with it, and where. It talks to no system and needs no
secret: an environment variable that is not set counts as set.

Exit status 1 if there are errors, or warnings with -strict.`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch format {
			case formatText, formatGitHub, formatSARIF:
			default:
				return usagef("-format %q%s; there are: text, github, sarif", format, didYouMean(format, []string{formatText, formatGitHub, formatSARIF}, ""))
			}
			if asJSON && format != formatText {
				return usagef("-json and -format are not used together")
			}
			return a.check(cmd.Context(), dirOf(args), vars, checkOptions{asJSON, strict, format})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the diagnostics as JSON on standard output")
	cmd.Flags().StringVar(&format, "format", formatText, "text, github (annotations of a workflow) or sarif (code review); the last two on standard output")
	completeFlag(cmd, "format", fixed(formatText, formatGitHub, formatSARIF))
	cmd.Flags().BoolVar(&strict, "strict", false, "count warnings as errors")
	vars.add(cmd)
	return cmd
}

type checkOptions struct {
	json, strict bool
	format       string
}

func (a *app) check(ctx context.Context, dir string, vars *varFlags, o checkOptions) error {
	set, found, err := a.loadOffline(ctx, dir, vars)
	if err != nil {
		return err
	}
	switch {
	case o.json:
		if found == nil {
			found = rules.Diagnostics{}
		}
		err = writeJSON(a.stdout, found)
	case o.format == formatGitHub:
		writeGitHub(a.stdout, found)
	case o.format == formatSARIF:
		err = writeJSON(a.stdout, sarif(found, thisBuild().Version))
	default:
		found.WriteText(a.stderr, a.color(a.stderr))
	}
	if err != nil {
		return err
	}
	if found.HasErrors() || o.strict && len(found) > 0 {
		return errFailed
	}
	if !o.json && o.format == formatText {
		fmt.Fprintf(a.stdout, "%s: good: %s, %s, %s\n", dir,
			count(len(set.Connectors), "connector"), count(len(set.Routes), "route"), count(len(set.Templates), "template"))
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// writeJSON writes a value for machines, indented for people who look at it.
func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
