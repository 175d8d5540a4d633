package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/daemon/simulators"
)

func (a *app) sandboxCommand() *cobra.Command {
	var o sandboxOptions
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run simulators of the systems, to try a configuration on",
		Long: `Runs simulators of incident.io, ServiceNow and Jira on one address until it is
stopped, and prints the connector blocks that fit them. They are as strict as the
vendors and forget everything at the end.

Changes of incidents are sent to -webhook as signed webhooks.`,
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
	group, err := simulators.Start(ctx, o.listen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, group.Close()) }()
	if o.webhook != "" {
		group.Incidents.Subscribe(incidentiotest.Webhook{URL: o.webhook, Secret: simulators.WebhookSecret})
		go group.Incidents.Push(ctx)
	}
	fmt.Fprintf(a.stdout, `# incident.io, ServiceNow and Jira are simulated on %[1]s until you stop this
# (Ctrl-C). The connector blocks that fit:

%[2]s
# Choose a TYPE, declare an incident, edit it by its ID, look at the tickets:
#
#   curl -s -H 'Authorization: Bearer %[3]s' %[1]s/v1/incident_types
#   curl -s -H 'Authorization: Bearer %[3]s' -H 'Content-Type: application/json' %[1]s/v2/incidents \
#     -d '{"idempotency_key":"1","visibility":"public","name":"Our database is sad","incident_type_id":"TYPE"}'
#   curl -s -H 'Authorization: Bearer %[3]s' -H 'Content-Type: application/json' %[1]s/v2/incidents/ID/actions/edit \
#     -d '{"incident":{"name":"Our database is very sad"},"notify_incident_channel":false}'
#   curl -s -u %[4]s:%[5]s -H 'Accept: application/json' %[1]s/api/now/table/incident
#   curl -s -u %[6]s:%[7]s %[1]s/rest/api/3/issue/ENG-1
#
# Jira has the projects ENG and OPS with the issue types Task, Bug, Epic and Sub-task.
`, group.URL(), group.Blocks(), incidentiotest.DefaultKey, simulators.User, servicenowtest.DefaultPassword, jiratest.DefaultEmail, jiratest.DefaultAPIToken)
	select {
	case <-ctx.Done():
		return nil
	case <-group.Ended():
		return nil // Close says why
	}
}
