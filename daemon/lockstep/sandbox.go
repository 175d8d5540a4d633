package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/daemon/simulators"
)

func (a *app) sandboxCommand() *cobra.Command {
	var o sandboxOptions
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run simulators of the systems, to try a configuration on",
		Long: `Runs simulators of incident.io, ServiceNow and Jira on one address until it is
stopped, and prints the connector blocks that fit them, log-ins, and commands to
work in them with. They are as strict as the vendors and forget everything at the
end.

Changes of incidents are sent to -webhook as signed webhooks. To try a
configuration without editing it: lockstep run -sandbox DIR.`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.sandbox(cmd.Context(), o) },
	}
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:8090", "`HOST:PORT` of the simulators")
	cmd.Flags().StringVar(&o.webhook, "webhook", "http://127.0.0.1:8080/webhooks/acme", "`URL` to send incident.io's webhooks to; empty: none")
	return cmd
}

type sandboxOptions struct{ listen, webhook string }

func (a *app) sandbox(ctx context.Context, o sandboxOptions) (err error) {
	ctx, _, release := stopSignals(ctx)
	defer release()
	group, err := simulators.Start(ctx, simulators.Options{Address: o.listen})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, group.Close()) }()
	group.PushIncidents(ctx, o.webhook)
	fmt.Fprintf(a.stdout, `# incident.io, ServiceNow and Jira are simulated on %s until
# you stop this (Ctrl-C). The connector blocks that fit, for a file of your
# configuration:

%s
`, group.URL(), group.Blocks())
	fmt.Fprint(a.stdout, simulators.LoginHeader)
	group.WriteLogins(a.stdout)
	fmt.Fprint(a.stdout, simulators.WorkAsPeople)
	simulators.WriteSteps(a.stdout, append(group.Steps(), group.Look()...))
	select {
	case <-ctx.Done():
		return nil
	case <-group.Ended():
		return nil // Close says why
	}
}
