package jira_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/conformance"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.System{
		Secrets:   secrets,
		ReadTries: 3,
		Start: func(t *testing.T, logger *slog.Logger) conformance.Subject {
			o := options()
			o.IndexLag = 5 * time.Minute
			server := jiratest.New(o)
			common := jira.System().Defaults
			common.WebhookSecret, common.RateLimit = connectors.Secret(secrets[1]), 0
			made, err := jira.System().New("eng", settings(), common, connectors.Env{RoundTripper: server.RoundTripper(), Logger: logger})
			if err != nil {
				t.Fatal(err)
			}
			number := must(server.Open("OPS", "acc-ann", map[string]any{"description": jiratest.Document("Slow")}))(t)
			go tick(t.Context(), server)
			record := must(made.Read(t.Context(), issues.Ref(number)))(t)
			return conformance.Subject{
				Connector: made, Endpoint: server.Endpoint,
				Record: record.Ref, Text: "description",
				Create:  map[string]any{"project": "OPS", "issuetype": "Task", "summary": "Database down", "labels": []any{"db"}},
				Comment: []string{"comment", "internal"},
				Say:     func(text string) { server.Say(number, "acc-ann", text, false) },
				Edit: func(text string) {
					if err := server.Edit(number, "acc-ann", map[string]any{"description": jiratest.Document(text)}); err != nil {
						t.Fatal(err)
					}
				},
				Settle: time.Minute, Index: 5 * time.Minute,
				Ahead: func(at time.Time) { server.Stamp(must(server.Open("OPS", "acc-ann", nil))(t), at) },
			}
		},
	})
}

// tick lets the site's time go by: what takes effect late does so when it is
// due, and is in the index from then on, not from when somebody looks.
func tick(ctx context.Context, server *jiratest.Server) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
			server.Now()
		}
	}
}
