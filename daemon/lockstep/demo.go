package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/daemon/demo"
)

func (a *app) demoCommand() *cobra.Command {
	var o demo.Options
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch incidents become tickets, on simulated systems",
		Long: `Runs simulators of incident.io, ServiceNow and Jira on loopback and the daemon on an
example in a temporary directory, and plays a scenario through both: each step
with the template and the condition that decided it.

With -keep everything stays up at the end, until you stop it.`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, abort, release := stopSignals(cmd.Context())
			defer release()
			o.Systems, o.Version, o.Abort = systems(), thisBuild().Version, abort
			o.Out, o.Color, o.Command = a.stdout, a.color(a.stdout), commandName()
			o.Width, o.Watched = width(a.stdout)
			return demo.Run(ctx, o)
		},
	}
	cmd.Flags().BoolVar(&o.Keep, "keep", false, "stay up at the end, until stopped")
	cmd.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:0", "`HOST:PORT` of the simulators")
	return cmd
}

// commandName returns how the user called this program.
func commandName() string {
	if name := os.Args[0]; strings.ContainsRune(name, filepath.Separator) && !filepath.IsAbs(name) {
		return name
	}
	return "lockstep"
}
