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
			return a.check(cmd.Context(), dirOf(args), vars, asJSON, strict)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the diagnostics as JSON on standard output")
	cmd.Flags().BoolVar(&strict, "strict", false, "count warnings as errors")
	vars.add(cmd)
	return cmd
}

func (a *app) check(ctx context.Context, dir string, vars *varFlags, asJSON, strict bool) error {
	set, found, err := a.loadOffline(ctx, dir, vars)
	if err != nil {
		return err
	}
	if asJSON {
		if found == nil {
			found = rules.Diagnostics{}
		}
		if err := writeJSON(a.stdout, found); err != nil {
			return err
		}
	} else {
		found.WriteText(a.stderr, a.color(a.stderr))
	}
	if found.HasErrors() || strict && len(found) > 0 {
		return errFailed
	}
	if !asJSON {
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
