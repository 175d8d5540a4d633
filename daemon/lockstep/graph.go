package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/daemon/graph"
)

func (a *app) graphCommand() *cobra.Command {
	format := ""
	vars := &varFlags{}
	cmd := &cobra.Command{
		Use:   "graph [DIR]",
		Short: "Draw the routes as a picture",
		Long: `Draws the routes of the configuration in DIR (default: the current directory):
sources, templates with their conditions in the order tried, and targets.
Mermaid is what GitHub and GitLab show in Markdown, dot is Graphviz's:

  lockstep graph -format dot DIR | dot -Tsvg > routes.svg`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.graph(cmd.Context(), dirOf(args), vars, format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "mermaid", "`FORMAT`: mermaid or dot")
	completeFlag(cmd, "format", fixed("mermaid", "dot"))
	vars.add(cmd)
	return cmd
}

func (a *app) graph(ctx context.Context, dir string, vars *varFlags, format string) error {
	if format != "mermaid" && format != "dot" {
		return usagef("-format %q: expected mermaid or dot", format)
	}
	set, found, err := a.loadOffline(ctx, dir, vars)
	if err != nil {
		return err
	}
	found.WriteText(a.stderr, a.color(a.stderr))
	if set == nil {
		return errFailed
	}
	picture, err := graph.New(ctx, set)
	if err != nil {
		return err
	}
	text := picture.Mermaid()
	if format == "dot" {
		text = picture.Dot()
	}
	if _, err := fmt.Fprint(a.stdout, text); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
